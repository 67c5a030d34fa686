/* A picture of bytes, rows of pixels, to planes of floats from 0 to 1 of another size: Darknet's bilinear resize.
 *
 * Equal to the reference to the last bit, so products and sums may not be contracted here.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#endif
#include <stdint.h>
#include <stdlib.h>

typedef struct {
    const int64_t *near, *far;
    const float *near_weight, *far_weight;
} Taps;

/* one row of the picture, brought to `width` columns: [channel][column] */
static void narrow(const uint8_t *row, const float *unit, Taps columns, long width, long channels, float *out) {
    for (long k = 0; k < channels; k++)
        for (long i = 0; i < width; i++) {
            float near = unit[row[columns.near[i] * channels + k]] * columns.near_weight[i];
            float far = unit[row[columns.far[i] * channels + k]] * columns.far_weight[i];
            out[k * width + i] = near + far;
        }
}

/* out: `channels` planes of `plane` numbers, rows of `line` numbers. sizes: picture's width and channels, new height and
 * width, plane, line. Returns 0, or 1 where there is no memory. */
int resize_picture(const uint8_t *picture, const int64_t *sizes, const int64_t *near_column, const int64_t *far_column,
                   const float *near_column_weight, const float *far_column_weight, const int64_t *near_row,
                   const int64_t *far_row, const float *near_row_weight, const float *far_row_weight, float *out) {
    long source_w = sizes[0], channels = sizes[1], height = sizes[2], width = sizes[3];
    Taps columns = {near_column, far_column, near_column_weight, far_column_weight};
    float unit[256], *rows[2];
    long held[2] = {-1, -1}; /* which rows of the picture these are */
    for (int i = 0; i < 256; i++) unit[i] = (float)i / 255.0f;
    float *memory = malloc(2 * channels * width * sizeof(float));
    if (!memory) return 1;
    rows[0] = memory, rows[1] = memory + channels * width;
    for (long j = 0; j < height; j++) {
        long wanted[2] = {near_row[j], far_row[j]};
        if (held[1] == wanted[0]) { /* what was far is near now */
            float *swap = rows[0];
            rows[0] = rows[1], rows[1] = swap;
            held[1] = held[0], held[0] = wanted[0];
        }
        for (int r = 0; r < 2; r++)
            if (held[r] != wanted[r]) {
                narrow(picture + wanted[r] * source_w * channels, unit, columns, width, channels, rows[r]);
                held[r] = wanted[r];
            }
        for (long k = 0; k < channels; k++) {
            float *line = out + k * sizes[4] + j * sizes[5];
            const float *near = rows[0] + k * width, *far = rows[1] + k * width;
            for (long i = 0; i < width; i++) {
                float first = near[i] * near_row_weight[j], second = far[i] * far_row_weight[j];
                line[i] = first + second;
            }
        }
    }
    free(memory);
    return 0;
}
