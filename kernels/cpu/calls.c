/* Many calls of kernels in one: what Python has noted goes on without it.
 *
 * Kernels take pointers and longs, which are passed alike, and return nothing. Each is called with its own number of them.
 */
#include <stdint.h>

#define MOST 12

typedef struct {
    void (*function)(void);
    int64_t count;
    int64_t arguments[MOST];
} Call;

#define L1 long
#define L2 L1, long
#define L3 L2, long
#define L4 L3, long
#define L5 L4, long
#define L6 L5, long
#define L7 L6, long
#define L8 L7, long
#define L9 L8, long
#define L10 L9, long
#define L11 L10, long
#define L12 L11, long
#define A1 (long)a[0]
#define A2 A1, (long)a[1]
#define A3 A2, (long)a[2]
#define A4 A3, (long)a[3]
#define A5 A4, (long)a[4]
#define A6 A5, (long)a[5]
#define A7 A6, (long)a[6]
#define A8 A7, (long)a[7]
#define A9 A8, (long)a[8]
#define A10 A9, (long)a[9]
#define A11 A10, (long)a[10]
#define A12 A11, (long)a[11]
#define WITH(n)                                              \
    case n:                                                  \
        ((void (*)(L##n))call->function)(A##n);              \
        break

void repeat_calls(const Call *calls, int64_t count) {
    for (const Call *call = calls; call < calls + count; call++) {
        const int64_t *a = call->arguments;
        switch (call->count) {
            WITH(1);
            WITH(2);
            WITH(3);
            WITH(4);
            WITH(5);
            WITH(6);
            WITH(7);
            WITH(8);
            WITH(9);
            WITH(10);
            WITH(11);
            WITH(12);
        }
    }
}
