// Products of plain matrices, for fully connected layers. x (n, k), weight (m, k), y (n, m).
//
// launch: grid (columns / TILE_N, rows / TILE_M, splits) of the result, 256 threads; k cut into parts of `part`, whose
// results lie behind each other in `sums` (splits, rows, columns) and are added up by sum_splits.
// cost: 2 * n * m * k FLOPs; for small batches limited by reading the weights, 4 * m * k bytes.
#include "product.cuh"

extern "C" __global__ void __launch_bounds__(THREADS) linear(const float *__restrict__ x, const float *__restrict__ weight,
                                                             float *__restrict__ sums, int n, int m, int k, int part)
{
    const AlongK a = {x, k}, b = {weight, k};
    const IntoMatrix out = {sums + (size_t)blockIdx.z * n * m, m};
    product<true>(n, m, blockIdx.z * part, min((blockIdx.z + 1) * part, k), a, b, out);
}

extern "C" __global__ void __launch_bounds__(THREADS) linear_dx(const float *__restrict__ dy, const float *__restrict__ weight,
                                                                float *__restrict__ sums, int n, int m, int k, int part)
{
    const AlongK a = {dy, m};
    const ColumnOfK b = {weight, k};
    const IntoMatrix out = {sums + (size_t)blockIdx.z * n * k, k};
    product<false>(n, k, blockIdx.z * part, min((blockIdx.z + 1) * part, m), a, b, out);
}

extern "C" __global__ void __launch_bounds__(THREADS) linear_dweight(const float *__restrict__ dy, const float *__restrict__ x,
                                                                     float *__restrict__ sums, int n, int m, int k, int part)
{
    const AcrossK a = {dy, m};
    const ColumnOfK b = {x, k};
    const IntoMatrix out = {sums + (size_t)blockIdx.z * m * k, k};
    product<false>(m, k, blockIdx.z * part, min((blockIdx.z + 1) * part, n), a, b, out);
}
