/* For x86-64 with AVX2 and FMA: vectors of eight floats, 16 registers. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx2,fma")
#include <immintrin.h>
#define LANES 8
#define NAME(f) avx2_##f
#define FEW_REGISTERS
#define STREAM(p, v) _mm256_stream_ps(p, (__m256)(v))
#define STREAMED() _mm_sfence()
#define SPREAD(p) ((vec)_mm256_broadcast_ss(p))
#define MASK(count) _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define SEE_SOME(p, count) ((vec)_mm256_maskload_ps(p, MASK(count)))
#define PUT_SOME(p, v, count) _mm256_maskstore_ps(p, MASK(count), (__m256)(v))
#include "all.h"
#endif
