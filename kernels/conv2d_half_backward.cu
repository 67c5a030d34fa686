// Gradients of a convolution by tensor cores (WMMA): x, dy and weight half, sums and results float; see conv2d_backward.cu.
//
// dy is multiplied with a loss scale, so that its small numbers are numbers in half precision; what comes out is multiplied
// with `factor`, which takes that back.
// conv2d_half_dx: weight (groups * c / groups, filters), turned: row (group, channel) has the m / groups * size^2 numbers
//   (filter, tap) of that channel, filled up with zeros to `taps`. -DSIZE -DWARPS_M -DSTRIDE_Y -DSTRIDE_X.
// conv2d_half_dweight: -DSIZE -DWARPS_M, -DPOINTWISE; both factors are read along the places, 32 a warp.
// launch: grids as in conv2d_backward.cu, of tiles as in product_half.cuh; 256 threads.
// cost of each: 2 * M * N * K * groups FLOPs; dx multiplies stride^2 - 1 zeros for each value.
#define ELEMENT __half
#include "product_half.cuh"
#include "gradients.cuh"

// Eight columns through a writer of four.
template <class Four> struct Scaled {
    Four out;
    int count;  // columns of the product
    float factor;
    __device__ __forceinline__ void store_eight(int m, int n, const float *sums)
    {
#pragma unroll
        for (int j = 0; j < EIGHT; j += 4) {
            if (n + j >= count) return;
            const float values[4] = {factor * sums[j], factor * sums[j + 1], factor * sums[j + 2], factor * sums[j + 3]};
            out.at(n + j);
            out.store(m, values);
        }
    }
};

extern "C" __global__ void __launch_bounds__(THREADS)
    conv2d_half_dx(const __half *__restrict__ dy, const __half *__restrict__ weight, float *__restrict__ dx, float factor,
                   int pictures, int channels, int h, int w, int filters, int oh, int ow, int before, int dilation, int taps)
{
    const int group = blockIdx.z, own = channels / gridDim.z, each = filters / gridDim.z, count = pictures * h * w;
    const Filled weights = {weight + (size_t)group * own * taps, taps};
    const GivenBack given = {dy + (size_t)group * each * oh * ow, filters, h, w, oh, ow, before, dilation};
    const IntoMaps maps = {dx + (size_t)group * own * h * w, nullptr, channels, h * w, count};
    product_half<false>(own, count, 0, each * TAPS, weights, given, Scaled<IntoMaps>{maps, count, factor});
}

// Told of two blocks, ptxas gets by with 128 registers where few columns are seen by a block; else it would spill. 0: its choice.
#if WARPS_M == 4
#define RESIDENT 2
#else
#define RESIDENT 0
#endif

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)
    conv2d_half_dweight(const __half *__restrict__ dy, const __half *__restrict__ x, float *__restrict__ sums, float factor,
                        int pictures, int channels, int h, int w, int filters, int oh, int ow, int stride_y, int stride_x,
                        int before, int dilation, int groups, int part)
{
    const int group = blockIdx.z % groups, split = blockIdx.z / groups;
    const int own = channels / groups, each = filters / groups, n = own * TAPS, places = oh * ow;
    const GradientAt gradient = {dy + (size_t)group * each * places, filters, places};
    const SeenAt seen = {{x + (size_t)group * own * h * w, {channels, own, h, w}, {stride_y, stride_x, before, dilation},
                          ow, places}};
    const IntoMatrix out = {sums + ((size_t)split * filters + group * each) * n, n};
    product_half<true>(each, n, split * part, min((split + 1) * part, pictures * places), gradient, seen,
                       Scaled<IntoMatrix>{out, n, factor});
}
