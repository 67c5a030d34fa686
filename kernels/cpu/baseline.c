/* For any processor: vectors of four floats (SSE2, NEON). */
#define LANES 4
#define NAME(f) baseline_##f
#if !defined(__aarch64__)
#define FEW_REGISTERS
#endif
#include "all.h"

/* what this computer can run: 4, 8 or 16 lanes */
int widest(void) {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        return 16;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 8;
#endif
    return 4;
}
