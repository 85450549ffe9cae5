/* op_examples - for each op the nodes on which tests/test_ops.c checks it, and one that it must
 * refuse.
 *
 * An op of nn/ops.def without a row here does not compile.  Sizes are odd on purpose; each list has
 * one tensor that is large enough to be cut among threads. */
#ifndef OCTET_TESTS_OP_EXAMPLES_H
#define OCTET_TESTS_OP_EXAMPLES_H

#include "nn/op.h"

/* What an input holds. */
typedef enum content {
    NOISE,    /* [-1, 1] */
    APART,    /* [-8, 8], not near the kinks of relu, relu6 and hard_swish */
    DISTINCT, /* all elements differ by more than a finite difference moves them */
    LABELS,   /* class indices below the channels of input 0; no gradient */
    MEAN,     /* a state parameter of noise */
    VARIANCE, /* a state parameter, positive */
    POSITIVE  /* [0.5, 1.5] */
} content;

typedef struct example {
    int n_in; /* 0: the list is empty */
    nn_shape in[NN_MAX_IN];
    content holds[NN_MAX_IN];
    nn_attr attr;
    nn_run run;
} example;

/* N is the batch. */
#define N NN_BATCH
#define SHAPE(...)                                                                                 \
    {                                                                                              \
        (int)(sizeof((int[]){ __VA_ARGS__ }) / sizeof(int)),                                       \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define TRAINING                                                                                   \
    {                                                                                              \
        .training = true, .seed = 5, .step = 3                                                     \
    }

/* Ops with nothing to check here: leaves, and those with tests of their own. */
#define NO_EXAMPLES(name)                                                                          \
    static const example examples_##name[] = { { 0 } };                                            \
    static const example bad_##name = { 0 };

/* clang-format off: tables */

NO_EXAMPLES(input)
NO_EXAMPLES(param)
NO_EXAMPLES(fakequant)
NO_EXAMPLES(quantbias)
NO_EXAMPLES(dorefa)
NO_EXAMPLES(bngrid)
NO_EXAMPLES(biasgrid)

/* ---- weights --------------------------------------------------------------------------------- */

static const example examples_dense[] = {
    { 2, .in = { SHAPE(N, 5), SHAPE(3, 5) }, .run = TRAINING },
    { 3, .in = { SHAPE(N, 17), SHAPE(9, 17), SHAPE(9) }, .run = TRAINING },
    { 3, .in = { SHAPE(N, 1), SHAPE(1, 1), SHAPE(1) }, .run = TRAINING },
    { 3, .in = { SHAPE(N, 301), SHAPE(130, 301), SHAPE(130) }, .run = TRAINING },
};
static const example bad_dense = { 2, .in = { SHAPE(N, 5), SHAPE(3, 6) } };

/* kernel, stride and dilation, each h and w; padding before and after, h and w */
#define WINDOW(kh, kw, sh, sw, dh, dw, kind) EXPLICIT(kh, kw, sh, sw, dh, dw, kind, 0, 0, 0, 0)
#define EXPLICIT(kh, kw, sh, sw, dh, dw, kind, t, b, l, r)                                         \
    {                                                                                              \
        .window = { kh, kw, sh, sw, dh, dw, kind, t, b, l, r }                                     \
    }

static const example examples_conv2d[] = {
    { 2, .in = { SHAPE(N, 5, 7, 3), SHAPE(4, 1, 1, 3) },
      .attr = WINDOW(1, 1, 1, 1, 1, 1, NN_SAME) },
    { 3,
      { SHAPE(N, 5, 7, 3), SHAPE(4, 3, 3, 3), SHAPE(4) },
      .attr = WINDOW(3, 3, 1, 1, 1, 1, NN_SAME) },
    { 2, .in = { SHAPE(N, 8, 8, 5), SHAPE(7, 3, 3, 5) },
      .attr = WINDOW(3, 3, 2, 2, 1, 1, NN_SAME) },
    { 3,
      { SHAPE(N, 9, 7, 2), SHAPE(3, 5, 5, 2), SHAPE(3) },
      .attr = WINDOW(5, 5, 2, 1, 1, 1, NN_VALID) },
    { 3,
      { SHAPE(N, 9, 6, 3), SHAPE(2, 3, 1, 3), SHAPE(2) },
      .attr = WINDOW(3, 1, 1, 2, 1, 1, NN_SAME) },
    { 2, .in = { SHAPE(N, 6, 9, 1), SHAPE(2, 1, 4, 1) },
      .attr = WINDOW(1, 4, 1, 3, 1, 1, NN_SAME) },
    { 2, .in = { SHAPE(N, 9, 11, 2), SHAPE(3, 3, 3, 2) },
      .attr = WINDOW(3, 3, 1, 1, 2, 3, NN_SAME) },
    { 3,
      { SHAPE(N, 7, 7, 3), SHAPE(4, 3, 3, 3), SHAPE(4) },
      .attr = EXPLICIT(3, 3, 2, 2, 1, 1, NN_EXPLICIT, 0, 1, 2, 0) },
    { 2, .in = { SHAPE(N, 4, 4, 2), SHAPE(3, 1, 1, 2) },
      .attr = WINDOW(1, 1, 2, 2, 1, 1, NN_VALID) },
    { 2, .in = { SHAPE(N, 2, 2, 3), SHAPE(2, 7, 7, 3) },
      .attr = WINDOW(7, 7, 2, 2, 1, 1, NN_SAME) },
    { 2, .in = { SHAPE(N, 5, 5, 2), SHAPE(3, 2, 2, 2) },
      .attr = WINDOW(2, 2, 3, 3, 1, 1, NN_VALID) },
    { 3,
      { SHAPE(N, 33, 31, 19), SHAPE(21, 3, 3, 19), SHAPE(21) },
      .attr = WINDOW(3, 3, 1, 1, 1, 1, NN_SAME) },
};
static const example bad_conv2d = { 2,
                                    { SHAPE(N, 5, 7, 3), SHAPE(4, 3, 3, 2) },
                                    .attr = WINDOW(3, 3, 1, 1, 1, 1, NN_SAME) };

/* Tiles of four by four results, whole and cut, in one block and in several. */
static const example examples_winograd[] = {
    { 2, .in = { SHAPE(N, 5, 7, 3), SHAPE(4, 3, 3, 3) },
      .attr = WINDOW(3, 3, 1, 1, 1, 1, NN_SAME) },
    { 3,
      { SHAPE(N, 9, 11, 17), SHAPE(18, 3, 3, 17), SHAPE(18) },
      .attr = WINDOW(3, 3, 1, 1, 1, 1, NN_VALID) },
    { 3,
      { SHAPE(N, 4, 3, 16), SHAPE(33, 3, 3, 16), SHAPE(33) },
      .attr = EXPLICIT(3, 3, 1, 1, 1, 1, NN_EXPLICIT, 0, 3, 4, 1) },
    { 2, .in = { SHAPE(N, 1, 1, 16), SHAPE(16, 3, 3, 16) },
      .attr = WINDOW(3, 3, 1, 1, 1, 1, NN_SAME) },
    { 3,
      { SHAPE(N, 33, 31, 35), SHAPE(21, 3, 3, 35), SHAPE(21) },
      .attr = WINDOW(3, 3, 1, 1, 1, 1, NN_SAME) },
};
static const example bad_winograd = { 2,
                                      { SHAPE(N, 5, 7, 3), SHAPE(4, 3, 3, 3) },
                                      .attr = WINDOW(3, 3, 2, 1, 1, 1, NN_SAME) };

static const example examples_dwconv2d[] = {
    { 2, .in = { SHAPE(N, 5, 7, 3), SHAPE(1, 1, 1, 3) },
      .attr = WINDOW(1, 1, 1, 1, 1, 1, NN_SAME) },
    { 3,
      { SHAPE(N, 5, 7, 3), SHAPE(1, 3, 3, 3), SHAPE(3) },
      .attr = WINDOW(3, 3, 1, 1, 1, 1, NN_SAME) },
    { 3,
      { SHAPE(N, 8, 8, 17), SHAPE(1, 3, 3, 17), SHAPE(17) },
      .attr = WINDOW(3, 3, 2, 2, 1, 1, NN_SAME) },
    { 3,
      { SHAPE(N, 7, 6, 3), SHAPE(1, 3, 3, 6), SHAPE(6) },
      .attr = WINDOW(3, 3, 1, 1, 1, 1, NN_SAME) },
    { 2, .in = { SHAPE(N, 9, 7, 2), SHAPE(1, 5, 5, 4) },
      .attr = WINDOW(5, 5, 2, 2, 1, 1, NN_VALID) },
    { 3,
      { SHAPE(N, 9, 11, 5), SHAPE(1, 3, 3, 5), SHAPE(5) },
      .attr = WINDOW(3, 3, 1, 1, 2, 3, NN_SAME) },
    { 2, .in = { SHAPE(N, 9, 4, 3), SHAPE(1, 4, 1, 3) },
      .attr = WINDOW(4, 1, 2, 1, 1, 1, NN_SAME) },
    { 3,
      { SHAPE(N, 7, 7, 1), SHAPE(1, 3, 3, 2), SHAPE(2) },
      .attr = EXPLICIT(3, 3, 2, 1, 1, 1, NN_EXPLICIT, 2, 0, 0, 1) },
    { 3,
      { SHAPE(N, 33, 31, 23), SHAPE(1, 3, 3, 23), SHAPE(23) },
      .attr = WINDOW(3, 3, 1, 1, 1, 1, NN_SAME) },
};
static const example bad_dwconv2d = { 2,
                                      { SHAPE(N, 5, 7, 3), SHAPE(1, 3, 3, 4) },
                                      .attr = WINDOW(3, 3, 1, 1, 1, 1, NN_SAME) };

/* ---- normalization --------------------------------------------------------------------------- */

#define VECTORS(c) SHAPE(c), SHAPE(c), SHAPE(c), SHAPE(c)
#define BNORM                                                                                      \
    .holds = { NOISE, POSITIVE, NOISE, MEAN, VARIANCE },                                           \
    .attr = { .bnorm = { 1e-3, 0.9, 0, false } }

#define BNORM_FOLDED                                                                               \
    .holds = { NOISE, POSITIVE, NOISE, MEAN, VARIANCE, NOISE },                                    \
    .attr = { .bnorm = { 1e-3, 0.9, 0, true } }

static const example examples_bnorm[] = {
    { 5, .in = { SHAPE(N, 5, 3, 7), VECTORS(7) }, BNORM, .run = TRAINING },
    { 5, .in = { SHAPE(N, 4, 4, 16), VECTORS(16) }, BNORM, .run = TRAINING },
    { 5, .in = { SHAPE(N, 9, 2, 1), VECTORS(1) }, BNORM, .run = TRAINING },
    { 5, .in = { SHAPE(N, 7), VECTORS(7) }, BNORM, .run = { .training = true, .freeze_bn = true } },
    { 5, .in = { SHAPE(N, 3, 5, 3), VECTORS(3) }, BNORM, .run = { .training = false } },
    { 5, .in = { SHAPE(N, 31, 33, 21), VECTORS(21) }, BNORM, .run = TRAINING },
    { 5, .in = { SHAPE(N, 4, 4, 16), VECTORS(16) }, BNORM_FOLDED, .run = TRAINING },
    { 5, .in = { SHAPE(N, 5, 3, 7), VECTORS(7) }, BNORM_FOLDED,
      .run = { .training = true, .freeze_bn = true } },
    { 6, .in = { SHAPE(N, 4, 4, 5), VECTORS(5), SHAPE(5) }, BNORM_FOLDED, .run = TRAINING },
    { 6, .in = { SHAPE(N, 5, 3, 7), VECTORS(7), SHAPE(7) }, BNORM_FOLDED,
      .run = { .training = true, .freeze_bn = true } },
};
static const example bad_bnorm = { 5, .in = { SHAPE(N, 5, 3, 7), VECTORS(8) }, BNORM };

#define CORRECTED                                                                                  \
    .holds = { NOISE, NOISE, POSITIVE, NOISE, MEAN, VARIANCE, NOISE },                             \
    .attr = { .bnorm = { 1e-3, 0.9, 0, false } }

static const example examples_bncorrect[] = {
    { 6, .in = { SHAPE(N, 5, 3, 7), SHAPE(N, 5, 3, 7), VECTORS(7) }, CORRECTED, .run = TRAINING },
    { 7, .in = { SHAPE(N, 4, 4, 5), SHAPE(N, 4, 4, 5), VECTORS(5), SHAPE(5) }, CORRECTED,
      .run = TRAINING },
    { 7, .in = { SHAPE(N, 4, 4, 5), SHAPE(N, 4, 4, 5), VECTORS(5), SHAPE(5) }, CORRECTED,
      .run = { .training = true, .freeze_bn = true } },
    { 6, .in = { SHAPE(N, 3, 5, 3), SHAPE(N, 3, 5, 3), VECTORS(3) }, CORRECTED,
      .run = { .training = false } },
    { 6, .in = { SHAPE(N, 7, 7, 300), SHAPE(N, 7, 7, 300), VECTORS(300) }, CORRECTED,
      .run = TRAINING },
};
static const example bad_bncorrect = { 6,
                                       .in = { SHAPE(N, 5, 3, 7), SHAPE(N, 5, 3, 6), VECTORS(7) },
                                       CORRECTED };

#define SCALED(axis_)                                                                              \
    .holds = { NOISE, POSITIVE, VARIANCE }, .attr = { .bnorm = { 1e-3, 0.9, axis_, false } }

static const example examples_bnscale[] = {
    { 3, .in = { SHAPE(4, 3, 3, 2), SHAPE(4), SHAPE(4) }, SCALED(0) },
    { 3, .in = { SHAPE(1, 3, 2, 5), SHAPE(5), SHAPE(5) }, SCALED(3) },
    { 3, .in = { SHAPE(4, 7), SHAPE(4), SHAPE(4) }, SCALED(0) },
};
static const example bad_bnscale = { 3, .in = { SHAPE(4, 3, 3, 2), SHAPE(2), SHAPE(4) },
                                     SCALED(0) };

#define FOLDED                                                                                     \
    .holds = { POSITIVE, NOISE, MEAN, VARIANCE, NOISE },                                           \
    .attr = { .bnorm = { 1e-3, 0.9, 0, false } }

static const example examples_bnbias[] = {
    { 4, .in = { VECTORS(7) }, FOLDED },
    { 5, .in = { VECTORS(7), SHAPE(7) }, FOLDED },
};
static const example bad_bnbias = { 5, .in = { VECTORS(7), SHAPE(6) }, FOLDED };

/* ---- elementwise ----------------------------------------------------------------------------- */

#define ELEMENTWISE(name, content)                                                                 \
    static const example examples_##name[] = {                                                     \
        { 1, .in = { SHAPE(N, 5, 3, 7) }, .holds = { content } },                                  \
        { 1, .in = { SHAPE(N, 1) }, .holds = { content } },                                        \
        { 1, .in = { SHAPE(N, 37) }, .holds = { content } },                                       \
        { 1, .in = { SHAPE(11, 3) }, .holds = { content } },                                       \
        { 1, .in = { SHAPE(N, 33, 31, 19) }, .holds = { content } },                               \
    };                                                                                             \
    static const example bad_##name = { 2, .in = { SHAPE(N, 5), SHAPE(N, 5) } };

