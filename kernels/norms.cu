// Norms over the channels of a place, maxima over channels, and batch norm over several mini-batches.
//
// layout: (n, c, places); vectors (c,). launch: any grid of 256 threads; local_response one thread an element, the others
// one thread a place and picture (or a channel, for the vectors), so that neighbours read neighbours.
// Limited by memory: 8 to 16 bytes an element; what a thread reads again comes from cache.
#include "common.cuh"

// The sum over the channels from `before` below element i to `after` above it.
#define FOR_EACH_NEIGHBOUR(at, i, channels, places, before, after)                                       \
    for (int c_ = (i) / (places) % (channels), k_ = max(-(before), -c_), at;                             \
         k_ <= min((after), (channels)-1 - c_) && (at = (i) + k_ * (places), true); ++k_)

// total = kappa + alpha * sum of x^2 over neighbouring channels; y = x * total^-beta.
extern "C" __global__ void local_response(const float *__restrict__ x, float *__restrict__ y, float *__restrict__ total,
                                          int count, int channels, int places, int before, int after, float alpha,
                                          float beta, float kappa)
{
    FOR_EACH(i, count)
    {
        float sum = 0.f;
        FOR_EACH_NEIGHBOUR(at, i, channels, places, before, after) sum += x[at] * x[at];
        const float t = kappa + alpha * sum;
        total[i] = t;
        y[i] = x[i] * powf(t, -beta);
    }
}

// dx; the neighbours of whose sums x was a part lie the other way round.
extern "C" __global__ void local_response_backward(const float *__restrict__ dy, const float *__restrict__ x,
                                                   const float *__restrict__ total, float *__restrict__ dx, int count,
                                                   int channels, int places, int before, int after, float alpha, float beta)
{
    FOR_EACH(i, count)
    {
        float others = 0.f;
        FOR_EACH_NEIGHBOUR(at, i, channels, places, after, before)
        others += dy[at] * x[at] * powf(total[at], -beta) / total[at];
        dx[i] = dy[i] * powf(total[i], -beta) - 2.f * alpha * beta * x[i] * others;
    }
}

// 1 / length of the c numbers at x with `step` between them; 1 of zeros.
__device__ __forceinline__ float inverse_length(const float *x, int channels, int step)
{
    float sum = 0.f;
    for (int c = 0; c < channels; ++c) sum += x[c * step] * x[c * step];
    return sum > 0.f ? 1.f / sqrtf(sum) : 1.f;
}

extern "C" __global__ void unit_vectors(const float *__restrict__ x, float *__restrict__ y, int count, int channels,
                                        int places)
{
    FOR_EACH(i, count)
    {
        const size_t start = (size_t)(i / places) * channels * places + i % places;
        const float inverse = inverse_length(x + start, channels, places);
        for (int c = 0; c < channels; ++c) y[start + (size_t)c * places] = x[start + (size_t)c * places] * inverse;
    }
}

// dx = (dy - y * <dy, y>) / length
extern "C" __global__ void unit_vectors_backward(const float *__restrict__ dy, const float *__restrict__ x,
                                                 const float *__restrict__ y, float *__restrict__ dx, int count, int channels,
                                                 int places)
{
    FOR_EACH(i, count)
    {
        const size_t start = (size_t)(i / places) * channels * places + i % places;
        const float inverse = inverse_length(x + start, channels, places);
        float along = 0.f;
        for (int c = 0; c < channels; ++c) along += dy[start + (size_t)c * places] * y[start + (size_t)c * places];
        for (int c = 0; c < channels; ++c) {
            const size_t at = start + (size_t)c * places;
            dx[at] = (dy[at] - y[at] * along) * inverse;
        }
    }
}

// y (n, wide, places): the largest of channels g, g + wide, ...; count elements.
extern "C" __global__ void maxpool_depth(const float *__restrict__ x, float *__restrict__ y, int count, int channels,
                                         int wide, int places)
{
    FOR_EACH(i, count)
    {
        const float *own = x + (size_t)(i / places / wide) * channels * places + i % places;
        float largest = -INFINITE;
        for (int c = i / places % wide; c < channels; c += wide) largest = fmaxf(largest, own[(size_t)c * places]);
        y[i] = largest;
    }
}

// dx: the first of the largest takes dy, the others 0; count elements of y.
extern "C" __global__ void maxpool_depth_backward(const float *__restrict__ dy, const float *__restrict__ x,
                                                  const float *__restrict__ y, float *__restrict__ dx, int count,
                                                  int channels, int wide, int places)
{
    FOR_EACH(i, count)
    {
        const size_t start = (size_t)(i / places / wide) * channels * places + i % places;
        bool given = false;
        for (int c = i / places % wide; c < channels; c += wide) {
            const size_t at = start + (size_t)c * places;
            const bool takes = !given && x[at] == y[i];
            dx[at] = takes ? dy[i] : 0.f;
            given |= takes;
        }
    }
}

// var = max(square - mean^2, 0), of means over several mini-batches.
extern "C" __global__ void variance(const float *__restrict__ mean, const float *__restrict__ square, float *__restrict__ var,
                                    int count)
{
    FOR_EACH(c, count) var[c] = fmaxf(square[c] - mean[c] * mean[c], 0.f);
}

// dx = dy * scale / sqrt(var + eps) + (dmean + 2 * x * dsquare) / numbers, where `sums` has the channels' sums of dy, and
// behind them those of dy * (x - mean).
extern "C" __global__ void shared_norm_dx(const float *__restrict__ dy, const float *__restrict__ x,
                                          const float *__restrict__ scale, const float *__restrict__ mean,
                                          const float *__restrict__ square, const float *__restrict__ sums, float eps,
                                          float numbers, float *__restrict__ dx, float *__restrict__ dscale, int count,
                                          int channels, int places)
{
    FOR_EACH(i, count)
    {
        const int c = i / places % channels;
        const float spread = square[c] - mean[c] * mean[c], rstd = 1.f / sqrtf(fmaxf(spread, 0.f) + eps);
        const float slope = sums[channels + c] * rstd;
        const float dsquare = spread > 0.f ? -0.5f * scale[c] * slope * rstd * rstd : 0.f;
        const float dmean = -scale[c] * sums[c] * rstd - 2.f * mean[c] * dsquare;
        dx[i] = dy[i] * scale[c] * rstd + (dmean + 2.f * x[i] * dsquare) / numbers;
        if (i < channels * places && i % places == 0) dscale[c] = slope;
    }
}
