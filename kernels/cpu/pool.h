/* Maximum over windows of channels-last arrays; what lies outside the picture doesn't count.
 * pitch: numbers from a place of the input to the next; the backward takes it for c. */
typedef struct {
    int32_t n, h, w, c, pitch, out_h, out_w, size, stride_y, stride_x, before, threads;
} Pool;

void NAME(maxpool)(const Pool *s, const float *x, float *y) {
    double work = (double)s->n * s->out_h * s->out_w * s->c * s->size;
#pragma omp parallel for num_threads(enough_threads(s->threads, work)) schedule(static)
    for (long line = 0; line < (long)s->n * s->out_h; line++) {
        const float *picture = x + line / s->out_h * s->h * s->w * s->pitch;
        int top = (int)(line % s->out_h) * s->stride_y - s->before;
        for (int j = 0; j < s->out_w; j++) {
            int left = j * s->stride_x - s->before;
            for (long k = 0; k < s->c; k += LANES) {
                long count = smaller(LANES, s->c - k);
                vec best = (vec){} - INFINITY;
                for (int row = top < 0 ? 0 : top; row < top + s->size && row < s->h; row++)
                    for (int column = left < 0 ? 0 : left; column < left + s->size && column < s->w; column++)
                        best = max_of(best, some_lanes(picture + ((long)row * s->w + column) * s->pitch + k, count));
                put_lanes(y + (line * s->out_w + j) * s->c + k, best, count);
            }
        }
    }
}

/* each window's gradient to the first of its largest taps; each thread has pictures and panels of channels of its own */
void NAME(maxpool_backward)(const Pool *s, const float *dy, const float *x, const float *y, float *dx) {
    long panels = panels_of(s->c);
#pragma omp parallel for num_threads(s->threads) schedule(static)
    for (long job = 0; job < s->n * panels; job++) {
        long n = job / panels, start = job % panels * WIDTH, end = smaller(start + WIDTH, s->c);
        const float *from = x + n * s->h * s->w * s->c;
        float *to = dx + n * s->h * s->w * s->c;
        for (long place = 0; place < (long)s->h * s->w; place++)
            memset(to + place * s->c + start, 0, (end - start) * sizeof(float));
        for (long place = 0; place < (long)s->out_h * s->out_w; place++) {
            int top = (int)(place / s->out_w) * s->stride_y - s->before, left = (int)(place % s->out_w) * s->stride_x - s->before;
            for (long k = start; k < end; k += LANES) {
                long count = smaller(LANES, end - k), at = (n * s->out_h * s->out_w + place) * s->c + k;
                vec best = some_lanes(y + at, count), gradient = some_lanes(dy + at, count);
                ivec waiting = (ivec){} - 1;
                for (int row = top < 0 ? 0 : top; row < top + s->size && row < s->h; row++)
                    for (int column = left < 0 ? 0 : left; column < left + s->size && column < s->w; column++) {
                        long here = ((long)row * s->w + column) * s->c + k;
                        ivec hit = (some_lanes(from + here, count) == best) & waiting;
                        waiting &= ~hit;
                        put_lanes(to + here, some_lanes(to + here, count) + pick(hit, gradient, (vec){}), count);
                    }
            }
        }
    }
}

#define CHUNK 64 /* places whose sum is taken apart: a long sum in float32 loses its small terms */

/* the mean of all places; (n, places, c) -> (n, c) */
void NAME(mean_places)(const float *x, float *y, long n, long places, long c, long threads) {
    long vectors = (c + LANES - 1) / LANES;
#pragma omp parallel for num_threads(enough_threads(threads, (double)n * places * c)) schedule(static)
    for (long job = 0; job < n * vectors; job++) {
        long picture = job / vectors, start = job % vectors * LANES, count = smaller(LANES, c - start);
        const float *from = x + picture * places * c + start;
        vec total = (vec){};
        for (long first = 0; first < places; first += CHUNK) {
            vec sum = (vec){};
            for (long place = first; place < smaller(first + CHUNK, places); place++)
                sum += some_lanes(from + place * c, count);
            total += sum;
        }
        put_lanes(y + picture * c + start, total / (float)places, count);
    }
}
