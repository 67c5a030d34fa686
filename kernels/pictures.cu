// Pictures on their way into a network: brought to its size, and other colours.
//
// layout: picture (h, w, c) of bytes, y (c, oh, ow) and images (n, 3, places) of float in 0..1. Any grid of 256 threads.
// Limited by memory: fit_picture 4 bytes written and 4 read a result, mostly from cache; recolour 24 bytes a place.
#include "common.cuh"

struct Tap {  // near * (1 - weight) + far * weight
    int near, far;
    float weight;
};

// Place i of `target` along an axis of `source` places, the corners aligned, as Darknet's resize_image has it.
__device__ __forceinline__ Tap tap_of(int i, int source, int target)
{
    if (target == 1) return {source - 1, source - 1, 0.f};
    const float position = i * ((float)(source - 1) / (target - 1));
    const int near = (int)position;
    return {near, min(near + 1, source - 1), position - near};
}

// y: the picture at inner_h x inner_w in the middle of a grey frame oh x ow. The last column is the picture's, and the last
// row leaves out its far neighbour, as the reference does.
extern "C" __global__ void fit_picture(const unsigned char *__restrict__ picture, float *__restrict__ y, int count, int h,
                                       int w, int channels, int oh, int ow, int inner_h, int inner_w)
{
    FOR_EACH(i, count)
    {
        const int c = i / (oh * ow), row = i / ow % oh - (oh - inner_h) / 2, column = i % ow - (ow - inner_w) / 2;
        if ((unsigned)row >= (unsigned)inner_h || (unsigned)column >= (unsigned)inner_w) {
            y[i] = 0.5f;
            continue;
        }
        const Tap down = tap_of(row, h, inner_h);
        Tap right = tap_of(column, w, inner_w);
        if (column == inner_w - 1) right = {w - 1, w - 1, 0.f};
        auto seen = [&](int r) {
            const unsigned char *line = picture + (size_t)r * w * channels + c;
            return line[right.near * channels] / 255.f * (1.f - right.weight)
                   + line[right.far * channels] / 255.f * right.weight;
        };
        float value = seen(down.near) * (1.f - down.weight);
        if (row < inner_h - 1) value += seen(down.far) * down.weight;
        y[i] = value;
    }
}

// RGB in other hues (parts of the circle), saturations and exposures; factors (n, 3) in this order. Without `wrap` a hue
// below 0 stays at 0.
extern "C" __global__ void recolour(const float *__restrict__ images, const float *__restrict__ factors, float *__restrict__ y,
                                    int count, int places, int wrap)
{
    FOR_EACH(i, count)
    {
        const size_t start = (size_t)(i / places) * 3 * places + i % places;
        const float *own = factors + i / places * 3;
        const float r = images[start], g = images[start + places], b = images[start + 2 * places];
        const float most = fmaxf(r, fmaxf(g, b)), range = most - fminf(r, fminf(g, b));
        float hue = 0.f;
        if (range > 0.f) hue = r == most ? (g - b) / range : g == most ? 2.f + (b - r) / range : 4.f + (r - g) / range;
        hue = (hue < 0.f ? hue + 6.f : hue) / 6.f + own[0];
        hue = wrap || hue > 0.f ? hue - floorf(hue) : 0.f;
        const float saturation = most > 0.f ? fminf(range / most * own[1], 1.f) : 0.f, value = fminf(most * own[2], 1.f);
        const int sector = min((int)(6.f * hue), 5);
        const float rest = 6.f * hue - sector, low = value * (1.f - saturation);
        const float falling = value * (1.f - saturation * rest), rising = value * (1.f - saturation * (1.f - rest));
        y[start] = sector == 0 || sector == 5 ? value : sector == 1 ? falling : sector == 4 ? rising : low;
        y[start + places] = sector == 1 || sector == 2 ? value : sector == 0 ? rising : sector == 3 ? falling : low;
        y[start + 2 * places] = sector == 3 || sector == 4 ? value : sector == 2 ? rising : sector == 5 ? falling : low;
    }
}
