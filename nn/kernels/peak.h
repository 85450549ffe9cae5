/* peak - what this processor can do at most: loops over registers alone.
 *
 * The measure of the kernels: `octet bench` says of each op which share of these it reaches.  One
 * file an instruction set, as for the kernels. */
#ifndef OCTET_NN_KERNELS_PEAK_H
#define OCTET_NN_KERNELS_PEAK_H

#include <stddef.h>

/* A loop that does nothing but the arithmetic in question, on independent chains. */
typedef struct nn_peak_loop {
    const char *isa;            /* "c", "avx2", "avx512", "avx512vnni" */
    size_t ops;                 /* of one round; a multiply-add is two */
    void (*run)(size_t rounds); /* in the calling thread */
} nn_peak_loop;

typedef struct nn_peak_table {
    nn_peak_loop fma; /* multiply-adds of nn_real, fused where the processor can */
    nn_peak_loop dot; /* products of 8-bit codes added in 32 bits, exactly; AVX2 has these for codes
                         that were widened to 16 bits */
} nn_peak_table;

/* The fastest that this processor has, within rt_cpu_limit. */
nn_peak_table nn_peak_loops(void);

/* Where the loops leave a result, so that no compiler does without them. */
extern volatile double nn_peak_sink;

/* Each overwrites what it has, as in nn/kernels/variants.h. */
void nn_peak_c(nn_peak_table *t);
void nn_peak_avx2(nn_peak_table *t);
void nn_peak_avx512(nn_peak_table *t);
void nn_peak_avx512vnni(nn_peak_table *t);

#endif
