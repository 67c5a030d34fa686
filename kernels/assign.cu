// [yolo] and [Gaussian_yolo]: which cell and which anchors learn each object, and for [contrastive] which cells of a [yolo]
// learn one because they see it well. darknet_py/ops/heads/masked.py is the same on the host.
//
// layout: objects (n, most, 5) rows [x, y, w, h, class], the first counts[n] of a picture count; anchors (num, 2): all
// anchors' sides relative to the picture; used (num,): the place of an anchor among the layer's own `here`, or -1.
// out: cells (n, most, 2): row, column; learns (n, most, here): 1 for the anchors that learn the object.
// y (n, here, entries, h * w), see cell.cuh; seen (n, here, h * w): the object that a cell sees, or -1.
// launch: any grid of 256 threads, one thread an object; sure_cells one thread a cell of an anchor. cost: num * 60 FLOPs an
// object, in double precision, since the last bit may decide; sure_cells objects * 30 FLOPs a cell.
#include "cell.cuh"

extern "C" __global__ void assign_anchors(const float *__restrict__ objects, const int *__restrict__ counts,
                                          const double *__restrict__ anchors, const int *__restrict__ used,
                                          int *__restrict__ cells, unsigned char *__restrict__ learns, int pictures,
                                          int most, int num, int here, int h, int w, float point, int kind, int others,
                                          double iou_thresh)
{
    FOR_EACH(i, pictures * most)
    {
        if (i % most >= counts[i / most]) continue;
        const float *object = objects + 5 * i;
        unsigned char *own = learns + (size_t)i * here;
        for (int a = 0; a < here; ++a) own[a] = 0;
        const Box<double> shape = {0, 0, object[2], object[3]};
        int best = 0;
        double most_alike = -1;
        for (int k = 0; k < num; ++k) {
            const Box<double> anchor = {0, 0, anchors[2 * k], anchors[2 * k + 1]};
            const double alike = iou(anchor, shape);
            if (alike > most_alike) most_alike = alike, best = k;
            if (others && used[k] >= 0 && similarity(kind, anchor, shape) > iou_thresh) own[used[k]] = 1;
        }
        if (used[best] >= 0) own[used[best]] = 1;
        const float x = object[0] + point * object[2], y = object[1] + point * object[3];
        cells[2 * i] = (int)fminf(fmaxf(y * h, 0.f), h - 1.f);
        cells[2 * i + 1] = (int)fminf(fmaxf(x * w, 0.f), w - 1.f);
    }
}

// sides (here, 2) of the layer's own anchors, in pixels of the input.
extern "C" __global__ void sure_cells(const float *__restrict__ y, const float *__restrict__ objects,
                                      const int *__restrict__ counts, const float *__restrict__ sides,
                                      int *__restrict__ seen, int pictures, int most, int here, int classes, int h, int w,
                                      float size_w, float size_h, float truth_thresh)
{
    const int places = h * w;
    FOR_EACH(i, pictures * here * places)
    {
        const int place = i % places, a = i / places % here, picture = i / places / here;
        const float *own = y + (size_t)(i / places) * (CLASSES + classes) * places + place;
        const Cell cell = {own, nullptr, places, classes, place / w, place % w};
        const Grid grid = {h, w, sides[2 * a], sides[2 * a + 1], size_w, size_h, 0.f};
        int which;
        const float best = best_overlap(cell.box(grid), objects + (size_t)picture * most * 5, counts[picture], which);
        seen[i] = best > truth_thresh ? which : -1;
    }
}
