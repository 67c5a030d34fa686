// Convolution forward, as an implicit matrix product: no column buffer; bias, activation and sum in the epilogue.
//
// layout: x (n, c, h, w), weight (m, c / groups, size, size), y (n, m, oh, ow). With M = m / groups filters,
// N = n * oh * ow places and K = c / groups * size^2 taps: y (M, N) = weight (M, K) * seen (K, N).
// launch: grid (N / TILE_N, M / TILE_M, groups), 256 threads. -DSIZE -DTILE_* -DACTIVATION, -DPOINTWISE.
// cost: 2 * M * N * K * groups FLOPs; memory at least 4 * (x + weight + y) bytes, and K * N / TILE_M readings of x,
// size^2 of which share cache lines. Limited by FFMA throughput where M and K are above 64.
#include "activation.cuh"
#include "window.cuh"

struct Activated {
    IntoMaps maps;
    const float *bias;  // of the group; may be null
    __device__ __forceinline__ void at(int n) { maps.at(n); }
    __device__ __forceinline__ void store(int m, const float *values) const
    {
        const float b = bias ? __ldg(bias + m) : 0.f;
        float done[4];
#pragma unroll
        for (int j = 0; j < 4; ++j) done[j] = FORWARD(values[j] + b);
        maps.store(m, done);
    }
};

// Up to sm_89 two blocks of large tiles fit; told so, ptxas gets by with 128 registers. From sm_90 on it would spill there.
// 0: its choice.
#if TILE_M * TILE_N > 128 * 64 && __CUDA_ARCH__ < 900
#define RESIDENT 2
#else
#define RESIDENT 0
#endif

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)
    conv2d(const float *__restrict__ x, const float *__restrict__ weight, const float *__restrict__ bias,
           const float *__restrict__ added, float *__restrict__ y, int pictures, int channels, int h, int w, int filters, int oh, int ow, int stride_y,
           int stride_x, int before, int dilation)
{
    const int group = blockIdx.z, own = channels / gridDim.z, m = filters / gridDim.z, k = own * TAPS;
    const AlongK weights = {weight + (size_t)group * m * k, k};
    const SeenBy seen = {x + (size_t)group * own * h * w, {channels, own, h, w}, {stride_y, stride_x, before, dilation},
                         ow, oh * ow};
    const size_t first = (size_t)group * m * oh * ow;
    const Activated out = {{y + first, added ? added + first : added, filters, oh * ow, pictures * oh * ow},
                           bias ? bias + group * m : bias};
    product<false>(m, pictures * oh * ow, 0, k, weights, seen, out);
}
