/* rng - random numbers as a function of (seed, stream, index).
 *
 * Nothing is carried from one draw to the next, so the order of the draws, the number of threads
 * and an interruption cannot change them: weight i of parameter p, image i of epoch e, element j of
 * dropout at step s each have a name of their own.  Philox4x32-10: Salmon, Moraes, Dror, Shaw,
 * "Parallel random numbers: as easy as 1, 2, 3", SC 2011. */
#ifndef OCTET_NN_BASE_RNG_H
#define OCTET_NN_BASE_RNG_H

#include <stdint.h>

/* Four independent 32-bit numbers. */
typedef struct nn_rng_block {
    uint32_t v[4];
} nn_rng_block;

nn_rng_block nn_rng_block_at(uint64_t seed, uint64_t stream, uint64_t index);

/* A stream that is read one number after another.  Copy it to go back. */
typedef struct nn_rng {
    uint64_t seed, stream, index; /* index counts single numbers */
} nn_rng;

/* The stream whose name is (purpose, a, b): "shuffle" of epoch 3, "augment" of image 7 in epoch 2.
 * The purpose is hashed, so streams of different purposes do not meet. */
nn_rng nn_rng_stream(uint64_t seed, const char *purpose, uint64_t a, uint64_t b);

uint32_t nn_rng_u32(nn_rng *r);
/* Uniform in [0, n), n >= 1, without bias (multiply and reject: Lemire 2019). */
uint32_t nn_rng_below(nn_rng *r, uint32_t n);
/* Uniform in [0, 1), a multiple of 2^-24: exact in float. */
float nn_rng_uniform(nn_rng *r);
/* Standard normal, by the inverse of the distribution function (Wichura 1988, AS 241). */
double nn_rng_normal(nn_rng *r);

/* 64-bit FNV-1a, for naming streams and suggesting nothing more. */
uint64_t nn_hash_string(const char *s);

#endif
