/* Convolution of channels-last arrays without a copy of the columns: each tap of each row of a tile is a pointer.
 *
 * It computes `rows` x `cols` places of each picture. Place (i, j) sees the input at (i * stride_y + tap_y[t],
 * j * stride_x + tap_x[t]), zero outside, and its results lie at (first_y + i * step_y, first_x + j * step_x) of the
 * output. A forward pass has step 1 and the window's stride; the gradient by the input of a convolution with stride s
 * is s * s such calls with stride 1, step s and the taps that meet each class of places.
 * FLOPs: 2 * n * rows * cols * m * c / groups * taps. Bytes: each input tile is read once per panel, each panel once
 * per block of places.
 */
typedef struct {
    int32_t n, h, w, pitch;  /* input; pitch: numbers from a place to the next, for it may be a part of wider channels */
    int32_t out_h, out_w, m; /* output */
    int32_t out_pitch, added_pitch;
    int32_t rows, cols, first_y, first_x, step_y, step_x, stride_y, stride_x;
    int32_t taps, run; /* a tap is `run` numbers in a row: the channels of a group, or those of several places */
    int32_t groups, activation, threads;
} Conv;

#define BLOCK_BYTES (256 * 1024) /* of input that a block of places reads: stays in the second-level cache */
#define MOST_RUN 16384
#define MOST_TAPS 128
static const float NAME(zeros)[MOST_RUN];

/* Weights (any strides) -> panels [group][panel][tap][channel][output of the panel]; m, c: of one group.
 * Weight (output o, channel i, tap t) of group g lies at g * stride_g + o * stride_m + i * stride_c + offsets[t]. */
void NAME(pack)(const float *weight, float *packed, const int32_t *offsets, long taps, long groups, long m, long c,
                long stride_g, long stride_m, long stride_c, long threads) {
    long panels = panels_of(m), depth = taps * c;
#pragma omp parallel for num_threads(enough_threads(threads, (double)groups * m * depth)) schedule(static)
    for (long job = 0; job < groups * panels; job++) {
        long first = job % panels * WIDTH, width = panel_vecs(m, (int)(job % panels)) * LANES;
        const float *from = weight + job / panels * stride_g + first * stride_m;
        float *to = packed + job / panels * packed_size(m, depth) + panel_start((int)(job % panels), depth);
        for (long t = 0; t < taps; t++)
            for (long i = 0; i < c; i++)
                for (long o = 0; o < width; o++)
                    *to++ = first + o < m ? from[o * stride_m + i * stride_c + offsets[t]] : 0.0f;
    }
}

typedef struct {
    int picture, y, x; /* the place */
} Place;

INLINE Place place_of(const Conv *s, long index) {
    long in_picture = index % ((long)s->rows * s->cols);
    return (Place){(int)(index / ((long)s->rows * s->cols)), (int)(in_picture / s->cols), (int)(in_picture % s->cols)};
}

INLINE Place next_place(const Conv *s, Place p) {
    if (++p.x == s->cols) {
        p.x = 0;
        if (++p.y == s->rows) p.y = 0, p.picture++;
    }
    return p;
}

/* whether places follow one another in the input as in the output */
INLINE int plain_input(const Conv *s, const int32_t *tap_y, const int32_t *tap_x) {
    return s->taps == 1 && tap_y[0] == 0 && tap_x[0] == 0 && s->stride_y == 1 && s->stride_x == 1 && s->rows == s->h &&
           s->cols == s->w;
}
INLINE int plain_output(const Conv *s) { return s->rows == s->out_h && s->cols == s->out_w; }

