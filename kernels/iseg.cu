// [iseg]: its whole loss: classes of each place, and vectors that go towards the mean of their own object and away from those
// of others. darknet_py/ops/heads/iseg.py is the same on the host and says what the deltas are.
//
// layout: y (n, classes + ids, places); objects (n, most, 1 + places) rows [class, mask], of which zeros teach nothing.
// means (n, most, ids) of the vectors where an object is, sizes (n, most) how many places that are; figures
// (blocks, 1): sum of delta^2.
// launch: iseg_means one block of 256 threads an object (x) and a number of the vectors (y); iseg_delta one thread a number
// of y, blocks of 256. cost: iseg_means reads masks and vectors once for each pair of both, mostly from cache; iseg_delta
// reads up to two numbers an object for each of its own.
#include "figures.cuh"

#define STEP 0.1f      // of a vector, to or from a mean
#define VECTORS 0.01f  // the weight of its deltas

extern "C" __global__ void iseg_means(const float *__restrict__ y, const float *__restrict__ objects,
                                      float *__restrict__ means, int *__restrict__ sizes, int most, int classes, int ids,
                                      int places)
{
    __shared__ float values[32];
    __shared__ int numbers[32];
    const int object = blockIdx.x, id = blockIdx.y, picture = object / most;
    const float *mask = objects + (size_t)object * (1 + places) + 1;
    const float *own = y + ((size_t)picture * (classes + ids) + classes + id) * places;
    float sum = 0.f;
    int inside = 0;
    for (int i = threadIdx.x; i < places; i += blockDim.x) {
        if (mask[i] == 0.f) continue;
        sum += own[i];
        ++inside;
    }
    sum = block_sum(sum, values);
    inside = block_sum(inside, numbers);
    if (threadIdx.x > 0) return;
    means[(size_t)object * ids + id] = sum / inside;  // of an object without a place nobody reads it
    if (id == 0) sizes[object] = inside;
}

extern "C" __global__ void iseg_delta(const float *__restrict__ y, const float *__restrict__ objects,
                                      const float *__restrict__ means, const int *__restrict__ sizes,
                                      float *__restrict__ gradient, double *__restrict__ figures, int pictures, int most,
                                      int classes, int ids, int places)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x, entries = classes + ids;
    double sums[1] = {};
    if (i < pictures * entries * places) {
        const int place = i % places, entry = i / places % entries, first = i / places / entries * most;
        const int row = 1 + places;
        const float *mine = objects + (size_t)first * row;
        float delta = -y[i];
        if (entry < classes) {
            for (int k = 0; k < most; ++k) {
                const float mask = mine[(size_t)k * row + 1 + place];
                if ((int)mine[(size_t)k * row] == entry && mask != 0.f) delta = mask - y[i];
            }
        } else {
            int around = 0;  // objects that share this place; each counts its own mean once and all others the other way
            for (int k = 0; k < most; ++k) around += mine[(size_t)k * row + 1 + place] != 0.f;
            float steps = 0.f;
            for (int k = 0; k < most; ++k) {
                if (sizes[first + k] == 0) continue;
                const float away = means[(size_t)(first + k) * ids + entry - classes] - y[i] < 0.f ? -STEP : STEP;
                steps += away * (mine[(size_t)k * row + 1 + place] != 0.f ? 2 - around : -around);
            }
            delta = VECTORS * (STEP * delta + steps);
        }
        sums[0] = (double)delta * delta;
        gradient[i] = -delta;
    }
    store_figures(sums, figures);
}
