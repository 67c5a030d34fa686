/* For x86-64 with AVX-512: vectors of sixteen floats, 32 registers. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#include <immintrin.h>
#define LANES 16
#define NAME(f) avx512_##f
#define SPREAD(p) ((vec)_mm512_set1_ps(*(p)))
#define STREAM(p, v) _mm512_stream_ps(p, (__m512)(v))
#define STREAMED() _mm_sfence()
#define MASK(count) ((__mmask16)((1u << (count)) - 1))
#define SEE_SOME(p, count) ((vec)_mm512_maskz_loadu_ps(MASK(count), p))
#define PUT_SOME(p, v, count) _mm512_mask_storeu_ps(p, MASK(count), (__m512)(v))
#include "all.h"
#endif
