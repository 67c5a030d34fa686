/* Depthwise convolution (one filter per channel) of channels-last arrays, forward and both gradients.
 *
 * Vectors run over the channels; a filter's taps are [tap][channel]. Bytes decide, not FLOPs: 2 * size^2 per result,
 * and each input number is read from memory once and from the first-level cache size^2 times.
 */
typedef struct {
    int32_t n, h, w, c, out_h, out_w, size, stride_y, stride_x, pad, dilation, activation, threads;
} Depthwise;

/* places of one row; from `left` on for `count` places all taps of a row lie inside the picture */
INLINE vec taps_at(const Depthwise *s, const float *picture, const float *weight, int top, int left, long k, long count) {
    vec sum = {};
    for (int i = 0; i < s->size; i++) {
        int row = top + i * s->dilation;
        if ((unsigned)row >= (unsigned)s->h) continue;
        for (int j = 0; j < s->size; j++) {
            int column = left + j * s->dilation;
            if ((unsigned)column >= (unsigned)s->w) continue;
            sum += some_lanes(picture + ((long)row * s->w + column) * s->c + k, count) *
                   some_lanes(weight + (long)(i * s->size + j) * s->c + k, count);
        }
    }
    return sum;
}

/* Four neighbouring places whose taps all lie in the picture: each weight is read once for the four. To be called with
 * constants for `size` and `whole`: whether all lanes count. */
INLINE void four_places(const Depthwise *s, int size, int whole, const float *from, const float *weight, long count,
                        vec sum[4]) {
    long line = (long)s->dilation * s->w * s->c, across = (long)s->dilation * s->c, step = (long)s->stride_x * s->c;
    vec a = {}, b = {}, c = {}, d = {};
    for (int i = 0; i < size; i++)
        _Pragma("GCC unroll 5") for (int j = 0; j < size; j++, weight += s->c) {
            const float *p = from + i * line + j * across;
            vec w = whole ? SEE(weight) : SEE_SOME(weight, count);
            a += (whole ? SEE(p) : SEE_SOME(p, count)) * w;
            b += (whole ? SEE(p + step) : SEE_SOME(p + step, count)) * w;
            c += (whole ? SEE(p + 2 * step) : SEE_SOME(p + 2 * step, count)) * w;
            d += (whole ? SEE(p + 3 * step) : SEE_SOME(p + 3 * step, count)) * w;
        }
    sum[0] = a, sum[1] = b, sum[2] = c, sum[3] = d;
}

static void NAME(depthwise_row)(const Depthwise *s, const float *picture, const float *weight, const float *bias,
                                const float *added, float *y, int out_row) {
    int top = out_row * s->stride_y - s->pad * s->dilation;
    int reach = (s->size - 1) * s->dilation + 1, plain = top >= 0 && top + reach <= s->h;
    for (long k = 0; k < s->c; k += LANES) {
        long count = smaller(LANES, s->c - k);
        vec shift = bias ? some_lanes(bias + k, count) : (vec){};
        for (int j = 0; j < s->out_w;) {
            int left = j * s->stride_x - s->pad * s->dilation, places = 1;
            vec sum[4];
            if (plain && left >= 0 && left + 3 * s->stride_x + reach <= s->w && j + 4 <= s->out_w) {
                const float *from = picture + ((long)top * s->w + left) * s->c + k;
                if (s->size == 3 && count == LANES) four_places(s, 3, 1, from, weight + k, count, sum);
                else if (s->size == 5 && count == LANES) four_places(s, 5, 1, from, weight + k, count, sum);
                else four_places(s, s->size, 0, from, weight + k, count, sum);
                places = 4;
            } else
                sum[0] = taps_at(s, picture, weight, top, left, k, count);
            for (int q = 0; q < places; q++, j++) {
                vec result = activation(s->activation, sum[q] + shift);
                if (added) result += some_lanes(added + (long)j * s->c + k, count);
                put_lanes(y + (long)j * s->c + k, result, count);
            }
        }
    }
}

void NAME(depthwise)(const Depthwise *s, const float *x, const float *weight, const float *bias, const float *added,
                     float *y) {
    double work = (double)s->n * s->out_h * s->out_w * s->c * s->size;
#pragma omp parallel for num_threads(enough_threads(s->threads, work)) schedule(static)
    for (long line = 0; line < (long)s->n * s->out_h; line++) {
        long at = line * s->out_w * s->c;
        NAME(depthwise_row)(s, x + line / s->out_h * s->h * s->w * s->c, weight, bias, added ? added + at : 0, y + at,
                            (int)(line % s->out_h));
    }
}

/* dx from dy: each place of the input gathers what the outputs that saw it send back */
void NAME(depthwise_input)(const Depthwise *s, const float *dy, const float *weight, float *dx) {
#pragma omp parallel for num_threads(s->threads) schedule(static)
    for (long line = 0; line < (long)s->n * s->h; line++) {
        int row = (int)(line % s->h);
        const float *picture = dy + line / s->h * s->out_h * s->out_w * s->c;
        for (int column = 0; column < s->w; column++)
            for (long k = 0; k < s->c; k += LANES) {
                long count = smaller(LANES, s->c - k);
                vec sum = {};
                for (int i = 0; i < s->size; i++) {
                    int up = row + (s->pad - i) * s->dilation;
                    if (up < 0 || up % s->stride_y || up / s->stride_y >= s->out_h) continue;
                    for (int j = 0; j < s->size; j++) {
                        int left = column + (s->pad - j) * s->dilation;
                        if (left < 0 || left % s->stride_x || left / s->stride_x >= s->out_w) continue;
                        long at = ((long)up / s->stride_y * s->out_w + left / s->stride_x) * s->c + k;
                        sum += some_lanes(picture + at, count) * some_lanes(weight + (long)(i * s->size + j) * s->c + k, count);
                    }
                }
                put_lanes(dx + (line * s->w + column) * s->c + k, sum, count);
            }
    }
}

/* dweight[tap][channel]: sums over all places, each thread for vectors of channels of its own */
void NAME(depthwise_weight)(const Depthwise *s, const float *x, const float *dy, float *dweight) {
    long vectors = (s->c + LANES - 1) / LANES, jobs = vectors * s->size * s->size;
#pragma omp parallel for num_threads(s->threads) schedule(static)
    for (long job = 0; job < jobs; job++) {
        long k = job / (s->size * s->size) * LANES, count = smaller(LANES, s->c - k);
        int tap = (int)(job % (s->size * s->size)), i = tap / s->size, j = tap % s->size;
        vec total = {};
        for (long line = 0; line < (long)s->n * s->out_h; line++) { /* sums of lines first: less rounding */
            int row = (int)(line % s->out_h) * s->stride_y + (i - s->pad) * s->dilation;
            if ((unsigned)row >= (unsigned)s->h) continue;
            const float *from = x + (line / s->out_h * s->h + row) * s->w * s->c + k, *by = dy + line * s->out_w * s->c + k;
            vec sum = {};
            for (int q = 0; q < s->out_w; q++) {
                int column = q * s->stride_x + (j - s->pad) * s->dilation;
                if ((unsigned)column >= (unsigned)s->w) continue;
                sum += some_lanes(from + (long)column * s->c, count) * some_lanes(by + (long)q * s->c, count);
            }
            total += sum;
        }
        put_lanes(dweight + (long)tap * s->c + k, total, count);
    }
}
