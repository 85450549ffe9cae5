/* diagnose - where a value that is not finite comes from. */
#ifndef OCTET_TRAIN_DIAGNOSE_H
#define OCTET_TRAIN_DIAGNOSE_H

#include "train/phase.h"

/* Computes the batch of a step once more with every value kept, and describes in one line, without
 * a full stop, the first node of the graph whose values are not all finite, with the ranges of its
 * inputs; if all are, the first parameter on the way back whose gradient is not.  A diagnosis is
 * for a training that ends: running statistics move once more.
 *
 *   p     the phase of the step, after its forward pass or its backward pass
 *
 * Where memory does not suffice, text says so. */
void train_diagnose(char *text, size_t size, const train_phase *p, const ds_batch *batch,
                    const nn_run *run);

/* The number of elements that are NaN or infinite. */
size_t train_count_not_finite(const nn_real *x, size_t n);

#endif
