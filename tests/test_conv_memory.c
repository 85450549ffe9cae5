/* convolutions: the scratch that a plan gives them is enough for every batch up to the planned one.
 */
#include "nn/kernels/kernels.h"
#include "nn/layers.h"
#include "nn/ops/linear.h"
#include "tests/testing.h"

/* Layers that once asked for more memory with fewer pictures. */
typedef struct layer_case {
    int batch, h, w, c;
    nn_conv conv;
    bool depthwise;
} layer_case;

static const layer_case cases[] = {
    { 28, 21, 57, 60, { .out = 41, .k = 3, .s = 2 }, false },
    { 64, 15, 41, 89, { .out = 6, .k = 5 }, false },
    { 87, 27, 4, 88, { .k = 5, .s = 2 }, true },
    { 30, 15, 41, 44, { .k = 4, .multiplier = 2 }, true },
};
enum { N_CASES = sizeof cases / sizeof cases[0] };

static void check_chunks(nn_conv_pass small, nn_conv_pass planned)
{
    const nn_conv_pass most = nn_conv_largest(planned);
    assert_true(nn_conv_copy_count(&small) <= nn_conv_copy_count(&most));
    assert_true(nn_conv_pixels(&small) <= nn_conv_pixels(&most));
    assert_true(small.chunks <= most.chunks);
}

/* Of all passes of `n` pictures. */
static void check_passes(const nn_node *layer, int n, int batch)
{
    const nn_conv_geom small = nn_linear_geom(layer, n), planned = nn_linear_geom(layer, batch);
    const int repeat = layer->id == NN_OP_dwconv2d ? planned.o / planned.c : 1;
    check_chunks(nn_conv_forward(&small, repeat), nn_conv_forward(&planned, repeat));
    for (int i = 0; i < nn_conv_phases(&planned); i++)
        check_chunks(nn_conv_backward(&small, i), nn_conv_backward(&planned, i));
}

/* The last batch of an evaluation is smaller than the planned one, and its chunks may be larger. */
static void memory_is_enough_for_smaller_batches(void **state)
{
    (void)state;
    nn_kernels_init();
    for (int i = 0; i < N_CASES; i++) {
        const layer_case *k = &cases[i];
        nn_params *params = NULL;
        nn_graph *g = NULL;
        assert_ok(nn_params_new(&params));
        assert_ok(nn_graph_new(&g, params));
        nn_node *x = nn_input(g, "x", NN_SHAPE(NN_BATCH, k->h, k->w, k->c));
        nn_node *y =
            k->depthwise ? nn_depthwise(g, x, "layer", k->conv) : nn_conv2d(g, x, "layer", k->conv);
        assert_ok(nn_graph_check(g));
        for (int n = 1; n < k->batch; n++) {
            check_passes(y, n, k->batch);
            for (int training = 0; training < 2; training++)
                assert_true(y->op->need(y, n, training).scratch <=
                            y->op->need(y, k->batch, training).scratch);
        }
        nn_graph_free(g);
        nn_params_free(params);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_enough_for_smaller_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
