/* For x86-64 with AVX2 and FMA: vectors of eight floats, 16 registers. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx2,fma")
#include <immintrin.h>
#define LANES 8
#define NAME(f) avx2_##f
#define FEW_REGISTERS
#define SPREAD(p) ((vec)_mm256_broadcast_ss(p))
#include "all.h"
#endif
