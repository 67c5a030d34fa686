// [Gaussian_yolo]: its whole loss: deltas, and figures for the log. darknet_py/ops/heads/gaussian.py is the same on the
// host and says what the deltas are; assign.cu says which cell learns which object.
//
// layout: y (n, anchors, entries, h * w) with planes x, sigma of x, y, its sigma, w, its sigma, h, its sigma, objectness,
// classes; objects, counts, cells, learns as in assign.cu; figures (blocks, 5): sums of delta^2 of boxes, of sigmas, of the
// rest, objects learned, sum of their IoU.
// launch and cost as yolo_delta.
//
// -DLOSS (Kind of iou_loss), and where the option is set -DSMOOTH (objectness_smooth) and -DWEIGHTED of cell.cuh.
#define GAUSSIAN
#include "cell.cuh"

#ifndef LOSS
#define LOSS 0
#endif
#define SIGMA_CONST 0.3f  // keeps the likelihood finite where sigma is small

// Half the negative log-likelihood of a target that is `off` the mean: what it says to the mean and to sigma.
__device__ __forceinline__ void learn_likelihood(float off, float sigma, float factor, float &mean, float &spread)
{
    const float z = off / sigma, normal = expf(-0.5f * z * z) / (2.50662827f * (sigma + SIGMA_CONST));
    const float weight = 0.5f * normal / (normal + 1e-9f) * factor;
    mean = weight * z / sigma;
    spread = weight * (z * z / sigma - 1 / (sigma + SIGMA_CONST));
}

__device__ __forceinline__ void learn_box(const Cell &cell, const Grid &g, const Box<float> &mine, const Box<float> &goal,
                                          float weight, float sigma_weight, float most)
{
    const float factor = 2 - goal.w * goal.h;
    const float targets[4] = {(goal.x + g.point * goal.w) * g.w - cell.column, (goal.y + g.point * goal.h) * g.h - cell.row,
                              logf(fmaxf(goal.w * g.size_w / g.anchor_w, 1e-16f)),
                              logf(fmaxf(goal.h * g.size_h / g.anchor_h, 1e-16f))};
    float part[4], spread[4];
#pragma unroll
    for (int i = 0; i < 4; ++i)
        learn_likelihood(targets[i] - cell.out(2 * i), cell.out(2 * i + 1), factor, part[i], spread[i]);
#if LOSS != 0
    similarity_gradient(LOSS, mine, goal, part);
    part[2] = 2 * expf(cell.out(4)) * (part[2] - g.point * part[0]);
    part[3] = 2 * expf(cell.out(6)) * (part[3] - g.point * part[1]);
#endif
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const float value = part[i] * weight, wider = spread[i] * sigma_weight;
        cell.d(2 * i) += isfinite(value) ? fminf(fmaxf(value, -most), most) : 0.f;
        cell.d(2 * i + 1) += isfinite(wider) ? fminf(fmaxf(wider, -most), most) : 0.f;
    }
}

extern "C" __global__ void gaussian_delta(const float *__restrict__ y, const float *__restrict__ objects,
                                          const int *__restrict__ counts, const int *__restrict__ cells,
                                          const unsigned char *__restrict__ learns, const float *__restrict__ anchors,
                                          const float *__restrict__ class_weights, float *__restrict__ delta,
                                          double *__restrict__ figures, int pictures, int here, int classes, int h, int w,
                                          int most, float size_w, float size_h, float ignore_thresh, float truth_thresh,
                                          float box_weight, float objectness_weight, float class_weight,
                                          float label_smooth, float max_delta, float delta_factor, float point,
                                          float sigma_weight)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x, entries = CLASSES + classes;
    double sums[5] = {};
    if (i < pictures * here * h * w) {
        const int place = i % (h * w), a = i / (h * w) % here, picture = i / (h * w) / here;
        const size_t start = (size_t)(i / (h * w)) * entries * h * w + place;
        const Cell cell = {y + start, delta + start, h * w, classes, place / w, place % w};
        const Grid grid = {h, w, anchors[2 * a], anchors[2 * a + 1], size_w, size_h, point};
        const float *mine = objects + (size_t)picture * most * 5;
        const Box<float> box = cell.box(grid);
        const float objectness = cell.out(OBJECTNESS);
        for (int e = 0; e < entries; ++e) cell.d(e) = 0.f;

        int which;
        const float best = best_overlap(box, mine, counts[picture], which);
        cell.d(OBJECTNESS) = -objectness_weight * objectness;
        if (best > ignore_thresh && cell.sees_a_class()) {
#ifdef SMOOTH
            const int label = (int)mine[5 * which + 4];
            cell.d(OBJECTNESS) = objectness_weight * (best * best - objectness);
            cell.learn_class(label, class_weights[label], class_weight, label_smooth);
#else
            cell.d(OBJECTNESS) = 0.f;
#endif
        }

        // first the object that this cell sees almost surely, then those that are assigned to it
        for (int k = best > truth_thresh ? -1 : 0; k < counts[picture]; ++k) {
            const bool sure = k < 0;
            const size_t at = (size_t)picture * most + (sure ? 0 : k);
            if (!sure && (cells[2 * at] != cell.row || cells[2 * at + 1] != cell.column || !learns[at * here + a])) continue;
            const float *object = mine + 5 * (sure ? which : k);
            const Box<float> goal = box_of(object);
            const int label = (int)object[4];
            const float weight = class_weights[label], alike = iou(box, goal);
            learn_box(cell, grid, box, goal, box_weight * weight, sigma_weight, max_delta);
            float aim = 1.f;
#ifdef SMOOTH
            if (sure) aim = alike * alike;
#endif
            cell.d(OBJECTNESS) = (sure ? 1.f : weight) * objectness_weight * (aim - objectness);
            cell.learn_class(label, weight, class_weight, label_smooth);
#ifdef SMOOTH
            if (sure) cell.d(CLASSES + label) = weight * (aim - cell.out(CLASSES + label));
#endif
            if (sure) continue;
            sums[3] += 1;
            sums[4] += alike;
        }
        const int sharing = max(cell.drawn_up(), 1);  // objects of a cell share its box: the sum becomes a mean
        for (int e = 0; e < entries; ++e) {
            if (e < OBJECTNESS) cell.d(e) /= sharing;
            const double d = cell.d(e), square = d * d;
            if (e >= OBJECTNESS) sums[2] += square;
            else if (e % 2) sums[1] += square;
            else sums[0] += square;
            cell.d(e) = -delta_factor * cell.d(e);
        }
    }
    store_figures(sums, figures);
}
