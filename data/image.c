#include "data/image.h"

#include "nn/base/mem.h"

ds_limits ds_limits_of(ds_limits l)
{
    if (l.max_pixels == 0)
        l.max_pixels = DS_MAX_PIXELS;
    if (l.max_file_bytes == 0)
        l.max_file_bytes = DS_MAX_FILE_BYTES;
    return l;
}

nn_status ds_check_size(const char *name, uint64_t height, uint64_t width, ds_limits limits)
{
    size_t most = ds_limits_of(limits).max_pixels;
    if (height == 0 || width == 0)
        return nn_fail(NN_EFORMAT, "%s: is %llux%llu pixels: a picture needs at least one", name,
                       (unsigned long long)height, (unsigned long long)width);
    if (height > INT32_MAX || width > INT32_MAX || height > most / width)
        return nn_fail(
            NN_EFORMAT,
            "%s: is %llux%llu pixels, more than the limit of %zu; --max-pixels raises it", name,
            (unsigned long long)height, (unsigned long long)width, most);
    return NN_OK;
}

nn_status ds_image_new(ds_image *out, int height, int width, int channels)
{
    size_t bytes = (size_t)height * (size_t)width * (size_t)channels;
    *out = (ds_image){ .height = height, .width = width, .channels = channels };
    out->pixels = nn_mem_alloc(bytes);
    if (out->pixels == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a picture of %dx%dx%d could not be had", height,
                       width, channels);
    return NN_OK;
}

void ds_image_free(ds_image *im)
{
    nn_mem_free(im->pixels);
    *im = (ds_image){ 0 };
}