ELEMENTWISE(relu, APART)
ELEMENTWISE(relu6, APART)
ELEMENTWISE(hard_swish, APART)
ELEMENTWISE(logistic, NOISE)

static const example examples_dropout[] = {
    { 1, .in = { SHAPE(N, 5, 3, 7) }, .attr = { .dropout = { 0.3, 77 } }, .run = TRAINING },
    { 1, .in = { SHAPE(N, 37) }, .attr = { .dropout = { 0.3, 77 } }, .run = { .training = false } },
    { 1, .in = { SHAPE(N, 5) }, .attr = { .dropout = { 0, 77 } }, .run = TRAINING },
    { 1, .in = { SHAPE(N, 33, 31, 19) }, .attr = { .dropout = { 0.9, 1 } }, .run = TRAINING },
};
static const example bad_dropout = { 1, .in = { SHAPE(N, 5) }, .attr = { .dropout = { 1.0, 0 } } };

static const example examples_softmax[] = {
    { 1, .in = { SHAPE(N, 5) } },
    { 1, .in = { SHAPE(N, 1) } },
    { 1, .in = { SHAPE(N, 2, 3, 7) }, .holds = { APART } },
    { 1, .in = { SHAPE(N, 33, 4, 101) } },
};
static const example bad_softmax = { 1, .in = { SHAPE(N) } };

