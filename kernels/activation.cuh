// Darknet's activations: forward_NAME(x), and slope_NAME(x, y), the derivative at x, where y is the result.
// darknet_py/ops/activations.py has the same formulas. -DACTIVATION=NAME chooses the one that a kernel applies.
#pragma once
#include "common.cuh"

#ifndef ACTIVATION
#define ACTIVATION linear
#endif
#define FORWARD(x) PASTE(forward_, ACTIVATION)(x)
#define SLOPE(x, y) PASTE(slope_, ACTIVATION)(x, y)

#define ACTIVATION_PAIR(name, value, slope)                                                    \
    __device__ __forceinline__ float forward_##name(float x) { return value; }                 \
    __device__ __forceinline__ float slope_##name(float x, float y) { return slope; }

__device__ __forceinline__ float sigmoid(float x) { return 1.f / (1.f + expf(-x)); }

// tanh(log(1 + e^x)) = n / (n + 2) with n = e^2x + 2 e^x; 1 in float from x = 20 on.
__device__ __forceinline__ float mish_n(float x)
{
    const float e = expf(fminf(x, 20.f));
    return e * (e + 2.f);
}

__device__ __forceinline__ float mish_slope(float x)
{
    const float n = mish_n(x), inverse = 1.f / (n + 2.f);
    return n * inverse + x * 4.f * (n + 1.f) * inverse * inverse * sigmoid(x);
}

__device__ __forceinline__ float gelu_inner(float x) { return tanhf(0.7978845608f * x * (1.f + 0.044715f * x * x)); }

__device__ __forceinline__ float gelu_slope(float x)
{
    const float t = gelu_inner(x);
    return 0.5f * (1.f + t) + 0.5f * x * (1.f - t * t) * 0.7978845608f * (1.f + 3.f * 0.044715f * x * x);
}

__device__ __forceinline__ bool odd(float whole) { return whole - 2.f * floorf(0.5f * whole) == 1.f; }

ACTIVATION_PAIR(linear, x, 1.f)
ACTIVATION_PAIR(leaky, fmaxf(x, 0.1f * x), y > 0.f ? 1.f : 0.1f)
ACTIVATION_PAIR(relu, fmaxf(x, 0.f), y > 0.f ? 1.f : 0.f)
ACTIVATION_PAIR(relu6, fminf(fmaxf(x, 0.f), 6.f), y > 0.f && y < 6.f ? 1.f : 0.f)
ACTIVATION_PAIR(relie, fmaxf(x, 0.01f * x), y > 0.f ? 1.f : 0.01f)
ACTIVATION_PAIR(ramp, x > 0.f ? 1.1f * x : 0.1f * x, y > 0.f ? 1.1f : 0.1f)
ACTIVATION_PAIR(logistic, sigmoid(x), y *(1.f - y))
ACTIVATION_PAIR(loggy, tanhf(0.5f * x), 0.5f * (1.f - y * y))
ACTIVATION_PAIR(tanh, tanhf(x), 1.f - y * y)
ACTIVATION_PAIR(elu, x >= 0.f ? x : expm1f(x), y >= 0.f ? 1.f : y + 1.f)
ACTIVATION_PAIR(selu, x >= 0.f ? 1.0507f * x : 1.0507f * 1.6732f * expm1f(x), y >= 0.f ? 1.0507f : y + 1.0507f * 1.6732f)
ACTIVATION_PAIR(gelu, 0.5f * x * (1.f + gelu_inner(x)), gelu_slope(x))
ACTIVATION_PAIR(swish, x *sigmoid(x), y + sigmoid(x) * (1.f - y))
ACTIVATION_PAIR(mish, x *(mish_n(x) / (mish_n(x) + 2.f)), mish_slope(x))
ACTIVATION_PAIR(hard_mish, x > 0.f ? x : x > -2.f ? 0.5f * x * x + x : 0.f, x > 0.f ? 1.f : x > -2.f ? x + 1.f : 0.f)
ACTIVATION_PAIR(hardtan, fminf(fmaxf(x, -1.f), 1.f), y > -1.f && y < 1.f ? 1.f : 0.f)
ACTIVATION_PAIR(lhtan, x < 0.f ? 0.001f * x : x > 1.f ? 0.001f * (x - 1.f) + 1.f : x, y > 0.f && y < 1.f ? 1.f : 0.001f)
ACTIVATION_PAIR(plse, x < -4.f ? 0.01f * (x + 4.f) : x > 4.f ? 0.01f * (x - 4.f) + 1.f : 0.125f * x + 0.5f,
                y < 0.f || y > 1.f ? 0.01f : 0.125f)
ACTIVATION_PAIR(stair, odd(floorf(x)) ? x - floorf(x) + floorf(0.5f * x) : floorf(0.5f * x), odd(floorf(x)) ? 1.f : 0.f)
