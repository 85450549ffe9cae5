/* outputs - what octet's own fake-quantized network computes of pictures, for comparison with the
 * same network in another program.
 *
 *   outputs CHECKPOINT BATCH < IMAGES > OUTPUTS
 *
 * Both are raw binary32; the images are normalized pictures [n,H,W,C].
 *
 * It is the network of QUANT_DEPLOY but for its rounding: where octet computes codes from
 * accumulators as the device does, in fixed point and rounded twice, other programs compute in
 * float and round once, and so does this. */
#include <stdio.h>
#include <stdlib.h>

#include "nn/base/mem.h"
#include "nn/exec.h"
#include "nn/kernels/kernels.h"
#include "train/session.h"

enum { ZERO_POINT_AND_MEMORY = 6 }; /* inputs of op fakequant before the scales of accumulators */

static void quit(const char *what)
{
    fprintf(stderr, "outputs: %s\n", what);
    exit(1);
}

static void must(nn_status st)
{
    if (st != NN_OK)
        quit(nn_message());
}

/* Copies a graph, but fake quantization sees values alone and no accumulators. */
static nn_node *round_once(nn_graph *to, const nn_node *n, nn_node *const in[], void *ctx)
{
    if (n->id != NN_OP_fakequant || n->n_in <= ZERO_POINT_AND_MEMORY)
        return nn_rewrite_copy(to, n, in, ctx);
    nn_attr attr = n->attr;
    attr.fakequant.mean_of = 0;
    attr.fakequant.relu6 = attr.fakequant.is_uint8 = false;
    nn_node *copy = nn_node_new(to, n->id, n->name, in, ZERO_POINT_AND_MEMORY, &attr);
    return n->is_output ? nn_output(to, copy) : copy;
}

static void run(const nn_graph *g, int batch)
{
    nn_plan *plan;
    nn_exec *exec;
    const nn_node *image = nn_graph_find(g, "image"), *logits = train_graph_output(g);
    const size_t item = nn_shape_count_batch(image->shape, 1);
    const size_t classes = nn_shape_count_batch(logits->shape, 1);
    nn_real *pictures = nn_mem_alloc((size_t)batch * item * sizeof *pictures);
    size_t n;
    must(nn_plan_new(&plan, g, &(nn_plan_options){ .batch = batch }));
    must(nn_exec_new(&exec, plan, NULL));
    if (pictures == NULL)
        quit("no memory");
    nn_exec_bind(exec, image, pictures);
    while ((n = fread(pictures, item * sizeof *pictures, (size_t)batch, stdin)) > 0) {
        nn_exec_forward(exec, (int)n, &(nn_run){ .training = false });
        if (fwrite(nn_exec_value(exec, logits), classes * sizeof(nn_real), n, stdout) != n)
            quit("cannot write");
    }
    nn_exec_free(exec);
    nn_plan_free(plan);
    nn_mem_free(pictures);
}

int main(int argc, char **argv)
{
    train_network *network;
    nn_graph *graph;
    if (argc != 3 || atoi(argv[2]) < 1)
        quit("usage: outputs CHECKPOINT BATCH");
    nn_kernels_init();
    must(train_network_load(&network, argv[1], NULL, &train_no_limits));
    if (!network->has_ranges)
        quit("the checkpoint has no ranges");
    must(nn_graph_new(&graph, network->params));
    must(nn_graph_rewrite(graph, network->deploy, round_once, NULL, NULL));
    run(graph, atoi(argv[2]));
    nn_graph_free(graph);
    train_network_free(network);
    return 0;
}
