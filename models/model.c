#include "models/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "nn/base/suggest.h"

typedef struct model_row {
    const char *name, *about;
    nn_node *(*build)(nn_graph *g, nn_node *x, const model_config *c);
} model_row;

static const model_row rows[] = {
#define MODEL(name, about) { #name, about, model_##name },
#include "models/models.def"
#undef MODEL
};

enum { N_MODELS = sizeof rows / sizeof rows[0], MOST_PIXELS = 1 << 15, MOST_CLASSES = 1 << 16 };

int model_count(void)
{
    return N_MODELS;
}

const char *model_name(int i)
{
    return rows[i].name;
}

const char *model_about(int i)
{
    return rows[i].about;
}

static nn_status find(const model_row **out, const char *name)
{
    const char *names[N_MODELS];
    for (int i = 0; i < N_MODELS; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *out = &rows[i];
            return NN_OK;
        }
        names[i] = rows[i].name;
    }
    return nn_fail_unknown("model ", name, names, N_MODELS);
}

static nn_status check(const char *name, const model_config *c)
{
    if (c->height < 1 || c->width < 1 || c->height > MOST_PIXELS || c->width > MOST_PIXELS)
        return nn_fail(NN_EINVAL, "model %s: pictures of %dx%d; a side must be from 1 to %d", name,
                       c->height, c->width, (int)MOST_PIXELS);
    if (c->channels < 1 || c->channels > MOST_PIXELS)
        return nn_fail(NN_EINVAL, "model %s: pictures of %d channels; must be from 1 to %d", name,
                       c->channels, (int)MOST_PIXELS);
    if (c->classes < 1 || c->classes > MOST_CLASSES)
        return nn_fail(NN_EINVAL, "model %s: %d classes; must be from 1 to %d", name, c->classes,
                       (int)MOST_CLASSES);
    if (!(c->width_multiplier > 0 && c->width_multiplier <= 16))
        return nn_fail(NN_EINVAL, "model %s: width multiplier %g is not in (0, 16]", name,
                       c->width_multiplier);
    if (!(c->dropout < 1))
        return nn_fail(NN_EINVAL, "model %s: dropout %g is not below 1", name, c->dropout);
    return NN_OK;
}

nn_status model_build(nn_graph *g, const char *name, const model_config *c, nn_node **image,
                      nn_node **logits)
{
    const model_row *row = NULL;
    model_config filled = *c;
    if (filled.width_multiplier == 0)
        filled.width_multiplier = 1;
    nn_status st = find(&row, name);
    if (st == NN_OK)
        st = check(name, &filled);
    if (st != NN_OK) {
        nn_graph_stick(g, st);
        return st;
    }
    *image = nn_input(g, "image", NN_SHAPE(NN_BATCH, c->height, c->width, c->channels));
    *logits = nn_output(g, row->build(g, *image, &filled));
    return nn_graph_check(g);
}

int model_scaled(const model_config *c, int channels)
{
    int scaled = (int)floor(channels * c->width_multiplier + 0.5);
    return scaled > 1 ? scaled : 1;
}

bool model_is_small(const model_config *c)
{
    return c->height < 64 || c->width < 64;
}

nn_activation model_activation(const model_config *c, nn_activation paper)
{
    return c->activation != NN_LINEAR ? c->activation : paper;
}

nn_node *model_classifier(nn_graph *g, nn_node *x, const model_config *c, double paper_dropout)
{
    double rate = c->dropout != 0 ? c->dropout : paper_dropout;
    if (rate > 0)
        x = nn_dropout(g, x, "dropout", rate);
    return nn_dense(g, x, "logits", c->classes);
}

const char *model_scope(char *text, const char *scope, const char *leaf)
{
    snprintf(text, MODEL_NAME, "%s/%s", scope, leaf);
    return text;
}
