// Activations, element by element. -DACTIVATION=name, see activation.cuh.
//
// layout: flat. launch: any grid of 256 threads. Limited by memory:
//   activate           8 bytes and 1 to 20 FLOPs an element
//   activate_backward  12 or 16 bytes an element
#include "activation.cuh"

// y = activation(x)
extern "C" __global__ void activate(const float *__restrict__ x, float *__restrict__ y, int count)
{
    FOR_EACH(i, count) y[i] = FORWARD(x[i]);
}

// dx = dy * slope. x may be null where the slope follows from y.
extern "C" __global__ void activate_backward(const float *__restrict__ dy, const float *__restrict__ x,
                                             const float *__restrict__ y, float *__restrict__ dx, int count)
{
    FOR_EACH(i, count) dx[i] = dy[i] * SLOPE(x ? x[i] : 0.f, y[i]);
}
