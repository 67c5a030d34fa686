// What a convolution's gradients read, for the loaders of product.cuh and product_half.cuh.
//
// -DSTRIDE_Y -DSTRIDE_X: of the window, for GivenBack alone, which divides places by them.
#pragma once
#include "window.cuh"

#ifndef STRIDE_Y
#define STRIDE_Y 1
#define STRIDE_X 1
#endif

// at(n): place n = (picture, row, column) of x. load(k): the gradient of the window that sees it with tap (filter, i, j).
struct GivenBack {
    const ELEMENT *dy;  // filter 0 of the group
    int filters, h, w, oh, ow, before, dilation;
    int row, column;
    const ELEMENT *picture;
    __device__ __forceinline__ void at(int n)
    {
        const int image = n / (h * w), place = n - image * h * w;
        row = place / w + before;
        column = place - place / w * w + before;
        picture = dy + (size_t)image * filters * oh * ow;
    }
    __device__ __forceinline__ ELEMENT load(int k) const
    {
        const int filter = (unsigned)k / TAPS, tap = k - filter * TAPS, i = (unsigned)tap / SIZE, j = tap - i * SIZE;
        const int down = row - i * dilation, right = column - j * dilation;
        if (down < 0 || right < 0 || down % STRIDE_Y || right % STRIDE_X) return ELEMENT(0.f);
        const int r = down / STRIDE_Y, c = right / STRIDE_X;
        return r < oh && c < ow ? __ldg(picture + ((size_t)filter * oh + r) * ow + c) : ELEMENT(0.f);
    }
};

// at(k): k = (picture, place) of dy. load(filter)
struct GradientAt {
    const ELEMENT *dy;
    int filters, places;
    const ELEMENT *here;
    __device__ __forceinline__ void at(int k)
    {
        const int image = k / places;
        here = dy + (size_t)image * filters * places + (k - image * places);
    }
    __device__ __forceinline__ ELEMENT load(int filter) const { return __ldg(here + (size_t)filter * places); }
};

// at(k): place k of the window; load(n): what tap n = (channel, i, j) sees there.
struct SeenAt {
    SeenBy seen;
    __device__ __forceinline__ void at(int k) { seen.at(k); }
    __device__ __forceinline__ ELEMENT load(int n) const { return seen.load(n); }
};
