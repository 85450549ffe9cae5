#include "train/picture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "export/tflite.h"

static const train_arg picture_args[] = {
    { .name = "mean",
      .kind = TRAIN_REALS,
      .at = offsetof(train_picture_options, mean),
      .help = "of pixels 0..255, for .tflite files that do not say it",
      .max = 255 },
    { .name = "std",
      .kind = TRAIN_REALS,
      .at = offsetof(train_picture_options, std),
      .help = "deviation; the input is (pixel - mean) / std",
      .min = 1e-6,
      .max = 1e6 },
    { .name = "resize",
      .kind = TRAIN_TEXT,
      .at = offsetof(train_picture_options, resize),
      .form = "crop|stretch",
      .help = "how pictures of another size are fitted" },
};

const train_rows train_picture_rows = { "pictures", picture_args,
                                        (int)(sizeof picture_args / sizeof picture_args[0]) };

/* ---- metadata -------------------------------------------------------------------------------- */

/* Takes a number for each channel from a JSON number or list. */
static nn_status read_numbers(double *to, int channels, const cJSON *from, const char *key,
                              double least, double most)
{
    int n = cJSON_IsArray(from) ? cJSON_GetArraySize(from) : 1;
    if (from == NULL || (n != 1 && n != channels))
        return nn_fail(NN_EFORMAT, "metadata %s: \"%s\" must have 1 or %d numbers",
                       EX_METADATA_PREPROCESSING, key, channels);
    for (int c = 0; c < channels; c++) {
        const cJSON *item = cJSON_IsArray(from) ? cJSON_GetArrayItem(from, n > 1 ? c : 0) : from;
        if (!cJSON_IsNumber(item) || !(item->valuedouble >= least && item->valuedouble <= most))
            return nn_fail(NN_EFORMAT, "metadata %s: \"%s\" must be numbers from %g to %g",
                           EX_METADATA_PREPROCESSING, key, least, most);
        to[c] = item->valuedouble;
    }
    return NN_OK;
}

static nn_status read_resize(ds_resize_rule *out, const cJSON *resize)
{
    const char *how = cJSON_GetStringValue(cJSON_GetObjectItem(resize, "how"));
    const char *filter = cJSON_GetStringValue(cJSON_GetObjectItem(resize, "filter"));
    char text[64];
    snprintf(text, sizeof text, "%s,%s", how != NULL ? how : "crop",
             filter != NULL ? filter : "triangle");
    if (ds_resize_rule_parse(out, text) != NN_OK)
        return nn_fail_context(NN_EFORMAT, "metadata %s", EX_METADATA_PREPROCESSING);
    return NN_OK;
}

static nn_status read_metadata(train_prep *p, const char *text, size_t size)
{
    cJSON *json = cJSON_ParseWithLength(text, size);
    if (!cJSON_IsObject(json)) {
        cJSON_Delete(json);
        return nn_fail(NN_EFORMAT, "metadata %s: is not a JSON object", EX_METADATA_PREPROCESSING);
    }
    const cJSON *channels = cJSON_GetObjectItem(json, "channels");
    nn_status st = NN_OK;
    if (cJSON_IsNumber(channels) && channels->valueint != p->channels)
        st = nn_fail(NN_EFORMAT, "metadata %s: %d channels, but the input has %d",
                     EX_METADATA_PREPROCESSING, channels->valueint, p->channels);
    if (st == NN_OK)
        st = read_numbers(p->mean, p->channels, cJSON_GetObjectItem(json, "mean"), "mean", -1e6,
                          1e6);
    if (st == NN_OK)
        st = read_numbers(p->std, p->channels, cJSON_GetObjectItem(json, "std"), "std", 1e-6, 1e6);
    if (st == NN_OK)
        st = read_resize(&p->resize, cJSON_GetObjectItem(json, "resize"));
    cJSON_Delete(json);
    return st;
}

/* ---- preprocessing --------------------------------------------------------------------------- */

static nn_status find_size(train_prep *p, const rt_model *m)
{
    if (rt_n_inputs(m) != 1)
        return nn_fail(NN_ENOTSUP,
                       "the model has %d inputs; pictures need one (octet run --raw takes any)",
                       rt_n_inputs(m));
    const rt_tensor *t = rt_tensor_at(m, rt_input(m, 0));
    bool picture = t->rank == 4 && t->dim[0] == 1 && (t->dim[3] == 1 || t->dim[3] == 3);
    bool type = t->type == RT_INT8 || t->type == RT_UINT8 || t->type == RT_FLOAT32;
    if (!picture || !type)
        return nn_fail(NN_ENOTSUP,
                       "the model's input has rank %d and type %s; pictures need [1,H,W,1] or "
                       "[1,H,W,3] of int8, uint8 or float32 (octet run --raw takes any)",
                       t->rank, rt_type_name(t->type));
    p->height = t->dim[1];
    p->width = t->dim[2];
    p->channels = t->dim[3];
    return NN_OK;
}

/* Mean and deviation that make the input's codes the pixels themselves, or pixel - 128 for int8. */
static train_picture_source assume(train_prep *p, const rt_tensor *t)
{
    bool codes = t->type != RT_FLOAT32 && t->scale > 0;
    double lowest = t->type == RT_INT8 ? -128 : 0;
    for (int c = 0; c < p->channels; c++) {
        p->mean[c] = codes ? t->zero_point - lowest : 127.5;
        p->std[c] = codes ? 1 / (double)t->scale : 127.5;
    }
    return codes ? TRAIN_PICTURE_CODES : TRAIN_PICTURE_ASSUMED;
}

