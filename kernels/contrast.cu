// [contrastive]: vectors out of an array and back, and the supervised contrastive loss of their cosines (Khosla et al. 2020).
// darknet_py/ops/contrast.py is the same on the host.
//
// layout: x any (n, c, h, w), in which a vector has its numbers `step` apart from starts[k] on; z (count, size); cosines
// (count, count); labels, groups (count,): vectors of one group are compared, those of one label among them are the same.
// launch: contrast_cost a warp a row of the cosines, blocks of 256 threads; the others any grid of 256 threads, one a
// number of z. cost: contrast_cost reads its row six times, and once for each number where only the `nearest` count;
// scatter_vectors looks for vectors with the same start, which share their places. All of it is small beside a layer:
// there are some hundreds of vectors.
#include "common.cuh"

extern "C" __global__ void gather_vectors(const float *__restrict__ x, const int *__restrict__ starts, float *__restrict__ z,
                                          int count, int size, int step)
{
    FOR_EACH(i, count * size) z[i] = x[starts[i / size] + (size_t)(i % size) * step];
}

// y is 0 elsewhere. The first of the vectors of one place adds them up in their order.
extern "C" __global__ void scatter_vectors(const float *__restrict__ z, const int *__restrict__ starts, float *__restrict__ y,
                                           int count, int size, int step)
{
    FOR_EACH(i, count * size)
    {
        const int own = i / size, start = starts[own];
        bool first = true;
        for (int k = 0; k < own && first; ++k) first = starts[k] != start;
        if (!first) continue;
        float sum = 0.f;
        for (int k = own; k < count; ++k)
            if (starts[k] == start) sum += z[k * size + i % size];
        y[start + (size_t)(i % size) * step] = sum;
    }
}

// The cosines of one vector with all others.
struct Row {
    const float *cosines;
    const int *labels, *groups;
    int own, count;
    float temperature;

    __device__ __forceinline__ float at(int k) const { return cosines[k] / temperature; }
    __device__ __forceinline__ bool comparable(int k) const { return k != own && groups[k] == groups[own]; }
    __device__ __forceinline__ bool same(int k) const { return comparable(k) && labels[k] == labels[own]; }
    __device__ __forceinline__ bool other(int k) const { return comparable(k) && labels[k] != labels[own]; }

    // Whether k is among the `nearest` others, the first of equals.
    __device__ __forceinline__ bool is_near(int k, int nearest) const
    {
        int nearer = 0;
        for (int c = 0; c < count && nearest < count; ++c)
            nearer += other(c) && (at(c) > at(k) || (at(c) == at(k) && c < k));
        return nearer < nearest;
    }
};

// costs (count,): the mean over those that are the same of -log(their share in the sum of exp(cosine / temperature) over
// these and the `nearest` others); gradient by the cosines.
extern "C" __global__ void contrast_cost(const float *__restrict__ cosines, const int *__restrict__ labels,
                                         const int *__restrict__ groups, float *__restrict__ costs,
                                         float *__restrict__ gradient, int count, float temperature, int nearest)
{
    const int lane = threadIdx.x % 32, own = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
    if (own >= count) return;
    const Row row = {cosines + (size_t)own * count, labels, groups, own, count, temperature};
    float *slope = gradient + (size_t)own * count;
    float largest = -INFINITE, total = 0.f, cost = 0.f;
    int same = 0;
    for (int k = lane; k < count; k += 32) {
        largest = fmaxf(largest, row.at(k));
        same += row.same(k);
    }
    largest = warp_max(largest);
    same = warp_sum(same);
    for (int k = lane; k < count; k += 32) {
        const bool compared = same && (row.same(k) || (row.other(k) && row.is_near(k, nearest)));
        slope[k] = compared ? expf(row.at(k) - largest) : 0.f;
        total += slope[k];
    }
    total = warp_sum(total);
    for (int k = lane; k < count && same; k += 32) {
        const float share = slope[k] / total, weight = row.same(k) ? 1.f / same : 0.f;
        if (weight > 0.f) cost -= weight * logf(share);
        slope[k] = (share - weight) / temperature;
    }
    cost = warp_sum(cost);
    if (lane == 0) costs[own] = cost;
}
