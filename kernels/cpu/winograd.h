/* 3x3 convolution with stride 1 by Winograd's F(4x4, 3x3) (Lavin and Gray 2016, arXiv 1509.09308, section 4.3).
 *
 * The input is cut into overlapping tiles of 6x6, one for each 4x4 of the output. With transformed tiles and weights the
 * convolution is 36 independent matrix products: 36 instead of 144 multiplications for each tile, input and output.
 * Tiles are taken in groups small enough for the caches: their transforms are shared by all panels of outputs, and the
 * products of a panel are turned back at once. Needs input channels that are a multiple of LANES, and one group.
 * Largest error against the direct way: about 1e-5 of the largest output.
 */
#define SQUARE 36

/* B^T d for six vectors (section 4.3) */
INLINE void input_transform(const vec d[6], vec t[6]) {
    t[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
    vec even = d[4] - 4.0f * d[2], odd = d[3] - 4.0f * d[1];
    t[1] = even + odd;
    t[2] = even - odd;
    even = d[4] - d[2], odd = 2.0f * (d[3] - d[1]);
    t[3] = even + odd;
    t[4] = even - odd;
    t[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

/* A^T m for six vectors */
INLINE void output_transform(const vec m[6], vec t[4]) {
    vec sum = m[1] + m[2], difference = m[1] - m[2], sum2 = m[3] + m[4], difference2 = m[3] - m[4];
    t[0] = m[0] + sum + sum2;
    t[1] = difference + 2.0f * difference2;
    t[2] = sum + 4.0f * sum2;
    t[3] = difference + 8.0f * difference2 + m[5];
}

/* G g for three vectors */
INLINE void weight_transform(const vec g[3], vec t[6]) {
    vec even = (g[0] + g[2]) * (-1.0f / 6), odd = g[1] * (-1.0f / 6);
    t[0] = g[0] * 0.25f;
    t[1] = even + odd;
    t[2] = even - odd;
    even = g[0] * (1.0f / 24) + g[2] * (1.0f / 6), odd = g[1] * (1.0f / 12);
    t[3] = even + odd;
    t[4] = even - odd;
    t[5] = g[2];
}

/* taps[t][i][o]: the weights of LANES outputs and LANES channels; a line of memory is read once, in whichever way they lie */
INLINE void gather_taps(const float *weight, const int32_t *offsets, long outputs, long channels, long stride_m,
                        long stride_c, float taps[9][LANES][LANES]) {
    for (int t = 0; t < 9; t++) {
        const float *from = weight + offsets[t];
        if (outputs < LANES) memset(taps[t], 0, sizeof(taps[t]));
        if (stride_m == 1)
            for (long i = 0; i < channels; i++) memcpy(taps[t][i], from + i * stride_c, outputs * sizeof(float));
        else
            for (long o = 0; o < outputs; o++)
                for (long i = 0; i < channels; i++) taps[t][i][o] = from[o * stride_m + i * stride_c];
    }
}

/* Weight (output o, channel i, tap (y, x)) at o * stride_m + i * stride_c + offsets[3 * y + x]
 * -> [36][panel][channel][output of the panel]: G g G^T */
void NAME(winograd_pack)(const float *weight, float *packed, const int32_t *offsets, long m, long c, long stride_m,
                         long stride_c, long threads) {
    long square = packed_size(m, c), vectors = (m + LANES - 1) / LANES;
    int past = aligned(packed);
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long job = 0; job < vectors; job++) {
        long first = job * LANES, valid = smaller(LANES, m - first), panel = first / WIDTH;
        long width = panel_vecs(m, (int)panel) * LANES;
        float *to = packed + panel_start((int)panel, c) + first % WIDTH;
        float taps[9][LANES][LANES] __attribute__((aligned(64)));
        for (long i = 0; i < c; i++, to += width) {
            if (i % LANES == 0)
                gather_taps(weight + first * stride_m + i * stride_c, offsets, valid, smaller(LANES, c - i), stride_m,
                            stride_c, taps);
            vec half[6][3];
            for (int x = 0; x < 3; x++) {
                vec g[3], t[6];
                for (int y = 0; y < 3; y++) g[y] = SEE(taps[3 * y + x][i % LANES]);
                weight_transform(g, t);
                for (int y = 0; y < 6; y++) half[y][x] = t[y];
            }
            for (int y = 0; y < 6; y++) {
                vec t[6];
                weight_transform(half[y], t);
                for (int x = 0; x < 6; x++)
                    if (past) STREAM(to + (y * 6 + x) * square, t[x]);
                    else AT(to + (y * 6 + x) * square) = t[x];
            }
        }
        if (past) STREAMED();
    }
}

typedef struct {
    int32_t n, h, w, c, pitch, out_h, out_w, m, out_pitch, added_pitch, pad, activation, threads;
    int32_t group; /* tiles of a group */
} Winograd;

typedef struct {
    int picture, top, left; /* the first of its 4x4 places */
} Tile;

INLINE Tile tile_at(const Winograd *s, long index) {
    int across = (s->out_w + 3) / 4, each = (s->out_h + 3) / 4 * across, in_picture = (int)(index % each);
    return (Tile){(int)(index / each), in_picture / across * 4, in_picture % across * 4};
}
INLINE long tiles_of(const Winograd *s) { return (long)s->n * ((s->out_h + 3) / 4) * ((s->out_w + 3) / 4); }

/* one tile: V[36][group][c] */
static void NAME(enter)(const Winograd *s, const float *x, float *v, Tile tile) {
    const float *from = x + (long)tile.picture * s->h * s->w * s->pitch;
    int top = tile.top - s->pad, left = tile.left - s->pad;
    long step = (long)s->group * s->c;
    for (long k = 0; k < s->c; k += LANES) {
        vec half[6][6];
        for (int j = 0; j < 6; j++) {
            vec d[6], t[6];
            for (int i = 0; i < 6; i++) {
                int row = top + i, column = left + j;
                int inside = (unsigned)row < (unsigned)s->h && (unsigned)column < (unsigned)s->w;
                d[i] = inside ? SEE(from + ((long)row * s->w + column) * s->pitch + k) : (vec){};
            }
            input_transform(d, t);
            for (int i = 0; i < 6; i++) half[i][j] = t[i];
        }
        for (int i = 0; i < 6; i++) {
            vec t[6];
            input_transform(half[i], t);
            for (int j = 0; j < 6; j++) AT(v + (i * 6 + j) * step + k) = t[j];
        }
    }
}

/* one tile of a panel back to its 4x4 places, or to the 2x2 where the largest of each 2x2 of them belong;
 * products[36][tiles][WIDTH] */
INLINE void leave(const Winograd *s, const float *products, long step, long width, Tile tile, long output,
                  const float *bias, const float *added, float *y, int largest) {
    for (long o = 0; o < width; o += LANES) {
        vec half[4][6];
        for (int j = 0; j < 6; j++) {
            vec m[6], t[4];
            for (int i = 0; i < 6; i++) m[i] = SEE(products + (i * 6 + j) * step + o);
            output_transform(m, t);
            for (int i = 0; i < 4; i++) half[i][j] = t[i];
        }
        long count = smaller(LANES, width - o);
        vec shift = bias ? some_lanes(bias + output + o, count) : (vec){};
        vec best[2][2];
        for (int i = 0; i < 4; i++) best[i / 2][i % 2] = (vec){} - INFINITY;
        for (int i = 0; i < 4 && tile.top + i < s->out_h; i++) {
            vec t[4];
            output_transform(half[i], t);
            for (int j = 0; j < 4 && tile.left + j < s->out_w; j++) {
                long at = ((long)tile.picture * s->out_h + tile.top + i) * s->out_w + tile.left + j;
                vec result = activation(s->activation, t[j] + shift);
                if (largest) {
                    best[i / 2][j / 2] = max_of(best[i / 2][j / 2], result);
                    continue;
                }
                if (added) result += some_lanes(added + at * s->added_pitch + output + o, count);
                put_lanes(y + at * s->out_pitch + output + o, result, count);
            }
        }
        for (int i = 0; largest && i < 2 && tile.top + 2 * i < s->out_h; i++)
            for (int j = 0; j < 2 && tile.left + 2 * j < s->out_w; j++) {
                long row = (long)tile.picture * ((s->out_h + 1) / 2) + tile.top / 2 + i;
                long at = row * ((s->out_w + 1) / 2) + tile.left / 2 + j;
                put_lanes(y + at * s->out_pitch + output + o, best[i][j], count);
            }
    }
}

static void NAME(leave_all)(const Winograd *s, const float *products, long step, long width, Tile tile, long output,
                            const float *bias, const float *added, float *y) {
    leave(s, products, step, width, tile, output, bias, added, y, 0);
}

static void NAME(leave_largest)(const Winograd *s, const float *products, long step, long width, Tile tile, long output,
                                const float *bias, float *y) {
    leave(s, products, step, width, tile, output, bias, 0, y, 1);
}

/* the 36 products of `tiles` tiles, from number `first` of the group on, with one panel */
static void NAME(multiply)(const Winograd *s, const float *v, const float *packed, float *products, long first,
                           long tiles, int panel) {
    int vecs = panel_vecs(s->m, panel), rows = tile_rows(vecs);
    const float *pointers[MOST_ROWS];
    float acc[MOST_ROWS * WIDTH] __attribute__((aligned(64)));
    for (int e = 0; e < SQUARE; e++) {
        const float *weights = packed + e * packed_size(s->m, s->c) + panel_start(panel, s->c);
        const float *from = v + ((long)e * s->group + first) * s->c;
        float *to = products + e * tiles * WIDTH;
        for (long start = 0; start < tiles; start += rows) {
            int valid = (int)smaller(rows, tiles - start);
            for (int r = 0; r < rows; r++) pointers[r] = from + (start + smaller(r, valid - 1)) * s->c;
            int direct = valid == rows;
            tile(vecs, pointers, 1, s->c, weights, direct ? to + start * WIDTH : acc);
            if (!direct) memcpy(to + start * WIDTH, acc, (size_t)valid * WIDTH * sizeof(float));
        }
    }
}

#define PART 54 /* most tiles whose products are turned back together: a multiple of most tiles' rows, 6 and 9 */

INLINE void winograd(const Winograd *s, const float *x, const float *packed, const float *bias, const float *added,
                     float *y, float *scratch, int largest) {
    long tiles = tiles_of(s), panels = panels_of(s->m);
    float *v = scratch, *products = scratch + (long)SQUARE * s->group * s->c;
#pragma omp parallel num_threads(s->threads)
    for (long start = 0; start < tiles; start += s->group) {
        long count = smaller(s->group, tiles - start), parts = (count + PART - 1) / PART;
        long part = (count + parts - 1) / parts;
#pragma omp for schedule(static)
        for (long t = 0; t < count; t++) NAME(enter)(s, x, v + t * s->c, tile_at(s, start + t));
#pragma omp for schedule(dynamic, 1)
        for (long job = 0; job < panels * parts; job++) {
            int panel = (int)(job / parts);
            long first = job % parts * part, some = smaller(part, count - first);
            float *own = products + (long)thread_number() * SQUARE * PART * WIDTH;
            NAME(multiply)(s, v, packed, own, first, some, panel);
            long output = (long)panel * WIDTH, width = smaller(WIDTH, s->m - output);
            for (long t = 0; t < some; t++) {
                Tile tile = tile_at(s, start + first + t);
                if (largest) NAME(leave_largest)(s, own + t * WIDTH, some * WIDTH, width, tile, output, bias, y);
                else NAME(leave_all)(s, own + t * WIDTH, some * WIDTH, width, tile, output, bias, added, y);
            }
        }
    }
}

/* scratch: 36 * group * c for the transformed tiles, then 36 * PART * WIDTH for each thread, in floats */
void NAME(winograd)(const Winograd *s, const float *x, const float *packed, const float *bias, const float *added,
                    float *y, float *scratch) {
    winograd(s, x, packed, bias, added, y, scratch, 0);
}

/* The same and behind it the maximum over windows of 2x2 with stride 2, as of `conv_largest`. */
void NAME(winograd_largest)(const Winograd *s, const float *x, const float *packed, const float *bias, float *y,
                            float *scratch) {
    winograd(s, x, packed, bias, 0, y, scratch, 1);
}
