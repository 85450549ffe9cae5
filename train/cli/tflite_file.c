#include "train/cli/tflite_file.h"

#include <string.h>

#include "runtime/schema.h"

enum { HEADER_AT = 8, HEAD_BYTES };

/* A safetensors file: the length of a JSON object, and that. */
static bool is_checkpoint(const uint8_t *head, size_t n)
{
    return n > HEADER_AT && head[HEADER_AT] == '{';
}

nn_status train_file_kind_of(train_file_kind *out, const char *path)
{
    uint8_t head[HEAD_BYTES];
    size_t n = sizeof head;
    NN_TRY(nn_file_head(head, &n, path));
    if (n > TFL_IDENTIFIER_AT + 3 && memcmp(head + TFL_IDENTIFIER_AT, TFL_IDENTIFIER, 4) == 0)
        *out = TRAIN_FILE_TFLITE;
    else if (is_checkpoint(head, n))
        *out = TRAIN_FILE_CHECKPOINT;
    else
        return nn_fail(
            NN_EFORMAT,
            "%s: is %s; a .tflite file has \"TFL3\" at byte 4, a checkpoint of octet \"{\" "
            "at byte 8",
            path, n == 0 ? "empty" : "neither a .tflite file nor a checkpoint");
    return NN_OK;
}

train_limits train_tflite_limits(const train_call *call)
{
    const uint64_t gib = UINT64_C(1) << 30;
    const train_common *c = call->settings;
    bool given = train_args_given(call->args, "max-memory") || c->max_memory < gib;
    return (train_limits){ c->max_macs, given ? c->max_memory : gib };
}

nn_status train_tflite_load(train_tflite *out, const char *path, const train_limits *limits,
                            bool keep_all)
{
    rt_options options = rt_options_default();
    options.limits.macs = limits->macs;
    options.limits.bytes = limits->bytes;
    options.keep_all = keep_all;
    options.kernels = rt_kernels_best();
    *out = (train_tflite){ 0 };
    NN_TRY(nn_file_read(&out->file, path, (size_t)limits->bytes));
    nn_status st = ex_integer_open(&out->integer, out->file.data, out->file.size, &options);
    if (st != NN_OK && is_checkpoint(out->file.data, out->file.size))
        return nn_fail(st,
                       "%s: is a checkpoint; `octet export %s --out FILE.tflite` makes a .tflite "
                       "file of it",
                       path, path);
    if (st != NN_OK)
        return nn_fail_context(st, "%s", path);
    out->model = out->integer.model;
    return NN_OK;
}

void train_tflite_free(train_tflite *t)
{
    ex_integer_close(&t->integer);
    nn_bytes_free(&t->file);
    t->model = NULL;
}
