/* wino_s8 - 3x3 convolution with a quarter of the multiplications: Winograd's F(4x4,3x3), exact in
 * integers.  What all processors share: weights, layout of the scratch, and when it is used.
 *
 * A tile of 4x4 outputs y comes from 6x6 inputs d and 3x3 weights g (Lavin & Gray, "Fast algorithms
 * for convolutional neural networks", 2015, arXiv 1509.09308):
 *
 *   576 y = A^T ((G g G^T) (.) (B^T d B)) A        (.): element by element, summed over channels
 *
 *        4  0 -5  0  1  0           6   0   0
 *        0 -4 -4  1  1  0          -4  -4  -4           1  1  1  1  1  0
 *   B^T  0  4 -4 -1  1  0      G   -4   4  -4      A^T  0  1 -1  2 -2  0
 *        0 -2 -1  2  1  0           1   2   4           0  1  1  4  4  0
 *        0  2 -1 -2  1  0           1  -2   4           0  1 -1  8 -8  2
 *        0  4  0 -5  0  1           0   0  12
 *
 * The paper's G has fractions: here it is 24 times that, but for its last row, of which the other
 * half is in the last column of A^T.  So each dimension brings a factor of 24, and both 576.
 *
 * Why it is exact.  Rows of B^T have magnitudes of at most 10 in sum, so a transformed code is
 * within 100 * 255 = 25500; rows of G of at most 12, so a transformed weight is within 144 * 128 =
 * 18432: both are int16.  Products and their sums leave 32 bits, but everything after the two
 * transforms is additions, subtractions and products with integers, and those are exact modulo 2^32
 * however often they wrap: what is left is r = 576 y mod 2^32.  576 = 9 * 64, and 9 has an inverse
 * modulo 2^32 (9 * 0x38E38E39 = 2 * 2^32 + 1), so r * 0x38E38E39 = 64 y mod 2^32.  If |y| < 2^25,
 * then 64 y fits an int32, and is that number.  (AVX-512 does without the product where 576 y fits
 * one.)  How large y can become is known when the model is opened, from the weights; a layer that
 * could reach 2^25 is computed directly.
 *
 * The bias comes in with the products: the second column of A^T is all ones, so the product in the
 * second row and column counts once in each of the sixteen outputs, and its sum begins with 576
 * times the bias.
 *
 * One multiplication of int16 takes the place of four of int8, of which processors do twice as many
 * at a time, and transforms cost additions: it is worth it where there are channels enough to share
 * them.  docs/performance.md has the measurements. */
#include "runtime/kernels/wino.h"

/* Of the direct kernel's time on a Zen 4, with AVX-512-VNNI: 0.85 with 16 channels, 0.71 with 32,
 * 0.63 with 64 and 0.55 with 128; with AVX2 0.62, 0.47, 0.40 and 0.37.  With 256 channels, whose
 * transformed weights come from the third-level cache, AVX-512-VNNI takes 0.87 in a loop over one
 * layer. */
enum {
    LEAST_CHANNELS = 16,    /* fewer do not fill the vectors */
    MOST_FILTERS = 1 << 14, /* input times output channels: 72 bytes each of transformed weights */
    MOST_SUM = 1 << 25,     /* see above */
    MOST_WASTE = 150        /* percent: tiles at the border are computed whole */
};

static int64_t whole(int32_t n)
{
    return ((int64_t)n + RT_WINO_OUT - 1) / RT_WINO_OUT * RT_WINO_OUT;
}

bool rt_wino_serves(const rt_window *w, int64_t most)
{
    int64_t pixels = (int64_t)w->out_h * w->out_w, covered = whole(w->out_h) * whole(w->out_w);
    return w->k_h == 3 && w->k_w == 3 && w->stride_h == 1 && w->stride_w == 1 &&
           w->dilation_h == 1 && w->dilation_w == 1 && w->in_c >= LEAST_CHANNELS &&
           w->out_c >= LEAST_CHANNELS && most < MOST_SUM && covered * 100 <= pixels * MOST_WASTE &&
           (int64_t)w->in_c * w->out_c <= MOST_FILTERS;
}

