// Matrix product of one block by tensor cores (WMMA): C (m, n) = sum over k of A (m, k) * B (k, n), factors half and sums
// float; loaders and the writer as in product.cuh.
//
// A block of 8 warps makes 32 * WARPS_M x 32 * WARPS_N results, each warp 32 x 32 of them as 2 x 2 fragments of 16 x 16, from
// slices of 32 of k in shared memory. While a slice is multiplied the next one is on its way through registers into the
// other half. -DWARPS_M: 4 or 2.
// shared memory: 40 KiB.
#pragma once
#include <cuda_fp16.h>
#include <mma.h>
#include "product.cuh"

#ifndef WARPS_M
#define WARPS_M 4
#endif
#define WARPS_N (8 / WARPS_M)
#define ROWS_A (32 * WARPS_M)
#define COLUMNS_B (32 * WARPS_N)
#define SLICE 32
#define K_STEP (SLICE + 8)  // of shared memory: rows then begin in different banks
#define N_STEP (COLUMNS_B + 8)
#define OUT_STEP 20
#define EIGHT 8  // halves in 16 bytes, which go at once

namespace wmma = nvcuda::wmma;

// How B lies in shared memory: along n, or along k.
template <bool K_FAST> struct Lying {
    using Layout = wmma::row_major;
    static constexpr int ROWS = SLICE, STEP = N_STEP;
};
template <> struct Lying<true> {
    using Layout = wmma::col_major;
    static constexpr int ROWS = COLUMNS_B, STEP = K_STEP;
};

// Rows of factors along k, filled up with zeros to `width`, a multiple of 8: half.cu makes them.
struct Filled {
    const __half *start;
    int width;
    __device__ __forceinline__ int4 load_eight(int row, int k) const
    {
        return k < width ? __ldg((const int4 *)(start + (size_t)row * width + k)) : make_int4(0, 0, 0, 0);
    }
};

