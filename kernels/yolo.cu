// [yolo]: the activation of its planes, and its whole loss: which cell learns which object, deltas, figures for the log.
// darknet_py/layers/yolo_loss.py is the same on the host and says what the deltas are.
//
// layout: y (n, anchors, entries, h * w) with planes x, y, w, h, objectness, classes; objects (n, most, 5) rows
// [x, y, w, h, class], the first counts[n] of a picture count.
// launch: any grid of 256 threads for yolo_activate and yolo_assign (one thread an object); yolo_delta one thread a cell
// of an anchor, ceil(cells / 256) blocks; yolo_figures one block of 32 threads.
// Each cell looks for the objects that it learns, in their order, so nothing is added by two threads.
// cost: yolo_delta reads y once or twice and writes as much; objects * 30 FLOPs a cell, objects from cache.
//
// -DLOSS (Kind of iou_loss) -DASSIGN (Kind of iou_thresh_kind), and where the option is set -DNEW_COORDS -DSMOOTH
// (objectness_smooth) -DFOCAL -DWEIGHTED (counters_per_class) -DOTHERS (iou_thresh below 1).
#include "activation.cuh"
#include "boxes.cuh"

#ifndef LOSS
#define LOSS 0
#endif
#ifndef ASSIGN
#define ASSIGN 1
#endif
#define FIGURES 5  // sum of delta^2, the same without boxes, objects learned, sum of their IoU, of their similarity
#define SEEN 0.25f  // a cell counts as having seen an object where a class is likelier
#define FOCAL_ALPHA 0.5f

// y = logistic(x) for x, y, objectness and classes, x and y then scaled; new_coords: the layer before was logistic.
extern "C" __global__ void yolo_activate(const float *__restrict__ x, float *__restrict__ y, int count, int entries, int cells,
                                         float scale, int new_coords)
{
    FOR_EACH(i, count)
    {
        const int plane = i / cells % entries;
        float value = x[i];
        if (!new_coords && (plane < 2 || plane >= 4)) value = sigmoid(value);
        y[i] = plane < 2 ? value * scale - 0.5f * (scale - 1.f) : value;
    }
}

// For each object [row, column, anchors of this layer that learn it, as bits].
// anchors (num, 2): all anchors' sides relative to the picture; used (num,): place among this layer's, or -1.
extern "C" __global__ void yolo_assign(const float *__restrict__ objects, const int *__restrict__ counts,
                                       const double *__restrict__ anchors, const int *__restrict__ used,
                                       int *__restrict__ cells, int pictures, int most, int num, int h, int w,
                                       double iou_thresh)
{
    FOR_EACH(i, pictures * most)
    {
        if (i % most >= counts[i / most]) continue;
        const float *object = objects + 5 * i;
        const Box<double> shape = {0, 0, object[2], object[3]};
        int best = 0, chosen = 0;
        double most_alike = -1;
        for (int k = 0; k < num; ++k) {
            const Box<double> anchor = {0, 0, anchors[2 * k], anchors[2 * k + 1]};
            const double alike = iou(anchor, shape);
            if (alike > most_alike) most_alike = alike, best = k;
#ifdef OTHERS
            if (used[k] >= 0 && similarity(ASSIGN, anchor, shape) > iou_thresh) chosen |= 1 << used[k];
#endif
        }
        if (used[best] >= 0) chosen |= 1 << used[best];
        cells[3 * i] = (int)fminf(fmaxf(object[1] * h, 0.f), h - 1.f);
        cells[3 * i + 1] = (int)fminf(fmaxf(object[0] * w, 0.f), w - 1.f);
        cells[3 * i + 2] = chosen;
    }
}

struct Weights {
    float box, objectness, classes, label_smooth, most;  // normalizers, label_smooth_eps, max_delta
};

// One cell of one anchor. Its planes lie `step` apart.
struct Cell {
    const float *y;
    float *delta;
    int step, classes, row, column, h, w;
    float anchor_w, anchor_h, size_w, size_h;  // in pixels of the network's input

    __device__ __forceinline__ float out(int plane) const { return y[plane * step]; }
    __device__ __forceinline__ float &d(int plane) const { return delta[plane * step]; }
    __device__ __forceinline__ Box<float> box() const
    {
#ifdef NEW_COORDS
        const float wide = out(2) * out(2) * 4, high = out(3) * out(3) * 4;
#else
        const float wide = expf(out(2)), high = expf(out(3));
#endif
        return {(out(0) + column) / w, (out(1) + row) / h, wide * (anchor_w / size_w), high * (anchor_h / size_h)};
    }

    __device__ __forceinline__ void learn_box(const Box<float> &mine, const Box<float> &goal, float weight, float most) const
    {
        float part[4];
#if LOSS == 0
        const float factor = 2 - goal.w * goal.h, across = goal.w * size_w / anchor_w, down = goal.h * size_h / anchor_h;
        part[0] = factor * (goal.x * w - column - out(0));
        part[1] = factor * (goal.y * h - row - out(1));
#ifdef NEW_COORDS
        part[2] = factor * (sqrtf(across / 4) - out(2));
        part[3] = factor * (sqrtf(down / 4) - out(3));
#else
        part[2] = factor * (logf(fmaxf(across, 1e-16f)) - out(2));
        part[3] = factor * (logf(fmaxf(down, 1e-16f)) - out(3));
#endif
#else
        similarity_gradient(LOSS, mine, goal, part);
        for (int i = 2; i < 4; ++i) {
#ifdef NEW_COORDS
            part[i] *= 2;
#else
            part[i] *= 2 * expf(out(i));
#endif
        }
#endif
        for (int i = 0; i < 4; ++i) {
            float value = part[i] * weight;
#if LOSS != 0
            value = isfinite(value) ? fminf(fmaxf(value, -most), most) : 0.f;
#endif
            d(i) += value;
        }
    }

