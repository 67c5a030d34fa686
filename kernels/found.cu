// What detection layers see in pictures: the cells above a threshold, in the order of rows, columns and anchors, and their
// boxes and probabilities. darknet_py/ops/heads/found.py is the same on the host.
//
// layout: y (n, anchors, entries, h * w), see cell.cuh; seen (n, cells): the indices (row, column, anchor) of what is above
// the threshold, counts (n,) how many; rows (all pictures' objects, 5 + told): box, objectness, probabilities of the classes
// that are told. Of a tree of classes (-DTREE): parents (classes,), -1 below the root; children (1 + classes, 2): the group
// below the root and below each class, first and behind the last, 0 and 0 without; reported (told,), or null for all.
// -DBACKGROUND: of a [region] without objectness.
// launch: find one block of 256 threads a picture; top_classes a warp a cell that is seen, blocks of 256; decode any grid of
// 256 threads, one a number of a row; both for `most` objects a picture.
// cost: find reads a number a cell ([detection]: all classes); the others read and write only what was found.
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

// How sure the cell whose first number is at `own` is of an object.
__device__ __forceinline__ float sure(const float *own, int places)
{
#ifdef BACKGROUND
    return 1.f;
#else
    return own[OBJECTNESS * places];
#endif
}

__device__ __forceinline__ bool is_above(const float *own, int places, int entries, float thresh)
{
#ifdef DETECTION  // its classes may be above 1
    bool above = false;
    for (int c = CLASSES; c < entries && !above; ++c) above = sure(own, places) * own[c * places] > thresh;
    return above;
#else
    return sure(own, places) > thresh;
#endif
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
        const bool above = i < cells && is_above(mine + (size_t)a * entries * places + place, places, entries, thresh);
        int all;
        const int slot = found + place_among(above, scratch, all);
        if (above) seen[blockIdx.x * cells + slot] = i;
        found += all;
    }
    if (threadIdx.x == 0) counts[blockIdx.x] = found;
}

// Of each cell that is seen the deepest class on the likeliest way down the tree that is likelier than `least`, or the
// likeliest below the root: top (n, most). The first of equals.
extern "C" __global__ void top_classes(const float *__restrict__ y, const int *__restrict__ seen,
                                       const int *__restrict__ counts, const int *__restrict__ children,
                                       int *__restrict__ top, int pictures, int most, int anchors, int classes, int places,
                                       float least)
{
    const int lane = threadIdx.x % 32, i = (blockIdx.x * blockDim.x + threadIdx.x) / 32, picture = i / most;
    if (i >= pictures * most || i % most >= counts[picture]) return;
    const int at = seen[picture * anchors * places + i % most];
    const float *own = y + ((size_t)picture * anchors + at % anchors) * (CLASSES + classes) * places + at / anchors;
    const float *given = own + CLASSES * places;
    int best = -1;
    float likely = 1.f;
    for (int first = children[0], end = children[1]; first < end;
         first = children[2 * best + 2], end = children[2 * best + 3]) {
        float most_likely = -INFINITE;
        int child = end;
        for (int c = first + lane; c < end; c += 32) {
            const float mine = given[(size_t)c * places] * likely;
            if (mine > most_likely) most_likely = mine, child = c;
        }
        const float largest = warp_max(most_likely);
        child = most_likely == largest ? child : end;
        for (int other = 16; other > 0; other >>= 1) child = min(child, __shfl_xor_sync(ALL_LANES, child, other));
        if (largest <= least) {
            if (best < 0) best = child;
            break;
        }
        best = child;
        likely = largest;
    }
    if (lane == 0) top[i] = best;
}

// What decides on the classes of a tree: null for other layers. top is null where classes are reported.
struct Told {
    const int *parents, *reported, *top;
};

// How likely the class k of those that are told is, given an object; slot: which of the cells that are seen this is.
__device__ __forceinline__ float likelihood(const Cell &cell, const Told &told, int k, int slot)
{
#ifdef TREE
    if (told.top) return k == told.top[slot] ? 1.f : 0.f;
    float likely = 1.f;
    for (int c = told.reported[k]; c >= 0; c = told.parents[c]) likely *= cell.out(CLASSES + c);
    return likely;
#elif defined(GAUSSIAN)  // less sure where the box is
    return cell.out(CLASSES + k) * (1 - (cell.out(1) + cell.out(3) + cell.out(5) + cell.out(7)) / 4);
#else
    return cell.out(CLASSES + k);
#endif
}

// Number e < 4 of the box in its picture: that takes the shares `frame` (w, h) of the input and is frame[2] wide and frame[3]
// high.
__device__ __forceinline__ float side_of(const Box<float> &box, int e, const float *frame)
{
    if (e == 0) return (box.x - (1 - frame[0]) / 2) / frame[0] * frame[2];
    if (e == 1) return (box.y - (1 - frame[1]) / 2) / frame[1] * frame[3];
    return e == 2 ? box.w / frame[0] * frame[2] : box.h / frame[1] * frame[3];
}

// starts (n,): the row of a picture's first object. frames (n, 4): see side_of. classes: of the layer; told: of a row.
extern "C" __global__ void decode(const float *__restrict__ y, const int *__restrict__ seen, const int *__restrict__ counts,
                                  const int *__restrict__ starts, const float *__restrict__ anchor_sides,
                                  const float *__restrict__ frames, const int *__restrict__ parents,
                                  const int *__restrict__ reported, const int *__restrict__ top, float *__restrict__ rows,
                                  int pictures, int most, int anchors, int classes, int told, int h, int w, float size_w,
                                  float size_h, float point, float thresh)
{
    const int width = 5 + told, entries = CLASSES + classes, places = h * w;
    FOR_EACH(i, pictures * most * width)
    {
        const int e = i % width, slot = i / width % most, picture = i / width / most;
        if (slot >= counts[picture]) continue;
        const int at = seen[picture * anchors * places + slot], a = at % anchors, place = at / anchors;
        const float *own = y + ((size_t)picture * anchors + a) * entries * places + place;
        const Cell cell = {own, nullptr, places, classes, place / w, place % w};
        const Grid grid = {h, w, anchor_sides[2 * a], anchor_sides[2 * a + 1], size_w, size_h, point};
        float number = e < 4 ? side_of(cell.box(grid), e, frames + 4 * picture) : sure(own, places);
        if (e > 4) number *= likelihood(cell, {parents, reported, top}, e - 5, picture * most + slot);
        rows[(size_t)(starts[picture] + slot) * width + e] = e > 4 && !(number > thresh) ? 0.f : number;
    }
}