static const example examples_add[] = {
    { 2, .in = { SHAPE(N, 5, 3, 7), SHAPE(N, 5, 3, 7) } },
    { 2, .in = { SHAPE(N), SHAPE(N) } },
    { 2, .in = { SHAPE(N, 33, 31, 19), SHAPE(N, 33, 31, 19) } },
};
static const example bad_add = { 2, .in = { SHAPE(N, 5, 3, 7), SHAPE(N, 5, 1, 7) } };

static const example examples_mul[] = {
    { 2, .in = { SHAPE(N, 5, 3, 7), SHAPE(N, 5, 3, 7) } },
    { 2, .in = { SHAPE(N), SHAPE(N) } },
    { 2, .in = { SHAPE(N, 5, 3, 7), SHAPE(N, 1, 1, 7) } },
    { 2, .in = { SHAPE(N, 3, 2, 130), SHAPE(N, 1, 1, 130) } },
    { 2, .in = { SHAPE(N, 33, 31, 19), SHAPE(N, 1, 1, 19) } },
};
static const example bad_mul = { 2, .in = { SHAPE(N, 5, 3, 7), SHAPE(N, 1, 1, 3) } };

/* ---- moving and gathering -------------------------------------------------------------------- */

static const example examples_concat[] = {
    { 2, .in = { SHAPE(N, 5, 3, 7), SHAPE(N, 5, 3, 2) } },
    { 3, .in = { SHAPE(N, 1), SHAPE(N, 4), SHAPE(N, 2) } },
    { 8, .in = { SHAPE(N, 2, 2, 1), SHAPE(N, 2, 2, 2), SHAPE(N, 2, 2, 3), SHAPE(N, 2, 2, 4),
                 SHAPE(N, 2, 2, 5), SHAPE(N, 2, 2, 6), SHAPE(N, 2, 2, 7), SHAPE(N, 2, 2, 8) } },
    { 2, .in = { SHAPE(N, 33, 31, 7), SHAPE(N, 33, 31, 16) } },
};
static const example bad_concat = { 2, .in = { SHAPE(N, 5, 3, 7), SHAPE(N, 5, 4, 7) } };

