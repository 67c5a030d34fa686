// A picture as a convolution's window sees it, for the loaders of product.cuh.
//
// -DSIZE: of the window, so that a place of it follows from k by divisions by constants.
// -DPOINTWISE: size 1 without padding, where nothing can lie outside.
#pragma once
#include "product.cuh"

#ifndef SIZE
#define SIZE 3
#endif
#define TAPS (SIZE * SIZE)
#ifndef ELEMENT
#define ELEMENT float  // of the picture
#endif

struct Window {
    int stride_y, stride_x, before, dilation;  // before: padding before the picture, in its places
};
struct Maps {  // one picture of `channels` maps h x w; of them `own` belong to a group
    int channels, own, h, w;
};

// at(n): the window's place n = (picture, row, column) of its oh * ow. load(k): what tap k = (channel, i, j) sees.
struct SeenBy {
    const ELEMENT *x;  // channel 0 of the group
    Maps maps;
    Window window;
    int ow, places;
    int top, left;
    const ELEMENT *picture;
    __device__ __forceinline__ void at(int n)
    {
        const int image = n / places, place = n - image * places, row = place / ow;
        top = row * window.stride_y - window.before;
        left = (place - row * ow) * window.stride_x - window.before;
        picture = x + (size_t)image * maps.channels * maps.h * maps.w;
    }
    __device__ __forceinline__ ELEMENT load(int k) const
    {
#ifdef POINTWISE
        return __ldg(picture + (k * maps.h + top) * maps.w + left);
#else
        const int channel = (unsigned)k / TAPS, tap = k - channel * TAPS, i = (unsigned)tap / SIZE, j = tap - i * SIZE;
        const int row = top + i * window.dilation, column = left + j * window.dilation;
        if ((unsigned)row >= (unsigned)maps.h || (unsigned)column >= (unsigned)maps.w) return ELEMENT(0.f);
        return __ldg(picture + (channel * maps.h + row) * maps.w + column);
#endif
    }
};

// Maps that are written or read four places at a time: at(n), n = (picture, place); row m of the group is map m.
struct IntoMaps {
    float *y;            // map 0 of the group
    const float *added;  // what is added to the values, lying as y does; may be null
    int maps, places, count;  // maps of all groups, places of a map, columns of the product
    int n;
    size_t first;
    __device__ __forceinline__ void at(int n_)
    {
        n = n_;
        const int image = n / places;
        first = (size_t)image * maps * places + (n - image * places);
    }
    __device__ __forceinline__ void store(int m, const float *values) const
    {
        size_t place = first + (size_t)m * places;
        if (places % 4 == 0) {
            float4 four = make_float4(values[0], values[1], values[2], values[3]);
            if (added) {
                const float4 more = *(const float4 *)(added + place);
                four.x += more.x, four.y += more.y, four.z += more.z, four.w += more.w;
            }
            *(float4 *)(y + place) = four;
            return;
        }
        int rest = places - n % places;  // of this picture
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            if (n + j >= count) return;
            if (j == rest) {
                place += (size_t)(maps - 1) * places;
                rest += places;
            }
            y[place + j] = values[j] + (added ? added[place + j] : 0.f);
        }
    }
};
