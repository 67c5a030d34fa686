// Filters (m, width) as wholes: XNOR-Net's plus and minus their mean size, gradients without their mean, and the weights of
// shortcuts.
//
// layout: contiguous. launch: binary_filters and centred_filters a block of 256 threads a filter; shares and
// shares_backward any grid of 256 threads, one thread a column of weights (inputs, width), of which there are few.
// Limited by memory: 8 bytes an element, of which 4 come from cache.
#include "common.cuh"

#ifndef KIND
#define KIND 1
#endif

// Plus or minus the mean absolute value of the filter.
extern "C" __global__ void binary_filters(const float *__restrict__ weight, float *__restrict__ y, int width)
{
    __shared__ float scratch[32], mean;
    const float *own = weight + (size_t)blockIdx.x * width;
    float sum = 0.f;
    for (int k = threadIdx.x; k < width; k += blockDim.x) sum += fabsf(own[k]);
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) mean = sum / width;
    __syncthreads();
    for (int k = threadIdx.x; k < width; k += blockDim.x) y[(size_t)blockIdx.x * width + k] = own[k] > 0.f ? mean : -mean;
}

// Each filter without its mean.
extern "C" __global__ void centred_filters(const float *__restrict__ weight, float *__restrict__ y, int width)
{
    __shared__ float scratch[32], mean;
    const float *own = weight + (size_t)blockIdx.x * width;
    float sum = 0.f;
    for (int k = threadIdx.x; k < width; k += blockDim.x) sum += own[k];
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) mean = sum / width;
    __syncthreads();
    for (int k = threadIdx.x; k < width; k += blockDim.x) y[(size_t)blockIdx.x * width + k] = own[k] - mean;
}

// A column of weights: -DKIND=0 negative ones count as 0, -DKIND=1 softmax.
struct Column {
    float largest, total, ties;
};
__device__ __forceinline__ float positive(float weight, float largest)
{
    return KIND == 0 ? fmaxf(weight, 0.f) : expf(weight - largest);
}
__device__ __forceinline__ Column column_of(const float *weight, int inputs, int width, float eps)
{
    Column column = {-INFINITE, eps, 0.f};
    for (int k = 0; k < inputs; ++k) column.largest = fmaxf(column.largest, weight[k * width]);
    for (int k = 0; k < inputs; ++k) {
        column.total += positive(weight[k * width], column.largest);
        column.ties += weight[k * width] == column.largest ? 1.f : 0.f;
    }
    return column;
}

// y = weight's share of the sum over the inputs, which begins with eps.
extern "C" __global__ void shares(const float *__restrict__ weight, float *__restrict__ y, int inputs, int width, float eps)
{
    FOR_EACH(i, width)
    {
        const Column column = column_of(weight + i, inputs, width, eps);
        for (int k = 0; k < inputs; ++k) y[k * width + i] = positive(weight[k * width + i], column.largest) / column.total;
    }
}

// The largest weight also moves the others' exponents, which eps doesn't follow.
extern "C" __global__ void shares_backward(const float *__restrict__ dy, const float *__restrict__ weight,
                                           float *__restrict__ dweight, int inputs, int width, float eps)
{
    FOR_EACH(i, width)
    {
        const Column column = column_of(weight + i, inputs, width, eps);
        float mean = 0.f;
        for (int k = 0; k < inputs; ++k)
            mean += dy[k * width + i] * positive(weight[k * width + i], column.largest) / column.total;
        for (int k = 0; k < inputs; ++k) {
            const float w = weight[k * width + i];
            const float slope = KIND == 0 ? (w > 0.f ? 1.f : 0.f) : positive(w, column.largest);
            const float shift = KIND == 1 && w == column.largest ? eps / column.ties : 0.f;
            dweight[k * width + i] = (slope * (dy[k * width + i] - mean) - shift * mean) / column.total;
        }
    }
}
