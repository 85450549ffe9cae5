/* JPEG pictures. */
#include "data/image.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ds_image picture = { 0 };
    const ds_limits limits = { FUZZ_PIXELS, FUZZ_BYTES };
    if (ds_jpeg_decode(&picture, data, size, "fuzz", limits) == NN_OK) {
        size_t pixels = (size_t)picture.height * (size_t)picture.width;
        if (pixels > FUZZ_PIXELS || (picture.channels != 1 && picture.channels != 3))
            __builtin_trap();
        volatile uint8_t last = picture.pixels[pixels * (size_t)picture.channels - 1];
        (void)last;
    }
    ds_image_free(&picture);
    return 0;
}
