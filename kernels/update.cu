// Updates of parameters, in place, each parameter array by itself.
//
// layout: flat. Any grid of 256 threads. Limited by memory: 20 bytes (sgd), 28 (adam), 12 (ema) an element.
#include "common.cuh"

// velocity <- momentum * velocity - (grad + decay * value); value <- value + rate * velocity
extern "C" __global__ void sgd_update(float *__restrict__ value, const float *__restrict__ grad, float *__restrict__ velocity,
                                      float rate, float momentum, float decay, int count)
{
    FOR_EACH(i, count)
    {
        const float v = momentum * velocity[i] - grad[i] - decay * value[i];
        velocity[i] = v;
        value[i] += rate * v;
    }
}

// Adam; rate holds the bias corrections.
extern "C" __global__ void adam_update(float *__restrict__ value, const float *__restrict__ grad, float *__restrict__ first,
                                       float *__restrict__ second, float rate, float beta1, float beta2, float eps, int count)
{
    FOR_EACH(i, count)
    {
        const float g = grad[i];
        const float m = beta1 * first[i] + (1.f - beta1) * g, v = beta2 * second[i] + (1.f - beta2) * g * g;
        first[i] = m;
        second[i] = v;
        value[i] -= rate * m / (sqrtf(v) + eps);
    }
}