size_t rt_wino_bytes(int n, int c)
{
    size_t panels = ((size_t)n + RT_WINO_LANES - 1) / RT_WINO_LANES, pairs = ((size_t)c + 1) / 2;
    return panels * pairs * RT_WINO_IN * RT_WINO_IN * RT_WINO_LANES * 2 * sizeof(int16_t);
}

/* G g for one g of three. */
static void spread(int32_t *to, int step, int32_t g0, int32_t g1, int32_t g2)
{
    to[0] = 6 * g0;
    to[step] = -4 * (g0 + g1 + g2);
    to[2 * step] = -4 * (g0 - g1 + g2);
    to[3 * step] = g0 + 2 * g1 + 4 * g2;
    to[4 * step] = g0 - 2 * g1 + 4 * g2;
    to[5 * step] = 12 * g2;
}

/* G g G^T of one filter's channel: u[i][j], taps c apart. */
static void transform(int32_t u[RT_WINO_IN * RT_WINO_IN], const int8_t *g, int c)
{
    int32_t rows[RT_WINO_IN * 3];
    for (int x = 0; x < 3; x++)
        spread(rows + x, 3, g[x * c], g[(3 + x) * c], g[(6 + x) * c]);
    for (int i = 0; i < RT_WINO_IN; i++)
        spread(u + i * RT_WINO_IN, 1, rows[3 * i], rows[3 * i + 1], rows[3 * i + 2]);
}

void rt_wino_pack(int16_t *packed, const int8_t *w, int n, int c)
{
    const size_t bytes = rt_wino_bytes(n, c), pairs = ((size_t)c + 1) / 2;
    for (size_t i = 0; i < bytes / sizeof *packed; i++)
        packed[i] = 0;
    for (int o = 0; o < n; o++)
        for (int k = 0; k < c; k++) {
            int32_t u[RT_WINO_IN * RT_WINO_IN];
            transform(u, w + (size_t)o * 9 * (size_t)c + k, c);
            for (size_t j = 0; j < RT_WINO_IN; j++)
                for (size_t i = 0; i < RT_WINO_IN; i++) {
                    size_t panel = (size_t)o / RT_WINO_LANES, lane = (size_t)o % RT_WINO_LANES;
                    size_t at = ((panel * RT_WINO_IN + j) * pairs + (size_t)k / 2) * RT_WINO_IN + i;
                    packed[(at * RT_WINO_LANES + lane) * 2 + (size_t)k % 2] =
                        (int16_t)u[i * RT_WINO_IN + j];
                }
        }
}

static size_t align(size_t n)
{
    return (n + 63) / 64 * 64;
}

rt_wino_parts rt_wino_cut(int rows, int pixels, int c)
{
    size_t across = ((size_t)pixels + RT_WINO_OUT - 1) / RT_WINO_OUT;
    size_t tiles = ((size_t)rows + RT_WINO_OUT - 1) / RT_WINO_OUT * across;
    size_t chunks = ((size_t)c + RT_WINO_LANES - 1) / RT_WINO_LANES;
    rt_wino_parts at;
    at.line = align((RT_WINO_OUT * across + 2) * (size_t)c + RT_WINO_LANES);
    at.column = chunks * tiles * RT_WINO_IN * RT_WINO_LANES;
    at.rows_at = 0;
    at.tiles_at = RT_WINO_IN * at.line * sizeof(int16_t);
    at.sums_at = align(at.tiles_at + RT_WINO_IN * at.column * sizeof(int16_t));
    at.bytes = at.sums_at + RT_WINO_IN * tiles * RT_WINO_OUT * RT_WINO_LANES * sizeof(int32_t);
    return at;
}
