// Half precision for emulated kernels: the part of CUDA's header of that name that they use.
#pragma once

struct __half {
    _Float16 v;
    __half() = default;
    __half(float f) : v((_Float16)f) {}
    operator float() const { return (float)v; }
};
static inline __half __float2half(float f) { return __half(f); }
static inline float __half2float(__half h) { return (float)h.v; }
