// Pictures made larger by whole numbers, and smaller.
//
// layout: (n, c, h, w). Any grid of 256 threads. Limited by memory: 8 bytes an element of the larger array, 4 where the
// smaller one comes from cache.
#include "common.cuh"

// y (planes, h * stride, w * stride): each value of x stride * stride times. count and width are y's.
extern "C" __global__ void upsample(const float *__restrict__ x, float *__restrict__ y, int count, int width, int stride)
{
    const int narrow = width / stride;
    FOR_EACH(i, count)
    {
        const int row = i / width;  // over all planes: whole planes are whole multiples of the stride
        y[i] = x[(size_t)(row / stride) * narrow + i % width / stride];
    }
}

// dx (planes, h / stride, w / stride): sums of blocks. count and width are dx's.
extern "C" __global__ void upsample_backward(const float *__restrict__ dy, float *__restrict__ dx, int count, int width,
                                             int stride)
{
    FOR_EACH(i, count)
    {
        const float *block = dy + ((size_t)(i / width) * stride * width + i % width) * stride;
        float sum = 0.f;
        for (int r = 0; r < stride; ++r)
            for (int c = 0; c < stride; ++c) sum += block[(size_t)r * width * stride + c];
        dx[i] = sum;
    }
}
