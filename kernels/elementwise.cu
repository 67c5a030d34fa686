// Element by element: what layers do with whole arrays beside activations.
//
// layout: flat. Any grid of 256 threads. Limited by memory: 12 bytes an element.
#include "common.cuh"

extern "C" __global__ void add(const float *__restrict__ a, const float *__restrict__ b, float *__restrict__ y, int count)
{
    FOR_EACH(i, count) y[i] = a[i] + b[i];
}
