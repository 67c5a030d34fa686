// Convolution forward in half precision by tensor cores (WMMA), sums in float; bias, activation and sum in the epilogue.
//
// layout: x (n, c, h, w), added, y (n, m, oh, ow) half; bias (m) float; weight (m, taps) half, the rows of a group's
// c / groups * size^2 taps filled up with zeros to `taps`, a multiple of 8. With M = m / groups filters, N = n * oh * ow
// places and K taps: y (M, N) = weight (M, K) * seen (K, N).
// launch: grid (N / (32 * WARPS_N), M / (32 * WARPS_M), groups), 256 threads: 8 warps of 32 x 32 results each, as 2 x 2
// fragments of 16 x 16. -DSIZE -DACTIVATION -DWARPS_M (4 or 2), -DPOINTWISE.
// cost: 2 * M * N * K * groups FLOPs; memory at least 2 * (x + weight + y) bytes. shared memory: 40 KiB at most.
// Slices of 32 taps; while one is multiplied the next one is on its way through registers into the other half.
#include <cuda_fp16.h>
#include <mma.h>
#define ELEMENT __half
#include "activation.cuh"
#include "window.cuh"

#ifndef WARPS_M
#define WARPS_M 4
#endif
#define WARPS_N (8 / WARPS_M)
#define ROWS_A (32 * WARPS_M)
#define COLUMNS_B (32 * WARPS_N)
#define SLICE 32
#define A_STEP (SLICE + 8)      // of shared memory: rows then begin in different banks
#define B_STEP (COLUMNS_B + 8)
#define OUT_STEP 20
#define EIGHT 8  // halves in 16 bytes, which go at once

namespace wmma = nvcuda::wmma;

// Eight neighbours of a map, or as many as there are: n = (picture, place) is the first.
__device__ __forceinline__ void store_eight(const float *sums, float bias, const __half *added, __half *y, int n, int maps,
                                            int places, int count)
{
    __align__(16) __half eight[EIGHT];
    const int image = n / places, place = n - image * places;
    const size_t first = (size_t)image * maps * places + place;
    if (places % EIGHT == 0) {
        if (added) *(int4 *)eight = *(const int4 *)(added + first);
#pragma unroll
        for (int j = 0; j < EIGHT; ++j)
            eight[j] = __float2half(FORWARD(sums[j] + bias) + (added ? __half2float(eight[j]) : 0.f));
        *(int4 *)(y + first) = *(const int4 *)eight;
        return;
    }
    for (int j = 0; j < EIGHT && n + j < count; ++j) {
        const size_t at = first + j + (size_t)((place + j) / places) * (maps - 1) * places;  // of a later picture
        y[at] = __float2half(FORWARD(sums[j] + bias) + (added ? __half2float(added[at]) : 0.f));
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    conv2d_half(const __half *__restrict__ x, const __half *__restrict__ weight, const float *__restrict__ bias,
                const __half *__restrict__ added, __half *__restrict__ y, int pictures, int channels, int h, int w, int filters, int oh,
                int ow, int stride_y, int stride_x, int before, int dilation, int taps)
{
    constexpr int A_LOADS = ROWS_A * SLICE / EIGHT / THREADS, B_LOADS = COLUMNS_B * SLICE / THREADS;
    constexpr int CHUNKS = SLICE / EIGHT, DEPTHS = THREADS / COLUMNS_B;
    __shared__ __align__(32) __half as[2][ROWS_A][A_STEP];
    __shared__ __align__(32) __half bs[2][SLICE][B_STEP];
    __shared__ __align__(32) float outs[8][16][OUT_STEP];
    const int group = blockIdx.z, own = channels / gridDim.z, m_count = filters / gridDim.z, k_count = own * TAPS;
    const int places = oh * ow, n_count = pictures * places, m0 = blockIdx.y * ROWS_A, n0 = blockIdx.x * COLUMNS_B;
    const int thread = threadIdx.x, warp = thread / 32, lane = thread % 32;
    const int warp_m = warp / WARPS_N * 32, warp_n = warp % WARPS_N * 32;
    const int column = thread % COLUMNS_B, depth = thread / COLUMNS_B;
    const bool own_column = n0 + column < n_count;
    SeenBy seen = {x + (size_t)group * own * h * w, {channels, own, h, w}, {stride_y, stride_x, before, dilation}, ow, places};
    if (own_column) seen.at(n0 + column);
    weight += (size_t)group * m_count * taps;

    int4 a_next[A_LOADS];
    __half b_next[B_LOADS];
    auto fetch = [&](int k0) {
#pragma unroll
        for (int i = 0; i < A_LOADS; ++i) {
            const int chunk = thread + i * THREADS, m = m0 + chunk / CHUNKS, k = k0 + chunk % CHUNKS * EIGHT;
            const bool inside = m < m_count && k < taps;
            a_next[i] = inside ? __ldg((const int4 *)(weight + (size_t)m * taps + k)) : make_int4(0, 0, 0, 0);
        }
#pragma unroll
        for (int i = 0; i < B_LOADS; ++i) {
            const int k = k0 + depth + i * DEPTHS;
            b_next[i] = own_column && k < k_count ? seen.load(k) : __float2half(0.f);
        }
    };
    auto stash = [&](int half) {
#pragma unroll
        for (int i = 0; i < A_LOADS; ++i) {
            const int chunk = thread + i * THREADS;
            *(int4 *)&as[half][chunk / CHUNKS][chunk % CHUNKS * EIGHT] = a_next[i];
        }
#pragma unroll
        for (int i = 0; i < B_LOADS; ++i) bs[half][depth + i * DEPTHS][column] = b_next[i];
    };

    wmma::fragment<wmma::accumulator, 16, 16, 16, float> sums[2][2];
#pragma unroll
    for (int i = 0; i < 4; ++i) wmma::fill_fragment(sums[i / 2][i % 2], 0.f);
    fetch(0);
    stash(0);
    __syncthreads();
    for (int k0 = 0, half = 0; k0 < k_count; k0 += SLICE) {
        const bool more = k0 + SLICE < k_count;
        if (more) fetch(k0 + SLICE);
#pragma unroll
        for (int k = 0; k < SLICE; k += 16) {
            wmma::fragment<wmma::matrix_a, 16, 16, 16, __half, wmma::row_major> a[2];
            wmma::fragment<wmma::matrix_b, 16, 16, 16, __half, wmma::row_major> b[2];
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                wmma::load_matrix_sync(a[i], &as[half][warp_m + 16 * i][k], A_STEP);
                wmma::load_matrix_sync(b[i], &bs[half][k][warp_n + 16 * i], B_STEP);
            }
#pragma unroll
            for (int i = 0; i < 4; ++i) wmma::mma_sync(sums[i / 2][i % 2], a[i / 2], b[i % 2], sums[i / 2][i % 2]);
        }
        if (more) {
            stash(half ^ 1);
            __syncthreads();
            half ^= 1;
        }
    }
    const size_t start = (size_t)group * m_count * places;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        wmma::store_matrix_sync(&outs[warp][0][0], sums[i / 2][i % 2], OUT_STEP, wmma::mem_row_major);
        __syncwarp();
        const int m = m0 + warp_m + 16 * (i / 2) + lane / 2, side = lane % 2 * EIGHT, n = n0 + warp_n + 16 * (i % 2) + side;
        if (m < m_count && n < n_count) {
            const size_t map = start + (size_t)m * places;
            store_eight(&outs[warp][lane / 2][side], bias ? __ldg(bias + group * m_count + m) : 0.f, added ? added + map : added,
                        y + map, n, filters, places, n_count);
        }
        __syncwarp();
    }
}
