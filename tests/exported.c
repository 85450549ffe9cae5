#include "tests/exported.h"

#include "export/lower.h"
#include "export/tflite.h"
#include "nn/base/mem.h"
#include "quant/calibrate.h"
#include "tests/testing.h"

/* A few pictures give the ranges. */
static void calibrate(const nn_graph *from, const quant_config *config, const model_config *c)
{
    enum { COUNT = 2 };
    size_t pixels = (size_t)c->height * (size_t)c->width * (size_t)c->channels;
    nn_real *images = malloc(COUNT * pixels * sizeof *images);
    assert_non_null(images);
    for (size_t i = 0; i < COUNT * pixels; i++)
        images[i] = (nn_real)((test_noise_int(9, i, 0, 255) - 120) / 50.0);
    quant_array array = { images, pixels, COUNT, COUNT, 0 };
    const quant_pictures pictures = quant_pictures_of(&array);
    const quant_calibration minmax = { .how = &quant_calibrator_minmax };
    assert_ok(quant_calibrate(from, config, &minmax, &pictures));
    free(images);
}

void test_exported(nn_bytes *file, const char *name, const model_config *c)
{
    nn_params *params;
    nn_graph *from, *deploy;
    nn_node *image, *logits;
    nn_arena *arena;
    tfl_model *m;
    quant_config config = quant_config_default();
    config.act_rule = &quant_range_minmax;
    assert_ok(nn_params_new(&params));
    assert_ok(nn_graph_new(&from, params));
    assert_ok(nn_graph_new(&deploy, params));
    assert_ok(nn_arena_new(&arena));
    assert_ok(model_build(from, name, c, &image, &logits));
    assert_ok(quant_input_affine(&config.input, 120, 50));
    assert_ok(quant_build(deploy, from, &config, QUANT_DEPLOY));
    assert_ok(nn_params_collate(params));
    nn_params_init(params, 5);
    calibrate(from, &config, c);
    assert_ok(ex_lower(&m, arena, deploy, EX_INT8, &(ex_info){ .name = name, .description = "" }));
    assert_ok(ex_tflite_write(file, m));
    nn_arena_free(arena);
    nn_graph_free(deploy);
    nn_graph_free(from);
    nn_params_free(params);
}
