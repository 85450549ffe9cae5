/* resize - from a picture of any size to what a network takes.
 *
 * The rule is part of the preprocessing that travels with a network (checkpoint, .tflite metadata),
 * so that a picture is seen in use as it was seen in training.  All arithmetic is exact for
 * ordinary sizes and deterministic for all. */
#ifndef OCTET_DATA_RESIZE_H
#define OCTET_DATA_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#include "data/image.h"
#include "nn/base/status.h"

/* What of the picture is used. */
typedef enum ds_fit {
    DS_CROP, /* the largest centred window of the wanted aspect ratio: shorter side, centre crop */
    DS_STRETCH, /* all of it, the aspect ratio is lost */
} ds_fit;

/* How its pixels are weighed. */
typedef enum ds_filter {
    DS_TRIANGLE, /* bilinear; when shrinking, widened by the ratio, so nothing is skipped */
} ds_filter;

typedef struct ds_resize_rule {
    ds_fit fit;
    ds_filter filter;
} ds_resize_rule;

/* "crop,triangle": the form that is stored; static text. */
const char *ds_resize_rule_text(ds_resize_rule rule);

/* The rule named by such a text; a part left out has its first value ("stretch" is
 * "stretch,triangle").  Errors: NN_EINVAL with the nearest name. */
nn_status ds_resize_rule_parse(ds_resize_rule *out, const char *text);

/* Memory that is kept from one call to the next and grows when needed; start with { 0 }. */
typedef struct ds_scratch {
    void *block;
    size_t bytes;
} ds_scratch;

void ds_scratch_free(ds_scratch *s);

/* Fits `from` into to->height x to->width x to->channels at to->pixels (set by the caller).
 *
 *   channels  3 -> 1: y = (77 r + 150 g + 29 b + 128) >> 8 (Rec. 601), before resizing;
 *             1 -> 3: the grey value three times, after it
 *   window    DS_CROP: width w = round(h_in W / H) or height h = round(w_in H / W), whichever is
 *             within the picture, at ((w_in - w) / 2, (h_in - h) / 2) rounded down
 *   filter    along each axis, n_in pixels to n_out, s = max(1, n_in / n_out): output o is the mean
 *             of inputs i weighted by max(0, 1 - |(i + 1/2) - (o + 1/2) n_in / n_out| / s), weights
 *             inside the window only, summing to 1; the result is rounded once, half up
 *
 * Equal sizes copy.  Errors: NN_ENOMEM, NN_ESHAPE (channels other than 1 and 3 that differ). */
nn_status ds_resize(const ds_image *from, ds_resize_rule rule, ds_image *to, ds_scratch *scratch);

#endif
