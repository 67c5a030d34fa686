/* Every kernel, for the processor that the including file names. */
#ifdef _OPENMP
#include <omp.h>
#define thread_number() omp_get_thread_num()
#define thread_count() omp_get_num_threads()
#else
#define thread_number() 0
#define thread_count() 1
#endif
#include "vector.h"
/* in this order: each may use what stands before it */
#include "product.h"
#include "convolution.h"
#include "winograd.h"
#include "depthwise.h"
#include "gradient.h"
#include "elementwise.h"
#include "pool.h"

int NAME(lanes)(void) { return LANES; }
