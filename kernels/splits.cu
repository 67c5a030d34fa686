// Adds up the parts of a product that was cut along k, in order. layout: parts (splits, count). Any grid of 256 threads.
// Limited by memory: 4 * (splits + 1) bytes a result.
#include "common.cuh"

extern "C" __global__ void sum_splits(const float *__restrict__ parts, float *__restrict__ total, int splits, int count)
{
    FOR_EACH(i, count)
    {
        float sum = 0.f;
        for (int s = 0; s < splits; ++s) sum += parts[(size_t)s * count + i];
        total[i] = sum;
    }
}
