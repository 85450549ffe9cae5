/* tflite_samples - small .tflite models with one operator: each operator that octet writes, in each
 * combination of types. */
#ifndef OCTET_TESTS_TFLITE_SAMPLES_H
#define OCTET_TESTS_TFLITE_SAMPLES_H

#include "export/tfl_model.h"

typedef struct tfl_sample {
    enum tfl_op code;
    int version_float, version_uint8, version_int8; /* to be written */
    tfl_dims x, y;
    int n_x;          /* data inputs, all of shape x */
    tfl_dims weights; /* n = 0: none */
    tfl_dims ints[3]; /* int32 inputs: values */
    int n_ints;
    tfl_attr attr;
} tfl_sample;

/* Types of a sample. */
typedef struct tfl_variant {
    const char *name;
    enum tfl_type data, weights;
    bool per_channel;
} tfl_variant;

extern const tfl_sample tfl_samples[];
extern const tfl_variant tfl_variants[];
extern const int tfl_n_samples, tfl_n_variants;

/* Variants that make no sense are left out: int4 without weights, DEQUANTIZE of floats. */
bool tfl_sample_has(const tfl_sample *s, const tfl_variant *v);
int tfl_sample_version(const tfl_sample *s, const tfl_variant *v);

/* Inputs x, x1, x2 (the first is called "picture" in the signature), outputs y, y1, constants of
 * noise. */
nn_status tfl_sample_make(tfl_model **m, nn_arena *a, const tfl_sample *s, const tfl_variant *v);

/* The options that a reader should find, under the names of rt_option_at; returns how many. */
enum { TFL_SAMPLE_OPTIONS = 8 };
typedef struct tfl_sample_option {
    const char *name;
    double value;
} tfl_sample_option;
int tfl_sample_options(tfl_sample_option *out, const tfl_sample *s);

#endif
