// [detection]: its whole loss: which box learns the object of a cell, deltas, and figures for the log.
// darknet_py/ops/heads/detection.py is the same on the host and says what the deltas are.
//
// layout: y (n, inputs): classes (side * side, classes), then objectness (side * side, num), then boxes
// (side * side, num, 4); objects (n, most, 5) rows [x, y, w, h, class], the first counts[n] of a picture count; chosen
// (n, most): the box that learns an object, or -1: the best one; figures (blocks, 3): sum of delta^2, objects learned, sum of
// their IoU.
// launch: one thread a cell, blocks of 256. cost: reads and writes each number of y once; neighbours lie apart, but a layer
// has 49 or so cells a picture.
#include "boxes.cuh"
#include "figures.cuh"

// A cell's boxes: x, y within the cell, w, h relative to the picture, or their roots.
struct Boxes {
    const float *y;
    int side, row, column, roots;

    __device__ __forceinline__ Box<float> at(int b) const
    {
        const float *own = y + 4 * b;
        return {(own[0] + column) / side, (own[1] + row) / side, roots ? own[2] * own[2] : own[2],
                roots ? own[3] * own[3] : own[3]};
    }

    // The box of the largest IoU with the goal, or the nearest if none overlaps.
    __device__ __forceinline__ int best(const Box<float> &goal, int num) const
    {
        int alike = 0, near = 0;
        float most = 0.f, least = INFINITE;
        for (int b = 0; b < num; ++b) {
            const Box<float> box = at(b);
            const float overlap = iou(box, goal), x = box.x - goal.x, y = box.y - goal.y, w = box.w - goal.w,
                        h = box.h - goal.h, distance = x * x + y * y + w * w + h * h;
            if (overlap > most) most = overlap, alike = b;
            if (distance < least) least = distance, near = b;
        }
        return most > 0.f ? alike : near;
    }
};

extern "C" __global__ void detection_delta(const float *__restrict__ y, const float *__restrict__ objects,
                                           const int *__restrict__ counts, const int *__restrict__ chosen,
                                           float *__restrict__ delta, double *__restrict__ figures, int pictures, int most,
                                           int classes, int num, int side, int roots, int rescore, float coord_scale,
                                           float object_scale, float noobject_scale, float class_scale)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x, places = side * side;
    double sums[3] = {};
    if (i < pictures * places) {
        const int picture = i / places, place = i % places, row = place / side, column = place % side;
        const size_t start = (size_t)picture * places * (classes + 5 * num);
        const size_t likely = start + place * classes, sure = start + places * classes + place * num;
        const size_t first = start + places * (classes + num) + place * num * 4;
        for (int c = 0; c < classes; ++c) delta[likely + c] = 0.f;
        for (int b = 0; b < num; ++b) delta[sure + b] = -noobject_scale * y[sure + b];
        for (int b = 0; b < 4 * num; ++b) delta[first + b] = 0.f;

        const float *object = objects + (size_t)picture * most * 5;
        int k = 0;  // of the objects of a cell only the first counts
        for (; k < counts[picture]; ++k, object += 5)
            if ((int)fminf(fmaxf(object[1] * side, 0.f), side - 1.f) == row &&
                (int)fminf(fmaxf(object[0] * side, 0.f), side - 1.f) == column)
                break;
        if (k < counts[picture]) {
            const Boxes boxes = {y + first, side, row, column, roots};
            const Box<float> goal = {object[0], object[1], object[2], object[3]};
            const int picked = chosen[picture * most + k], best = picked < 0 ? boxes.best(goal, num) : picked;
            const float alike = iou(boxes.at(best), goal);
            for (int c = 0; c < classes; ++c) delta[likely + c] = class_scale * ((c == (int)object[4]) - y[likely + c]);
            delta[sure + best] = object_scale * ((rescore ? alike : 1.f) - y[sure + best]);
            const float raw[4] = {goal.x * side - column, goal.y * side - row, roots ? sqrtf(goal.w) : goal.w,
                                  roots ? sqrtf(goal.h) : goal.h};
            for (int e = 0; e < 4; ++e) delta[first + 4 * best + e] = coord_scale * (raw[e] - y[first + 4 * best + e]);
            sums[1] = 1;
            sums[2] = alike;
        }
        for (int e = 0; e < classes + 5 * num; ++e) {
            const size_t at = e < classes ? likely + e : e < classes + num ? sure + e - classes : first + e - classes - num;
            const double value = delta[at];
            sums[0] += value * value;
            delta[at] = -delta[at];
        }
    }
    store_figures(sums, figures);
}
