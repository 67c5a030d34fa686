// What translated PTX (ptx_to_cpp.py) is made of. Registers are bits; each use says of which type.
#pragma once
#include <limits>
#include "device.h"
#undef min
#undef max

namespace ptx {

template <class T> constexpr bool real = std::is_floating_point_v<T> || std::is_same_v<T, _Float16>;

template <class T, class R> static inline T as(R bits) {
    if constexpr (real<T>) {
        static_assert(sizeof(T) == sizeof(R));
        T value;
        memcpy(&value, &bits, sizeof value);
        return value;
    } else return (T)bits;
}
template <class T, class R> static inline void put(R &bits, T value) {
    if constexpr (real<T>) {
        static_assert(sizeof(T) == sizeof(R));
        memcpy(&bits, &value, sizeof value);
    } else bits = (R)value;
}
template <class T> static inline T &at(uint64_t address, int bytes) {
    if (address & (bytes - 1)) emu::fail("misaligned access of %d bytes", bytes);
    return *(T *)address;
}
static inline uint64_t shared(uint32_t offset) { return (uint64_t)emu::dynamic_shared + offset; }

// Denormals are 0 (.ftz), results within 0..1 (.sat).
static inline float ftz(float x) { return fabsf(x) < FLT_MIN ? copysignf(0.f, x) : x; }
static inline float sat(float x) { return x > 0.f ? fminf(x, 1.f) : 0.f; }

// A double as the float below, above, towards 0.
static inline float rm(double r) { float f = (float)r; return (double)f > r ? nextafterf(f, -INFINITY) : f; }
static inline float rp(double r) { float f = (float)r; return (double)f < r ? nextafterf(f, INFINITY) : f; }
static inline float rz(double r) { return r > 0 ? rm(r) : rp(r); }

template <class T> static inline T min(T a, T b) { return a != a ? b : b != b || a < b ? a : b; }
template <class T> static inline T max(T a, T b) { return a != a ? b : b != b || a > b ? a : b; }
template <class T> static inline T div(T a, T b) {
    if constexpr (real<T>) return a / b;
    else return b ? a / b : (T)-1;
}
template <class T> static inline T rem(T a, T b) { return b ? a % b : (T)-1; }
template <class T> static inline T absolute(T x) { return x < 0 || (x == 0 && 1 / x < 0) ? -x : x; }
static inline int32_t absolute(int32_t x) { return x < 0 ? -x : x; }
template <class T> static inline T shl(T x, uint32_t by) { return by >= 8 * sizeof(T) ? (T)0 : (T)(x << by); }
template <class T> static inline T shr(T x, uint32_t by) { return by >= 8 * sizeof(T) ? (T)(x < 0 ? -1 : 0) : (T)(x >> by); }
template <class W, class T> static inline T high(T a, T b) { return (T)(((W)a * (W)b) >> 8 * sizeof(T)); }

// A real number as a whole one, which stays within T.
template <class T> static inline T whole(double x) {
    if (x != x) return 0;
    const double low = (double)std::numeric_limits<T>::min(), high = (double)std::numeric_limits<T>::max();
    return x <= low ? std::numeric_limits<T>::min() : x >= high ? std::numeric_limits<T>::max() : (T)x;
}

// One of four ways to choose the lane; `inside`, if given, says whether that one counts.
enum Way { UP, DOWN, BFLY, IDX };
static inline uint32_t shuffle(Way way, uint32_t value, uint32_t b, uint32_t c, uint32_t mask, bool *inside, int line) {
    const int lane = emu::lane(), segment = c >> 8 & 31, by = b & 31;
    const int last = (lane & segment) | (c & 31 & ~segment), first = lane & segment;
    int from = way == UP ? lane - by : way == DOWN ? lane + by : way == BFLY ? lane ^ by : first | (by & ~segment);
    const bool counts = way == UP ? from >= last : from <= last;
    if (inside) *inside = counts;
    return emu::exchanged(mask, value, counts ? from : lane, line);
}

// Fragments of a warp's products m16n16k16: which lane holds what is nobody's business, so lane l holds numbers 8l to
// 8l + 7 of each tile, row by row; of half numbers two in a register.
template <class T> static inline T element(uint64_t start, uint32_t step, bool columns, int i) {
    const int row = i / 16, column = i % 16;
    return at<T>(start + sizeof(T) * (columns ? (uint64_t)column * step + row : (uint64_t)row * step + column), sizeof(T));
}
static inline void load_half(uint64_t start, uint32_t step, bool columns, uint32_t *const (&registers)[8], int line) {
    emu::exchanged(0xffffffffu, 0, 0, line);
    for (int i = 0; i < 8; i++) {
        const uint32_t bits = element<uint16_t>(start, step, columns, emu::lane() * 8 + i);
        *registers[i / 2] = i % 2 ? (*registers[i / 2] & 0xffff) | bits << 16 : bits;
    }
}
static inline void load_float(uint64_t start, uint32_t step, bool columns, uint32_t *const (&registers)[8], int line) {
    emu::exchanged(0xffffffffu, 0, 0, line);
    for (int i = 0; i < 8; i++) *registers[i] = element<uint32_t>(start, step, columns, emu::lane() * 8 + i);
}
static inline void store_float(uint64_t start, uint32_t step, bool columns, uint32_t *const (&registers)[8], int line) {
    emu::exchanged(0xffffffffu, 0, 0, line);
    for (int i = 0; i < 8; i++) {
        const int k = emu::lane() * 8 + i, row = k / 16, column = k % 16;
        at<uint32_t>(start + 4 * (columns ? (uint64_t)column * step + row : (uint64_t)row * step + column), 4) = *registers[i];
    }
}
struct Tiles {
    _Float16 a[256], b[256];
};
static inline void multiply_tiles(uint32_t *const (&d)[8], uint32_t *const (&a)[8], uint32_t *const (&b)[8],
                                  uint32_t *const (&c)[8], int line) {
    static Tiles warps[32];
    Tiles &own = warps[emu::current_thread() / 32];
    for (int i = 0; i < 8; i++) {
        own.a[emu::lane() * 8 + i] = as<_Float16>((uint16_t)(*a[i / 2] >> i % 2 * 16));
        own.b[emu::lane() * 8 + i] = as<_Float16>((uint16_t)(*b[i / 2] >> i % 2 * 16));
    }
    emu::exchanged(0xffffffffu, 0, 0, line);
    float sums[8];
    for (int i = 0; i < 8; i++) {
        const int row = (emu::lane() * 8 + i) / 16, column = (emu::lane() * 8 + i) % 16;
        sums[i] = as<float>(*c[i]);
        for (int k = 0; k < 16; k++) sums[i] += (float)own.a[row * 16 + k] * (float)own.b[k * 16 + column];
    }
    for (int i = 0; i < 8; i++) put<float>(*d[i], sums[i]);
    emu::exchanged(0xffffffffu, 0, 0, line);
}

}  // namespace ptx

#define PTX_EXPORT(kernel, own_bytes)                                                                                  \
    extern "C" __attribute__((visibility("default"))) int emu_launch_##kernel(unsigned *g, unsigned *b, size_t bytes, void **values) { \
        return emu::launch(kernel, g, b, bytes + own_bytes, values);                                                   \
    }
