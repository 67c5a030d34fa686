// What several families of kernels share: flat loops, and sums over a warp or a block in a fixed order.
#pragma once

#define ALL_LANES 0xffffffffu
#define INFINITE __int_as_float(0x7f800000)
#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

// Every index below count once, over a grid of any size. The host keeps count below 2^30, so that int is enough.
#define FOR_EACH(i, count) \
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < (count); i += gridDim.x * blockDim.x)

// The sum over the 32 lanes, in all of them.
template <class T> __device__ __forceinline__ T warp_sum(T value)
{
#pragma unroll
    for (int other = 16; other > 0; other >>= 1) value += __shfl_xor_sync(ALL_LANES, value, other);
    return value;
}

__device__ __forceinline__ float warp_max(float value)
{
#pragma unroll
    for (int other = 16; other > 0; other >>= 1) value = fmaxf(value, __shfl_xor_sync(ALL_LANES, value, other));
    return value;
}

// The sum over a block of whole warps, in thread 0. scratch: 32 numbers of shared memory.
template <class T> __device__ __forceinline__ T block_sum(T value, T *scratch)
{
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    value = warp_sum(value);
    __syncthreads();  // scratch may still be read by an earlier sum
    if (lane == 0) scratch[warp] = value;
    __syncthreads();
    if (warp == 0) value = warp_sum(lane < blockDim.x / 32 ? scratch[lane] : T(0));
    return value;
}
