// Boxes (centre x, centre y, width, height) and how alike two of them are: the formulas of darknet_py/boxes.py, and the
// derivatives by the first box. T is float, or double where anchors are chosen and the last bit decides.
#pragma once

enum Kind { MSE, IOU, GIOU, DIOU, CIOU };  // of iou_loss

template <class T> struct Box {
    T x, y, w, h;
};

// p / q, and 0 where q isn't positive: boxes without extent.
template <class T> __device__ __forceinline__ T ratio(T p, T q) { return q > T(0) ? p / q : T(0); }

template <class T> __device__ __forceinline__ T overlap(T a, T a_size, T b, T b_size)
{
    const T low = max(a - a_size / 2, b - b_size / 2), high = min(a + a_size / 2, b + b_size / 2);
    return max(high - low, T(0));
}

template <class T> __device__ __forceinline__ T enclosing(T a, T a_size, T b, T b_size)
{
    return max(a + a_size / 2, b + b_size / 2) - min(a - a_size / 2, b - b_size / 2);
}

template <class T> __device__ __forceinline__ T intersection(const Box<T> &a, const Box<T> &b)
{
    return overlap(a.x, a.w, b.x, b.w) * overlap(a.y, a.h, b.y, b.h);
}

template <class T> __device__ __forceinline__ T iou(const Box<T> &a, const Box<T> &b)
{
    const T both = intersection(a, b);
    return ratio(both, a.w * a.h + b.w * b.h - both);
}

// 4 / pi^2 * the squared difference of the angles of the diagonals.
template <class T> __device__ __forceinline__ T aspect(const Box<T> &a, const Box<T> &b, T &difference)
{
    difference = atan2(b.w, b.h) - atan2(a.w, a.h);
    return T(0.405284734569351) * difference * difference;
}

template <class T> __device__ __forceinline__ T aspect_weight(T overlap, T v) { return v / (max(T(1) - overlap, T(0)) + v + T(1e-6)); }

template <class T> __device__ __forceinline__ T similarity(int kind, const Box<T> &a, const Box<T> &b)
{
    const T alike = iou(a, b), ex = enclosing(a.x, a.w, b.x, b.w), ey = enclosing(a.y, a.h, b.y, b.h);
    if (kind == MSE || kind == IOU) return alike;
    if (kind == GIOU) {
        const T both = a.w * a.h + b.w * b.h - intersection(a, b);
        return alike - ratio(ex * ey - both, ex * ey);
    }
    const T distance = (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y);
    const T value = alike - ratio(distance, ex * ex + ey * ey);
    if (kind == DIOU) return value;
    T difference;
    const T v = aspect(a, b, difference);
    return value - aspect_weight(alike, v) * v;
}

__device__ __forceinline__ float sign_of(float x) { return x > 0.f ? 1.f : x < 0.f ? -1.f : 0.f; }

// Two boxes along one axis, with derivatives by the first one's centre and size.
struct Axis {
    float overlap, enclosing, overlap_centre, overlap_size, enclosing_centre, enclosing_size;
};

__device__ __forceinline__ Axis along(float a, float a_size, float b, float b_size)
{
    const float low = a - a_size / 2, high = a + a_size / 2, other_low = b - b_size / 2, other_high = b + b_size / 2;
    // 1 where the first box's own edge bounds the overlap, half where the edges coincide
    const float inner_low = (sign_of(low - other_low) + 1) / 2, inner_high = (sign_of(other_high - high) + 1) / 2;
    const float centre = inner_high - inner_low, size = (inner_high + inner_low) / 2;
    const float common = fmaxf(fminf(high, other_high) - fmaxf(low, other_low), 0.f);
    const bool apart = common <= 0.f;
    return {common, fmaxf(high, other_high) - fminf(low, other_low), apart ? 0.f : centre, apart ? 0.f : size,
            -centre, 1 - size};
}

// gradient += sign * the derivative of p / q, given p's and q's.
__device__ __forceinline__ void add_ratio(float *gradient, float sign, float p, const float *dp, float q, const float *dq)
{
    const float quotient = ratio(p, q);
    for (int i = 0; i < 4; ++i) gradient[i] += sign * ratio(dp[i] - quotient * dq[i], q);
}

// The derivative of the similarity by box a (x, y, w, h); CIoU's weight of the aspect counts as constant.
__device__ __forceinline__ void similarity_gradient(int kind, const Box<float> &a, const Box<float> &b, float *gradient)
{
    const Axis x = along(a.x, a.w, b.x, b.w), y = along(a.y, a.h, b.y, b.h);
    const float both = x.overlap * y.overlap, united = a.w * a.h + b.w * b.h - both;
    const float d_both[4] = {x.overlap_centre * y.overlap, y.overlap_centre * x.overlap, x.overlap_size * y.overlap,
                             y.overlap_size * x.overlap};
    const float d_united[4] = {-d_both[0], -d_both[1], a.h - d_both[2], a.w - d_both[3]};
    for (int i = 0; i < 4; ++i) gradient[i] = 0.f;
    add_ratio(gradient, 1.f, both, d_both, united, d_united);
    if (kind == GIOU) {
        const float d[4] = {x.enclosing_centre * y.enclosing, y.enclosing_centre * x.enclosing,
                            x.enclosing_size * y.enclosing, y.enclosing_size * x.enclosing};
        add_ratio(gradient, 1.f, united, d_united, x.enclosing * y.enclosing, d);
    }
    if (kind == DIOU || kind == CIOU) {
        const float right = a.x - b.x, down = a.y - b.y;
        const float d_distance[4] = {2 * right, 2 * down, 0.f, 0.f};
        const float d_diagonal[4] = {2 * x.enclosing * x.enclosing_centre, 2 * y.enclosing * y.enclosing_centre,
                                     2 * x.enclosing * x.enclosing_size, 2 * y.enclosing * y.enclosing_size};
        add_ratio(gradient, -1.f, right * right + down * down, d_distance,
                  x.enclosing * x.enclosing + y.enclosing * y.enclosing, d_diagonal);
    }
    if (kind == CIOU) {
        float difference;
        const float v = aspect(a, b, difference), weight = aspect_weight(iou(a, b), v);
        const float slope = ratio(0.810569469138702f * weight * difference, a.w * a.w + a.h * a.h);
        gradient[2] += slope * a.h;
        gradient[3] -= slope * a.w;
    }
}