// Loader of A where K_FAST:  at(k) for a new k, then load(m); otherwise load_eight(m, k) for 8 numbers along k
// Loader of B where K_FAST:  at(k) for a new k, then load(n); otherwise at(n) once for the thread's column, then load(k)
// Writer:                    store_eight(m, n, values) for 8 columns from n on, of which those below n_count are meant
template <bool K_FAST, class A, class B, class C>
__device__ __forceinline__ void product_half(int m_count, int n_count, int k_first, int k_end, A a, B b, C c)
{
    constexpr int A_LOADS = ROWS_A * SLICE / THREADS, B_LOADS = COLUMNS_B * SLICE / THREADS, STEP = Lying<K_FAST>::STEP;
    constexpr int ROWS = THREADS / SLICE, CHUNKS = SLICE / EIGHT, DEPTHS = THREADS / COLUMNS_B;
    __shared__ __align__(32) __half as[2][ROWS_A][K_STEP];
    __shared__ __align__(32) __half bs[2][Lying<K_FAST>::ROWS][STEP];
    __shared__ __align__(32) float outs[8][16][OUT_STEP];
    const int m0 = blockIdx.y * ROWS_A, n0 = blockIdx.x * COLUMNS_B;
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    const int warp_m = warp / WARPS_N * 32, warp_n = warp % WARPS_N * 32;
    const int k_lane = thread % SLICE, row = thread / SLICE;                // of loads along k
    const int column = thread % COLUMNS_B, depth = thread / COLUMNS_B;     // of loads along n
    const int b_end = n0 + column < n_count ? k_end : k_first;  // of loads along n: nothing for columns beyond the last
    int4 a_eights[K_FAST ? 1 : A_LOADS / EIGHT];
    __half a_next[K_FAST ? A_LOADS : 1], b_next[B_LOADS];
    if constexpr (!K_FAST)
        if (k_first < b_end) b.at(n0 + column);

    auto fetch = [&](int k0) {
        const __half zero = __float2half(0.f);
        if constexpr (K_FAST) {
            const int k = k0 + k_lane;
            const bool inside = k < k_end;
            if (inside) a.at(k), b.at(k);
#pragma unroll
            for (int i = 0; i < A_LOADS; ++i) {
                const int m = m0 + row + i * ROWS;
                a_next[i] = inside && m < m_count ? a.load(m) : zero;
            }
#pragma unroll
            for (int i = 0; i < B_LOADS; ++i) {
                const int n = n0 + row + i * ROWS;
                b_next[i] = inside && n < n_count ? b.load(n) : zero;
            }
        } else {
#pragma unroll
            for (int i = 0; i < A_LOADS / EIGHT; ++i) {
                const int chunk = thread + i * THREADS, m = m0 + chunk / CHUNKS;
                a_eights[i] = m < m_count ? a.load_eight(m, k0 + chunk % CHUNKS * EIGHT) : make_int4(0, 0, 0, 0);
            }
#pragma unroll
            for (int i = 0; i < B_LOADS; ++i) {
                const int k = k0 + depth + i * DEPTHS;
                b_next[i] = k < b_end ? b.load(k) : zero;
            }
        }
    };
    auto stash = [&](int half) {
        if constexpr (K_FAST) {
#pragma unroll
            for (int i = 0; i < A_LOADS; ++i) as[half][row + i * ROWS][k_lane] = a_next[i];
#pragma unroll
            for (int i = 0; i < B_LOADS; ++i) bs[half][row + i * ROWS][k_lane] = b_next[i];
        } else {
#pragma unroll
            for (int i = 0; i < A_LOADS / EIGHT; ++i) {
                const int chunk = thread + i * THREADS;
                *(int4 *)&as[half][chunk / CHUNKS][chunk % CHUNKS * EIGHT] = a_eights[i];
            }
#pragma unroll
            for (int i = 0; i < B_LOADS; ++i) bs[half][depth + i * DEPTHS][column] = b_next[i];
        }
    };

    wmma::fragment<wmma::accumulator, 16, 16, 16, float> sums[2][2];
#pragma unroll
    for (int i = 0; i < 4; ++i) wmma::fill_fragment(sums[i / 2][i % 2], 0.f);
    fetch(k_first);
    stash(0);
    __syncthreads();
    for (int k0 = k_first, half = 0; k0 < k_end; k0 += SLICE) {
        const bool more = k0 + SLICE < k_end;
        if (more) fetch(k0 + SLICE);
#pragma unroll
        for (int k = 0; k < SLICE; k += 16) {
            wmma::fragment<wmma::matrix_a, 16, 16, 16, __half, wmma::row_major> left[2];
            wmma::fragment<wmma::matrix_b, 16, 16, 16, __half, typename Lying<K_FAST>::Layout> right[2];
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                const int n = warp_n + 16 * i;
                wmma::load_matrix_sync(left[i], &as[half][warp_m + 16 * i][k], K_STEP);
                wmma::load_matrix_sync(right[i], K_FAST ? &bs[half][n][k] : &bs[half][k][n], STEP);
            }
#pragma unroll
            for (int i = 0; i < 4; ++i) wmma::mma_sync(sums[i / 2][i % 2], left[i / 2], right[i % 2], sums[i / 2][i % 2]);
        }
        if (more) {
            stash(half ^ 1);
            __syncthreads();
            half ^= 1;
        }
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        wmma::store_matrix_sync(&outs[warp][0][0], sums[i / 2][i % 2], OUT_STEP, wmma::mem_row_major);
        __syncwarp();
        const int side = lane % 2 * EIGHT, m = m0 + warp_m + 16 * (i / 2) + lane / 2, n = n0 + warp_n + 16 * (i % 2) + side;
        if (m < m_count && n < n_count) c.store_eight(m, n, &outs[warp][lane / 2][side]);
        __syncwarp();
    }
}
