// Windows without shared filters: unfold, fold, and [local], whose filters differ from place to place.
//
// layout: x (n, c, h, w), seen (n, c, size, size, oh, ow), weight (oh * ow, m, c, size, size), y (n, m, oh, ow).
// launch: any grid of 256 threads, one thread a result; local2d one warp a result.
// Limited by memory: [local] reads each weight once for a batch from memory, and again from cache for each picture.
#include "common.cuh"

#define SHAPE int channels, int h, int w, int size, int oh, int ow, int stride_y, int stride_x, int before, int dilation

extern "C" __global__ void unfold(const float *__restrict__ x, float *__restrict__ seen, int count, SHAPE)
{
    FOR_EACH(i, count)
    {
        const int tap = i / (oh * ow) % (size * size), plane = i / (oh * ow * size * size);
        const int row = i / ow % oh * stride_y + tap / size * dilation - before;
        const int column = i % ow * stride_x + tap % size * dilation - before;
        const bool inside = (unsigned)row < (unsigned)h && (unsigned)column < (unsigned)w;
        seen[i] = inside ? x[((size_t)plane * h + row) * w + column] : 0.f;
    }
}

// The window (row, column) that sees place (down, right), both with the padding, with tap (i, j). False if none does.
__device__ __forceinline__ bool window_at(int down, int right, int i, int j, int stride_y, int stride_x, int oh, int ow,
                                          int dilation, int &window)
{
    const int y = down - i * dilation, x = right - j * dilation;
    if (y < 0 || x < 0 || y % stride_y || x % stride_x || y / stride_y >= oh || x / stride_x >= ow) return false;
    window = y / stride_y * ow + x / stride_x;
    return true;
}

extern "C" __global__ void fold(const float *__restrict__ seen, float *__restrict__ x, int count, SHAPE)
{
    FOR_EACH(i, count)
    {
        const float *plane = seen + (size_t)(i / (h * w)) * size * size * oh * ow;
        float sum = 0.f;
        int window;
        for (int t = 0; t < size * size; ++t)
            if (window_at(i / w % h + before, i % w + before, t / size, t % size, stride_y, stride_x, oh, ow, dilation, window))
                sum += plane[(size_t)t * oh * ow + window];
        x[i] = sum;
    }
}

// One warp a result, in the order of the weights: (place, filter, picture).
extern "C" __global__ void local2d(const float *__restrict__ x, const float *__restrict__ weight, float *__restrict__ y,
                                   int pictures, int filters, SHAPE)
{
    const int warp = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32, places = oh * ow, each = channels * size * size;
    if (warp >= pictures * filters * places) return;
    const int image = warp % pictures, filter = warp / pictures % filters, place = warp / pictures / filters;
    const int top = place / ow * stride_y - before, left = place % ow * stride_x - before;
    const float *own = weight + ((size_t)place * filters + filter) * each;
    float sum = 0.f;
    for (int k = threadIdx.x % 32; k < each; k += 32) {
        const int channel = k / (size * size), tap = k % (size * size);
        const int row = top + tap / size * dilation, column = left + tap % size * dilation;
        if ((unsigned)row < (unsigned)h && (unsigned)column < (unsigned)w)
            sum += own[k] * x[(((size_t)image * channels + channel) * h + row) * w + column];
    }
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) y[((size_t)image * filters + filter) * places + place] = sum;
}

extern "C" __global__ void local2d_dx(const float *__restrict__ dy, const float *__restrict__ weight, float *__restrict__ dx,
                                      int count, int filters, SHAPE)
{
    const int places = oh * ow, each = channels * size * size;
    FOR_EACH(i, count)
    {
        const int plane = i / (h * w), image = plane / channels, channel = plane % channels;
        float sum = 0.f;
        int place;
        for (int t = 0; t < size * size; ++t) {
            if (!window_at(i / w % h + before, i % w + before, t / size, t % size, stride_y, stride_x, oh, ow, dilation, place))
                continue;
            for (int f = 0; f < filters; ++f)
                sum += dy[((size_t)image * filters + f) * places + place]
                       * weight[((size_t)place * filters + f) * each + channel * size * size + t];
        }
        dx[i] = sum;
    }
}

extern "C" __global__ void local2d_dweight(const float *__restrict__ dy, const float *__restrict__ x,
                                           float *__restrict__ dweight, int count, int pictures, int filters, SHAPE)
{
    const int places = oh * ow, each = channels * size * size;
    FOR_EACH(i, count)
    {
        const int k = i % each, filter = i / each % filters, place = i / each / filters;
        const int channel = k / (size * size), tap = k % (size * size);
        const int row = place / ow * stride_y + tap / size * dilation - before;
        const int column = place % ow * stride_x + tap % size * dilation - before;
        const bool inside = (unsigned)row < (unsigned)h && (unsigned)column < (unsigned)w;
        float sum = 0.f;
        for (int image = 0; inside && image < pictures; ++image)
            sum += dy[((size_t)image * filters + filter) * places + place]
                   * x[(((size_t)image * channels + channel) * h + row) * w + column];
        dweight[i] = sum;
    }
}
