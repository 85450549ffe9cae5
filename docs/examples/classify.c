/* Classifies a PNG with the integer runtime alone.  The picture has the size of the model's input,
 * and the input's codes are pixels (uint8) or pixels less 128 (int8): so octet writes a model whose
 * mean and deviation are the same for all channels.
 *
 *   cc classify.c $(pkg-config --cflags --libs octet-rt libpng) -o classify
 *   ./classify model.tflite picture.png */
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/rt.h"

static void check(int ok, const char *path, const char *why)
{
    if (ok)
        return;
    fprintf(stderr, "classify: %s: %s\n", path, why);
    exit(1);
}

int main(int argc, char **argv)
{
    rt_error e;
    void *file;
    size_t size, bytes, best = 0;
    rt_model *m;
    rt_options o = rt_options_default();
    o.kernels = rt_kernels_best();
    check(argc == 3, "usage", "classify MODEL.tflite PICTURE.png");
    check(rt_file_read(&file, &size, argv[1], 0, &e) == RT_OK, argv[1], e.text);
    check(rt_measure(&bytes, file, size, &o, &e) == RT_OK, argv[1], e.text);
    void *block = aligned_alloc(RT_ALIGN, (bytes / RT_ALIGN + 1) * RT_ALIGN);
    check(block != NULL, argv[1], "out of memory");
    check(rt_open(&m, file, size, &o, block, bytes, &e) == RT_OK, argv[1], e.text);
    void *arena = aligned_alloc(RT_ALIGN, (rt_arena_bytes(m) / RT_ALIGN + 1) * RT_ALIGN);
    const rt_tensor *in = rt_tensor_at(m, rt_input(m, 0)), *out = rt_tensor_at(m, rt_output(m, 0));
    float *score = malloc((out->count + 1) * sizeof *score);
    check(arena != NULL && score != NULL, argv[1], "out of memory");
    check((in->type == RT_INT8 || in->type == RT_UINT8) && in->rank == 4 && in->dim[0] == 1 &&
              (in->dim[3] == 1 || in->dim[3] == 3),
          argv[1], "its input is no 8-bit picture");

    png_image png = { .version = PNG_IMAGE_VERSION };
    check(png_image_begin_read_from_file(&png, argv[2]), argv[2], png.message);
    check(png.height == (unsigned)in->dim[1] && png.width == (unsigned)in->dim[2], argv[2],
          "is not of the model's size");
    png.format = in->dim[3] == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    uint8_t *x = rt_data(m, arena, rt_input(m, 0)); /* the pixels go straight into the tensor */
    check(png_image_finish_read(&png, NULL, x, 0, NULL), argv[2], png.message);
    for (size_t i = 0; in->type == RT_INT8 && i < in->count; i++)
        x[i] ^= 0x80; /* pixel - 128, as int8 */

    rt_run(m, arena, NULL);
    check(rt_decode(out, score, rt_data(m, arena, rt_output(m, 0)), out->count), argv[1],
          "its output is not of numbers");
    for (size_t i = 1; i < out->count; i++)
        best = score[i] > score[best] ? i : best;
    printf("class %zu, score %.4f\n", best, (double)score[best]);
    free(score), free(arena), free(block), free(file);
    return 0;
}
