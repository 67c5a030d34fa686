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

#define PLACES 128 /* of a block: a panel of its dy and a row of its x stay in the first-level cache */

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
            long at = i % s->out_h * line + (long)(i / s->out_h) * s->h * s->w * s->c;                          \
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

/* One block of lines, of one picture or several whole ones, into the rows [first, first + valid) of one panel.
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
    long all = (long)s->n * s->out_h, lines = PLACES / s->out_w + 1;
    int whole = lines >= s->out_h; /* a block of several pictures, or of some lines of one */
    if (whole) lines = lines / s->out_h * s->out_h;
    for (int group = 0; group < s->groups; group++)
        for (int panel = 0; panel < panels_of(m); panel++) {
            int vecs = panel_vecs(m, panel), rows = tile_rows(vecs);
            long tiles = (depth + rows - 1) / rows, width = vecs * LANES;
            float *to = dweight + group * depth * padded + (long)panel * WIDTH;
#pragma omp parallel num_threads(s->threads)
            {
                long threads = thread_count(), chunk = (tiles + threads - 1) / threads;
                long begin = thread_number() * chunk, end = smaller(begin + chunk, tiles);
                for (long line = 0, count; line < all; line += count) {
                    count = smaller(lines, whole ? all - line : s->out_h - line % s->out_h);
                    const float *from = x + (line / s->out_h * s->h + line % s->out_h * s->stride_y) * s->w * s->c;
                    for (long t = begin; t < end; t++) {
                        int valid = (int)smaller(rows, depth - t * rows);
                        float acc[MOST_ROWS * WIDTH] __attribute__((aligned(64)));
                        for (int r = 0; r < rows; r++)
                            for (long o = 0; o < width; o += LANES)
                                AT(acc + r * WIDTH + o) =
                                    line == 0 || r >= valid ? (vec){} : SEE(to + (t * rows + r) * padded + o);
                        add_outer(s, from, dy + line * s->out_w * s->m, offsets, (int)count, t * rows, valid, group, panel,
                                  acc);
                        for (int r = 0; r < valid; r++)
                            for (long o = 0; o < width; o += LANES)
                                AT(to + (t * rows + r) * padded + o) = SEE(acc + r * WIDTH + o);
                    }
                }
            }
        }
}

/* what `weight_gradient` gives -> the order of channels-last filters, [group][m][tap * c + channel] */
void NAME(filters_order)(const float *from, float *to, long groups, long depth, long m, long threads) {
    long padded = packed_size(m, 1);
#pragma omp parallel for num_threads(enough_threads(threads, (double)groups * depth * m)) schedule(static)
    for (long job = 0; job < groups * (padded / LANES); job++) {
        long group = job / (padded / LANES), first = job % (padded / LANES) * LANES, count = smaller(LANES, m - first);
        const float *strip = from + group * depth * padded + first;
        float *rows = to + (group * m + first) * depth;
        for (long k = 0; k < depth; k++)
            for (long o = 0; o < count; o++) rows[o * depth + k] = strip[k * padded + o];
    }
}
