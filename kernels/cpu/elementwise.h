/* Element-wise work and sums over the rows of a matrix (places, channels): limited by memory, so each array passes once.
 *
 * Sums are taken over CHUNKS parts of the rows and these then added in order: the same result for any number of threads.
 * Rows come in the order of memory, with the sums of a part in the first-level cache.
 */
#define CHUNKS 64

void NAME(activate)(long kind, const float *x, float *y, long size, long threads) {
#pragma omp parallel for num_threads(enough_threads(threads, size)) schedule(static)
    for (long i = 0; i < (size + LANES - 1) / LANES; i++) {
        long at = i * LANES, count = smaller(LANES, size - at);
        put_lanes(y + at, activation(kind, some_lanes(x + at, count)), count);
    }
}

/* dx = dy * dy/dx; x may be 0 where the slope follows from y */
void NAME(activate_backward)(long kind, const float *dy, const float *x, const float *y, float *dx, long size,
                             long threads) {
    if (!x) x = y;
#pragma omp parallel for num_threads(enough_threads(threads, size)) schedule(static)
    for (long i = 0; i < (size + LANES - 1) / LANES; i++) {
        long at = i * LANES, count = smaller(LANES, size - at);
        put_lanes(dx + at, some_lanes(dy + at, count) * slope(kind, some_lanes(x + at, count), some_lanes(y + at, count)),
                  count);
    }
}

/* y = activation(a + b) */
void NAME(add)(long kind, const float *a, const float *b, float *y, long size, long threads) {
#pragma omp parallel for num_threads(enough_threads(threads, size)) schedule(static)
    for (long i = 0; i < (size + LANES - 1) / LANES; i++) {
        long at = i * LANES, count = smaller(LANES, size - at);
        put_lanes(y + at, activation(kind, some_lanes(a + at, count) + some_lanes(b + at, count)), count);
    }
}

/* y = activation(x * k + shift), by channel */
void NAME(scale_shift)(long kind, const float *x, const float *k, const float *shift, float *y, long rows, long c,
                       long threads) {
#pragma omp parallel for num_threads(enough_threads(threads, (double)rows * c)) schedule(static)
    for (long row = 0; row < rows; row++)
        for (long i = 0; i < c; i += LANES) {
            long count = smaller(LANES, c - i), at = row * c + i;
            vec v = some_lanes(x + at, count);
            if (k) v *= some_lanes(k + i, count);
            put_lanes(y + at, activation(kind, v + some_lanes(shift + i, count)), count);
        }
}

/* y = (logistic(x) where `chosen` is 1, x where it is 0) * k + shift, by channel */
void NAME(some_logistic)(const float *x, const float *chosen, const float *k, const float *shift, float *y, long rows,
                         long c, long threads) {
#pragma omp parallel for num_threads(enough_threads(threads, (double)rows * c)) schedule(static)
    for (long row = 0; row < rows; row++)
        for (long i = 0; i < c; i += LANES) {
            long count = smaller(LANES, c - i), at = row * c + i;
            vec v = some_lanes(x + at, count);
            v = pick(some_lanes(chosen + i, count) > 0.5f, logistic(v), v);
            put_lanes(y + at, v * some_lanes(k + i, count) + some_lanes(shift + i, count), count);
        }
}

/* own[0..c) += of a, or of (a - mean)^2, over the rows [first, end) */
INLINE void add_rows(const float *a, const float *mean, float *own, long first, long end, long c) {
    for (long row = first; row < end; row++)
        for (long i = 0; i < c; i += LANES) {
            long count = smaller(LANES, c - i);
            vec v = some_lanes(a + row * c + i, count);
            if (mean) v -= some_lanes(mean + i, count), v *= v;
            put_lanes(own + i, some_lanes(own + i, count) + v, count);
        }
}

/* sums (c) of a; parts: CHUNKS * c numbers of scratch */
void NAME(sums)(const float *a, float *sums, float *parts, long rows, long c, long threads) {
    long chunk = (rows + CHUNKS - 1) / CHUNKS;
    memset(parts, 0, (size_t)CHUNKS * c * sizeof(float));
#pragma omp parallel for num_threads(enough_threads(threads, (double)rows * c)) schedule(static)
    for (int part = 0; part < CHUNKS; part++)
        add_rows(a, 0, parts + part * c, part * chunk, smaller((part + 1) * chunk, rows), c);
    memset(sums, 0, (size_t)c * sizeof(float));
    add_rows(parts, 0, sums, 0, CHUNKS, c);
}

