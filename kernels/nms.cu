// Greedy suppression within each class, and the order in which Darknet leaves a picture's objects: darknet_py/boxes.py, nms,
// is the same on the host.
//
// layout: rows (all pictures' objects, 5 + classes): box, objectness, probabilities; starts (n + 1,): each picture's first
// row. ranks: scratch (classes, rows); alive (classes, rows): 1 where a class of an object stays; last (rows,): the last
// class with a probability above 0, -1 without.
// launch: suppress one block of 256 threads a class (x) of a picture (y); last_classes a warp a row, blocks of 256; arrange
// any grid of 256 threads, one a row.
// cost: each pair of a class is compared up to twice, and each pair of a picture once more; objects come from cache.
#include "boxes.cuh"
#include "common.cuh"

// IoU, or with `beta` above 0 less (distance / diagonal) to the power of beta: DIoU.
__device__ __forceinline__ float alike(const Box<float> &a, const Box<float> &b, float beta)
{
    if (beta <= 0.f) return iou(a, b);
    const float ex = enclosing(a.x, a.w, b.x, b.w), ey = enclosing(a.y, a.h, b.y, b.h);
    const float away = ratio((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y), ex * ex + ey * ey);
    return iou(a, b) - (beta == 1.f ? away : powf(away, beta));
}

// Whether object i comes before j: by this class's probability, then by that of the class before, and so on.
__device__ __forceinline__ bool before(const float *rows, int width, int label, int i, int j)
{
    const float *a = rows + (size_t)i * width + 5, *b = rows + (size_t)j * width + 5;
    for (int c = label; c >= 0; --c)
        if (a[c] != b[c]) return a[c] > b[c];
    return i < j;
}

__device__ __forceinline__ Box<float> box_of(const float *row) { return {row[0], row[1], row[2], row[3]}; }

extern "C" __global__ void suppress(const float *__restrict__ rows, const int *__restrict__ starts, int *ranks,
                                    unsigned char *alive, int all, int classes, float thresh, float beta)
{
    __shared__ int likely;  // objects of this class
    const int label = blockIdx.x, width = 5 + classes, first = starts[blockIdx.y], end = starts[blockIdx.y + 1];
    int *order = ranks + (size_t)label * all + first;
    unsigned char *stays = alive + (size_t)label * all;
    if (threadIdx.x == 0) likely = 0;
    __syncthreads();
    for (int j = first + threadIdx.x; j < end; j += blockDim.x) {
        stays[j] = rows[(size_t)j * width + 5 + label] > 0.f;
        if (!stays[j]) continue;
        int rank = 0, count = 0;
        for (int i = first; i < end; ++i) {
            if (!(rows[(size_t)i * width + 5 + label] > 0.f)) continue;
            rank += before(rows, width, label, i, j);
            ++count;
        }
        order[rank] = j;
        if (rank == 0) likely = count;
    }
    __syncthreads();
    for (int best = 0; best + 1 < likely; ++best) {
        if (stays[order[best]]) {
            const Box<float> box = box_of(rows + (size_t)order[best] * width);
            for (int k = best + 1 + threadIdx.x; k < likely; k += blockDim.x)
                if (alike(box, box_of(rows + (size_t)order[k] * width), beta) > thresh) stays[order[k]] = 0;
        }
        __syncthreads();
    }
}

extern "C" __global__ void last_classes(const float *__restrict__ rows, int *__restrict__ last, int all, int classes)
{
    const int lane = threadIdx.x % 32, j = (blockIdx.x * blockDim.x + threadIdx.x) / 32;
    if (j >= all) return;
    int found = -1;
    for (int c = lane; c < classes; c += 32)
        if (rows[(size_t)j * (5 + classes) + 5 + c] > 0.f) found = c;
    for (int other = 16; other > 0; other >>= 1) found = max(found, __shfl_xor_sync(ALL_LANES, found, other));
    if (lane == 0) last[j] = found;
}

// arranged: the rows of each picture in the order of the last class, without the probabilities that were suppressed.
extern "C" __global__ void arrange(const float *__restrict__ rows, const int *__restrict__ starts,
                                   const unsigned char *__restrict__ alive, const int *__restrict__ last,
                                   float *__restrict__ arranged, int pictures, int all, int classes)
{
    const int width = 5 + classes;
    FOR_EACH(j, all)
    {
        int picture = 0;
        while (starts[picture + 1] <= j) ++picture;
        int rank = starts[picture];
        for (int i = starts[picture]; i < starts[picture + 1]; ++i)  // of thousands of classes an object has few
            rank += last[i] == last[j] ? before(rows, width, last[j], i, j) : last[i] > last[j];
        for (int e = 0; e < width; ++e) {
            const bool stays = e < 5 || alive[(size_t)(e - 5) * all + j];
            arranged[(size_t)rank * width + e] = stays ? rows[(size_t)j * width + e] : 0.f;
        }
    }
}