#define PAD(...)                                                                                   \
    {                                                                                              \
        .pad = { __VA_ARGS__ }                                                                     \
    }

static const example examples_pad[] = {
    { 1, .in = { SHAPE(N, 5, 3, 2) }, .attr = PAD({ 0, 1, 2, 0 }, { 0, 0, 3, 0 }) },
    { 1, .in = { SHAPE(N, 5, 3, 2) }, .attr = PAD({ 0, 0, 0, 3 }, { 0, 0, 0, 1 }) },
    { 1, .in = { SHAPE(N, 4) }, .attr = PAD({ 0, 1 }, { 0, 2 }) },
    { 1, .in = { SHAPE(2, 3, 4) }, .attr = PAD({ 1, 0, 2 }, { 2, 1, 0 }) },
    { 1, .in = { SHAPE(N, 31, 33, 19) }, .attr = PAD({ 0, 1, 1, 0 }, { 0, 1, 1, 0 }) },
};
static const example bad_pad = { 1, .in = { SHAPE(N, 5, 3, 2) },
                                 .attr = PAD({ 1, 0, 0, 0 }, { 0 }) };

static const example examples_reshape[] = {
    { 1, .in = { SHAPE(N, 5, 3, 2) }, .attr = { .reshape = SHAPE(N, 30) } },
    { 1, .in = { SHAPE(N, 6) }, .attr = { .reshape = SHAPE(N, 1, 1, 6) } },
    { 1, .in = { SHAPE(N, 31, 33, 19) }, .attr = { .reshape = SHAPE(N, 33, 19, 31) } },
};
static const example bad_reshape = { 1,
                                     { SHAPE(N, 5, 3, 2) },
                                     .attr = { .reshape = SHAPE(N, 31) } };

