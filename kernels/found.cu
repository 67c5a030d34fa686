// What [yolo], [Gaussian_yolo] and [region] see in pictures: the cells above a threshold, in the order of rows, columns and anchors,
// and their boxes and probabilities. darknet_py/ops/heads/found.py is the same on the host.
//
// layout: y (n, anchors, entries, h * w), see cell.cuh; seen (n, cells): the indices (row, column, anchor) of what is above
// the threshold, counts (n,) how many; rows (all pictures' objects, 5 + classes): box, objectness, probabilities.
// launch: find one block of 256 threads a picture; decode any grid of 256 threads, one a number of a row, for `most` objects
// a picture.
// cost: find reads a number a cell; decode reads and writes only what was found.
#include "cell.cuh"

// Of `flag` over the block: how many threads before this one have it; `all`: how many have it. scratch: 33 numbers of
// shared memory.
__device__ __forceinline__ int place_among(bool flag, int *scratch, int &all)
{
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int before = flag;
    for (int other = 1; other < 32; other *= 2) {
        const int more = __shfl_up_sync(ALL_LANES, before, other);
        if (lane >= other) before += more;
    }
    if (lane == 31) scratch[warp] = before;
    __syncthreads();
    int earlier = 0;
    all = 0;
    for (int w = 0; w < blockDim.x / 32; ++w) {
        if (w < warp) earlier += scratch[w];
        all += scratch[w];
    }
    __syncthreads();  // scratch is written anew for the next cells
    return earlier + before - flag;
}

extern "C" __global__ void find(const float *__restrict__ y, int *__restrict__ seen, int *__restrict__ counts, int anchors,
                                int entries, int places, float thresh)
{
    __shared__ int scratch[32];
    const int cells = anchors * places;
    const float *mine = y + (size_t)blockIdx.x * cells * entries;
    int found = 0;
    for (int first = 0; first < cells; first += blockDim.x) {
        const int i = first + threadIdx.x, a = i % anchors, place = i / anchors;
        const bool above = i < cells && mine[(a * entries + OBJECTNESS) * places + place] > thresh;
        int all;
        const int slot = found + place_among(above, scratch, all);
        if (above) seen[blockIdx.x * cells + slot] = i;
        found += all;
    }
    if (threadIdx.x == 0) counts[blockIdx.x] = found;
}

// The number e of a row: of the box, relative to the picture that takes the share (scale_w, scale_h) of the input.
__device__ __forceinline__ float number_of(const Cell &cell, const Grid &grid, int e, float scale_w, float scale_h,
                                           float thresh)
{
    const float objectness = cell.out(OBJECTNESS);
    if (e == 4) return objectness;
    if (e > 4) {
        float likely = cell.out(CLASSES + e - 5);
#ifdef GAUSSIAN  // less sure where the box is
        likely *= 1 - (cell.out(1) + cell.out(3) + cell.out(5) + cell.out(7)) / 4;
#endif
        const float prob = objectness * likely;
        return prob > thresh ? prob : 0.f;
    }
    const Box<float> box = cell.box(grid);
    if (e == 0) return (box.x - (1 - scale_w) / 2) / scale_w;
    if (e == 1) return (box.y - (1 - scale_h) / 2) / scale_h;
    return e == 2 ? box.w / scale_w : box.h / scale_h;
}

// starts (n,): the row of a picture's first object. scales (n, 2).
extern "C" __global__ void decode(const float *__restrict__ y, const int *__restrict__ seen, const int *__restrict__ counts,
                                  const int *__restrict__ starts, const float *__restrict__ anchor_sides,
                                  const float *__restrict__ scales, float *__restrict__ rows, int pictures, int most,
                                  int anchors, int classes, int h, int w, float size_w, float size_h, float point,
                                  float thresh)
{
    const int width = 5 + classes, entries = CLASSES + classes, places = h * w;
    FOR_EACH(i, pictures * most * width)
    {
        const int e = i % width, slot = i / width % most, picture = i / width / most;
        if (slot >= counts[picture]) continue;
        const int at = seen[picture * anchors * places + slot], a = at % anchors, place = at / anchors;
        const float *own = y + ((size_t)picture * anchors + a) * entries * places + place;
        const Cell cell = {own, nullptr, places, classes, place / w, place % w};
        const Grid grid = {h, w, anchor_sides[2 * a], anchor_sides[2 * a + 1], size_w, size_h, point};
        rows[(size_t)(starts[picture] + slot) * width + e] =
            number_of(cell, grid, e, scales[2 * picture], scales[2 * picture + 1], thresh);
    }
}
