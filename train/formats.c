#include "train/formats.h"

#include <string.h>

#include "export/graphdef.h"
#include "export/onnx.h"
#include "nn/base/suggest.h"
#include "train/ship.h"

static const train_format formats[] = {
#define TRAIN_FORMAT(write, name, about) { name, about, write },
#include "train/formats.def"
#undef TRAIN_FORMAT
};

enum { N_FORMATS = sizeof formats / sizeof formats[0] };

const train_format *train_format_at(int i)
{
    return i >= 0 && i < N_FORMATS ? &formats[i] : NULL;
}

const train_format *train_format_by_name(const char *name)
{
    const char *names[N_FORMATS];
    for (int i = 0; i < N_FORMATS; i++) {
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
        names[i] = formats[i].name;
    }
    nn_fail_unknown("", name, names, N_FORMATS);
    return NULL;
}

/* ---- .tflite files --------------------------------------------------------------------------- */

static nn_status write_integer(nn_bytes *out, const train_network *n, ex_form form)
{
    if (!n->can_quantize)
        return nn_fail(NN_ENOTSUP, "cannot be quantized: %s", n->reason != NULL ? n->reason : "");
    if (!n->has_ranges)
        return nn_fail(NN_ENOTSUP, "has no quantization ranges; train with --qat, calibrate with "
                                   "octet quantize --save, or export tflite-float");
    return train_ship(out, n, form);
}

nn_status train_write_int8(nn_bytes *out, const train_network *n)
{
    return write_integer(out, n, EX_INT8);
}

nn_status train_write_uint8(nn_bytes *out, const train_network *n)
{
    return write_integer(out, n, EX_UINT8);
}

nn_status train_write_float(nn_bytes *out, const train_network *n)
{
    return train_ship(out, n, EX_FLOAT);
}

/* ---- other programs' formats ----------------------------------------------------------------- */

/* Quantized if it can be, else float. */
static ex_form form_of(const train_network *n)
{
    return n->can_quantize && n->has_ranges ? train_ship_form(n) : EX_FLOAT;
}

nn_status train_write_onnx(nn_bytes *out, const train_network *n)
{
    return train_ship_as(out, n, form_of(n), ex_onnx);
}

nn_status train_write_onnx_float(nn_bytes *out, const train_network *n)
{
    return train_ship_as(out, n, EX_FLOAT, ex_onnx);
}

nn_status train_write_graphdef(nn_bytes *out, const train_network *n)
{
    return train_ship_as(out, n, form_of(n), ex_graphdef);
}

nn_status train_write_graphdef_float(nn_bytes *out, const train_network *n)
{
    return train_ship_as(out, n, EX_FLOAT, ex_graphdef);
}