#define POOLS(name, content)                                                                       \
    static const example examples_##name[] = {                                                     \
        { 1,                                                                                       \
          { SHAPE(N, 6, 8, 3) },                                                                   \
          .holds = { content },                                                                    \
          .attr = WINDOW(2, 2, 2, 2, 1, 1, NN_SAME) },                                             \
        { 1,                                                                                       \
          { SHAPE(N, 7, 5, 2) },                                                                   \
          .holds = { content },                                                                    \
          .attr = WINDOW(3, 3, 2, 2, 1, 1, NN_SAME) },                                             \
        { 1,                                                                                       \
          { SHAPE(N, 7, 5, 5) },                                                                   \
          .holds = { content },                                                                    \
          .attr = WINDOW(3, 2, 1, 2, 1, 1, NN_VALID) },                                            \
        { 1,                                                                                       \
          { SHAPE(N, 7, 5, 1) },                                                                   \
          .holds = { content },                                                                    \
          .attr = EXPLICIT(3, 3, 2, 2, 1, 1, NN_EXPLICIT, 1, 2, 0, 1) },                           \
        { 1,                                                                                       \
          { SHAPE(N, 2, 3, 2) },                                                                   \
          .holds = { content },                                                                    \
          .attr = WINDOW(5, 5, 1, 1, 1, 1, NN_SAME) },                                             \
        { 1,                                                                                       \
          { SHAPE(N, 5, 5, 2) },                                                                   \
          .holds = { content },                                                                    \
          .attr = WINDOW(1, 1, 3, 3, 1, 1, NN_VALID) },                                            \
        { 1,                                                                                       \
          { SHAPE(N, 33, 31, 19) },                                                                \
          .holds = { content },                                                                    \
          .attr = WINDOW(3, 3, 2, 2, 1, 1, NN_SAME) },                                             \
    };                                                                                             \
    static const example bad_##name = { 1,                                                         \
                                        { SHAPE(N, 5, 5, 2) },                                     \
                                        .attr = WINDOW(6, 6, 1, 1, 1, 1, NN_VALID) };