/* pointers[t * MOST_ROWS] of one row */
INLINE void point(const Conv *s, const float *x, const int32_t *tap_y, const int32_t *tap_x, Place p,
                  const float **pointers) {
    int top = p.y * s->stride_y, left = p.x * s->stride_x;
    const float *picture = x + (long)p.picture * s->h * s->w * s->pitch;
    for (int t = 0; t < s->taps; t++) {
        int row = top + tap_y[t], column = left + tap_x[t];
        int inside = (unsigned)row < (unsigned)s->h && (unsigned)column < (unsigned)s->w;
        pointers[t * MOST_ROWS] = inside ? picture + ((long)row * s->w + column) * s->pitch : NAME(zeros);
    }
}

/* how far the taps reach from a place, to tell whether all lie inside */
typedef struct {
    int up, down, left, right;
} Reach;

INLINE Reach reach_of(const Conv *s, const int32_t *tap_y, const int32_t *tap_x) {
    Reach r = {tap_y[0], tap_y[0], tap_x[0], tap_x[0]};
    for (int t = 1; t < s->taps; t++) {
        r.up = tap_y[t] < r.up ? tap_y[t] : r.up, r.down = tap_y[t] > r.down ? tap_y[t] : r.down;
        r.left = tap_x[t] < r.left ? tap_x[t] : r.left, r.right = tap_x[t] > r.right ? tap_x[t] : r.right;
    }
    return r;
}

INLINE int inside(const Conv *s, Place p, Reach r) {
    int top = p.y * s->stride_y, left = p.x * s->stride_x;
    return top + r.up >= 0 && top + r.down < s->h && left + r.left >= 0 && left + r.right < s->w;
}

/* one row of a tile, with bias, activation and what is added */
INLINE void finish_row(int kind, const float *acc, long width, const float *bias, const float *added, float *y) {
    for (long o = 0; o < width; o += LANES) {
        long count = smaller(LANES, width - o);
        vec v = SEE(acc + o);
        if (bias) v += some_lanes(bias + o, count);
        v = activation(kind, v);
        if (added) v += some_lanes(added + o, count);
        put_lanes(y + o, v, count);
    }
}

/* `rows` places in a row of a 1x1 convolution with a cheap activation, from the inputs to the results in registers.
 * last: lanes of the last vector that count */
