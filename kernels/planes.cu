// Whole planes: the mean of each, products of arrays of which one is stretched over the other's planes or channels.
//
// layout: x (n, c, places), factor (n or 1, c or 1, places or 1). Limited by memory.
//   mean_places, multiply_sums   one warp a result, 128 threads a block; 4 and 8 bytes an element
//   spread_places, multiply      any grid of 256 threads; 4 and 8 to 12 bytes an element
#include "common.cuh"

// y[plane] = mean of the plane.
extern "C" __global__ void mean_places(const float *__restrict__ x, float *__restrict__ y, int planes, int places)
{
    const int plane = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
    if (plane >= planes) return;
    float sum = 0.f;
    for (int p = threadIdx.x % 32; p < places; p += 32) sum += x[(size_t)plane * places + p];
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) y[plane] = sum / places;
}

// dx = dy / places at each place of the plane.
extern "C" __global__ void spread_places(const float *__restrict__ dy, float *__restrict__ dx, int count, int places)
{
    FOR_EACH(i, count) dx[i] = dy[i / places] / places;
}

// The number of factor (many, wide, length) that belongs to element i of x (n, channels, places).
__device__ __forceinline__ int factor_of(int i, int channels, int places, int many, int wide, int length)
{
    const int place = i % places, channel = i / places % channels, picture = i / places / channels;
    const int row = (many == 1 ? 0 : picture) * wide + (wide == 1 ? 0 : channel);
    return row * length + (length == 1 ? 0 : place);
}

// y = factor * x
extern "C" __global__ void multiply(const float *__restrict__ factor, const float *__restrict__ x, float *__restrict__ y,
                                    int count, int channels, int places, int many, int wide, int length)
{
    FOR_EACH(i, count) y[i] = factor[factor_of(i, channels, places, many, wide, length)] * x[i];
}

// sums = the sum of dy * x over what factor was stretched over; one warp each.
extern "C" __global__ void multiply_sums(const float *__restrict__ dy, const float *__restrict__ x, float *__restrict__ sums,
                                         int pictures, int channels, int places, int many, int wide, int length)
{
    const int which = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
    if (which >= many * wide * length) return;
    const int picture = which / length / wide, channel = which / length % wide, place = which % length;
    const int own_channels = channels / wide, own_places = places / length;
    const int each = own_channels * own_places, all = each * (pictures / many);
    float sum = 0.f;
    for (int k = threadIdx.x % 32; k < all; k += 32) {
        const int c = channel + k % each / own_places, p = place + k % own_places;
        const size_t at = ((size_t)(picture + k / each) * channels + c) * places + p;
        sum += dy[at] * x[at];
    }
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) sums[which] = sum;
}
