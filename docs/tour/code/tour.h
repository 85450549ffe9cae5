/* tour - the program of the guided tour: each page's example, computed by octet's own functions.
 *
 * A subject prints what its page works out by hand.  `tour --pictures FOLDER` draws the pages'
 * pictures. */
#ifndef OCTET_DOCS_TOUR_H
#define OCTET_DOCS_TOUR_H

#include "nn/base/status.h"

/* Every subject, in the order of the pages; tour_<name> prints it. */
#define TOUR_SUBJECTS(X)                                                                           \
    X(affine, "a range becomes a scale and a zero point")                                          \
    X(error, "how large the error of rounding is, by bits")                                        \
    X(calibration, "where each calibrator cuts the same values")                                   \
    X(divergence, "the entropy search on eight bins")                                              \
    X(fakequant, "a fake quantization's result and its gradient")                                  \
    X(average, "how a range follows batches")                                                      \
    X(fold, "a batch norm folded into a weight and a bias")                                        \
    X(jitter, "codes of a folded weight, batch after batch")                                       \
    X(add, "two codes of different scales, added")                                                 \
    X(concat, "tensors that must share a range")                                                   \
    X(convolution, "an accumulator becomes a code")                                                \
    X(rounding, "rounding once and rounding twice")                                                \
    X(sigmoid, "codes of a sigmoid")                                                               \
    X(softmax, "codes of a softmax")

#define TOUR_DECLARE(name, about) nn_status tour_##name(void);
TOUR_SUBJECTS(TOUR_DECLARE)
#undef TOUR_DECLARE

#endif
