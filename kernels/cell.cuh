// A cell of an anchor of [yolo] or, with GAUSSIAN defined, of [Gaussian_yolo]: where its numbers lie, its box, which
// object it overlaps best, and how its classes learn. With REGION or DETECTION it is one of [region] or [detection], as far as
// its box is concerned; ROOTS: a [detection] gives the roots of w and h. -DNEW_COORDS -DFOCAL -DWEIGHTED (counters_per_class).
#pragma once
#include "activation.cuh"
#include "boxes.cuh"
#include "figures.cuh"

#ifdef GAUSSIAN  // planes of the box alternate with those of their standard deviations
#define PLANE(i) (2 * (i))
#define OBJECTNESS 8
#else
#define PLANE(i) (i)
#define OBJECTNESS 4
#endif
#define CLASSES (OBJECTNESS + 1)
#define SEEN 0.25f  // a cell counts as having seen an object where a class is likelier
#define FOCAL_ALPHA 0.5f

// The layer's grid and the anchor that a cell belongs to; sides in pixels of the network's input, or in cells. point: which point of a
// box lies in its cell, in sides from the centre.
struct Grid {
    int h, w;
    float anchor_w, anchor_h, size_w, size_h, point;
};

struct Cell {
    const float *y;
    float *delta;
    int step, classes, row, column;  // its planes lie `step` apart

    __device__ __forceinline__ float out(int plane) const { return y[plane * step]; }
    __device__ __forceinline__ float &d(int plane) const { return delta[plane * step]; }

    __device__ __forceinline__ Box<float> box(const Grid &g) const
    {
#ifdef NEW_COORDS
        const float wide = out(PLANE(2)) * out(PLANE(2)) * 4, high = out(PLANE(3)) * out(PLANE(3)) * 4;
#elif defined(ROOTS)
        const float wide = out(2) * out(2), high = out(3) * out(3);
#elif defined(DETECTION)
        const float wide = out(2), high = out(3);
#else
        const float wide = expf(out(PLANE(2))), high = expf(out(PLANE(3)));
#endif
        const float w = wide * (g.anchor_w / g.size_w), h = high * (g.anchor_h / g.size_h);
#ifdef REGION
        const float across = sigmoid(out(0)), down = sigmoid(out(1));
#else
        const float across = out(PLANE(0)), down = out(PLANE(1));
#endif
        const float x = (across + column) / g.w, y = (down + row) / g.h;
#ifdef GAUSSIAN
        return {x - g.point * w, y - g.point * h, w, h};
#else
        return {x, y, w, h};
#endif
    }

    __device__ __forceinline__ bool sees_a_class() const
    {
        bool seen = false;
        for (int c = 0; c < classes && !seen; ++c) seen = out(CLASSES + c) > SEEN;
        return seen;
    }

    // A second object in a cell only adds its class.
    __device__ __forceinline__ void learn_class(int which, float weight, float class_weight, float label_smooth) const
    {
        const float yes = 1 - 0.5f * label_smooth;
        float &own = d(CLASSES + which);
        if (own != 0.f) {
            own = weight * (yes - out(CLASSES + which));
            return;
        }
#ifdef FOCAL
        const float p = out(CLASSES + which) + 1e-15f;
        const float slope = -(1 - p) * (2 * p * logf(p) + p - 1);
        for (int c = 0; c < classes; ++c) d(CLASSES + c) = ((c == which) - out(CLASSES + c)) * FOCAL_ALPHA * slope;
#else
        for (int c = 0; c < classes; ++c) d(CLASSES + c) = 0.5f * label_smooth - out(CLASSES + c);
        own = yes - out(CLASSES + which);
#ifdef WEIGHTED
        own *= weight * class_weight;
#endif
#endif
    }

    // How many classes are drawn up: the objects that share the cell.
    __device__ __forceinline__ int drawn_up() const
    {
        int count = 0;
        for (int c = 0; c < classes; ++c) count += d(CLASSES + c) > 0.f;
        return count;
    }
};

__device__ __forceinline__ Box<float> box_of(const float *object) { return {object[0], object[1], object[2], object[3]}; }

// The largest IoU of `box` with any of `count` objects (rows of five), and `which` that is; -1 without any.
__device__ __forceinline__ float best_overlap(const Box<float> &box, const float *objects, int count, int &which)
{
    float best = -1.f;
    which = 0;
    for (int k = 0; k < count; ++k) {
        const float alike = iou(box, box_of(objects + 5 * k));
        if (alike > best) best = alike, which = k;
    }
    return best;
}
