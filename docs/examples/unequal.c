/* Makes the channels of a trained float network unequal without changing what it computes: a bad
 * case for one scale for many channels, to try quantization methods on.
 *
 *   cc unequal.c $(pkg-config --cflags --libs octet) -o unequal
 *   ./unequal IN.safetensors OUT.safetensors [SEED [POWER]]
 *
 * Where one layer alone reads another, and between them is nothing or a relu, which f > 0 commutes
 * with, output channel c of the first is multiplied by f (gamma and beta of its batch norm, or
 * weights and bias) and what the second multiplies it with by 1 / f.  f is 2^k with k drawn evenly
 * from -POWER .. POWER [5], so not one bit of the network's result changes.  In a residual network
 * these are the channels between the two convolutions of a block; sums stay as they are.
 *
 * Unequal channels and their remedy: Nagel et al., "Data-free quantization through weight
 * equalization and bias correction", 2019, arXiv 1906.04721. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "nn/base/rng.h"
#include "quant/layer.h"
#include "train/checkpoint.h"

/* A seed, and the largest k. */
typedef struct settings {
    uint64_t seed;
    uint32_t power;
} settings;

/* Any error of the library ends this program with its one line. */
static void ok(nn_status st)
{
    if (st == NN_OK)
        return;
    fprintf(stderr, "unequal: %s\n", nn_message());
    exit(1);
}

/* The layer that alone reads what `a` gives. */
static bool find_next(quant_layer *b, const nn_graph *g, const quant_layer *a)
{
    if (a->last->is_output || nn_graph_readers(g, a->last) != 1)
        return false;
    for (int i = a->last->index + 1; i < nn_graph_count(g); i++)
        if (nn_graph_node(g, i)->in[0] == a->last)
            return quant_layer_at(b, g, i);
    return false;
}

static void multiply(nn_param *p, size_t i, double f)
{
    if (p != NULL)
        p->value[i] *= (nn_real)f;
}

static void scale_output(const quant_layer *l, size_t o, double f)
{
    multiply(l->gamma, o, f);
    multiply(l->beta, o, f);
    if (l->bn != NULL)
        return;
    multiply(l->bias, o, f);
    for (size_t k = 0; k < l->fan_in; k++)
        multiply(l->weight, quant_layer_index(l, o, k), f);
}

static void scale_inputs(const quant_layer *l, const double *f, size_t channels)
{
    for (size_t o = 0; o < l->outputs; o++)
        for (size_t k = 0; k < l->fan_in; k++)
            multiply(l->weight, quant_layer_index(l, o, k),
                     f[quant_layer_input(l, o, k, channels)]);
}

static void make_unequal(const quant_layer *a, const quant_layer *b, const settings *s)
{
    double *inverse = malloc(a->outputs * sizeof *inverse);
    nn_rng draw = nn_rng_stream(s->seed, "unequal", (uint64_t)a->node->index, 0);
    if (inverse == NULL)
        ok(nn_fail(NN_ENOMEM, "out of memory: %zu channels", a->outputs));
    for (size_t c = 0; c < a->outputs; c++) {
        const int k = (int)nn_rng_below(&draw, 2 * s->power + 1) - (int)s->power;
        scale_output(a, c, ldexp(1, k));
        inverse[c] = ldexp(1, -k);
    }
    scale_inputs(b, inverse, a->outputs);
    free(inverse);
}

static nn_status check(const train_network *n)
{
    if (n->has_ranges)
        return nn_fail(NN_EINVAL, "the network is quantized already; give its float checkpoint");
    for (int i = 0; i < nn_graph_count(n->graph); i++)
        if (nn_graph_node(n->graph, i)->id == NN_OP_relu6)
            return nn_fail(NN_EINVAL,
                           "%s: relu6 clips at 6 and so does not commute with scaling; train with "
                           "--activation relu",
                           nn_graph_node(n->graph, i)->name);
    return NN_OK;
}

static uint64_t number(const char *text, uint64_t most)
{
    char *end;
    const uint64_t n = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || *text == '-' || n > most)
        ok(nn_fail(NN_EINVAL, "%s: is no whole number up to %llu", text, (unsigned long long)most));
    return n;
}

int main(int argc, char **argv)
{
    enum { MOST = 20 };
    train_network *n = NULL;
    quant_layer a, b;
    size_t channels = 0, pairs = 0;
    if (argc < 3 || argc > 5)
        ok(nn_fail(NN_EINVAL, "usage: unequal IN.safetensors OUT.safetensors [SEED [POWER]]"));
    const settings s = { argc > 3 ? number(argv[3], UINT64_MAX) : 1,
                         argc > 4 ? (uint32_t)number(argv[4], MOST) : 5 };
    ok(train_network_load(&n, argv[1], NULL, &train_no_limits));
    ok(check(n));
    for (int i = 0; i < nn_graph_count(n->graph); i++)
        if (quant_layer_at(&a, n->graph, i) && find_next(&b, n->graph, &a)) {
            make_unequal(&a, &b, &s);
            channels += a.outputs;
            pairs++;
        }
    ok(train_checkpoint_save(
        argv[2], n, &(train_state){ .step = n->info.step, .best_correct = -1, .best_step = -1 }));
    printf("%zu channels between %zu pairs of layers times 2^-%u .. 2^%u\n", channels, pairs,
           s.power, s.power);
    train_network_free(n);
    return 0;
}
