#include "nn/param.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "nn/base/arena.h"
#include "nn/base/mem.h"
#include "nn/base/rng.h"

enum { OFFSET_ALIGN = 16 }; /* elements: 64 bytes of float */

struct nn_params {
    nn_arena *arena;
    nn_param **all;
    int n, capacity;
    bool collated;
    nn_vector trained, state;
};

nn_status nn_params_new(nn_params **out)
{
    nn_params *ps = nn_mem_alloc(sizeof *ps);
    if (ps == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %zu bytes could not be had", sizeof *ps);
    nn_status st = nn_arena_new(&ps->arena);
    if (st != NN_OK) {
        nn_mem_free(ps);
        return st;
    }
    *out = ps;
    return NN_OK;
}

void nn_params_free(nn_params *ps)
{
    if (ps == NULL)
        return;
    nn_mem_free(ps->trained.value);
    nn_mem_free(ps->trained.grad);
    nn_mem_free(ps->state.value);
    nn_mem_free(ps->all);
    nn_arena_free(ps->arena);
    nn_mem_free(ps);
}

static nn_status append(nn_params *ps, nn_param *p)
{
    if (ps->n == ps->capacity) {
        int capacity = ps->capacity > 0 ? 2 * ps->capacity : 64;
        nn_param **all = nn_mem_alloc((size_t)capacity * sizeof *all);
        if (all == NULL)
            return nn_fail(NN_ENOMEM, "out of memory: %d parameters", capacity);
        if (ps->n > 0)
            memcpy(all, ps->all, (size_t)ps->n * sizeof *all);
        nn_mem_free(ps->all);
        ps->all = all;
        ps->capacity = capacity;
    }
    ps->all[ps->n++] = p;
    return NN_OK;
}

static nn_status check_same_shape(const nn_param *p, nn_shape shape)
{
    char have[NN_SHAPE_TEXT], want[NN_SHAPE_TEXT];
    if (nn_shape_equal(p->shape, shape))
        return NN_OK;
    return nn_fail(NN_ESHAPE, "parameter %s: is %s, asked for as %s", p->name,
                   nn_shape_text(p->shape, have), nn_shape_text(shape, want));
}

nn_status nn_params_get(nn_param **out, nn_params *ps, const char *name, nn_shape shape,
                        nn_param_kind kind, nn_init init)
{
    nn_param *p = nn_params_find(ps, name);
    if (p != NULL) {
        NN_TRY(check_same_shape(p, shape));
        *out = p;
        return NN_OK;
    }
    if (ps->collated)
        return nn_fail(NN_EINVAL, "parameter %s: asked for after the set was laid out", name);
    p = nn_arena_alloc(ps->arena, sizeof *p);
    char *copy = p != NULL ? nn_arena_strdup(ps->arena, name) : NULL;
    if (copy == NULL)
        return NN_ENOMEM;
    *p = (nn_param){
        .name = copy, .shape = shape, .count = nn_shape_count(shape), .kind = kind, .init = init
    };
    NN_TRY(append(ps, p));
    *out = p;
    return NN_OK;
}

nn_param *nn_params_find(const nn_params *ps, const char *name)
{
    for (int i = 0; i < ps->n; i++)
        if (strcmp(ps->all[i]->name, name) == 0)
            return ps->all[i];
    return NULL;
}

int nn_params_count(const nn_params *ps)
{
    return ps->n;
}

nn_param *nn_params_at(const nn_params *ps, int i)
{
    return ps->all[i];
}

int nn_params_freeze(nn_params *ps, const char *glob)
{
    int n = 0;
    for (int i = 0; i < ps->n; i++) {
        nn_param *p = ps->all[i];
        if (p->kind == NN_PARAM_STATE || fnmatch(glob, p->name, 0) != 0)
            continue;
        p->frozen = true;
        n++;
    }
    return n;
}

/* Offsets in order of creation; the vector's length is returned. */
static size_t lay_out(nn_params *ps, bool state)
{
    size_t at = 0;
    for (int i = 0; i < ps->n; i++) {
        nn_param *p = ps->all[i];
        if ((p->kind == NN_PARAM_STATE) != state)
            continue;
        p->offset = at;
        at += (p->count + OFFSET_ALIGN - 1) / OFFSET_ALIGN * OFFSET_ALIGN;
    }
    return at;
}

nn_status nn_params_collate(nn_params *ps)
{
    ps->trained.count = lay_out(ps, false);
    ps->state.count = lay_out(ps, true);
    ps->trained.value = nn_mem_alloc(ps->trained.count * sizeof(nn_real));
    ps->trained.grad = nn_mem_alloc(ps->trained.count * sizeof(nn_real));
    ps->state.value = nn_mem_alloc(ps->state.count * sizeof(nn_real));
    if (ps->trained.value == NULL || ps->trained.grad == NULL || ps->state.value == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: %zu parameter values", ps->trained.count);
    for (int i = 0; i < ps->n; i++) {
        nn_param *p = ps->all[i];
        bool state = p->kind == NN_PARAM_STATE;
        p->value = (state ? ps->state.value : ps->trained.value) + p->offset;
        p->grad = state ? NULL : ps->trained.grad + p->offset;
    }
    ps->collated = true;
    return NN_OK;
}

void nn_param_init(nn_param *p, uint64_t seed)
{
    nn_rng r = nn_rng_stream(seed, p->name, 0, 0);
    double deviation = sqrt(2.0 / (p->init.fan_in > 0 ? p->init.fan_in : 1));
    int fans = p->init.fan_in + p->init.fan_out;
    double limit = sqrt(6.0 / (fans > 0 ? fans : 1));
    for (size_t i = 0; i < p->count; i++) {
        switch (p->init.kind) {
        case NN_INIT_CONSTANT:
            p->value[i] = (nn_real)p->init.value;
            break;
        case NN_INIT_HE_NORMAL:
            p->value[i] = (nn_real)(deviation * nn_rng_normal(&r));
            break;
        case NN_INIT_GLOROT:
            p->value[i] = (nn_real)(limit * (2.0 * nn_rng_uniform(&r) - 1.0));
            break;
        }
    }
}

void nn_params_init(nn_params *ps, uint64_t seed)
{
    for (int i = 0; i < ps->n; i++)
        nn_param_init(ps->all[i], seed);
}

nn_vector nn_params_trained(const nn_params *ps)
{
    return ps->trained;
}

nn_vector nn_params_state(const nn_params *ps)
{
    return ps->state;
}

size_t nn_params_trained_count(const nn_params *ps)
{
    size_t n = 0;
    for (int i = 0; i < ps->n; i++)
        if (ps->all[i]->kind == NN_PARAM_WEIGHT || ps->all[i]->kind == NN_PARAM_BIAS)
            n += ps->all[i]->count;
    return n;
}