#define DEFINE_PLAIN(VECS, ROWS)                                                                                       \
    static __attribute__((noinline)) void NAME(plain_##VECS)(const Conv *s, const float *x, const float *packed,       \
                                                             const float *bias, const float *added, float *y, long last) { \
        vec sum[ROWS][VECS];                                                                                           \
        _Pragma("GCC unroll 14") for (int r = 0; r < ROWS; r++)                                                        \
            _Pragma("GCC unroll 4") for (int v = 0; v < VECS; v++) sum[r][v] = (vec){};                                \
        for (long k = 0, pitch = s->pitch; k < s->run; k++, packed += VECS * LANES) {                                  \
            vec w[VECS];                                                                                               \
            _Pragma("GCC unroll 4") for (int v = 0; v < VECS; v++) {                                                   \
                w[v] = SEE(packed + v * LANES);                                                                        \
                __builtin_prefetch(packed + (8 * VECS + v) * LANES);                                                   \
            }                                                                                                          \
            ADD_STEP(VECS, ROWS, sum, w, x + r * pitch + k)                                                            \
        }                                                                                                              \
        vec slope = (vec){} + (s->activation == LEAKY ? 0.1f : 0.0f);                                                  \
        _Pragma("GCC unroll 4") for (int v = 0; v < VECS; v++) {                                                       \
            long count = v < VECS - 1 ? LANES : last;                                                                  \
            vec shift = bias ? some_lanes(bias + v * LANES, count) : (vec){};                                          \
            _Pragma("GCC unroll 14") for (int r = 0; r < ROWS; r++) {                                                  \
                vec result = sum[r][v] + shift;                                                                        \
                if (s->activation != LINEAR) result = max_of(slope * result, result);                                  \
                if (added) result += some_lanes(added + r * (long)s->added_pitch + v * LANES, count);                  \
                put_lanes(y + r * (long)s->out_pitch + v * LANES, result, count);                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

DEFINE_PLAIN(1, PLAIN_1)
DEFINE_PLAIN(2, PLAIN_2)
DEFINE_PLAIN(3, PLAIN_3)
DEFINE_PLAIN(4, PLAIN_4)

/* places [start, ...) as long as whole tiles of `plain` fit; where it stopped */
INLINE long plain_strip(const Conv *s, const float *x, const float *panel, const float *bias, const float *added, float *y,
                        int vecs, long width, long start, long end) {
    long last = width - (vecs - 1) * LANES;
    int rows = vecs == 4 ? PLAIN_4 : vecs == 3 ? PLAIN_3 : vecs == 2 ? PLAIN_2 : PLAIN_1;
    for (; start + rows <= end; start += rows) {
        const float *from = x + start * s->pitch, *more = added ? added + start * s->added_pitch : 0;
        float *to = y + start * s->out_pitch;
        switch (vecs) {
            case 4: NAME(plain_4)(s, from, panel, bias, more, to, last); break;
            case 3: NAME(plain_3)(s, from, panel, bias, more, to, last); break;
            case 2: NAME(plain_2)(s, from, panel, bias, more, to, last); break;
            default: NAME(plain_1)(s, from, panel, bias, more, to, last); break;
        }
    }
    return start;
}

/* places [start, end) of one panel of one group; bias, added and y from the panel's first output on */
static void NAME(strip)(const Conv *s, const float *x, const float *panel, const int32_t *tap_y, const int32_t *tap_x,
                        const float *bias, const float *added, float *y, int vecs, long width, long start, long end) {
    int rows = tile_rows(vecs), simple = plain_input(s, tap_y, tap_x), straight = plain_output(s);
    if (simple && straight && s->activation <= RELU)
        start = plain_strip(s, x, panel, bias, added, y, vecs, width, start, end);
    const float *pointers[MOST_TAPS * MOST_ROWS];
    float acc[MOST_ROWS * WIDTH] __attribute__((aligned(64)));
    Place p = place_of(s, start);
    Reach reach = reach_of(s, tap_y, tap_x);
    long step = (long)s->stride_x * s->pitch;
    for (long place = start; place < end; place += rows) {
        int valid = (int)smaller(rows, end - place), before = 0; /* whether all taps of the row before lay inside */
        Place first = p;
        for (int r = 0; r < valid; r++) {
            int now = !simple && inside(s, p, reach);
            if (simple) pointers[r] = x + (place + r) * s->pitch;
            else if (now && before && p.x > 0)
                for (int t = 0; t < s->taps; t++) pointers[t * MOST_ROWS + r] = pointers[t * MOST_ROWS + r - 1] + step;
            else point(s, x, tap_y, tap_x, p, pointers + r);
            before = now;
            if (!simple || !straight) p = next_place(s, p);
        }
        for (int r = valid; r < rows; r++)
            for (int t = 0; t < s->taps; t++) pointers[t * MOST_ROWS + r] = NAME(zeros);
        tile(vecs, pointers, s->taps, s->run, panel, acc);
        for (int r = 0; r < valid; r++) {
            long at = place + r;
            if (!straight) {
                long row = (long)first.picture * s->out_h + s->first_y + (long)first.y * s->step_y;
                at = row * s->out_w + s->first_x + (long)first.x * s->step_x;
                first = next_place(s, first);
            }
            finish_row(s->activation, acc + r * WIDTH, width, bias, added ? added + at * s->added_pitch : 0,
                       y + at * s->out_pitch);
        }
    }
}

/* The largest of each 2x2 of `height` x `width` places of a panel, rows of WIDTH numbers, to every place of y. */
INLINE void largest_of_four(const float *rows, long height, long width, long outputs, float *y, long pitch) {
    for (long i = 0; i < height; i += 2)
        for (long j = 0; j < width; j += 2, y += pitch)
            for (long o = 0; o < outputs; o += LANES) {
                vec best = (vec){} - INFINITY;
                for (long row = i; row < i + 2 && row < height; row++)
                    for (long column = j; column < j + 2 && column < width; column++)
                        best = max_of(best, SEE(rows + (row * width + column) * WIDTH + o));
                put_lanes(y + o, best, smaller(LANES, outputs - o));
            }
}

/* A convolution and behind it the maximum over windows of 2x2 with stride 2, which alone is written: y has half as many
 * rows and columns, rounded up. lines: of the convolution, even, that are computed at once into `scratch`, which has
 * room for them and a panel for each thread. */
void NAME(conv_largest)(const Conv *s, const float *x, const float *packed, const int32_t *tap_y, const int32_t *tap_x,
                        const float *bias, float *y, float *scratch, long lines) {
    long m = s->m / s->groups, depth = (long)s->run * s->taps, panels = panels_of(m);
    long parts = (s->rows + lines - 1) / lines, high = (s->rows + 1) / 2, wide = (s->cols + 1) / 2;
    Conv one = *s;
    one.out_pitch = WIDTH;
    double work = (double)s->n * s->rows * s->cols * s->m * depth / 16;
#pragma omp parallel for num_threads(enough_threads(s->threads, work)) schedule(dynamic, 1)
    for (long job = 0; job < s->n * parts * s->groups * panels; job++) {
        int panel = (int)(job % panels), group = (int)(job / panels % s->groups);
        long part = job / panels / s->groups, picture = part / parts, top = part % parts * lines;
        long height = smaller(lines, s->rows - top), start = (picture * s->rows + top) * s->cols;
        long output = group * m + (long)panel * WIDTH, outputs = smaller(WIDTH, m - (long)panel * WIDTH);
        float *own = scratch + (long)thread_number() * lines * s->cols * WIDTH;
        NAME(strip)(&one, x + (long)group * s->run, packed + group * packed_size(m, depth) + panel_start(panel, depth),
                    tap_y, tap_x, bias ? bias + output : 0, 0, own - start * WIDTH, panel_vecs(m, panel), outputs, start,
                    start + height * s->cols);
        largest_of_four(own, height, s->cols, outputs, y + (picture * high + top / 2) * wide * s->out_pitch + output,
                        s->out_pitch);
    }
}

void NAME(conv)(const Conv *s, const float *x, const float *packed, const int32_t *tap_y, const int32_t *tap_x,
                const float *bias, const float *added, float *y) {
    long m = s->m / s->groups, depth = (long)s->run * s->taps;
    long places = (long)s->n * s->rows * s->cols, panels = panels_of(m);
    long block = BLOCK_BYTES / (4L * s->run * s->stride_y * s->stride_x) + 1;
    block = (block + 233) / 234 * 234; /* a multiple of most tiles' rows: 6, 9, 13 */
    if (s->threads > 1) block = smaller(block, (places + s->threads - 1) / s->threads);
    long blocks = (places + block - 1) / block;
    if (panels >= 2L * s->threads && blocks <= 2L * s->threads) block = places, blocks = 1; /* weights read once */
    long jobs = s->groups * blocks * panels;
    double work = (double)places * s->m * depth / 16;
#pragma omp parallel for num_threads(enough_threads(s->threads, work)) schedule(dynamic, 1)
    for (long job = 0; job < jobs; job++) {
        int panel = (int)(job % panels), group = (int)(job / panels / blocks);
        long start = job / panels % blocks * block, output = group * m + (long)panel * WIDTH;
        NAME(strip)(s, x + (long)group * s->run, packed + group * packed_size(m, depth) + panel_start(panel, depth), tap_y,
                    tap_x, bias ? bias + output : 0, added ? added + output : 0, y + output, panel_vecs(m, panel),
                    smaller(WIDTH, m - (long)panel * WIDTH), start, smaller(start + block, places));
    }
}
