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

/* Where the places of a block lie: `lines` lines of `across` places, `down` of them in a picture; numbers in x from a
 * place, a line, a picture to the next. */
typedef struct {
    long lines, across, down, step, line, picture;
} Places;

/* acc[row][vector] += sum over places of x[row][place] * dy[place][vector], dy a packed panel */
#define DEFINE_OUTER(VECS, ROWS)                                                                                \
    static __attribute__((noinline)) void NAME(outer_##VECS)(const float *const *rows, const float *dy,         \
                                                             const Places *p, float *acc) {                     \
        vec sum[ROWS][VECS];                                                                                    \
        const float *x[ROWS];                                                                                   \
        _Pragma("GCC unroll 14") for (int r = 0; r < ROWS; r++) {                                               \
            x[r] = rows[r];                                                                                     \
            _Pragma("GCC unroll 4") for (int v = 0; v < VECS; v++) sum[r][v] = SEE(acc + r * WIDTH + v * LANES); \
        }                                                                                                       \
        for (long i = 0; i < p->lines; i++) {                                                                   \
            long at = i % p->down * p->line + i / p->down * p->picture;                                         \
            for (long j = 0; j < p->across; j++, at += p->step, dy += VECS * LANES) {                           \
                vec d[VECS];                                                                                    \
                _Pragma("GCC unroll 4") for (int v = 0; v < VECS; v++) d[v] = SEE(dy + v * LANES);              \
                ADD_STEP(VECS, ROWS, sum, d, x[r] + at)                                                         \
            }                                                                                                   \
        }                                                                                                       \
        _Pragma("GCC unroll 14") for (int r = 0; r < ROWS; r++)                                                 \
            _Pragma("GCC unroll 4") for (int v = 0; v < VECS; v++) AT(acc + r * WIDTH + v * LANES) = sum[r][v]; \
    }

DEFINE_OUTER(1, ROWS_1)
DEFINE_OUTER(2, ROWS_2)
DEFINE_OUTER(3, ROWS_3)
DEFINE_OUTER(4, ROWS_4)

/* The same into rows of `to` that lie `pitch` numbers apart; the first time they are taken as 0. Only `valid` are written. */
INLINE void add_outer(int vecs, const float *const *rows, int valid, const float *dy, const Places *p, float *to,
                      long pitch, int first_time) {
    float acc[MOST_ROWS * WIDTH] __attribute__((aligned(64)));
    for (int r = 0; r < tile_rows(vecs); r++)
        for (int v = 0; v < vecs; v++)
            AT(acc + r * WIDTH + v * LANES) = first_time || r >= valid ? (vec){} : SEE(to + r * pitch + v * LANES);
    switch (vecs) {
        case 4: NAME(outer_4)(rows, dy, p, acc); break;
        case 3: NAME(outer_3)(rows, dy, p, acc); break;
        case 2: NAME(outer_2)(rows, dy, p, acc); break;
        default: NAME(outer_1)(rows, dy, p, acc); break;
    }
    for (int r = 0; r < valid; r++)
        for (int v = 0; v < vecs; v++) AT(to + r * pitch + v * LANES) = SEE(acc + r * WIDTH + v * LANES);
}

/* `valid` numbers of each place, with zeros up to whole vectors, one place after the other */
INLINE void pack_places(const float *dy, long pitch, long places, long valid, int vecs, float *packed) {
    for (long place = 0; place < places; place++, dy += pitch)
        for (int v = 0; v < vecs; v++, packed += LANES)
            AT(packed) = some_lanes(dy + v * LANES, smaller(LANES, valid - v * LANES));
}

/* dweight: [group][tap * c + channel][m padded to whole vectors]; offsets[tap] into a picture of x.
 * scratch: for each thread WIDTH numbers for each place of a block, PLACES + out_w at most. */
void NAME(weight_gradient)(const Gradient *s, const float *x, const float *dy, const int64_t *offsets, float *dweight,
                           float *scratch) {
    long c = s->c / s->groups, m = s->m / s->groups, depth = c * s->taps, padded = packed_size(m, 1);
    long all = (long)s->n * s->out_h, lines = PLACES / s->out_w + 1;
    int whole = lines >= s->out_h; /* a block of several pictures, or of some lines of one */
    if (whole) lines = lines / s->out_h * s->out_h;
    for (int group = 0; group < s->groups; group++)
        for (int panel = 0; panel < panels_of(m); panel++) {
            int vecs = panel_vecs(m, panel), rows = tile_rows(vecs);
            long tiles = (depth + rows - 1) / rows, valid_m = smaller(WIDTH, m - (long)panel * WIDTH);
            float *to = dweight + group * depth * padded + (long)panel * WIDTH;
            const float *panel_dy = dy + group * m + (long)panel * WIDTH;
#pragma omp parallel num_threads(s->threads)
            {
                long threads = thread_count(), chunk = (tiles + threads - 1) / threads;
                long begin = thread_number() * chunk, end = smaller(begin + chunk, tiles);
                float *packed = scratch + thread_number() * (long)(PLACES + s->out_w) * WIDTH;
                for (long line = 0, count; line < all && begin < end; line += count) {
                    count = smaller(lines, whole ? all - line : s->out_h - line % s->out_h);
                    Places block = {count, s->out_w, s->out_h, (long)s->stride_x * s->c, (long)s->stride_y * s->w * s->c,
                                    (long)s->h * s->w * s->c};
                    const float *from = x + (line / s->out_h * s->h + line % s->out_h * s->stride_y) * s->w * s->c;
                    from += group * c;
                    const float *own = panel_dy + line * s->out_w * s->m;
                    if (valid_m < vecs * LANES || s->m != valid_m) {
                        pack_places(own, s->m, count * s->out_w, valid_m, vecs, packed);
                        own = packed;
                    }
                    for (long t = begin; t < end; t++) {
                        int valid = (int)smaller(rows, depth - t * rows);
                        const float *pointers[MOST_ROWS];
                        for (int r = 0; r < rows; r++) {
                            long k = t * rows + smaller(r, valid - 1);
                            pointers[r] = from + offsets[k / c] + k % c;
                        }
                        add_outer(vecs, pointers, valid, own, &block, to + t * rows * padded, padded, line == 0);
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
