// Element by element: what layers do with whole arrays beside activations.
//
// layout: flat. Any grid of 256 threads. Limited by memory: 4 bytes an element for each array that is read or written.
#include "common.cuh"

extern "C" __global__ void add(const float *__restrict__ a, const float *__restrict__ b, float *__restrict__ y, int count)
{
    FOR_EACH(i, count) y[i] = a[i] + b[i];
}

extern "C" __global__ void clip(const float *__restrict__ x, float *__restrict__ y, int count, float bound)
{
    FOR_EACH(i, count) y[i] = fminf(fmaxf(x[i], -bound), bound);
}

extern "C" __global__ void clip_backward(const float *__restrict__ dy, const float *__restrict__ x, float *__restrict__ dx,
                                         int count, float bound)
{
    FOR_EACH(i, count) dx[i] = fabsf(x[i]) <= bound ? dy[i] : 0.f;
}

// y = x where a == b, else 0.
extern "C" __global__ void where_equal(const float *__restrict__ x, const float *__restrict__ a, const float *__restrict__ b,
                                       float *__restrict__ y, int count)
{
    FOR_EACH(i, count) y[i] = a[i] == b[i] ? x[i] : 0.f;
}

extern "C" __global__ void signs(const float *__restrict__ x, float *__restrict__ y, int count)
{
    FOR_EACH(i, count) y[i] = x[i] > 0.f ? 1.f : -1.f;
}

// y = sign(x) * (10 * |x| + 1)^exponent
extern "C" __global__ void powered(const float *__restrict__ x, float *__restrict__ y, int count, float exponent)
{
    FOR_EACH(i, count) y[i] = copysignf(powf(10.f * fabsf(x[i]) + 1.f, exponent), x[i] < 0.f ? -1.f : 1.f);
}

// The state of a GRU: y = z * before + (1 - z) * fresh.
extern "C" __global__ void gru_mix(const float *__restrict__ z, const float *__restrict__ before,
                                   const float *__restrict__ fresh, float *__restrict__ y, int count)
{
    FOR_EACH(i, count) y[i] = z[i] * before[i] + (1.f - z[i]) * fresh[i];
}

extern "C" __global__ void gru_mix_backward(const float *__restrict__ dy, const float *__restrict__ z,
                                            const float *__restrict__ before, const float *__restrict__ fresh,
                                            float *__restrict__ dz, float *__restrict__ dbefore, float *__restrict__ dfresh,
                                            int count)
{
    FOR_EACH(i, count)
    {
        dz[i] = dy[i] * (before[i] - fresh[i]);
        dbefore[i] = dy[i] * z[i];
        dfresh[i] = dy[i] * (1.f - z[i]);
    }
}

// The cell of an LSTM: y = f * c + in * g.
extern "C" __global__ void lstm_cell(const float *__restrict__ f, const float *__restrict__ in, const float *__restrict__ g,
                                     const float *__restrict__ c, float *__restrict__ y, int count)
{
    FOR_EACH(i, count) y[i] = f[i] * c[i] + in[i] * g[i];
}

extern "C" __global__ void lstm_cell_backward(const float *__restrict__ dy, const float *__restrict__ f,
                                              const float *__restrict__ in, const float *__restrict__ g,
                                              const float *__restrict__ c, float *__restrict__ df, float *__restrict__ din,
                                              float *__restrict__ dg, float *__restrict__ dc, int count)
{
    FOR_EACH(i, count)
    {
        df[i] = dy[i] * c[i];
        din[i] = dy[i] * g[i];
        dg[i] = dy[i] * in[i];
        dc[i] = dy[i] * f[i];
    }
}
