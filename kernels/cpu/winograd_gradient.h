/* Gradient of a 3x3 convolution with stride 1 by its weights, through Winograd's F(4x4, 3x3): its transpose.
 *
 * Forward is y = A^T [G g G^T * B^T d B] A for each tile; so dg = G^T [sum over tiles of A dy A^T * B^T d B] G: 36 products
 * (channels, tiles) x (tiles, outputs) with a quarter of the multiplications of the direct way. Each is done by one thread
 * in the order of the tiles: the result doesn't depend on the number of threads.
 * Needs input channels that are a multiple of LANES, and one group. Largest error against the direct way: about 1e-5.
 */

/* A d for four vectors */
INLINE void gradient_transform(const vec d[4], vec t[6]) {
    vec even = d[0] + d[2], odd = d[1] + d[3];
    t[0] = d[0];
    t[1] = even + odd;
    t[2] = even - odd;
    even = d[0] + 4.0f * d[2], odd = 2.0f * d[1] + 8.0f * d[3];
    t[3] = even + odd;
    t[4] = even - odd;
    t[5] = d[3];
}

/* G^T u for six vectors */
INLINE void taps_transform(const vec u[6], vec t[3]) {
    vec sum = (u[1] + u[2]) * (1.0f / 6), sum2 = u[3] + u[4];
    t[0] = 0.25f * u[0] - sum + sum2 * (1.0f / 24);
    t[1] = (u[2] - u[1]) * (1.0f / 6) + (u[3] - u[4]) * (1.0f / 12);
    t[2] = sum2 * (1.0f / 6) - sum + u[5];
}

/* the gradient of one tile: [36][panel][group][output of the panel] */
static void NAME(enter_gradient)(const Winograd *s, const float *dy, float *to, long number, Tile tile) {
    long step = packed_size(s->m, s->group);
    for (long o = 0; o < s->m; o += LANES) {
        int panel = (int)(o / WIDTH);
        float *own = to + panel_start(panel, s->group) + number * panel_vecs(s->m, panel) * LANES + o % WIDTH;
        long count = smaller(LANES, s->m - o);
        vec half[6][4];
        for (int j = 0; j < 4; j++) {
            vec d[4], t[6];
            for (int i = 0; i < 4; i++) {
                long at = ((long)tile.picture * s->out_h + tile.top + i) * s->out_w + tile.left + j;
                d[i] = tile.top + i < s->out_h && tile.left + j < s->out_w ? some_lanes(dy + at * s->m + o, count) : (vec){};
            }
            gradient_transform(d, t);
            for (int i = 0; i < 6; i++) half[i][j] = t[i];
        }
        for (int i = 0; i < 6; i++) {
            vec t[6];
            gradient_transform(half[i], t);
            for (int j = 0; j < 6; j++) AT(own + (i * 6 + j) * step) = t[j];
        }
    }
}

/* sums (c, width) of one panel += over `tiles` tiles of seen[tile][c] * gradient[tile][width] */
static void NAME(add_products)(const Winograd *s, const float *seen, const float *gradient, float *sums, long tiles,
                               int panel, int first_time) {
    int vecs = panel_vecs(s->m, panel), rows = tile_rows(vecs);
    long width = vecs * LANES;
    for (long start = 0; start < tiles; start += PLACES) {
        Places block = {1, smaller(PLACES, tiles - start), 1, s->c, 0, 0};
        for (long i = 0; i < s->c; i += rows) {
            int valid = (int)smaller(rows, s->c - i);
            const float *pointers[MOST_ROWS];
            for (int r = 0; r < rows; r++) pointers[r] = seen + start * s->c + i + smaller(r, valid - 1);
            add_outer(vecs, pointers, valid, gradient + start * width, &block, sums + i * width, width,
                      first_time && start == 0);
        }
    }
}

/* sums [36][panel][c][output] of the channels [first, first + LANES) -> dweight [m][tap][c] */
static void NAME(leave_gradient)(const Winograd *s, const float *sums, long first, float *dweight) {
    long square = packed_size(s->m, s->c);
    for (long o = 0; o < s->m; o += LANES) {
        int panel = (int)(o / WIDTH);
        long width = panel_vecs(s->m, panel) * LANES, count = smaller(LANES, s->m - o);
        float taps[LANES][9][LANES] __attribute__((aligned(64)));
        for (long i = 0; i < LANES; i++) {
            const float *from = sums + panel_start(panel, s->c) + (first + i) * width + o % WIDTH;
            vec half[3][6];
            for (int x = 0; x < 6; x++) {
                vec u[6], t[3];
                for (int y = 0; y < 6; y++) u[y] = SEE(from + (y * 6 + x) * square);
                taps_transform(u, t);
                for (int y = 0; y < 3; y++) half[y][x] = t[y];
            }
            for (int y = 0; y < 3; y++) {
                vec t[3];
                taps_transform(half[y], t);
                for (int x = 0; x < 3; x++) AT(taps[i][3 * y + x]) = t[x];
            }
        }
        for (long k = 0; k < count; k++)
            for (int t = 0; t < 9; t++)
                for (long i = 0; i < LANES; i++) dweight[((o + k) * 9 + t) * s->c + first + i] = taps[i][t][k];
    }
}

/* scratch: 36 * (group * (c + whole) + c * whole) numbers, whole: m up to whole vectors */
void NAME(winograd_gradient)(const Winograd *s, const float *x, const float *dy, float *dweight, float *scratch) {
    int panels = panels_of(s->m);
    long tiles = tiles_of(s), square = packed_size(s->m, s->c), turned = packed_size(s->m, s->group);
    float *seen = scratch, *gradient = seen + (long)SQUARE * s->group * s->c, *sums = gradient + SQUARE * turned;
#pragma omp parallel num_threads(s->threads)
    {
        for (long start = 0; start < tiles; start += s->group) {
            long count = smaller(s->group, tiles - start);
#pragma omp for schedule(static)
            for (long t = 0; t < count; t++) {
                Tile tile = tile_at(s, start + t);
                NAME(enter)(s, x, seen + t * s->c, tile);
                NAME(enter_gradient)(s, dy, gradient, t, tile);
            }
#pragma omp for schedule(dynamic, 1)
            for (int job = 0; job < SQUARE * panels; job++) {
                int e = job / panels, panel = job % panels;
                NAME(add_products)(s, seen + (long)e * s->group * s->c,
                                   gradient + e * turned + panel_start(panel, s->group),
                                   sums + e * square + panel_start(panel, s->c), count, panel, start == 0);
            }
        }
#pragma omp for schedule(static)
        for (long first = 0; first < s->c; first += LANES) NAME(leave_gradient)(s, sums, first, dweight);
    }
}
