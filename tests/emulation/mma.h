// Products of a warp's fragments for emulated kernels, in CUDA's words (nvcuda::wmma), for half factors and float sums.
//
// Which lane has which numbers is nobody's business there, so here each lane reads both factors as a whole, and owns some
// of the sums. Each call waits until all lanes of the warp have come, and only then reads or writes: what
// a lane stores is there for the others behind the next __syncwarp.
#pragma once
#include "cuda_fp16.h"

namespace nvcuda {
namespace wmma {
struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
struct col_major;
enum layout_t { mem_row_major, mem_col_major };

template <class Use, int M, int N, int K, class T, class Layout = void> struct fragment;
template <int M, int N, int K> struct fragment<matrix_a, M, N, K, __half, row_major> {
    float all[M][K];
    float &at(int row, int column) { return all[row][column]; }
};
template <int M, int N, int K> struct fragment<matrix_b, M, N, K, __half, row_major> {
    float all[K][N];
    float &at(int row, int column) { return all[row][column]; }
};
template <int M, int N, int K> struct fragment<matrix_b, M, N, K, __half, col_major> {
    float all[K][N];
    float &at(int column, int row) { return all[row][column]; }
};
template <int M, int N, int K> struct fragment<accumulator, M, N, K, float, void> {
    static constexpr int num_elements = M * N / 32;
    float x[num_elements];
};

template <class F> static inline void fill_fragment(F &f, float value)
{
    for (auto &x : f.x) x = value;
}

template <class F> static inline void load_matrix_sync(F &f, const __half *start, unsigned step)
{
    if ((size_t)start % 32 || step % 8) __builtin_trap();  // CUDA asks for that
    __syncwarp();
    for (int line = 0; line < 16; ++line)
        for (int i = 0; i < 16; ++i) f.at(line, i) = (float)start[(size_t)line * step + i].v;
}

template <int M, int N, int K, class A, class B>
static inline void mma_sync(fragment<accumulator, M, N, K, float> &d, const A &a, const B &b,
                            const fragment<accumulator, M, N, K, float> &c)
{
    constexpr int COUNT = M * N / 32;
    __syncwarp();
    for (int e = 0; e < COUNT; ++e) {
        const int place = 32 * e + emu::lane();
        float sum = c.x[e];
        for (int k = 0; k < K; ++k) sum += a.all[place / N][k] * b.all[k][place % N];
        d.x[e] = sum;
    }
}

template <int M, int N, int K>
static inline void store_matrix_sync(float *start, const fragment<accumulator, M, N, K, float> &f, unsigned step, layout_t layout)
{
    if ((size_t)start % 32 || step % 4 || layout != mem_row_major) __builtin_trap();
    __syncwarp();
    constexpr int COUNT = M * N / 32;
    for (int e = 0; e < COUNT; ++e) {
        const int place = 32 * e + emu::lane();
        start[(size_t)(place / N) * step + place % N] = f.x[e];
    }
}
}  // namespace wmma
}  // namespace nvcuda
