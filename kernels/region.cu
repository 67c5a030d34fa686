// [region]: its whole loss: which anchor learns which object, deltas, and figures for the log.
// darknet_py/ops/heads/region.py is the same on the host and says what the deltas are.
//
// layout: y (n, anchors, entries, h * w) with planes x, y, w, h, objectness, classes; objects (n, most, 5) rows
// [x, y, w, h, class], the first counts[n] of a picture count; anchors (num, 2) in cells. Of a tree of classes: parents
// (classes,), -1 below the root, and groups (classes, 2): the siblings of a class, first and behind the last; both null
// without one. only (n,): the class of a picture without boxes, or -1.
// launch: any grid of 256 threads for region_assign (one thread an object); one block of 256 threads a picture for
// region_likeliest; one thread a cell of an anchor for region_delta, which looks for the objects that it learns, in their
// order. cost: region_delta reads y once or twice and writes as much; objects * 30 FLOPs a cell, objects from cache.
#include "activation.cuh"
#include "boxes.cuh"
#include "figures.cuh"

#define FOCAL_ALPHA 0.5f
#define PULL 0.01f  // how strongly boxes are drawn to their anchors at first

__device__ __forceinline__ Box<float> box_at(const float *y, int step, int row, int column, int h, int w, float anchor_w,
                                             float anchor_h)
{
    return {(sigmoid(y[0]) + column) / w, (sigmoid(y[step]) + row) / h, expf(y[2 * step]) * (anchor_w / w),
            expf(y[3 * step]) * (anchor_h / h)};
}

// For each object [row, column, anchor]. In double precision, since the last bit may decide.
extern "C" __global__ void region_assign(const float *__restrict__ y, const float *__restrict__ objects,
                                         const int *__restrict__ counts, const float *__restrict__ anchors,
                                         int *__restrict__ cells, int pictures, int most, int num, int entries, int h,
                                         int w, int bias_match)
{
    FOR_EACH(i, pictures * most)
    {
        if (i % most >= counts[i / most]) continue;
        const float *object = objects + 5 * i;
        const int row = (int)fminf(fmaxf(object[1] * h, 0.f), h - 1.f);
        const int column = (int)fminf(fmaxf(object[0] * w, 0.f), w - 1.f);
        const Box<double> goal = {0, 0, object[2], object[3]};
        int best = 0;
        double most_alike = -1;
        for (int a = 0; a < num; ++a) {
            Box<double> shape = {0, 0, (double)anchors[2 * a] / w, (double)anchors[2 * a + 1] / h};
            if (!bias_match) {
                const float *out = y + ((size_t)(i / most * num + a) * entries * h + row) * w + column;
                const Box<float> seen = box_at(out, h * w, row, column, h, w, anchors[2 * a], anchors[2 * a + 1]);
                shape.w = seen.w, shape.h = seen.h;
            }
            const double alike = iou(shape, goal);
            if (alike > most_alike) most_alike = alike, best = a;
        }
        cells[3 * i] = row;
        cells[3 * i + 1] = column;
        cells[3 * i + 2] = best;
    }
}

// The place among anchors * h * w where a picture without boxes shows its class most: objectness times the class and its
// ancestors. The first of equals.
extern "C" __global__ void region_likeliest(const float *__restrict__ y, const int *__restrict__ only,
                                            const int *__restrict__ parents, int *__restrict__ likeliest, int num,
                                            int classes, int places)
{
    __shared__ float values[256];
    __shared__ int where[256];
    const int label = only[blockIdx.x];
    if (label < 0) return;
    float most = -1.f;
    int at = 0;
    for (int i = threadIdx.x; i < num * places; i += blockDim.x) {
        const float *out = y + (size_t)(blockIdx.x * num + i / places) * (5 + classes) * places + i % places;
        float given = 1.f;
        for (int c = label; c >= 0; c = parents[c]) given *= out[(5 + c) * places];
        const float likely = out[4 * places] * given;
        if (likely > most) most = likely, at = i;
    }
    values[threadIdx.x] = most;
    where[threadIdx.x] = at;
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.x >= half) continue;
        const int other = threadIdx.x + half;
        if (values[other] > values[threadIdx.x] ||
            (values[other] == values[threadIdx.x] && where[other] < where[threadIdx.x])) {
            values[threadIdx.x] = values[other];
            where[threadIdx.x] = where[other];
        }
    }
    if (threadIdx.x == 0) likeliest[blockIdx.x] = where[0];
}

// The classes of a cell; they lie `step` apart.
struct Classes {
    const float *y;
    float *delta;
    int step, count;
    const int *parents, *groups;

