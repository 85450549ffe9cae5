/* picture - how a picture becomes the input of a .tflite model, and what its classes are called.
 *
 * Files of octet say it in their metadata (docs/tflite-files.md).  For others the input tensor
 * implies it: a uint8 input takes pixel codes as they are, an int8 input pixel - 128; a float input
 * says nothing and gets (pixel - 127.5) / 127.5 unless options say otherwise. */
#ifndef OCTET_TRAIN_PICTURE_H
#define OCTET_TRAIN_PICTURE_H

#include "runtime/rt.h"
#include "train/args.h"
#include "train/session.h"

/* --mean --std --resize: what is given counts. */
typedef struct train_picture_options {
    train_reals mean, std;
    const char *resize; /* NULL: not given */
} train_picture_options;
extern const train_rows train_picture_rows;

typedef enum train_picture_source {
    TRAIN_PICTURE_METADATA, /* the file says it */
    TRAIN_PICTURE_CODES,    /* pixels are the input's codes */
    TRAIN_PICTURE_ASSUMED   /* a float input of which nothing is known */
} train_picture_source;

/* Preprocessing for a model with one picture as input, [1,H,W,1] or [1,H,W,3].
 * Errors: NN_ENOTSUP (another input: what to do instead), NN_EFORMAT (damaged metadata),
 * NN_EINVAL (options that do not fit). */
nn_status train_picture_prep(train_prep *out, train_picture_source *source, const rt_model *m,
                             const train_picture_options *options);

/* The input's values for uint8 pixels [H,W,C]: code of (pixel - mean) / std. */
void train_picture_encode(void *codes, const rt_tensor *input, const train_prep *p,
                          const uint8_t *pixels);

/* Class names. */
typedef struct train_labels {
    int n; /* 0: none are known */
    const char **name;
} train_labels;

/* One name a line; empty lines at the end do not count.  Lives in `a`.  Errors: NN_ENOMEM. */
nn_status train_labels_parse(train_labels *out, nn_arena *a, const char *text, size_t size);

/* Those in the model's metadata, none without. */
nn_status train_labels_of_model(train_labels *out, nn_arena *a, const rt_model *m);

/* The model's scores: its only output if its elements are one number for each class.
 * Errors: NN_ENOTSUP. */
nn_status train_picture_scores(const rt_tensor **out, const rt_model *m);

/* Are the scores probabilities already (SOFTMAX or LOGISTIC, possibly reshaped or requantized)? */
bool train_picture_is_probability(const rt_model *m);

#endif
