// Gradients of a convolution, as implicit matrix products; names as in conv2d.cu.
//
// conv2d_dx (M = c / groups, N = n * h * w, K = m / groups * size^2): gathers, so every dx is written once.
//   -DSIZE -DTILE_* -DSTRIDE_Y -DSTRIDE_X (constants, since places are divided by them). grid (N, M, groups) tiles.
// conv2d_dweight (M = m / groups, N = c / groups * size^2, K = n * oh * ow): K is cut into `splits` parts, each with
//   its own result in `sums` (splits, filters, N), which sum_splits adds up in order: no atomics, the same bits always.
//   grid (N, M, groups * splits) tiles.
// cost of each: 2 * M * N * K * groups FLOPs, as forward. With stride s conv2d_dx multiplies s^2 - 1 zeros for each value.
#include "window.cuh"

#ifndef STRIDE_Y
#define STRIDE_Y 1
#define STRIDE_X 1
#endif

// weight (m, own, taps) as a matrix (own, m * taps). at(k), load(channel)
struct Turned {
    const float *weight;
    int own;
    const float *tap;
    __device__ __forceinline__ void at(int k)
    {
        const int filter = (unsigned)k / TAPS;
        tap = weight + (size_t)filter * own * TAPS + (k - filter * TAPS);
    }
    __device__ __forceinline__ float load(int channel) const { return __ldg(tap + (size_t)channel * TAPS); }
};

// at(n): place n = (picture, row, column) of x. load(k): the gradient of the window that sees it with tap (filter, i, j).
struct GivenBack {
    const float *dy;  // filter 0 of the group
    int filters, h, w, oh, ow, before, dilation;
    int row, column;
    const float *picture;
    __device__ __forceinline__ void at(int n)
    {
        const int image = n / (h * w), place = n - image * h * w;
        row = place / w + before;
        column = place - place / w * w + before;
        picture = dy + (size_t)image * filters * oh * ow;
    }
    __device__ __forceinline__ float load(int k) const
    {
        const int filter = (unsigned)k / TAPS, tap = k - filter * TAPS, i = (unsigned)tap / SIZE, j = tap - i * SIZE;
        const int down = row - i * dilation, right = column - j * dilation;
        if (down < 0 || right < 0 || down % STRIDE_Y || right % STRIDE_X) return 0.f;
        const int r = down / STRIDE_Y, c = right / STRIDE_X;
        return r < oh && c < ow ? __ldg(picture + ((size_t)filter * oh + r) * ow + c) : 0.f;
    }
};

extern "C" __global__ void __launch_bounds__(THREADS)
    conv2d_dx(const float *__restrict__ dy, const float *__restrict__ weight, float *__restrict__ dx, int pictures,
              int channels, int h, int w, int filters, int oh, int ow, int before, int dilation)
{
    const int group = blockIdx.z, own = channels / gridDim.z, each = filters / gridDim.z;
    const Turned weights = {weight + (size_t)group * each * own * TAPS, own};
    const GivenBack given = {dy + (size_t)group * each * oh * ow, filters, h, w, oh, ow, before, dilation};
    const IntoMaps out = {dx + (size_t)group * own * h * w, nullptr, channels, h * w, pictures * h * w};
    product<false>(own, pictures * h * w, 0, each * TAPS, weights, given, out);
}

// at(k): k = (picture, place) of dy. load(filter)
struct GradientAt {
    const float *dy;
    int filters, places;
    const float *here;
    __device__ __forceinline__ void at(int k)
    {
        const int image = k / places;
        here = dy + (size_t)image * filters * places + (k - image * places);
    }
    __device__ __forceinline__ float load(int filter) const { return __ldg(here + (size_t)filter * places); }
};

// at(k): place k of the window; load(n): what tap n = (channel, i, j) sees there.
struct SeenAt {
    SeenBy seen;
    __device__ __forceinline__ void at(int k) { seen.at(k); }
    __device__ __forceinline__ float load(int n) const { return seen.load(n); }
};

// With few rows ptxas aims at 64 registers on these cards and spills; told of two blocks it takes what it needs. 0: its choice.
#if TILE_M < TILE_N && (__CUDA_ARCH__ == 750 || __CUDA_ARCH__ == 900)
#define RESIDENT 2
#else
#define RESIDENT 0
#endif

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)
    conv2d_dweight(const float *__restrict__ dy, const float *__restrict__ x, float *__restrict__ sums, int pictures,
                   int channels, int h, int w, int filters, int oh, int ow, int stride_y, int stride_x, int before,
                   int dilation, int groups, int part)
{
    const int group = blockIdx.z % groups, split = blockIdx.z / groups;
    const int own = channels / groups, each = filters / groups, n = own * TAPS, places = oh * ow;
    const GradientAt gradient = {dy + (size_t)group * each * places, filters, places};
    const SeenAt seen = {{x + (size_t)group * own * h * w, {channels, own, h, w}, {stride_y, stride_x, before, dilation},
                          ow, places}};
    const IntoMatrix out = {sums + ((size_t)split * filters + group * each) * n, n};
    product<true>(each, n, split * part, min((split + 1) * part, pictures * places), gradient, seen, out);
}