/* mean and variance of each channel. A part's own come first, while it is in the cache; then they are joined in order
 * (Chan, Golub and LeVeque 1979). parts: CHUNKS * 2 * c numbers of scratch. */
void NAME(moments)(const float *a, float *mean, float *var, float *parts, long rows, long c, long threads) {
    long chunk = (rows + CHUNKS - 1) / CHUNKS;
    memset(parts, 0, (size_t)CHUNKS * 2 * c * sizeof(float));
#pragma omp parallel for num_threads(enough_threads(threads, (double)rows * c)) schedule(static)
    for (int part = 0; part < CHUNKS; part++) {
        float *own = parts + (long)part * 2 * c;
        long first = part * chunk, end = smaller(first + chunk, rows);
        if (first >= end) continue;
        add_rows(a, 0, own, first, end, c);
        for (long i = 0; i < c; i++) own[i] /= end - first;
        add_rows(a, own, own + c, first, end, c);
    }
    memset(mean, 0, (size_t)c * sizeof(float));
    memset(var, 0, (size_t)c * sizeof(float));
    for (long part = 0, seen = 0; part < CHUNKS && seen < rows; part++) {
        const float *own = parts + part * 2 * c;
        long more = smaller(chunk, rows - seen), all = seen + more;
        float share = (float)more / all, both = share * seen;
        for (long i = 0; i < c; i++) {
            float apart = own[i] - mean[i];
            mean[i] += apart * share;
            var[i] += own[c + i] + apart * apart * both;
        }
        seen = all;
    }
    for (long i = 0; i < c; i++) var[i] /= rows;
}

/* Backward of y = activation(x * k + shift), the batch norm of x by `mean`, in two passes; da = dy * slope.
 * First the sums of da and of (x - mean) * da by channel, to sums[0..c) and sums[c..2c); parts: CHUNKS * 2 * c numbers.
 * dy_pitch: numbers from a row of dy to the next. */
void NAME(batch_norm_sums)(long kind, const float *dy, long dy_pitch, const float *x, const float *k, const float *shift,
                           const float *mean, float *sums, float *parts, long rows, long c, long threads) {
    long chunk = (rows + CHUNKS - 1) / CHUNKS;
    memset(parts, 0, (size_t)CHUNKS * 2 * c * sizeof(float));
#pragma omp parallel for num_threads(enough_threads(threads, (double)rows * c)) schedule(static)
    for (int part = 0; part < CHUNKS; part++) {
        float *own = parts + (long)part * 2 * c;
        for (long row = part * chunk, end = smaller(row + chunk, rows); row < end; row++)
            for (long i = 0; i < c; i += LANES) {
                long count = smaller(LANES, c - i);
                vec seen = some_lanes(x + row * c + i, count);
                vec a = seen * some_lanes(k + i, count) + some_lanes(shift + i, count);
                vec da = some_lanes(dy + row * dy_pitch + i, count) * slope_at(kind, a);
                vec with_x = (seen - some_lanes(mean + i, count)) * da;
                put_lanes(own + i, some_lanes(own + i, count) + da, count);
                put_lanes(own + c + i, some_lanes(own + c + i, count) + with_x, count);
            }
    }
    memset(sums, 0, (size_t)2 * c * sizeof(float));
    add_rows(parts, 0, sums, 0, CHUNKS, 2 * c);
}

/* Then dx = k * (da - back - (x - mean) * slope), by channel */
void NAME(batch_norm_backward)(long kind, const float *dy, long dy_pitch, const float *x, const float *k,
                               const float *shift, const float *mean, const float *back, const float *slope_, float *dx,
                               long rows, long c, long threads) {
#pragma omp parallel for num_threads(enough_threads(threads, (double)rows * c)) schedule(static)
    for (long row = 0; row < rows; row++)
        for (long i = 0; i < c; i += LANES) {
            long count = smaller(LANES, c - i);
            vec seen = some_lanes(x + row * c + i, count), by = some_lanes(k + i, count);
            vec da = some_lanes(dy + row * dy_pitch + i, count) *
                     slope_at(kind, seen * by + some_lanes(shift + i, count));
            vec centred = seen - some_lanes(mean + i, count);
            vec v = da - some_lanes(back + i, count) - centred * some_lanes(slope_ + i, count);
            put_lanes(dx + row * c + i, v * by, count);
        }
}

