/* The heart of all convolutions: a tile of results kept in registers while the inputs run by.
 *
 * A panel is a strip of at most WIDTH = 4 * LANES outputs (filters). Its weights lie packed as [tap][channel][output],
 * so that each step reads whole vectors; of the inputs each step reads one number per row and spreads it.
 * Per step: VECS loads and ROWS spread loads for VECS * ROWS products; 4 x 6 and 3 x 9 fill 32 registers.
 */
#define WIDTH (4 * LANES)
#ifdef FEW_REGISTERS /* 16 of them */
#define ROWS_4 2
#define ROWS_3 3
#define ROWS_2 5
#define ROWS_1 10
#define PLAIN_4 2
#define PLAIN_3 3
#define PLAIN_2 5
#define PLAIN_1 8
#else
#define ROWS_4 6
#define ROWS_3 9
#define ROWS_2 13
#define ROWS_1 14
#define PLAIN_4 6
#define PLAIN_3 8
#define PLAIN_2 8
#define PLAIN_1 8
#endif
#define MOST_ROWS 14

/* one step: a vector of weights for each of VECS, times the number of each of ROWS, where NUMBER is that of row r */
#define ADD_STEP(VECS, ROWS, sum, w, NUMBER)                                                           \
    _Pragma("GCC unroll 14") for (int r = 0; r < ROWS; r++) {                                          \
        vec one = SPREAD(NUMBER);                                                                      \
        _Pragma("GCC unroll 4") for (int v = 0; v < VECS; v++) sum[r][v] += one * w[v];                \
    }

/* acc[row][vector] = sum over taps and channels of rows[tap * stride + row][channel] * packed[tap][channel][vector] */
#define DEFINE_TILE(VECS, ROWS)                                                                        \
    static __attribute__((noinline)) void NAME(tile_##VECS)(                                           \
        const float *const *rows, int taps, long channels, const float *packed, float *acc) {          \
        vec sum[ROWS][VECS];                                                                           \
        _Pragma("GCC unroll 14") for (int r = 0; r < ROWS; r++)                                        \
            _Pragma("GCC unroll 4") for (int v = 0; v < VECS; v++) sum[r][v] = (vec){};                \
        for (int t = 0; t < taps; t++, rows += MOST_ROWS) {                                            \
            const float *x[ROWS];                                                                      \
            _Pragma("GCC unroll 14") for (int r = 0; r < ROWS; r++) x[r] = rows[r];                    \
            for (long k = 0; k < channels; k++, packed += VECS * LANES) {                              \
                vec w[VECS];                                                                           \
                _Pragma("GCC unroll 4") for (int v = 0; v < VECS; v++) {                               \
                    w[v] = SEE(packed + v * LANES);                                                    \
                    __builtin_prefetch(packed + (8 * VECS + v) * LANES);                               \
                }                                                                                      \
                ADD_STEP(VECS, ROWS, sum, w, x[r] + k)                                                 \
            }                                                                                          \
        }                                                                                              \
        _Pragma("GCC unroll 14") for (int r = 0; r < ROWS; r++)                                        \
            _Pragma("GCC unroll 4") for (int v = 0; v < VECS; v++)                                     \
                AT(acc + r * WIDTH + v * LANES) = sum[r][v];                                           \
    }

DEFINE_TILE(1, ROWS_1)
DEFINE_TILE(2, ROWS_2)
DEFINE_TILE(3, ROWS_3)
DEFINE_TILE(4, ROWS_4)

INLINE int tile_rows(int vecs) { return vecs == 4 ? ROWS_4 : vecs == 3 ? ROWS_3 : vecs == 2 ? ROWS_2 : ROWS_1; }

INLINE void tile(int vecs, const float *const *rows, int taps, long channels, const float *packed, float *acc) {
    switch (vecs) {
        case 4: NAME(tile_4)(rows, taps, channels, packed, acc); break;
        case 3: NAME(tile_3)(rows, taps, channels, packed, acc); break;
        case 2: NAME(tile_2)(rows, taps, channels, packed, acc); break;
        default: NAME(tile_1)(rows, taps, channels, packed, acc); break;
    }
}

INLINE int panels_of(long outputs) { return (int)((outputs + WIDTH - 1) / WIDTH); }
INLINE int panel_vecs(long outputs, int panel) {
    return (int)((smaller(WIDTH, outputs - (long)panel * WIDTH) + LANES - 1) / LANES);
}
/* numbers of the packed weights of `outputs` before a panel: all panels before are full */
INLINE long panel_start(int panel, long depth) { return (long)panel * WIDTH * depth; }
/* numbers of all panels */
INLINE long packed_size(long outputs, long depth) { return (outputs + LANES - 1) / LANES * LANES * depth; }
