// Activations over the channels of a position: norm_chan, norm_chan_softmax, norm_chan_softmax_maxval.
// -DKIND=0, 1, 2 in that order.
//
// layout: (n, c, hw). launch: any grid of 256 threads, one thread a position, so that neighbours read neighbours.
// Limited by memory: each reads the position's channels three times, mostly from cache; 16 to 28 bytes an element.
#include "common.cuh"

#ifndef KIND
#define KIND 0
#endif
#define EPSILON 1e-4f  // keeps norm_chan's sum above 0

// What divides, and the largest input, of the c numbers at x with `step` between them.
__device__ __forceinline__ void normaliser(const float *x, int channels, int step, float &largest, float &total)
{
    largest = -INFINITE;
    for (int c = 0; c < channels; ++c) largest = fmaxf(largest, x[c * step]);
    total = KIND == 0 ? EPSILON : 0.f;
    for (int c = 0; c < channels; ++c) total += KIND == 0 ? fmaxf(x[c * step], 0.f) : expf(x[c * step] - largest);
}

__device__ __forceinline__ float share(float x, float largest, float total)
{
    return (KIND == 0 ? fmaxf(x, 0.f) : expf(x - largest)) / total;
}

extern "C" __global__ void channel_activate(const float *__restrict__ x, float *__restrict__ y, int pictures, int channels,
                                            int places)
{
    FOR_EACH(i, pictures * places)
    {
        const size_t start = (size_t)(i / places) * channels * places + i % places;
        float largest, total;
        normaliser(x + start, channels, places, largest, total);
        for (int c = 0; c < channels; ++c) {
            const float value = x[start + (size_t)c * places];
            const bool zeroed = KIND == 2 && value < largest;
            y[start + (size_t)c * places] = zeroed ? 0.f : share(value, largest, total);
        }
    }
}

// dx = p * (d - sum of d * p) with the shares p; of norm_chan what follows from the quotient.
extern "C" __global__ void channel_activate_backward(const float *__restrict__ dy, const float *__restrict__ x,
                                                     float *__restrict__ dx, int pictures, int channels, int places)
{
    FOR_EACH(i, pictures * places)
    {
        const size_t start = (size_t)(i / places) * channels * places + i % places;
        float largest, total, sum = 0.f;
        normaliser(x + start, channels, places, largest, total);
        for (int c = 0; c < channels; ++c) {
            const size_t at = start + (size_t)c * places;
            if (KIND == 2 && x[at] < largest) continue;
            sum += dy[at] * share(x[at], largest, total);
        }
        for (int c = 0; c < channels; ++c) {
            const size_t at = start + (size_t)c * places;
            const float d = KIND == 2 && x[at] < largest ? 0.f : dy[at];
            if (KIND == 0) dx[at] = x[at] > 0.f ? (d - sum) / total : 0.f;
            else dx[at] = share(x[at], largest, total) * (d - sum);
        }
    }
}
