// Matrix product of one block: C (m, n) = sum over k of A (m, k) * B (k, n), where A, B and C are whatever a kernel's
// loaders and its writer make of memory: pictures seen through a window, weights, plain matrices.
//
// A block of 256 threads makes TILE_M x TILE_N results, each thread PER_M x PER_N of them, from slices of TILE_K = 8 in
// shared memory. While a slice is multiplied the next one is on its way through registers into the other half.
//
// -DTILE_M -DTILE_N -DPER_M -DPER_N: 128 128 8 8 (large), 64 64 4 4, 32 128 4 4 (few rows). PER_* are 4 or 8.
// shared memory: 2 * 8 * (TILE_M + TILE_N + 8) * 4 bytes: 16.5 KiB for the largest.
// arithmetic intensity: TILE_M * TILE_N / (TILE_M + TILE_N) / 2 FLOPs a byte from memory: 32, 16, 12.8.
#pragma once
#include "common.cuh"

#ifndef TILE_M
#define TILE_M 64
#define TILE_N 64
#define PER_M 4
#define PER_N 4
#endif
#define TILE_K 8
#define THREADS 256
#define PAD 4  // columns of shared memory: writes along k then meet 32 different banks, and rows stay aligned for float4

// Loader of A, and of B where K_FAST:   at(k) for a new k, then load(m or n) for that k
// Loader of B otherwise:                at(n) once for the thread's column, then load(k)
// Writer:                               at(n) for the 4 columns from n on, then store(m, values) for rows
template <bool K_FAST, class A, class B, class C>
__device__ __forceinline__ void product(int m_count, int n_count, int k_first, int k_end, A a, B b, C c)
{
    constexpr int A_LOADS = TILE_M * TILE_K / THREADS, B_LOADS = TILE_N * TILE_K / THREADS;
    constexpr int ROWS = THREADS / TILE_K, DEPTHS = THREADS / TILE_N;  // steps between the loads of a thread
    constexpr int GROUPS_M = PER_M / 4, GROUPS_N = PER_N / 4;
    __shared__ __align__(16) float as[2][TILE_K][TILE_M + PAD];
    __shared__ __align__(16) float bs[2][TILE_K][TILE_N + PAD];
    const int thread = threadIdx.x, m0 = blockIdx.y * TILE_M, n0 = blockIdx.x * TILE_N;
    const int tx = thread % (TILE_N / PER_N), ty = thread / (TILE_N / PER_N);
    const int k_lane = thread % TILE_K, row = thread / TILE_K;     // of loads along k
    const int column = thread % TILE_N, depth = thread / TILE_N;   // of loads along n
    const int b_end = n0 + column < n_count ? k_end : k_first;  // of loads along n: nothing for columns beyond the last
    float sums[PER_M][PER_N] = {}, a_next[A_LOADS], b_next[B_LOADS];
    if (!K_FAST && k_first < b_end) b.at(n0 + column);

    auto fetch = [&](int k0) {
        const int k = k0 + k_lane;
        const bool inside = k < k_end;
        if (inside) a.at(k);
#pragma unroll
        for (int i = 0; i < A_LOADS; ++i) {
            const int m = m0 + row + i * ROWS;
            a_next[i] = inside && m < m_count ? a.load(m) : 0.f;
        }
        if (K_FAST && inside) b.at(k);
#pragma unroll
        for (int i = 0; i < B_LOADS; ++i) {
            if (K_FAST) {
                const int n = n0 + row + i * ROWS;
                b_next[i] = inside && n < n_count ? b.load(n) : 0.f;
            } else {
                const int deep = k0 + depth + i * DEPTHS;
                b_next[i] = deep < b_end ? b.load(deep) : 0.f;
            }
        }
    };
    auto stash = [&](int half) {
#pragma unroll
        for (int i = 0; i < A_LOADS; ++i) as[half][k_lane][row + i * ROWS] = a_next[i];
#pragma unroll
        for (int i = 0; i < B_LOADS; ++i)
            if (K_FAST) bs[half][k_lane][row + i * ROWS] = b_next[i];
            else bs[half][depth + i * DEPTHS][column] = b_next[i];
    };

    fetch(k_first);
    stash(0);
    __syncthreads();
    int half = 0;
    for (int k0 = k_first; k0 < k_end; k0 += TILE_K) {
        const bool more = k0 + TILE_K < k_end;
        if (more) fetch(k0 + TILE_K);
#pragma unroll
        for (int k = 0; k < TILE_K; ++k) {
            float av[PER_M], bv[PER_N];
#pragma unroll
            for (int g = 0; g < GROUPS_M; ++g)
                *(float4 *)&av[4 * g] = *(const float4 *)&as[half][k][g * (TILE_M / GROUPS_M) + ty * 4];
#pragma unroll
            for (int g = 0; g < GROUPS_N; ++g)
                *(float4 *)&bv[4 * g] = *(const float4 *)&bs[half][k][g * (TILE_N / GROUPS_N) + tx * 4];
#pragma unroll
            for (int i = 0; i < PER_M; ++i)
#pragma unroll
                for (int j = 0; j < PER_N; ++j) sums[i][j] += av[i] * bv[j];
        }
        if (more) {
            stash(half ^ 1);
            __syncthreads();
            half ^= 1;
        }
    }
#pragma unroll
    for (int gn = 0; gn < GROUPS_N; ++gn) {
        const int n = n0 + gn * (TILE_N / GROUPS_N) + tx * 4;
        if (n >= n_count) continue;
        c.at(n);
#pragma unroll
        for (int i = 0; i < PER_M; ++i) {
            const int m = m0 + i / 4 * (TILE_M / GROUPS_M) + ty * 4 + i % 4;
            if (m < m_count) c.store(m, &sums[i][4 * gn]);
        }
    }
}

// A plain matrix, k its fast axis: element (row, k) at start[row * width + k].
struct AlongK {
    const float *start;
    int width;
    const float *here;
    __device__ __forceinline__ void at(int k) { here = start + k; }
    __device__ __forceinline__ float load(int row) const { return __ldg(here + row * width); }
};

// A plain matrix with k its slow axis: element (k, column) at start[k * width + column].
struct AcrossK {  // at(k), load(column)
    const float *start;
    int width, k;
    __device__ __forceinline__ void at(int k_) { k = k_; }
    __device__ __forceinline__ float load(int column) const { return __ldg(start + (size_t)k * width + column); }
};
struct ColumnOfK {  // at(column), load(k)
    const float *start;
    int width, column;
    __device__ __forceinline__ void at(int column_) { column = column_; }
    __device__ __forceinline__ float load(int k) const { return __ldg(start + (size_t)k * width + column); }
};

// Four neighbours of a row whose length is `width`; the first is number n of it.
__device__ __forceinline__ void store_four(float *place, const float *values, int n, int width)
{
    if (width % 4 == 0) {
        *(float4 *)place = make_float4(values[0], values[1], values[2], values[3]);
        return;
    }
#pragma unroll
    for (int j = 0; j < 4; ++j)
        if (n + j < width) place[j] = values[j];
}

struct IntoMatrix {
    float *start;
    int width, n;
    __device__ __forceinline__ void at(int n_) { n = n_; }
    __device__ __forceinline__ void store(int m, const float *values) const
    {
        store_four(start + (size_t)m * width + n, values, n, width);
    }
};
