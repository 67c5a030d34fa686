// Convolution forward in half precision by tensor cores (WMMA), sums in float; bias, activation and sum in the epilogue.
//
// layout: x (n, c, h, w), added, y (n, m, oh, ow) half; bias (m) float; weight (m, taps) half, the rows of a group's
// c / groups * size^2 taps filled up with zeros to `taps`, a multiple of 8. With M = m / groups filters, N = n * oh * ow
// places and K taps: y (M, N) = weight (M, K) * seen (K, N).
// launch: grid (N / (32 * WARPS_N), M / (32 * WARPS_M), groups), 256 threads: see product_half.cuh.
// -DSIZE -DACTIVATION -DWARPS_M, -DPOINTWISE.
// cost: 2 * M * N * K * groups FLOPs; memory at least 2 * (x + weight + y) bytes.
#define ELEMENT __half
#include "product_half.cuh"
#include "activation.cuh"
#include "window.cuh"

// Eight neighbours of a map, or as many as there are: n = (picture, place) is the first.
struct IntoHalfMaps {
    __half *y;            // map 0 of the group
    const __half *added;  // lying as y does; may be null
    const float *bias;    // of the group; may be null
    int maps, places, count;  // maps of all groups, places of a map, columns of the product
    __device__ __forceinline__ void store_eight(int m, int n, const float *sums) const
    {
        __align__(16) __half eight[EIGHT];
        const float b = bias ? __ldg(bias + m) : 0.f;
        const int image = n / places, place = n - image * places;
        const size_t first = ((size_t)image * maps + m) * places + place;
        if (places % EIGHT == 0) {
            if (added) *(int4 *)eight = *(const int4 *)(added + first);
#pragma unroll
            for (int j = 0; j < EIGHT; ++j)
                eight[j] = __float2half(FORWARD(sums[j] + b) + (added ? __half2float(eight[j]) : 0.f));
            *(int4 *)(y + first) = *(const int4 *)eight;
            return;
        }
        for (int j = 0; j < EIGHT && n + j < count; ++j) {
            const size_t at = first + j + (size_t)((place + j) / places) * (maps - 1) * places;  // of a later picture
            y[at] = __float2half(FORWARD(sums[j] + b) + (added ? __half2float(added[at]) : 0.f));
        }
    }
};

extern "C" __global__ void __launch_bounds__(THREADS)
    conv2d_half(const __half *__restrict__ x, const __half *__restrict__ weight, const float *__restrict__ bias,
                const __half *__restrict__ added, __half *__restrict__ y, int pictures, int channels, int h, int w, int filters, int oh,
                int ow, int stride_y, int stride_x, int before, int dilation, int taps)
{
    const int group = blockIdx.z, own = channels / gridDim.z, m = filters / gridDim.z;
    const Filled weights = {weight + (size_t)group * m * taps, taps};
    const SeenBy seen = {x + (size_t)group * own * h * w, {channels, own, h, w}, {stride_y, stride_x, before, dilation},
                         ow, oh * ow};
    const size_t first = (size_t)group * m * oh * ow;
    const IntoHalfMaps out = {y + first, added ? added + first : added, bias ? bias + group * m : bias, filters, oh * ow,
                              pictures * oh * ow};
    product_half<false>(m, pictures * oh * ow, 0, own * TAPS, weights, seen, out);
}
