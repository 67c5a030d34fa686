// What a training draws: masks of dropout, made of hashes of places, and what [crop] shows of each picture.
//
// layout: (n, c, h, w). Any grid of 256 threads, one thread a result. Masks are limited by memory, 4 bytes an element, and
// about 20 whole-number operations; crop reads 4 to 16 bytes a result.
#include "common.cuh"

// MurmurHash3's finaliser; darknet_py/ops/chance.py has the same.
__device__ __forceinline__ unsigned mixed(unsigned h)
{
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    return h ^ h >> 16;
}

// 0 where the place's hash is below `threshold`, else `kept`.
extern "C" __global__ void dropout_mask(float *__restrict__ mask, int count, unsigned first_key, unsigned second_key,
                                        unsigned threshold, float kept)
{
    FOR_EACH(i, count) mask[i] = mixed(mixed(i + first_key) + second_key) >= threshold ? kept : 0.f;
}

// 0 in the square of side `side` at corners (n, c, 2), where there is one (its top isn't below 0), else factors (n,).
extern "C" __global__ void block_mask(const int *__restrict__ corners, const float *__restrict__ factors,
                                      float *__restrict__ mask, int count, int channels, int h, int w, int side)
{
    FOR_EACH(i, count)
    {
        const int plane = i / (h * w), down = i / w % h - corners[2 * plane], right = i % w - corners[2 * plane + 1];
        const bool inside = corners[2 * plane] >= 0 && down >= 0 && down < side && right >= 0 && right < side;
        mask[i] = inside ? 0.f : factors[plane / channels];
    }
}

// How a picture is shown: a row of `views` of -DNUMBERS + channels numbers.
#define NUMBERS 7
enum { TOP, LEFT, FLIP, COSINE, SINE, SATURATION, EXPOSURE };

// The number of channel c at (row, column) in other colours; 0 outside.
__device__ __forceinline__ float coloured(const float *picture, const float *view, int c, int channels, int h, int w, int row,
                                          int column)
{
    if ((unsigned)row >= (unsigned)h || (unsigned)column >= (unsigned)w) return 0.f;
    const int at = row * w + column;
    float value = picture[c * h * w + at];
    if (view[SATURATION] != 1.f || view[EXPOSURE] != 1.f) {
        float brightest = value;
        for (int k = 0; k < channels; ++k) brightest = fmaxf(brightest, picture[k * h * w + at]);
        value = view[EXPOSURE] * (brightest - view[SATURATION] * (brightest - value));
    }
    return value + view[NUMBERS + c];
}

// y (n, c, oh, ow) = scale * what each view shows of x + shift
extern "C" __global__ void crop(const float *__restrict__ x, const float *__restrict__ views, float *__restrict__ y, int count,
                                int channels, int h, int w, int oh, int ow, float scale, float shift)
{
    FOR_EACH(i, count)
    {
        const int image = i / (oh * ow) / channels, c = i / (oh * ow) % channels;
        const float *view = views + image * (NUMBERS + channels), *picture = x + (size_t)image * channels * h * w;
        const int row = (int)view[TOP] + i / ow % oh;
        const int column = (int)view[LEFT] + (view[FLIP] != 0.f ? ow - 1 - i % ow : i % ow);
        float value;
        if (view[SINE] == 0.f) value = coloured(picture, view, c, channels, h, w, row, column);
        else {
            const float down = row - 0.5f * h, right = column - 0.5f * w;
            const float from_x = view[COSINE] * right - view[SINE] * down + 0.5f * w;
            const float from_y = view[SINE] * right + view[COSINE] * down + 0.5f * h;
            const int left = (int)floorf(from_x), top = (int)floorf(from_y);
            const float fx = from_x - left, fy = from_y - top;
            value = (1.f - fy) * ((1.f - fx) * coloured(picture, view, c, channels, h, w, top, left)
                                  + fx * coloured(picture, view, c, channels, h, w, top, left + 1))
                    + fy * ((1.f - fx) * coloured(picture, view, c, channels, h, w, top + 1, left)
                            + fx * coloured(picture, view, c, channels, h, w, top + 1, left + 1));
        }
        y[i] = scale * value + shift;
    }
}
