#include "nn/base/rng.h"

#include <math.h>

#include "nn/base/math.h"

static void philox_round(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    uint64_t p0 = (uint64_t)0xD2511F53u * c[0];
    uint64_t p1 = (uint64_t)0xCD9E8D57u * c[2];
    uint32_t c1 = c[1], c3 = c[3];
    c[0] = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c[1] = (uint32_t)p1;
    c[2] = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c[3] = (uint32_t)p0;
}

nn_rng_block nn_rng_block_at(uint64_t seed, uint64_t stream, uint64_t index)
{
    nn_rng_block b = { { (uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream,
                         (uint32_t)(stream >> 32) } };
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int i = 0; i < 10; i++) {
        philox_round(b.v, k0, k1);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return b;
}

uint64_t nn_hash_string(const char *s)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (; *s != '\0'; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001B3u;
    return h;
}

nn_rng nn_rng_stream(uint64_t seed, const char *purpose, uint64_t a, uint64_t b)
{
    /* One draw of Philox is the mixing function: (a, b) under the key (seed ^ purpose). */
    nn_rng_block mixed = nn_rng_block_at(seed ^ nn_hash_string(purpose), a, b);
    uint64_t stream = (uint64_t)mixed.v[0] << 32 | mixed.v[1];
    return (nn_rng){ .seed = seed, .stream = stream, .index = 0 };
}

uint32_t nn_rng_u32(nn_rng *r)
{
    nn_rng_block b = nn_rng_block_at(r->seed, r->stream, r->index >> 2);
    return b.v[r->index++ & 3];
}

uint32_t nn_rng_below(nn_rng *r, uint32_t n)
{
    uint32_t threshold = (0u - n) % n;
    for (;;) {
        uint64_t m = (uint64_t)nn_rng_u32(r) * n;
        if ((uint32_t)m >= threshold)
            return (uint32_t)(m >> 32);
    }
}

float nn_rng_uniform(nn_rng *r)
{
    return (float)(nn_rng_u32(r) >> 8) * 0x1p-24f;
}

static double horner8(const double c[8], double x)
{
    double y = c[7];
    for (int i = 6; i >= 0; i--)
        y = y * x + c[i];
    return y;
}

/* AS 241, PPND16: about 16 digits for p in (0, 1). */
static double normal_quantile(double p)
{
    static const double a[8] = { 3.3871328727963666080e0,  1.3314166789178437745e+2,
                                 1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                 3.3430575583588128105e+4, 2.5090809287301226727e+3 };
    static const double b[8] = { 1.0,
                                 4.2313330701600911252e+1,
                                 6.8718700749205790830e+2,
                                 5.3941960214247511077e+3,
                                 2.1213794301586595867e+4,
                                 3.9307895800092710610e+4,
                                 2.8729085735721942674e+4,
                                 5.2264952788528545610e+3 };
    static const double c[8] = { 1.42343711074968357734e0,  4.63033784615654529590e0,
                                 5.76949722146069140550e0,  3.64784832476320460504e0,
                                 1.27045825245236838258e0,  2.41780725177450611770e-1,
                                 2.27238449892691845833e-2, 7.74545014278341407640e-4 };
    static const double d[8] = { 1.0,
                                 2.05319162663775882187e0,
                                 1.67638483018380384940e0,
                                 6.89767334985100004550e-1,
                                 1.48103976427480074590e-1,
                                 1.51986665636164571966e-2,
                                 5.47593808499534494600e-4,
                                 1.05075007164441684324e-9 };
    static const double e[8] = { 6.65790464350110377720e0,  5.46378491116411436990e0,
                                 1.78482653991729133580e0,  2.96560571828504891230e-1,
                                 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                 2.71155556874348757815e-5, 2.01033439929228813265e-7 };
    static const double f[8] = { 1.0,
                                 5.99832206555887937690e-1,
                                 1.36929880922735805310e-1,
                                 1.48753612908506148525e-2,
                                 7.86869131145613259100e-4,
                                 1.84631831751005468180e-5,
                                 1.42151175831644588870e-7,
                                 2.04426310338993978564e-15 };
    double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        double r = 0.180625 - q * q;
        return q * horner8(a, r) / horner8(b, r);
    }
    double tail = q < 0 ? p : 1.0 - p;
    double r = sqrt(-nn_log(tail));
    double x = r <= 5.0 ? horner8(c, r - 1.6) / horner8(d, r - 1.6)
                        : horner8(e, r - 5.0) / horner8(f, r - 5.0);
    return q < 0 ? -x : x;
}

double nn_rng_normal(nn_rng *r)
{
    double p = ((double)nn_rng_u32(r) + 0.5) * 0x1p-32; /* never 0 or 1 */
    return normal_quantile(p);
}
