// Sums of a loss's figures over a block, one row of (blocks, COUNT) a block; heads.cu adds the rows.
#pragma once
#include "common.cuh"

template <int COUNT> __device__ __forceinline__ void store_figures(const double (&sums)[COUNT], double *figures)
{
    __shared__ double scratch[32];
#pragma unroll
    for (int f = 0; f < COUNT; ++f) {
        const double sum = block_sum(sums[f], scratch);
        if (threadIdx.x == 0) figures[blockIdx.x * COUNT + f] = sum;
    }
}
