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
#include "winograd_gradient.h"
#include "elementwise.h"
#include "pool.h"

/* sizes of the structures, by which a caller of another version is told apart */
void NAME(sizes)(int64_t *sizes) {
    sizes[0] = sizeof(Conv), sizes[1] = sizeof(Winograd), sizes[2] = sizeof(Depthwise), sizes[3] = sizeof(Gradient);
    sizes[4] = sizeof(Pool);
}
