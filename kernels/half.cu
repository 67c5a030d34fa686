// Numbers in half precision from and to float.
//
// Any grid of 256 threads. Limited by memory: 6 bytes a number.
#include <cuda_fp16.h>
#include "common.cuh"

extern "C" __global__ void to_half(const float *__restrict__ x, __half *__restrict__ y, int count)
{
    FOR_EACH(i, count) y[i] = __float2half(x[i]);
}

// x: pictures with these steps from one to the next, from channel to channel, row to row and place to place.
extern "C" __global__ void to_float(const __half *__restrict__ x, float *__restrict__ y, int count, int channels, int h, int w,
                                    int step_n, int step_c, int step_h, int step_w)
{
    FOR_EACH(i, count)
    {
        const int row = i / w, map = row / h, picture = map / channels;
        y[i] = __half2float(
            x[(size_t)picture * step_n + (map - picture * channels) * step_c + (row - map * h) * step_h + (i - row * w) * step_w]);
    }
}
