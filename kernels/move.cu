// Numbers that are moved from one view to another: slices, transposed blocks, every k-th place, stretched axes.
//
// layout: `axes` has for each of -DAXES axes, the slowest first, (length, step of x, step of y); steps may be negative,
// and 0 where x is stretched. Any grid of 256 threads. Limited by memory: 8 bytes an element, 12 with keep; steps other
// than 1 on the last axis read or write whole sectors of 32 bytes for it.
#include "common.cuh"

#ifndef AXES
#define AXES 6
#endif

// y <- keep * y + share * x
extern "C" __global__ void blend(const float *__restrict__ x, float *__restrict__ y, const int *__restrict__ axes, int count,
                                 float share, float keep)
{
    FOR_EACH(i, count)
    {
        int rest = i, from = 0, to = 0;
#pragma unroll
        for (int a = AXES - 1; a >= 0; --a) {
            const int length = axes[3 * a], at = a ? rest % length : rest;
            rest /= length;
            from += at * axes[3 * a + 1];
            to += at * axes[3 * a + 2];
        }
        const float value = share * x[from];
        y[to] = keep == 0.f ? value : keep * y[to] + value;
    }
}