static nn_status take_given(double *to, int channels, const train_reals *given, const char *option)
{
    if (given->n != 0 && given->n != 1 && given->n != channels)
        return nn_fail(NN_EINVAL, "--%s: %d numbers for %d channels; give one or %d", option,
                       given->n, channels, channels);
    for (int c = 0; given->n > 0 && c < channels; c++)
        to[c] = given->v[given->n > 1 ? c : 0];
    return NN_OK;
}

nn_status train_picture_prep(train_prep *out, train_picture_source *source, const rt_model *m,
                             const train_picture_options *options)
{
    size_t size;
    *out = (train_prep){ 0 };
    NN_TRY(find_size(out, m));
    *source = assume(out, rt_tensor_at(m, rt_input(m, 0)));
    const char *metadata = rt_metadata(m, EX_METADATA_PREPROCESSING, &size);
    if (metadata != NULL) {
        NN_TRY(read_metadata(out, metadata, size));
        *source = TRAIN_PICTURE_METADATA;
    }
    NN_TRY(take_given(out->mean, out->channels, &options->mean, "mean"));
    NN_TRY(take_given(out->std, out->channels, &options->std, "std"));
    if (options->resize != NULL && ds_resize_rule_parse(&out->resize, options->resize) != NN_OK)
        return nn_fail_context(NN_EINVAL, "--resize");
    return NN_OK;
}

void train_picture_encode(void *codes, const rt_tensor *input, const train_prep *p,
                          const uint8_t *pixels)
{
    enum { RUN = 768 }; /* a multiple of 1 and of 3 channels */
    float x[RUN];
    size_t n = input->count, element = rt_type_bytes(input->type);
    for (size_t at = 0; at < n; at += RUN) {
        size_t k = n - at < RUN ? n - at : RUN;
        for (size_t i = 0; i < k; i++) {
            size_t c = i % (size_t)p->channels;
            x[i] = (float)((pixels[at + i] - p->mean[c]) / p->std[c]);
        }
        rt_encode(input, (uint8_t *)codes + at * element, x, k);
    }
}

/* ---- classes --------------------------------------------------------------------------------- */

static int count_lines(const char *text, size_t size)
{
    int n = 0;
    for (size_t i = 0; i < size; i++)
        n += text[i] == '\n';
    return n + 1;
}

nn_status train_labels_parse(train_labels *out, nn_arena *a, const char *text, size_t size)
{
    *out = (train_labels){ 0 };
    out->name = nn_arena_alloc(a, (size_t)count_lines(text, size) * sizeof *out->name);
    char *copy = nn_arena_alloc(a, size + 1);
    if (out->name == NULL || copy == NULL)
        return NN_ENOMEM;
    int lines = 0;
    memcpy(copy, text, size);
    for (char *line = copy, *end = copy + size; line < end; lines++) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop != NULL ? stop : end;
        *stop = '\0';
        line[strcspn(line, "\r")] = '\0';
        out->name[lines] = line;
        out->n = *line != '\0' ? lines + 1 : out->n;
        line = stop + 1;
    }
    return NN_OK;
}

nn_status train_labels_of_model(train_labels *out, nn_arena *a, const rt_model *m)
{
    size_t size;
    const char *text = rt_metadata(m, EX_METADATA_LABELS, &size);
    *out = (train_labels){ 0 };
    return text != NULL ? train_labels_parse(out, a, text, size) : NN_OK;
}

nn_status train_picture_scores(const rt_tensor **out, const rt_model *m)
{
    if (rt_n_outputs(m) != 1)
        return nn_fail(NN_ENOTSUP,
                       "the model has %d outputs; a classifier has one (octet run --raw takes any)",
                       rt_n_outputs(m));
    const rt_tensor *t = rt_tensor_at(m, rt_output(m, 0));
    bool type = t->type == RT_INT8 || t->type == RT_UINT8 || t->type == RT_FLOAT32;
    *out = t;
    if (!type || t->rank == 0 || t->count != (size_t)t->dim[t->rank - 1] || t->count < 2)
        return nn_fail(
            NN_ENOTSUP,
            "the model's output has %zu elements of type %s; a classifier's has a number "
            "for each class (octet run --raw takes any)",
            t->count, rt_type_name(t->type));
    return NN_OK;
}

/* The operator whose output is tensor t, -1 if there is none. */
static int writer_of(const rt_model *m, int t)
{
    for (int i = rt_n_operators(m) - 1; i >= 0; i--)
        for (int k = 0; k < rt_operator_at(m, i)->n_out; k++)
            if (rt_operator_at(m, i)->out[k] == t)
                return i;
    return -1;
}

bool train_picture_is_probability(const rt_model *m)
{
    static const char *const same[] = { "RESHAPE", "SQUEEZE", "QUANTIZE", "DEQUANTIZE" };
    int t = rt_output(m, 0);
    for (int i = writer_of(m, t); i >= 0; i = writer_of(m, t)) {
        const rt_operator *op = rt_operator_at(m, i);
        bool passes = false;
        for (size_t k = 0; k < sizeof same / sizeof same[0]; k++)
            passes = passes || strcmp(op->name, same[k]) == 0;
        if (!passes)
            return strcmp(op->name, "SOFTMAX") == 0 || strcmp(op->name, "LOGISTIC") == 0;
        t = op->in[0];
    }
    return false;
}
