// [yolo]: its whole loss: deltas, and figures for the log. darknet_py/ops/heads/yolo.py is the same on the host and says
// what the deltas are; assign.cu says which cell learns which object.
//
// layout: y (n, anchors, entries, h * w) with planes x, y, w, h, objectness, classes; objects, counts, cells, learns as in
// assign.cu; figures (blocks, 5): sum of delta^2, the same without boxes, objects learned, sum of their IoU, of their
// similarity.
// launch: one thread a cell of an anchor, blocks of 256. Each cell looks for the objects that it learns, in their order, so
// nothing is added by two threads. cost: reads y once or twice and writes as much; objects * 30 FLOPs a cell, objects from
// cache.
//
// -DLOSS (Kind of iou_loss), and where the option is set -DSMOOTH (objectness_smooth) -DOTHERS (iou_thresh below 1) and
// those of cell.cuh.
#include "cell.cuh"

#ifndef LOSS
#define LOSS 0
#endif

__device__ __forceinline__ void learn_box(const Cell &cell, const Grid &g, const Box<float> &mine, const Box<float> &goal,
                                          float weight, float most)
{
    float part[4];
#if LOSS == 0
    const float factor = 2 - goal.w * goal.h, across = goal.w * g.size_w / g.anchor_w, down = goal.h * g.size_h / g.anchor_h;
    part[0] = factor * (goal.x * g.w - cell.column - cell.out(0));
    part[1] = factor * (goal.y * g.h - cell.row - cell.out(1));
#ifdef NEW_COORDS
    part[2] = factor * (sqrtf(across / 4) - cell.out(2));
    part[3] = factor * (sqrtf(down / 4) - cell.out(3));
#else
    part[2] = factor * (logf(fmaxf(across, 1e-16f)) - cell.out(2));
    part[3] = factor * (logf(fmaxf(down, 1e-16f)) - cell.out(3));
#endif
#else
    similarity_gradient(LOSS, mine, goal, part);
    for (int i = 2; i < 4; ++i) {
#ifdef NEW_COORDS
        part[i] *= 2;
#else
        part[i] *= 2 * expf(cell.out(i));
#endif
    }
#endif
    for (int i = 0; i < 4; ++i) {
        float value = part[i] * weight;
#if LOSS != 0
        value = isfinite(value) ? fminf(fmaxf(value, -most), most) : 0.f;
#endif
        cell.d(i) += value;
    }
}

extern "C" __global__ void yolo_delta(const float *__restrict__ y, const float *__restrict__ objects,
                                      const int *__restrict__ counts, const int *__restrict__ cells,
                                      const unsigned char *__restrict__ learns, const float *__restrict__ anchors,
                                      const float *__restrict__ class_weights, float *__restrict__ delta,
                                      double *__restrict__ figures, int pictures, int here, int classes, int h, int w,
                                      int most, float size_w, float size_h, float ignore_thresh, float truth_thresh,
                                      float box_weight, float objectness_weight, float class_weight, float label_smooth,
                                      float max_delta, float delta_factor)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x, entries = 5 + classes;
    double sums[5] = {};
    if (i < pictures * here * h * w) {
        const int place = i % (h * w), a = i / (h * w) % here, picture = i / (h * w) / here;
        const size_t start = (size_t)(i / (h * w)) * entries * h * w + place;
        const Cell cell = {y + start, delta + start, h * w, classes, place / w, place % w};
        const Grid grid = {h, w, anchors[2 * a], anchors[2 * a + 1], size_w, size_h, 0.f};
        const float *mine = objects + (size_t)picture * most * 5;
        const Box<float> box = cell.box(grid);
        const float objectness = cell.out(4);
        for (int e = 0; e < entries; ++e) cell.d(e) = 0.f;

        int which;
        const float best = best_overlap(box, mine, counts[picture], which);
        float down = -objectness_weight * objectness;
        if (best > ignore_thresh && cell.sees_a_class()) {
#ifdef SMOOTH
            down = fmaxf(objectness_weight * (best - objectness), down);
#else
            down = 0.f;
#endif
        }
        cell.d(4) = down;

        // first the object that this cell sees almost surely, then those that are assigned to it
        for (int k = best > truth_thresh ? -1 : 0; k < counts[picture]; ++k) {
            const bool sure = k < 0;
            const size_t at = (size_t)picture * most + (sure ? 0 : k);
            if (!sure && (cells[2 * at] != cell.row || cells[2 * at + 1] != cell.column || !learns[at * here + a])) continue;
            const float *object = mine + 5 * (sure ? which : k);
            const Box<float> goal = box_of(object);
            const int label = (int)object[4];
            const float weight = class_weights[label], alike = iou(box, goal);
            learn_box(cell, grid, box, goal, box_weight * weight, max_delta);
            if (sure) {
#ifdef SMOOTH
                const float aim = alike * alike;
#else
                const float aim = 1.f;
#endif
                cell.d(4) = objectness_weight * (aim - objectness);
                cell.learn_class(label, weight, class_weight, label_smooth);
#ifdef SMOOTH
                cell.d(5 + label) = weight * (aim - cell.out(5 + label));
#endif
                continue;
            }
#ifdef SMOOTH
            const bool set = cell.d(4) != 0.f;
#else
            const bool set = false;
#endif
            if (!set) cell.d(4) = weight * objectness_weight * (1 - objectness);
            cell.learn_class(label, weight, class_weight, label_smooth);
            sums[2] += 1;
            sums[3] += alike;
            sums[4] += similarity(LOSS, box, goal);
        }
#ifdef OTHERS
        const int sharing = cell.drawn_up();  // several objects in a cell share its box: the sum becomes a mean
        if (cell.d(4) != 0.f && sharing > 0)
            for (int e = 0; e < 4; ++e) cell.d(e) /= sharing;
#endif
        for (int e = 0; e < entries; ++e) {
            const double d = cell.d(e);
            sums[0] += d * d;
            if (e >= 4) sums[1] += d * d;
            cell.d(e) = -delta_factor * cell.d(e);
        }
    }
    store_figures(sums, figures);
}
