/* hybrid - float layers with 8-bit weights ("dynamic range"): what a converter makes of a network
 * when it is told to quantize and given no data.
 *
 * The reference kernels quantize the input anew in each run, image by image or row by row, and
 * multiply codes.  Here the input is rounded to the same grid and the product is that of the float
 * kernel: the same numbers but for the rounding of sums. */
#ifndef OCTET_RUNTIME_OPS_HYBRID_H
#define OCTET_RUNTIME_OPS_HYBRID_H

#include "runtime/op.h"

/* Puts the rounding of input 0, in `rows` parts of equal size, before what the operator runs (a
 * prepared float layer).  asymmetric: with a zero point, as the reference does where weights have a
 * scale per channel. */
rt_status rt_use_hybrid(rt_build *b, rt_node *n, size_t rows, bool asymmetric);

#endif
