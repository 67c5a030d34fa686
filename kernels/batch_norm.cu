// Batch norm over n, h, w, and what else works channel by channel.
//
// layout: x, dy, y (n, c, hw); vectors (c,). Sums are made in two steps, in a fixed order whatever the grid does:
// blocks add up parts of `part` elements of a channel, then one thread a channel adds up the parts.
// Limited by memory, 4 bytes an element read for a sum; elementwise kernels 8 to 12.
//   batch_norm_train            12 bytes an element read, 4 written (mean, variance, result)
//   batch_norm_train_backward   16 bytes an element read, 4 written (sums, result)
#include "common.cuh"

// Calls USE(at) for each element of channel blockIdx.x in part blockIdx.y; `at` is its place.
#define FOR_EACH_OF_PART(at, count, part)                                                                   \
    for (int e_ = blockIdx.y * (part) + threadIdx.x, end_ = min((blockIdx.y + 1) * (part), (unsigned)(count)), at; \
         e_ < end_ && (at = (e_ / places * channels + blockIdx.x) * places + e_ % places, true); e_ += blockDim.x)

// sums[c, part] of x. grid (channels, parts), 256 threads.
extern "C" __global__ void channel_sums(const float *__restrict__ x, float *__restrict__ sums, int count, int channels,
                                        int places, int part)
{
    __shared__ float scratch[32];
    float sum = 0.f;
    FOR_EACH_OF_PART(at, count, part) sum += x[at];
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) sums[blockIdx.x * gridDim.y + blockIdx.y] = sum;
}

// sums[c, part] of (x - mean)^2.
extern "C" __global__ void channel_squares(const float *__restrict__ x, const float *__restrict__ mean,
                                           float *__restrict__ sums, int count, int channels, int places, int part)
{
    __shared__ float scratch[32];
    const float middle = mean[blockIdx.x];
    float sum = 0.f;
    FOR_EACH_OF_PART(at, count, part) sum += (x[at] - middle) * (x[at] - middle);
    sum = block_sum(sum, scratch);
    if (threadIdx.x == 0) sums[blockIdx.x * gridDim.y + blockIdx.y] = sum;
}

// sums[0, c, part] of dy, and sums[1, c, part] of dy * (x - mean).
extern "C" __global__ void channel_gradients(const float *__restrict__ dy, const float *__restrict__ x,
                                             const float *__restrict__ mean, float *__restrict__ sums, int count,
                                             int channels, int places, int part)
{
    __shared__ float scratch[32];
    const float middle = mean[blockIdx.x];
    float plain = 0.f, weighted = 0.f;
    FOR_EACH_OF_PART(at, count, part)
    {
        plain += dy[at];
        weighted += dy[at] * (x[at] - middle);
    }
    plain = block_sum(plain, scratch);
    weighted = block_sum(weighted, scratch);
    if (threadIdx.x == 0) {
        float *mine = sums + blockIdx.x * gridDim.y + blockIdx.y;
        mine[0] = plain;
        mine[channels * gridDim.y] = weighted;
    }
}

// total[i] = factor * sum of parts[i, :]. One thread a total; 256 threads a block.
extern "C" __global__ void finish_sums(const float *__restrict__ parts, float *__restrict__ total, int count, int each,
                                       float factor)
{
    FOR_EACH(i, count)
    {
        float sum = 0.f;
        for (int k = 0; k < each; ++k) sum += parts[i * each + k];
        total[i] = factor * sum;
    }
}

// y = scale * (x - mean) / sqrt(var + eps) + bias. Any grid of 256 threads.
extern "C" __global__ void batch_norm(const float *__restrict__ x, const float *__restrict__ scale,
                                      const float *__restrict__ bias, const float *__restrict__ mean,
                                      const float *__restrict__ var, float eps, float *__restrict__ y, int count,
                                      int channels, int places)
{
    FOR_EACH(i, count)
    {
        const int c = i / places % channels;
        y[i] = scale[c] * (1.f / sqrtf(var[c] + eps)) * (x[i] - mean[c]) + bias[c];
    }
}

// dx of batch norm with the statistics of the batch; sums: of dy, and of dy * (x - mean), each (c,).
extern "C" __global__ void batch_norm_dx(const float *__restrict__ dy, const float *__restrict__ x,
                                         const float *__restrict__ scale, const float *__restrict__ mean,
                                         const float *__restrict__ var, float eps, const float *__restrict__ sums,
                                         float *__restrict__ dx, float *__restrict__ dscale, int count, int channels,
                                         int places)
{
    const float share = (float)channels / count;  // 1 / (n * h * w)
    FOR_EACH(i, count)
    {
        const int c = i / places % channels;
        const float inverse = 1.f / sqrtf(var[c] + eps), sum = sums[channels + c] * inverse;
        dx[i] = scale[c] * inverse * (dy[i] - share * sums[c] - (x[i] - mean[c]) * inverse * share * sum);
        if (i < channels * places && i % places == 0) dscale[c] = sum;
    }
}

// y = x * k + shift, both (c,); k may be null for 1. Any grid of 256 threads.
extern "C" __global__ void scale_shift(const float *__restrict__ x, const float *__restrict__ k,
                                       const float *__restrict__ shift, float *__restrict__ y, int count, int channels,
                                       int places)
{
    FOR_EACH(i, count)
    {
        const int c = i / places % channels;
        y[i] = (k ? x[i] * k[c] : x[i]) + shift[c];
    }
}
