// What the detection heads share: their activation, and the sums of figures that go to the log.
//
// layout: x, y (n, anchors, entries, h * w); kinds (entries,): bits SQUASHED, STRETCHED of each entry.
// launch: any grid of 256 threads for head_activate; sum_figures one block of at least `count` threads.
// Limited by memory: 8 bytes an element.
#include "activation.cuh"

#define SQUASHED 1
#define STRETCHED 2

// y = x, or its logistic, or that stretched around 0.5.
extern "C" __global__ void head_activate(const float *__restrict__ x, const int *__restrict__ kinds, float *__restrict__ y,
                                         int count, int entries, int cells, float scale)
{
    FOR_EACH(i, count)
    {
        const int kind = kinds[i / cells % entries];
        float value = x[i];
        if (kind & SQUASHED) value = sigmoid(value);
        y[i] = kind & STRETCHED ? value * scale - 0.5f * (scale - 1.f) : value;
    }
}

// total[f] = sum over the blocks of figures (blocks, count), in order.
extern "C" __global__ void sum_figures(const double *__restrict__ figures, double *__restrict__ total, int blocks, int count)
{
    if (threadIdx.x >= count) return;
    double sum = 0;
    for (int b = 0; b < blocks; ++b) sum += figures[b * count + threadIdx.x];
    total[threadIdx.x] = sum;
}
