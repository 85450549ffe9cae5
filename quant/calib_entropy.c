/* entropy - the threshold at which the distribution of the codes diverges least from that of the
 * values, as TensorRT does it.
 *
 * The search is over thresholds of magnitudes.  Values of one sign have all codes for their
 * magnitudes, values of both signs half of them, and so has either on a grid with zero point 0; the
 * range is [-T, T] within the smallest and the largest value.  The first bin, which holds the zeros
 * of every relu, is taken to hold as much as the second, as NVIDIA's pytorch-quantization does; T
 * is the upper edge of the last bin kept. */
#include <float.h>
#include <math.h>

#include "nn/base/math.h"
#include "nn/base/mem.h"
#include "quant/calibrators.h"
#include "quant/ranges.h"

/* Below this the thresholds left to choose from are few, or one: then nothing is clipped. */
enum { LEAST_BINS_A_LEVEL = 4 };

static double c_log_c(uint64_t count)
{
    return count > 0 ? (double)count * nn_log((double)count) : 0;
}

/* What quant_divergence is made of.  With S the sum of all counts, M that of the first i, R = S - M
 * and q(j) the share of bin j in its level, unnormalized:
 *
 *   sum P log(P / Q) = (sum P' log P' - sum P' log q) / S + log(M / S),   P' = P S */
typedef struct sums {
    uint64_t inside, beyond; /* M, R */
    double logs;             /* sum of count log count over j < i - 1 */
} sums;

/* Sum over the levels of (what P has there) log q. */
static double merged_logs(const uint64_t *count, int i, int levels, uint64_t beyond)
{
    double sum = 0;
    for (int l = 0, j = 0; l < levels; l++) {
        const int end = (int)(((int64_t)(l + 1) * i + levels - 1) / levels);
        uint64_t mass = 0;
        int filled = 0;
        for (; j < end; j++) {
            mass += count[j];
            filled += count[j] > 0;
        }
        const uint64_t p = mass + (l == levels - 1 ? beyond : 0);
        if (mass > 0)
            sum += (double)p * nn_log((double)mass / filled);
    }
    return sum;
}

static double divergence(const uint64_t *count, int i, int levels, sums s)
{
    const double total = (double)s.inside + (double)s.beyond;
    if (s.inside == 0 || (s.beyond > 0 && count[i - 1] == 0))
        return DBL_MAX;
    const double p_logs = s.logs + c_log_c(count[i - 1] + s.beyond);
    const double q_logs = merged_logs(count, i, levels, s.beyond);
    return (p_logs - q_logs) / total + nn_log((double)s.inside / total);
}

double quant_divergence(const uint64_t *count, int n, int i, int levels)
{
    sums s = { 0 };
    for (int j = 0; j < n; j++)
        *(j < i ? &s.inside : &s.beyond) += count[j];
    for (int j = 0; j < i - 1; j++)
        s.logs += c_log_c(count[j]);
    return divergence(count, i, levels, s);
}

int quant_divergence_least(const uint64_t *count, int n, int levels)
{
    sums s = { 0 };
    double least = DBL_MAX;
    int best = n;
    for (int j = 0; j < n; j++)
        s.beyond += count[j];
    for (int i = 1; i <= n; i++) {
        s.inside += count[i - 1];
        s.beyond -= count[i - 1];
        s.logs += i > 1 ? c_log_c(count[i - 2]) : 0;
        const double d = i >= levels ? divergence(count, i, levels, s) : DBL_MAX;
        if (d < DBL_MAX && d <= least) {
            least = d;
            best = i;
        }
    }
    return best;
}

static nn_status check(const quant_calibrator_options *o, nn_grid grid)
{
    const int levels = grid.qmax - grid.qmin + 1;
    if (o->bins >= LEAST_BINS_A_LEVEL * levels)
        return NN_OK;
    return nn_fail(NN_EINVAL,
                   "--bins %d: entropy chooses among thresholds of more bins than the %d codes, so "
                   "few leave nothing to choose and nothing is clipped (onnxruntime's default of "
                   "128); use %d or more",
                   o->bins, levels, LEAST_BINS_A_LEVEL * levels);
}

static nn_status choose(quant_interval *out, const quant_histogram *h, const nn_fakequant_attr *a,
                        const quant_calibrator_options *o)
{
    (void)o;
    const bool has_all = !(h->min < 0 && h->max > 0) && !a->symmetric;
    const int codes = a->grid.qmax - a->grid.qmin + 1;
    uint64_t *magnitude = nn_mem_alloc(2 * (size_t)h->bins * sizeof *magnitude);
    if (magnitude == NULL)
        return nn_fail(NN_ENOMEM, "out of memory: a histogram of %d bins", 2 * h->bins);
    const int used = quant_histogram_magnitudes(magnitude, h);
    if (used > 1)
        magnitude[0] = magnitude[1];
    const int i = quant_divergence_least(magnitude, used, has_all ? codes : codes / 2);
    const double threshold = i * h->width;
    out->min = (float)fmax((double)h->min, -threshold);
    out->max = (float)fmin((double)h->max, threshold);
    nn_mem_free(magnitude);
    return NN_OK;
}

const quant_calibrator quant_calibrator_entropy = {
    .name = "entropy",
    .about = "the threshold at which the distribution changes least",
    .rule = &quant_range_minmax,
    .check = check,
    .choose = choose,
};
