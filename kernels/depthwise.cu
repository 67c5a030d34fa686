// Convolutions whose groups have one input channel each (MobileNet), with any number of filters a channel.
//
// layout: x (n, c, h, w), weight (m, 1, size, size), y (n, m, oh, ow), m a multiple of c. -DSIZE, -DACTIVATION.
// launch: depthwise and depthwise_dx any grid of 256 threads, one thread a result; depthwise_dweight a block of 256
// threads a tap, grid (m, size^2), which adds up in a fixed order.
// Limited by memory: 2 * size^2 FLOPs a result against 8 bytes, the window's readings coming from cache.
#include "activation.cuh"

#ifndef SIZE
#define SIZE 3
#endif
#define TAPS (SIZE * SIZE)
#define SHAPE int channels, int h, int w, int filters, int oh, int ow, int stride_y, int stride_x, int before, int dilation

extern "C" __global__ void depthwise(const float *__restrict__ x, const float *__restrict__ weight,
                                     const float *__restrict__ bias, const float *__restrict__ added,
                                     float *__restrict__ y, int count, SHAPE)
{
    FOR_EACH(i, count)
    {
        const int plane = i / (oh * ow), filter = plane % filters, channel = filter / (filters / channels);
        const int top = i / ow % oh * stride_y - before, left = i % ow * stride_x - before;
        const float *map = x + ((size_t)(plane / filters) * channels + channel) * h * w;
        float sum = bias ? __ldg(bias + filter) : 0.f;
#pragma unroll
        for (int t = 0; t < TAPS; ++t) {
            const int row = top + t / SIZE * dilation, column = left + t % SIZE * dilation;
            if ((unsigned)row < (unsigned)h && (unsigned)column < (unsigned)w)
                sum += __ldg(map + row * w + column) * __ldg(weight + filter * TAPS + t);
        }
        y[i] = FORWARD(sum) + (added ? added[i] : 0.f);
    }
}

extern "C" __global__ void depthwise_dx(const float *__restrict__ dy, const float *__restrict__ weight,
                                        float *__restrict__ dx, int count, SHAPE)
{
    const int each = filters / channels;
    FOR_EACH(i, count)
    {
        const int plane = i / (h * w), channel = plane % channels;
        const int down = i / w % h + before, right = i % w + before;
        const float *maps = dy + ((size_t)(plane / channels) * filters + channel * each) * oh * ow;
        float sum = 0.f;
        for (int t = 0; t < TAPS; ++t) {
            const int row = down - t / SIZE * dilation, column = right - t % SIZE * dilation;
            if (row < 0 || column < 0 || row % stride_y || column % stride_x) continue;
            const int r = row / stride_y, c = column / stride_x;
            if (r >= oh || c >= ow) continue;
            for (int f = 0; f < each; ++f)
                sum += __ldg(maps + (f * oh + r) * ow + c) * __ldg(weight + (channel * each + f) * TAPS + t);
        }
        dx[i] = sum;
    }
}

extern "C" __global__ void depthwise_dweight(const float *__restrict__ dy, const float *__restrict__ x,
                                             float *__restrict__ dweight, int pictures, SHAPE)
{
    __shared__ float scratch[32];
    const int filter = blockIdx.x, channel = filter / (filters / channels), places = oh * ow;
    const int i = blockIdx.y / SIZE * dilation - before, j = blockIdx.y % SIZE * dilation - before;
    float sum = 0.f;
    for (int k = threadIdx.x; k < pictures * places; k += blockDim.x) {
        const int image = k / places, place = k - image * places;
        const int row = place / ow * stride_y + i, column = place % ow * stride_x + j;
        if ((unsigned)row < (unsigned)h && (unsigned)column < (unsigned)w)
            sum += dy[((size_t)image * filters + filter) * places + place]
                   * x[(((size_t)image * channels + channel) * h + row) * w + column];
    }
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) dweight[filter * TAPS + blockIdx.y] = sum;
}
