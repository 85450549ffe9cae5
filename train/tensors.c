/* tensors - the list of named tensors and strings that a safetensors file holds. */
#include <stdlib.h>
#include <string.h>

#include "nn/base/mem.h"
#include "train/tensors_internal.h"

size_t train_tensors__dtype_bytes(train_dtype dtype)
{
    return dtype == TRAIN_F32 ? 4 : 8;
}

nn_status train_tensors_new(train_tensors **out)
{
    nn_arena *arena = NULL;
    NN_TRY(nn_arena_new(&arena));
    train_tensors *t = nn_arena_alloc(arena, sizeof *t);
    if (t == NULL) {
        nn_arena_free(arena);
        return NN_ENOMEM;
    }
    t->arena = arena;
    *out = t;
    return NN_OK;
}

void train_tensors_free(train_tensors *t)
{
    if (t == NULL)
        return;
    nn_bytes_free(&t->file);
    nn_arena_free(t->arena);
}

nn_arena *train_tensors_arena(train_tensors *t)
{
    return t->arena;
}

/* An array in the arena with room for one more; what it leaves behind goes with the arena. */
static void *grown(nn_arena *arena, void *array, int n, int *room, size_t each)
{
    if (n < *room)
        return array;
    int more = *room > 0 ? 2 * *room : 32;
    void *larger = nn_arena_alloc(arena, (size_t)more * each);
    if (larger == NULL)
        return NULL;
    if (n > 0)
        memcpy(larger, array, (size_t)n * each);
    *room = more;
    return larger;
}

nn_status train_tensors__append(train_tensors *t, train_tensor *tensor)
{
    train_tensor **array = grown(t->arena, t->tensor, t->n, &t->room, sizeof *array);
    if (array == NULL)
        return NN_ENOMEM;
    t->tensor = array;
    t->tensor[t->n++] = tensor;
    t->sorted = NULL;
    return NN_OK;
}

nn_status train_tensors_add(train_tensors *t, const char *name, train_dtype dtype, int rank,
                            const int64_t *dim, const void *data)
{
    train_tensor *n = nn_arena_alloc(t->arena, sizeof *n);
    char *copy = nn_arena_strdup(t->arena, name);
    if (n == NULL || copy == NULL)
        return NN_ENOMEM;
    *n = (train_tensor){ .name = copy, .dtype = dtype, .rank = rank, .count = 1, .data = data };
    for (int i = 0; i < rank; i++) {
        n->dim[i] = dim[i];
        n->count *= (size_t)dim[i];
    }
    n->bytes = n->count * train_tensors__dtype_bytes(dtype);
    return train_tensors__append(t, n);
}

nn_status train_tensors_set(train_tensors *t, const char *key, const char *value)
{
    train_string_pair *array =
        grown(t->arena, t->string, t->n_strings, &t->room_strings, sizeof *array);
    if (array == NULL)
        return NN_ENOMEM;
    t->string = array;
    train_string_pair pair = { nn_arena_strdup(t->arena, key), nn_arena_strdup(t->arena, value) };
    if (pair.key == NULL || pair.value == NULL)
        return NN_ENOMEM;
    t->string[t->n_strings++] = pair;
    return NN_OK;
}

int train_tensors_count(const train_tensors *t)
{
    return t->n;
}

const train_tensor *train_tensors_at(const train_tensors *t, int i)
{
    return t->tensor[i];
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const train_tensor *const *)a)->name, (*(const train_tensor *const *)b)->name);
}

nn_status train_tensors__sort(train_tensors *t)
{
    t->sorted = nn_arena_alloc(t->arena, ((size_t)t->n + 1) * sizeof *t->sorted);
    if (t->sorted == NULL)
        return NN_ENOMEM;
    for (int i = 0; i < t->n; i++)
        t->sorted[i] = t->tensor[i];
    qsort(t->sorted, (size_t)t->n, sizeof *t->sorted, by_name);
    for (int i = 1; i < t->n; i++)
        if (strcmp(t->sorted[i - 1]->name, t->sorted[i]->name) == 0)
            return nn_fail(NN_EFORMAT, "tensor %.80s: occurs twice", t->sorted[i]->name);
    return NN_OK;
}

const train_tensor *train_tensors_find(const train_tensors *t, const char *name)
{
    const train_tensor key = { .name = name }, *wanted = &key;
    if (t->sorted != NULL) {
        const train_tensor **at =
            bsearch(&wanted, t->sorted, (size_t)t->n, sizeof *t->sorted, by_name);
        return at != NULL ? *at : NULL;
    }
    for (int i = 0; i < t->n; i++)
        if (strcmp(t->tensor[i]->name, name) == 0)
            return t->tensor[i];
    return NULL;
}

const char *train_tensors_get(const train_tensors *t, const char *key)
{
    for (int i = 0; i < t->n_strings; i++)
        if (strcmp(t->string[i].key, key) == 0)
            return t->string[i].value;
    return NULL;
}

int train_tensors_n_strings(const train_tensors *t)
{
    return t->n_strings;
}

const char *train_tensors_key(const train_tensors *t, int i)
{
    return t->string[i].key;
}