/* rows of c numbers from one pitch to another */
void NAME(copy_rows)(const float *from, long from_pitch, float *to, long to_pitch, long rows, long c, long threads) {
#pragma omp parallel for num_threads(enough_threads(threads, (double)rows * c)) schedule(static)
    for (long row = 0; row < rows; row++) memcpy(to + row * to_pitch, from + row * from_pitch, c * sizeof(float));
}

static void NAME(interleave)(const float *red, const float *green, const float *blue, float *restrict y, long first,
                             long end) {
    for (long i = first; i < end; i++) {
        y[3 * i] = red[i];
        y[3 * i + 1] = green[i];
        y[3 * i + 2] = blue[i];
    }
}

/* (n, c, places) -> (n, places, c) */
void NAME(channels_last)(const float *x, float *y, long n, long c, long places, long threads) {
    long block = 256, blocks = (places + block - 1) / block;
#pragma omp parallel for num_threads(enough_threads(threads, (double)n * c * places)) schedule(static)
    for (long part = 0; part < n * blocks; part++) {
        long first = part % blocks * block, end = smaller(places, first + block), at = part / blocks * c * places;
        if (c == 3) /* pictures: each place at once, by vectors */
            NAME(interleave)(x + at, x + at + places, x + at + 2 * places, y + at, first, end);
        else
            for (long i = 0; i < c; i++)
                for (long place = first; place < end; place++) y[at + place * c + i] = x[at + i * places + place];
    }
}

/* a picture of bytes, (pixels, c), to planes of floats from 0 to 1 */
void NAME(picture_planes)(const uint8_t *picture, float *planes, long pixels, long c) {
    if (c == 3) {
        float *restrict red = planes, *restrict green = planes + pixels, *restrict blue = planes + 2 * pixels;
        for (long i = 0; i < pixels; i++) {
            red[i] = (float)picture[3 * i] / 255.0f;
            green[i] = (float)picture[3 * i + 1] / 255.0f;
            blue[i] = (float)picture[3 * i + 2] / 255.0f;
        }
    } else
        for (long k = 0; k < c; k++)
            for (long i = 0; i < pixels; i++) planes[k * pixels + i] = (float)picture[i * c + k] / 255.0f;
}

/* each place `stride` times down and across; (lines, w, c) -> (lines * stride, w * stride, c) */
void NAME(upsample)(const float *x, float *y, long lines, long w, long c, long stride, long threads) {
#pragma omp parallel for num_threads(enough_threads(threads, (double)lines * w * c * stride * stride)) schedule(static)
    for (long line = 0; line < lines; line++) {
        long row = w * stride * c;
        float *to = y + line * stride * row;
        for (long i = 0; i < w * stride; i++) memcpy(to + i * c, x + (line * w + i / stride) * c, c * sizeof(float));
        for (long i = 1; i < stride; i++) memcpy(to + i * row, to, row * sizeof(float));
    }
}

/* velocity <- momentum * velocity - grad - decay * value;  value <- value + rate * velocity; constants: the three */
void NAME(sgd_update)(float *value, const float *grad, float *velocity, const float *constants, long size,
                      long threads) {
    float rate = constants[0], momentum = constants[1], decay = constants[2];
#pragma omp parallel for num_threads(enough_threads(threads, size)) schedule(static)
    for (long i = 0; i < (size + LANES - 1) / LANES; i++) {
        long at = i * LANES, count = smaller(LANES, size - at);
        vec v = some_lanes(value + at, count);
        vec moved = some_lanes(velocity + at, count) * momentum - some_lanes(grad + at, count) - v * decay;
        put_lanes(velocity + at, moved, count);
        put_lanes(value + at, v + moved * rate, count);
    }
}

/* a picture array with zeros around it: (n, h, w, c) -> (n, out_h, out_w, c) from (top, left) on */
void NAME(surround)(const float *x, float *y, long n, long h, long w, long c, long out_h, long out_w, long top, long left,
                    long threads) {
#pragma omp parallel for num_threads(threads) schedule(static)
    for (long line = 0; line < (long)n * out_h; line++) {
        float *to = y + line * out_w * c;
        int row = (int)(line % out_h) - top;
        if (row < 0 || row >= h) {
            memset(to, 0, (size_t)out_w * c * sizeof(float));
            continue;
        }
        memset(to, 0, (size_t)left * c * sizeof(float));
        memcpy(to + (long)left * c, x + (line / out_h * h + row) * w * c, (size_t)w * c * sizeof(float));
        memset(to + (long)(left + w) * c, 0, (size_t)(out_w - left - w) * c * sizeof(float));
    }
}
