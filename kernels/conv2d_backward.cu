// Gradients of a convolution, as implicit matrix products; names as in conv2d.cu.
//
// conv2d_dx (M = c / groups, N = n * h * w, K = m / groups * size^2): gathers, so every dx is written once.
//   -DSIZE -DTILE_* -DSTRIDE_Y -DSTRIDE_X (constants, since places are divided by them). grid (N, M, groups) tiles.
// conv2d_dweight (M = m / groups, N = c / groups * size^2, K = n * oh * ow): K is cut into `splits` parts, each with
//   its own result in `sums` (splits, filters, N), which sum_splits adds up in order: no atomics, the same bits always.
//   grid (N, M, groups * splits) tiles.
// cost of each: 2 * M * N * K * groups FLOPs, as forward. With stride s conv2d_dx multiplies s^2 - 1 zeros for each value.
#include "gradients.cuh"

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
