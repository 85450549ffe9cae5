/* real - the number type of training: float, or double in the build that checks gradients
 * (`make MODE=f64`: portable kernels only).  Files always hold float. */
#ifndef OCTET_NN_BASE_REAL_H
#define OCTET_NN_BASE_REAL_H

#ifdef NN_F64
typedef double nn_real;
#else
typedef float nn_real;
#endif

#endif
