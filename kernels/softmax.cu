// Softmax, its backward and sums, over spans of an axis: for YOLOv2's classes, trees of classes, groups.
//
// layout: (outer, axis, inner); spans: pairs (first, behind the last) along the axis. One warp a span of one
// (outer, inner); 128 threads a block, grid over outer * inner * spans warps. Reads are in one piece where inner is 1.
// Limited by memory: 12 bytes an element (softmax), 12 (backward), 8 (sums), the second readings from cache.
#include "common.cuh"

struct Span {
    size_t start;  // of its first element
    int length, step;
};

// The span of this warp. False behind the last one.
__device__ __forceinline__ bool own_span(const int *spans, int span_count, int outer, int axis, int inner, Span &span)
{
    const int warp = blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
    if (warp >= outer * inner * span_count) return false;
    const int which = warp / inner % span_count, before = warp / inner / span_count;
    const int first = spans[2 * which];
    span.start = ((size_t)before * axis + first) * inner + warp % inner;
    span.length = spans[2 * which + 1] - first;
    span.step = inner;
    return true;
}

#define FOR_EACH_OF_SPAN(at) \
    for (size_t k_ = threadIdx.x % 32, at; k_ < span.length && (at = span.start + k_ * span.step, true); k_ += 32)

extern "C" __global__ void softmax(const float *__restrict__ x, const int *__restrict__ spans, float *__restrict__ y,
                                   int span_count, int outer, int axis, int inner)
{
    Span span;
    if (!own_span(spans, span_count, outer, axis, inner, span)) return;
    float largest = -INFINITE, total = 0.f;
    FOR_EACH_OF_SPAN(at) largest = fmaxf(largest, x[at]);
    largest = warp_max(largest);
    FOR_EACH_OF_SPAN(at) total += expf(x[at] - largest);
    total = warp_sum(total);
    FOR_EACH_OF_SPAN(at) y[at] = expf(x[at] - largest) / total;
}

// dx = y * (dy - sum of dy * y)
extern "C" __global__ void softmax_backward(const float *__restrict__ dy, const float *__restrict__ y,
                                            const int *__restrict__ spans, float *__restrict__ dx, int span_count,
                                            int outer, int axis, int inner)
{
    Span span;
    if (!own_span(spans, span_count, outer, axis, inner, span)) return;
    float total = 0.f;
    FOR_EACH_OF_SPAN(at) total += dy[at] * y[at];
    total = warp_sum(total);
    FOR_EACH_OF_SPAN(at) dx[at] = y[at] * (dy[at] - total);
}

// For each element the sum over its span.
extern "C" __global__ void span_sums(const float *__restrict__ x, const int *__restrict__ spans, float *__restrict__ sums,
                                     int span_count, int outer, int axis, int inner)
{
    Span span;
    if (!own_span(spans, span_count, outer, axis, inner, span)) return;
    float total = 0.f;
    FOR_EACH_OF_SPAN(at) total += x[at];
    total = warp_sum(total);
    FOR_EACH_OF_SPAN(at) sums[at] = total;
}
