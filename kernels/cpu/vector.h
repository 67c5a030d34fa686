/* Vectors of LANES floats in the compiler's own notation, and what the kernels compute with them.
 *
 * The file that includes this one sets LANES and NAME(f), the name of f for its processor, and may define SPREAD(p),
 * the fastest way to fill a vector with the number at p, and STREAM(p, v), see below.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t ivec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

#ifndef SPREAD
#define SPREAD(p) ((vec){} + *(p))
#endif
#define INLINE static inline __attribute__((always_inline))
#define AT(p) (*(vec *)(p))
#define SEE(p) (*(const vec *)(p))

enum { LINEAR, LEAKY, RELU, LOGISTIC, MISH, SWISH, RELU6 };  /* as in native.py */

INLINE long smaller(long a, long b) { return a < b ? a : b; }

/* `a` where the mask is set, else `b`; a comparison gives such a mask */
INLINE vec pick(ivec mask, vec a, vec b) { return (vec)(((ivec)a & mask) | ((ivec)b & ~mask)); }
/* of a number and NaN the second: written so that NaN stays */
INLINE vec max_of(vec a, vec b) { return pick(a > b, a, b); }
INLINE vec min_of(vec a, vec b) { return pick(a < b, a, b); }

/* exp(x) to 2 ulp for -87 <= x <= 88, held there beyond: 2^n * exp(r), |r| <= log(2) / 2, Taylor's series to r^7 */
INLINE vec exponential(vec x) {
    x = min_of((vec){} + 88.0f, max_of((vec){} - 87.0f, x));
    vec rounded = x * 1.44269504f + 12582912.0f; /* 1.5 * 2^23: the sum's last bits are the nearest integer */
    vec n = rounded - 12582912.0f;
    vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
    vec p = (vec){} + 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r * r + r + 1.0f;
    ivec power = __builtin_convertvector(n, ivec);
    return (vec)((ivec)p + (power << 23));
}

INLINE vec logistic(vec x) { return 1.0f / (1.0f + exponential(-x)); }

/* tanh(softplus(x)) = n / (n + 2) with n = e^x (e^x + 2) */
INLINE vec mish_factor(vec x) {
    vec e = exponential(min_of((vec){} + 20.0f, x));
    vec n = e * (e + 2.0f);
    return n / (n + 2.0f);
}

INLINE vec activation(int kind, vec x) {
    switch (kind) {
        case LEAKY: return max_of(0.1f * x, x);
        case RELU: return max_of((vec){}, x);
        case RELU6: return min_of((vec){} + 6.0f, max_of((vec){}, x));
        case LOGISTIC: return logistic(x);
        case MISH: return x * mish_factor(x);
        case SWISH: return x * logistic(x);
        default: return x;
    }
}

/* dy/dx from the input x (mish, swish) and the output y */
INLINE vec slope(int kind, vec x, vec y) {
    vec one = (vec){} + 1.0f;
    switch (kind) {
        case LEAKY: return pick(y > 0.0f, one, (vec){} + 0.1f);
        case RELU: return pick(y > 0.0f, one, (vec){});
        case RELU6: return pick((y > 0.0f) & (y < 6.0f), one, (vec){});
        case LOGISTIC: return y * (1.0f - y);
        case MISH: {
            vec t = mish_factor(x);
            return t + x * (1.0f - t * t) * logistic(x);
        }
        case SWISH: return y + logistic(x) * (1.0f - y);
        default: return one;
    }
}

/* dy/dx from the input x alone */
INLINE vec slope_at(int kind, vec x) {
    if (kind == LOGISTIC) return slope(kind, x, logistic(x));
    if (kind == SWISH) {
        vec rising = logistic(x);
        return rising + x * rising * (1.0f - rising);
    }
    return slope(kind, x, x); /* of the output no more than its sign counts there, or nothing */
}

/* the first `count` lanes (at least one) from or to p; the others are 0 */
#ifndef SEE_SOME
static inline vec see_part(const float *p, long count) {
    vec v = {};
    memcpy(&v, p, count * sizeof(float));
    return v;
}
#define SEE_SOME(p, count) see_part(p, count)
#define PUT_SOME(p, v, count) memcpy(p, &(v), (count) * sizeof(float))
#endif
INLINE vec some_lanes(const float *p, long count) { return count == LANES ? SEE(p) : SEE_SOME(p, count); }
INLINE void put_lanes(float *p, vec v, long count) {
    if (count == LANES) AT(p) = v;
    else PUT_SOME(p, v, count);
}

/* To memory past the caches, for what fills many streams of lines at once and is larger than they are. STREAMED() comes
 * before other threads read it. */
#ifndef STREAM
#define STREAM(p, v) (AT(p) = (v))
#define STREAMED() ((void)0)
#endif
INLINE int aligned(const float *p) { return (uintptr_t)p % (4 * LANES) == 0; }

/* threads that are worth waking for so many operations or bytes */
INLINE int enough_threads(long threads, double work) { return work < 40000 ? 1 : (int)threads; }