POOLS(max_pool, DISTINCT)
POOLS(avg_pool, NOISE)

static const example examples_gap[] = {
    { 1, .in = { SHAPE(N, 5, 3, 7) } },
    { 1, .in = { SHAPE(N, 1, 1, 130) } },
    { 1, .in = { SHAPE(N, 33, 31, 67) } },
};
static const example bad_gap = { 1, .in = { SHAPE(N, 5) } };

/* ---- losses ---------------------------------------------------------------------------------- */

static const example examples_xent[] = {
    { 2, .in = { SHAPE(N, 5), SHAPE(N) }, .holds = { NOISE, LABELS } },
    { 2, .in = { SHAPE(N, 7), SHAPE(N) }, .holds = { APART, LABELS }, .attr = { .xent = { 0.1 } } },
    { 2, .in = { SHAPE(N, 1), SHAPE(N) }, .holds = { NOISE, LABELS } },
    { 2, .in = { SHAPE(N, 5001), SHAPE(N) }, .holds = { NOISE, LABELS },
      .attr = { .xent = { 0.2 } } },
};
static const example bad_xent = { 2, .in = { SHAPE(N, 5), SHAPE(N, 5) } };

static const example examples_mse[] = {
    { 2, .in = { SHAPE(N, 5), SHAPE(N, 5) } },
    { 2, .in = { SHAPE(N, 5, 3, 2), SHAPE(N, 5, 3, 2) } },
    { 2, .in = { SHAPE(N, 31, 33, 19), SHAPE(N, 31, 33, 19) } },
};
static const example bad_mse = { 2, .in = { SHAPE(N, 5), SHAPE(N, 6) } };

/* clang-format on */

#undef N

#endif
