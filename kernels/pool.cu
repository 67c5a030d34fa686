// Max and mean over windows. Backward gathers: each input looks at the windows that it lies in, so nothing is added by
// two threads and the result doesn't depend on their order.
//
// layout: x (planes, h, w), y (planes, oh, ow), with planes = n * c. Any grid of 256 threads, one thread a result.
// Limited by memory: 4 bytes read (from cache size^2 times) and 4 written a result; size^2 comparisons or additions.
#include "common.cuh"

struct Pool {
    int h, w, oh, ow, size, stride_y, stride_x, before;
};
#define POOL_PARAMETERS int h, int w, int oh, int ow, int size, int stride_y, int stride_x, int before
#define POOL {h, w, oh, ow, size, stride_y, stride_x, before}

// Rows and columns of the picture that window (row, column) covers: first and behind the last.
struct Area {
    int top, bottom, left, right;
};
__device__ __forceinline__ Area covered(const Pool &p, int row, int column)
{
    const int top = row * p.stride_y - p.before, left = column * p.stride_x - p.before;
    return {max(top, 0), min(top + p.size, p.h), max(left, 0), min(left + p.size, p.w)};
}

// The windows that cover place (row, column), the other way round.
__device__ __forceinline__ Area covering(const Pool &p, int row, int column)
{
    const int top = row + p.before - p.size + 1, left = column + p.before - p.size + 1;
    return {top > 0 ? (top + p.stride_y - 1) / p.stride_y : 0, min((row + p.before) / p.stride_y + 1, p.oh),
            left > 0 ? (left + p.stride_x - 1) / p.stride_x : 0, min((column + p.before) / p.stride_x + 1, p.ow)};
}

extern "C" __global__ void maxpool2d(const float *__restrict__ x, float *__restrict__ y, int count, POOL_PARAMETERS)
{
    const Pool pool = POOL;
    FOR_EACH(i, count)
    {
        const Area seen = covered(pool, i / ow % oh, i % ow);
        const float *plane = x + (size_t)(i / (oh * ow)) * h * w;
        float largest = -INFINITE;
        for (int r = seen.top; r < seen.bottom; ++r)
            for (int c = seen.left; c < seen.right; ++c) largest = fmaxf(largest, plane[r * w + c]);
        y[i] = largest;
    }
}

// For each window the place in its plane of the first of its largest taps; -1 where there is none (NaN).
extern "C" __global__ void maxpool2d_places(const float *__restrict__ x, const float *__restrict__ y,
                                            int *__restrict__ places, int count, POOL_PARAMETERS)
{
    const Pool pool = POOL;
    FOR_EACH(i, count)
    {
        const Area seen = covered(pool, i / ow % oh, i % ow);
        const float *plane = x + (size_t)(i / (oh * ow)) * h * w;
        int found = -1;
        for (int r = seen.top; r < seen.bottom && found < 0; ++r)
            for (int c = seen.left; c < seen.right && found < 0; ++c)
                if (plane[r * w + c] == y[i]) found = r * w + c;
        places[i] = found;
    }
}

extern "C" __global__ void maxpool2d_backward(const float *__restrict__ dy, const int *__restrict__ places,
                                              float *__restrict__ dx, int count, POOL_PARAMETERS)
{
    const Pool pool = POOL;
    FOR_EACH(i, count)
    {
        const Area windows = covering(pool, i / w % h, i % w);
        const size_t plane = (size_t)(i / (h * w)) * oh * ow;
        float sum = 0.f;
        for (int r = windows.top; r < windows.bottom; ++r)
            for (int c = windows.left; c < windows.right; ++c)
                if (places[plane + r * ow + c] == i % (h * w)) sum += dy[plane + r * ow + c];
        dx[i] = sum;
    }
}

extern "C" __global__ void avgpool2d(const float *__restrict__ x, float *__restrict__ y, int count, POOL_PARAMETERS)
{
    const Pool pool = POOL;
    FOR_EACH(i, count)
    {
        const Area seen = covered(pool, i / ow % oh, i % ow);
        const float *plane = x + (size_t)(i / (oh * ow)) * h * w;
        float sum = 0.f;
        for (int r = seen.top; r < seen.bottom; ++r)
            for (int c = seen.left; c < seen.right; ++c) sum += plane[r * w + c];
        y[i] = sum / ((seen.bottom - seen.top) * (seen.right - seen.left));
    }
}

extern "C" __global__ void avgpool2d_backward(const float *__restrict__ dy, float *__restrict__ dx, int count,
                                              POOL_PARAMETERS)
{
    const Pool pool = POOL;
    FOR_EACH(i, count)
    {
        const Area windows = covering(pool, i / w % h, i % w);
        const float *plane = dy + (size_t)(i / (h * w)) * oh * ow;
        float sum = 0.f;
        for (int r = windows.top; r < windows.bottom; ++r)
            for (int c = windows.left; c < windows.right; ++c) {
                const Area seen = covered(pool, r, c);
                sum += plane[r * ow + c] / ((seen.bottom - seen.top) * (seen.right - seen.left));
            }
        dx[i] = sum;
    }
}
