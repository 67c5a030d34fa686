// The losses of classifiers, number by number: what each costs, and the gradient.
//
// layout: flat. Any grid of 256 threads. Limited by memory: 16 to 20 bytes an element. The costs are added up by
// batch_norm.cu's channel_sums, in a fixed order.
#include "common.cuh"

#define SMALLEST 1.17549435e-38f

// y: a softmax; sums: the truth's over the spans of y.
extern "C" __global__ void softmax_cost(const float *__restrict__ y, const float *__restrict__ truth,
                                        const float *__restrict__ sums, float *__restrict__ costs,
                                        float *__restrict__ gradient, int count, float temperature)
{
    FOR_EACH(i, count)
    {
        costs[i] = truth[i] == 0.f ? 0.f : -truth[i] * logf(fmaxf(y[i], SMALLEST));
        gradient[i] = (y[i] * sums[i] - truth[i]) / temperature;
    }
}

// y = logistic(x); -log(y) = log(1 + exp(-x)).
extern "C" __global__ void logistic_cost(const float *__restrict__ x, const float *__restrict__ y,
                                         const float *__restrict__ truth, float *__restrict__ costs,
                                         float *__restrict__ gradient, int count)
{
    FOR_EACH(i, count)
    {
        costs[i] = fmaxf(x[i], 0.f) + log1pf(expf(-fabsf(x[i]))) - truth[i] * x[i];
        gradient[i] = y[i] - truth[i];
    }
}

// -DKIND: 0 squares, 1 smooth, 2 L1, 3 wgan; in the order of ops/cuda/costs.py.
#ifndef KIND
#define KIND 0
#endif
__device__ __forceinline__ float cost_of(float d, float truth)
{
    if (KIND == 0) return d * d;
    if (KIND == 1) return fabsf(d) < 1.f ? d * d : 2.f * fabsf(d) - 1.f;
    if (KIND == 2) return fabsf(d);
    return truth != 0.f ? d - truth : truth - d;
}
__device__ __forceinline__ float delta_of(float d, float truth)
{
    if (KIND == 0) return d;
    if (KIND == 1) return fminf(fmaxf(d, -1.f), 1.f);
    if (KIND == 2) return d > 0.f ? 1.f : d < 0.f ? -1.f : 0.f;
    return truth > 0.f ? 1.f : -1.f;
}

// Numbers whose truth is `special` weigh `weight`, others 1. The truth is `sharp` of itself and `spread`. Deltas below
// thresh are dropped.
extern "C" __global__ void difference_cost(const float *__restrict__ x, const float *__restrict__ truth,
                                           float *__restrict__ costs, float *__restrict__ gradient, int count, float special,
                                           float weight, float sharp, float spread, float thresh, float scale)
{
    FOR_EACH(i, count)
    {
        const float own = truth[i] == special ? weight : 1.f, t = truth[i] * sharp + spread, d = t - x[i];
        const float delta = delta_of(d, t) * own;
        costs[i] = cost_of(d, t) * own;
        gradient[i] = fabsf(delta) >= thresh ? -scale * delta : 0.f;
    }
}