    // A second object in a cell only adds its class.
    __device__ __forceinline__ void learn_class(int which, float weight, const Weights &weights) const
    {
        const float yes = 1 - 0.5f * weights.label_smooth;
        float &own = d(5 + which);
        if (own != 0.f) {
            own = weight * (yes - out(5 + which));
            return;
        }
#ifdef FOCAL
        const float p = out(5 + which) + 1e-15f;
        const float slope = -(1 - p) * (2 * p * logf(p) + p - 1);
        for (int c = 0; c < classes; ++c) d(5 + c) = ((c == which) - out(5 + c)) * FOCAL_ALPHA * slope;
#else
        for (int c = 0; c < classes; ++c) d(5 + c) = 0.5f * weights.label_smooth - out(5 + c);
        own = yes - out(5 + which);
#ifdef WEIGHTED
        own *= weight * weights.classes;
#endif
#endif
    }
};

extern "C" __global__ void yolo_delta(const float *__restrict__ y, const float *__restrict__ objects,
                                      const int *__restrict__ counts, const int *__restrict__ cells,
                                      const float *__restrict__ anchors, const float *__restrict__ class_weights,
                                      float *__restrict__ delta, double *__restrict__ figures, int pictures, int layer_anchors,
                                      int classes, int h, int w, int most, float size_w, float size_h, float ignore_thresh,
                                      float truth_thresh, float box_weight, float objectness_weight, float class_weight,
                                      float label_smooth, float max_delta, float delta_factor)
{
    __shared__ double scratch[32];
    const Weights weights = {box_weight, objectness_weight, class_weight, label_smooth, max_delta};
    const int i = blockIdx.x * blockDim.x + threadIdx.x, entries = 5 + classes;
    double sums[FIGURES] = {};
    if (i < pictures * layer_anchors * h * w) {
        const int place = i % (h * w), a = i / (h * w) % layer_anchors, picture = i / (h * w) / layer_anchors;
        const size_t start = (size_t)(i / (h * w)) * entries * h * w + place;
        const Cell cell = {y + start, delta + start, h * w, classes, place / w, place % w, h, w,
                           anchors[2 * a], anchors[2 * a + 1], size_w, size_h};
        const float *mine = objects + (size_t)picture * most * 5;
        const Box<float> box = cell.box();
        const float objectness = cell.out(4);
        for (int e = 0; e < entries; ++e) cell.d(e) = 0.f;

        float best = 0.f;
        int which = 0;
        for (int k = 0; k < counts[picture]; ++k) {
            const float alike = iou(box, {mine[5 * k], mine[5 * k + 1], mine[5 * k + 2], mine[5 * k + 3]});
            if (alike > best) best = alike, which = k;
        }
        float down = -objectness_weight * objectness;
        if (best > ignore_thresh && counts[picture]) {
            bool seen = false;
            for (int c = 0; c < classes && !seen; ++c) seen = cell.out(5 + c) > SEEN;
#ifdef SMOOTH
            if (seen) down = fmaxf(objectness_weight * (best - objectness), down);
#else
            if (seen) down = 0.f;
#endif
        }
        cell.d(4) = down;

        // first the object that this cell sees almost surely, then those that are assigned to it
        for (int k = best > truth_thresh && counts[picture] ? -1 : 0; k < counts[picture]; ++k) {
            const bool sure = k < 0;
            const int *assigned = cells + 3 * ((size_t)picture * most + (sure ? 0 : k));
            if (!sure && (assigned[0] != cell.row || assigned[1] != cell.column || !(assigned[2] >> a & 1))) continue;
            const float *object = mine + 5 * (sure ? which : k);
            const Box<float> goal = {object[0], object[1], object[2], object[3]};
            const int label = (int)object[4];
            const float weight = class_weights[label], alike = iou(box, goal);
            cell.learn_box(box, goal, box_weight * weight, max_delta);
            if (sure) {
#ifdef SMOOTH
                const float aim = alike * alike;
#else
                const float aim = 1.f;
#endif
                cell.d(4) = objectness_weight * (aim - objectness);
                cell.learn_class(label, weight, weights);
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
            cell.learn_class(label, weight, weights);
            sums[2] += 1;
            sums[3] += alike;
            sums[4] += similarity(LOSS, box, goal);
        }
#ifdef OTHERS
        int positive = 0;  // several objects in a cell share its box: the sum becomes a mean
        for (int c = 0; c < classes; ++c) positive += cell.d(5 + c) > 0.f;
        if (cell.d(4) != 0.f && positive > 0)
            for (int e = 0; e < 4; ++e) cell.d(e) /= positive;
#endif
        for (int e = 0; e < entries; ++e) {
            const double d = cell.d(e);
            sums[0] += d * d;
            if (e >= 4) sums[1] += d * d;
            cell.d(e) = -delta_factor * cell.d(e);
        }
    }
    for (int f = 0; f < FIGURES; ++f) {
        const double sum = block_sum(sums[f], scratch);
        if (threadIdx.x == 0) figures[blockIdx.x * FIGURES + f] = sum;
    }
}

// total[f] = sum over the blocks of yolo_delta, in order.
extern "C" __global__ void yolo_figures(const double *__restrict__ figures, double *__restrict__ total, int blocks)
{
    if (threadIdx.x >= FIGURES) return;
    double sum = 0;
    for (int b = 0; b < blocks; ++b) sum += figures[b * FIGURES + threadIdx.x];
    total[threadIdx.x] = sum;
}
