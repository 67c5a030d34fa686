// What the source of a kernel sees instead of CUDA's own headers. g++ includes it before the unchanged .cu file.
#pragma once
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <type_traits>
#include <utility>
#include "runtime.h"

#define __global__ __attribute__((noinline))
#define __device__ inline
#define __host__
#define __constant__ static
#define __forceinline__ __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
// Static shared arrays lie in one section, so that they can be spoilt before each block.
#define __shared__ static __attribute__((section("emulated_shared")))

struct __half;  // cuda_fp16.h
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) int2 { int x, y; };
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline float2 make_float2(float x, float y) { return {x, y}; }
static inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
static inline int2 make_int2(int x, int y) { return {x, y}; }

#define threadIdx emu::thread_index
#define blockIdx emu::block_index
#define blockDim emu::block_size
#define gridDim emu::grid_size
#define warpSize 32

// --- synchronisation ------------------------------------------------------------------------------------------------
namespace emu {
template <class T> static inline T exchanged(unsigned mask, T value, int source, int line) {
    static_assert(sizeof(T) <= 8, "warp exchanges take up to 8 bytes");
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof value);
    bits = exchange(mask, bits, source, line);
    memcpy(&value, &bits, sizeof value);
    return value;
}
static inline int up(int delta) { return lane() - delta >= 0 ? lane() - delta : lane(); }
static inline int down(int delta) { return lane() + delta < 32 ? lane() + delta : lane(); }
}  // namespace emu

#define __syncthreads() emu::barrier(__LINE__)
#define __syncwarp(...) ((void)emu::exchanged<int>(0xffffffffu, 0, 0, __LINE__))
#define __shfl_sync(mask, value, from) emu::exchanged(mask, value, from, __LINE__)
#define __shfl_xor_sync(mask, value, bits) emu::exchanged(mask, value, emu::lane() ^ (bits), __LINE__)
#define __shfl_down_sync(mask, value, delta) emu::exchanged(mask, value, emu::down(delta), __LINE__)
#define __shfl_up_sync(mask, value, delta) emu::exchanged(mask, value, emu::up(delta), __LINE__)

template <class T, class U> static inline T atomicAdd(T *place, U value) {
    emu::begin_atomic();
    T old = *place;
    *place = old + (T)value;
    emu::end_atomic();
    return old;
}

// --- functions ------------------------------------------------------------------------------------------------------
template <class T> static inline T __ldg(const T *place) { return *place; }
template <class A, class B> static inline auto min(A a, B b) -> std::common_type_t<A, B> { return a < b ? a : b; }
template <class A, class B> static inline auto max(A a, B b) -> std::common_type_t<A, B> { return a > b ? a : b; }
static inline float rsqrtf(float x) { return 1.f / sqrtf(x); }
static inline int __float_as_int(float f) { int i; memcpy(&i, &f, 4); return i; }
static inline float __int_as_float(int i) { float f; memcpy(&f, &i, 4); return f; }
static inline unsigned __float_as_uint(float f) { unsigned i; memcpy(&i, &f, 4); return i; }

// --- launching ------------------------------------------------------------------------------------------------------
extern "C" {
extern char __start_emulated_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_emulated_shared[] __attribute__((weak, visibility("hidden")));
}

namespace emu {
// `values`: as cuLaunchKernel takes them, an array of pointers to the arguments.
template <class... P, size_t... I>
static int launch(void (*kernel)(P...), const unsigned *g, const unsigned *b, size_t dynamic_bytes, void **values, std::index_sequence<I...>) {
    auto call = [&] { kernel(*(std::remove_reference_t<P> *)values[I]...); };
    return run(dim3(g[0], g[1], g[2]), dim3(b[0], b[1], b[2]), dynamic_bytes,
               [](void *closure) { (*(decltype(call) *)closure)(); }, &call, __start_emulated_shared, __stop_emulated_shared);
}
template <class... P> static int launch(void (*kernel)(P...), const unsigned *g, const unsigned *b, size_t dynamic_bytes, void **values) {
    return launch(kernel, g, b, dynamic_bytes, values, std::index_sequence_for<P...>());
}
// A parameter's type as NumPy writes it: f4, i4, u8; with * for a pointer; V16 for a struct of 16 bytes.
template <class T> static char *write_type(char *text) {
    if constexpr (std::is_pointer_v<T>) {
        *text++ = '*';
        return write_type<std::remove_cv_t<std::remove_pointer_t<T>>>(text);
    } else {
        bool real = std::is_floating_point_v<T> || std::is_same_v<T, __half>, whole = std::is_integral_v<T>, flag = std::is_same_v<T, bool>;
        *text++ = flag ? 'b' : real ? 'f' : !whole ? 'V' : std::is_signed_v<T> ? 'i' : 'u';
        if (sizeof(T) > 9) *text++ = '0' + sizeof(T) / 10;
        *text++ = '0' + sizeof(T) % 10;
        return text;
    }
}
template <class... P> static const char *signature(void (*)(P...)) {
    static char codes[8 * sizeof...(P) + 1];
    char *end = codes;
    ((end = write_type<P>(end), *end++ = ','), ...);
    return codes;
}
}  // namespace emu

#define EMU_EXPORT(kernel)                                                                                     \
    extern "C" __attribute__((visibility("default"))) int emu_launch_##kernel(unsigned *g, unsigned *b, size_t bytes, void **values) { \
        return emu::launch(kernel, g, b, bytes, values);                                                       \
    }                                                                                                          \
    extern "C" __attribute__((visibility("default"))) const char *emu_signature_##kernel() { return emu::signature(kernel); }
