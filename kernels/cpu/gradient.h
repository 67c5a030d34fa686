/* Gradient of a convolution by its weights: dweight[tap, channel][output] = sum over places of x * dy.
 *
 * x comes with its zeros around it, so that every tap is a plain offset. A tile of (tap, channel) rows and outputs stays
 * in registers while a block of places runs by; each thread has rows of its own and meets the places in the same order,
 * so the result doesn't depend on the number of threads.
 */
typedef struct {
    int32_t n, h, w, c;      /* x with its border */
    int32_t out_h, out_w, m; /* dy */
    int32_t stride_y, stride_x, taps, groups, threads;
} Gradient;

#define PLACES 256 /* of a block: its parts of x and dy stay in the second-level cache */

#define DEFINE_OUTER(VECS, ROWS)                                                                                \
    static __attribute__((noinline)) void NAME(outer_##VECS)(const float *const *rows, const float *dy,         \
                                                             const Gradient *s, int lines, float *acc) {        \
        vec sum[ROWS][VECS];                                                                                    \
        const float *x[ROWS];                                                                                   \
        _Pragma("GCC unroll 14") for (int r = 0; r < ROWS; r++) {                                               \
            x[r] = rows[r];                                                                                     \
            _Pragma("GCC unroll 4") for (int v = 0; v < VECS; v++) sum[r][v] = SEE(acc + r * WIDTH + v * LANES); \
        }                                                                                                       \
        long step = (long)s->stride_x * s->c, line = (long)s->stride_y * s->w * s->c;                           \
        for (int i = 0; i < lines; i++) {                                                                       \
            long at = i * line;                                                                                 \
            for (int j = 0; j < s->out_w; j++, at += step, dy += s->m) {                                        \
                vec d[VECS];                                                                                    \
                _Pragma("GCC unroll 4") for (int v = 0; v < VECS; v++) d[v] = SEE(dy + v * LANES);              \
                _Pragma("GCC unroll 14") for (int r = 0; r < ROWS; r++) {                                       \
                    vec one = SPREAD(x[r] + at);                                                                \
                    _Pragma("GCC unroll 4") for (int v = 0; v < VECS; v++) sum[r][v] += one * d[v];             \
                }                                                                                               \
            }                                                                                                   \
        }                                                                                                       \
        _Pragma("GCC unroll 14") for (int r = 0; r < ROWS; r++)                                                 \
            _Pragma("GCC unroll 4") for (int v = 0; v < VECS; v++) AT(acc + r * WIDTH + v * LANES) = sum[r][v]; \
    }

DEFINE_OUTER(1, ROWS_1)
DEFINE_OUTER(2, ROWS_2)
DEFINE_OUTER(3, ROWS_3)
DEFINE_OUTER(4, ROWS_4)

INLINE void outer(int vecs, const float *const *rows, const float *dy, const Gradient *s, int lines, float *acc) {
    switch (vecs) {
        case 4: NAME(outer_4)(rows, dy, s, lines, acc); break;
        case 3: NAME(outer_3)(rows, dy, s, lines, acc); break;
        case 2: NAME(outer_2)(rows, dy, s, lines, acc); break;
        default: NAME(outer_1)(rows, dy, s, lines, acc); break;
    }
}

/* One block of lines of one picture into the rows [first, first + valid) of one panel.
 * dy may be read behind its end by less than a vector: give it room. */
INLINE void add_outer(const Gradient *s, const float *picture, const float *dy, const int64_t *offsets, int lines,
                      long first, int valid, int group, int panel, float *acc) {
    long c = s->c / s->groups, m = s->m / s->groups;
    int vecs = panel_vecs(m, panel), rows = tile_rows(vecs);
    const float *pointers[MOST_ROWS];
    for (int r = 0; r < rows; r++) {
        long k = first + smaller(r, valid - 1);
        pointers[r] = picture + offsets[k / c] + group * c + k % c;
    }
    outer(vecs, pointers, dy + group * m + (long)panel * WIDTH, s, lines, acc);
}

/* dweight: [group][tap * c + channel][m padded to whole vectors]; offsets[tap] into a picture of x */
void NAME(weight_gradient)(const Gradient *s, const float *x, const float *dy, const int64_t *offsets, float *dweight) {
    long c = s->c / s->groups, m = s->m / s->groups, depth = c * s->taps, padded = packed_size(m, 1);
    int lines = (int)smaller(s->out_h, PLACES / s->out_w + 1);
    for (int group = 0; group < s->groups; group++)
        for (int panel = 0; panel < panels_of(m); panel++) {
            int vecs = panel_vecs(m, panel), rows = tile_rows(vecs);
            long tiles = (depth + rows - 1) / rows, width = vecs * LANES;
            float *to = dweight + group * depth * padded + (long)panel * WIDTH;
#pragma omp parallel num_threads(s->threads)
            {
                long threads = thread_count(), chunk = (tiles + threads - 1) / threads;
                long begin = thread_number() * chunk, end = smaller(begin + chunk, tiles);
                for (int n = 0; n < s->n; n++)
                    for (int line = 0; line < s->out_h; line += lines)
                        for (long t = begin; t < end; t++) {
                            int valid = (int)smaller(rows, depth - t * rows);
                            float acc[MOST_ROWS * WIDTH] __attribute__((aligned(64)));
                            int fresh = n == 0 && line == 0;
                            for (int r = 0; r < rows; r++)
                                for (long o = 0; o < width; o += LANES)
                                    AT(acc + r * WIDTH + o) =
                                        fresh || r >= valid ? (vec){} : SEE(to + (t * rows + r) * padded + o);
                            add_outer(s, x + ((long)n * s->h + (long)line * s->stride_y) * s->w * s->c,
                                      dy + ((long)n * s->out_h + line) * s->out_w * s->m, offsets,
                                      (int)smaller(lines, s->out_h - line), t * rows, valid, group, panel, acc);
                            for (int r = 0; r < valid; r++)
                                for (long o = 0; o < width; o += LANES)
                                    AT(to + (t * rows + r) * padded + o) = SEE(acc + r * WIDTH + o);
                        }
            }
        }
}
