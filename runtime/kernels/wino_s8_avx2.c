/* wino_s8 for AVX2: pairs of int16 multiplied and added (vpmaddwd), which the direct kernel needs
 * for int8 as well, and so with a quarter of the multiplications. */
#include "runtime/kernels/wino.h"
#include "runtime/kernels/x86.h"

#if defined(__AVX2__)
#include <immintrin.h>

enum { GROUP = 2, WIDTH = 8 };
typedef int16_t element;
typedef uint32_t ints __attribute__((vector_size(4 * WIDTH)));
typedef struct weights {
    __m256i of[2];
} weights;
#define to_codes rt_requant_s8__avx2
#define widened  lanes_at

static inline weights load_weights(const int16_t *from)
{
    const __m256i *w = (const __m256i *)(const void *)from;
    return (weights){ { _mm256_loadu_si256(w), _mm256_loadu_si256(w + 1) } };
}

static inline void add_products(ints m[2], const int16_t *v, weights w)
{
    int32_t two;
    RT_MOVE(&two, v, sizeof two);
    __m256i pair = _mm256_set1_epi32(two);
    m[0] += (ints)_mm256_madd_epi16(pair, w.of[0]);
    m[1] += (ints)_mm256_madd_epi16(pair, w.of[1]);
}

#include "runtime/kernels/wino_halves_body.h"

#include "runtime/kernels/wino_body.h"

void rt_wino__avx2(const rt_wino *p)
{
    wino(p);
}
#endif