    __device__ __forceinline__ void learn(int label, float scale, int focal) const
    {
        if (parents) {
            for (int c = label; c >= 0; c = parents[c]) {
                for (int k = groups[2 * c]; k < groups[2 * c + 1]; ++k) delta[k * step] = -scale * y[k * step];
                delta[c * step] += scale;
            }
            return;
        }
        float factor = scale;
        if (focal) {
            const float p = y[label * step] + 1e-15f;
            factor *= -FOCAL_ALPHA * (1 - p) * (2 * p * logf(p) + p - 1);
        }
        for (int k = 0; k < count; ++k) delta[k * step] = factor * ((k == label) - y[k * step]);
    }
};

extern "C" __global__ void region_delta(const float *__restrict__ y, const float *__restrict__ objects,
                                        const int *__restrict__ counts, const int *__restrict__ cells,
                                        const float *__restrict__ anchors, const int *__restrict__ parents,
                                        const int *__restrict__ groups, const int *__restrict__ only,
                                        const int *__restrict__ likeliest, float *__restrict__ delta,
                                        double *__restrict__ figures, int pictures, int num, int classes, int h, int w,
                                        int most, int background, int rescore, int classfix, int focal, int warm_up,
                                        float thresh, float coord_scale, float object_scale, float noobject_scale,
                                        float class_scale)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x, step = h * w, entries = 5 + classes;
    double sums[3] = {};
    if (i < pictures * num * step) {
        const int place = i % step, a = i / step % num, picture = i / step / num, row = place / w, column = place % w;
        const size_t start = (size_t)(i / step) * entries * step + place;
        const float *out = y + start, *mine = objects + (size_t)picture * most * 5;
        float *d = delta + start;
        const Classes own = {out + 5 * step, d + 5 * step, step, classes, parents, groups};
        const float objectness = out[4 * step], slope = background ? 1.f : objectness * (1 - objectness);
        const float across = sigmoid(out[0]), down = sigmoid(out[step]);
        for (int e = 0; e < entries; ++e) d[e * step] = 0.f;

        if (only[picture] >= 0) {
            if (likeliest[picture] == i % (num * step)) own.learn(only[picture], class_scale, focal);
        } else {
            const Box<float> box = box_at(out, step, row, column, h, w, anchors[2 * a], anchors[2 * a + 1]);
            float best = 0.f;
            int which = 0;
            for (int k = 0; k < counts[picture]; ++k) {
                const float alike = iou(box, {mine[5 * k], mine[5 * k + 1], mine[5 * k + 2], mine[5 * k + 3]});
                if (alike > best) best = alike, which = k;
            }
            const float target = classfix == -1 ? best : background ? 1.f : 0.f;
            d[4 * step] = noobject_scale * (target - objectness) * slope;
            if (classfix != -1 && best > thresh) {
                d[4 * step] = 0.f;
                if (classfix > 0)
                    own.learn((int)mine[5 * which + 4], class_scale * (classfix == 2 ? objectness : 1.f), focal);
            }
            if (warm_up) {
                d[0] = PULL * (0.5f - across) * across * (1 - across);
                d[step] = PULL * (0.5f - down) * down * (1 - down);
                d[2 * step] = -PULL * out[2 * step];
                d[3 * step] = -PULL * out[3 * step];
            }
            for (int k = 0; k < counts[picture]; ++k) {
                const int *cell = cells + 3 * ((size_t)picture * most + k);
                if (cell[0] != row || cell[1] != column || cell[2] != a) continue;
                const float *object = mine + 5 * k;
                const float alike = iou(box, {object[0], object[1], object[2], object[3]});
                d[0] = coord_scale * (object[0] * w - column - across) * across * (1 - across);
                d[step] = coord_scale * (object[1] * h - row - down) * down * (1 - down);
                d[2 * step] = coord_scale * (logf(fmaxf(object[2] * w / anchors[2 * a], 1e-16f)) - out[2 * step]);
                d[3 * step] = coord_scale * (logf(fmaxf(object[3] * h / anchors[2 * a + 1], 1e-16f)) - out[3 * step]);
                const float aim = background ? 0.f : rescore ? alike : 1.f;
                d[4 * step] = object_scale * (aim - objectness) * slope;
                own.learn((int)object[4], class_scale, focal);
                sums[1] += 1;
                sums[2] += alike;
            }
        }
        for (int e = 0; e < entries; ++e) {
            const double value = d[e * step];
            sums[0] += value * value;
            d[e * step] = -d[e * step];
        }
    }
    store_figures(sums, figures);
}
