// Numbers in half precision from and to float.
//
// Any grid of 256 threads. Limited by memory: 6 bytes a number.
#include <cuda_fp16.h>
#include "common.cuh"

#ifndef AXES
#define AXES 6
#endif

// y = factor * x; beyond 65504 an infinity.
extern "C" __global__ void to_half(const float *__restrict__ x, __half *__restrict__ y, float factor, int count)
{
    FOR_EACH(i, count) y[i] = __float2half(factor * x[i]);
}

// Rows of a convolution's filters as product_half.cuh reads them, filled up with zeros from `length` to `width`.
// Number k = (i, tap) of row (a, b), b < rows_b, is weight[a * step_a + b * step_b + i * step_i + tap].
extern "C" __global__ void half_rows(const float *__restrict__ weight, __half *__restrict__ rows, int count, int width,
                                     int length, int taps, int rows_b, int step_a, int step_b, int step_i)
{
    FOR_EACH(at, count)
    {
        const int row = at / width, k = at - row * width, a = row / rows_b, b = row - a * rows_b, i = k / taps;
        const size_t first = (size_t)a * step_a + (size_t)b * step_b + (size_t)i * step_i;
        rows[at] = __float2half(k < length ? weight[first + (k - i * taps)] : 0.f);
    }
}

// y, in one piece, of a view; axes as in move.cu.
extern "C" __global__ void to_float(const __half *__restrict__ x, float *__restrict__ y, const int *__restrict__ axes, int count)
{
    FOR_EACH(i, count)
    {
        int rest = i, from = 0;
#pragma unroll
        for (int a = AXES - 1; a >= 0; --a) {
            const int length = axes[3 * a], at = a ? rest % length : rest;
            rest /= length;
            from += at * axes[3 * a + 1];
        }
        y[i] = __half2float(x[from]);
    }
}
