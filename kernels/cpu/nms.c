/* Non-maximum suppression of one picture's detections: darknet_py.ops.nms, to the last bit but for powers.
 *
 * Equal to NumPy's, so products and sums may not be contracted here.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
#endif
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    float x, y, left, right, top, bottom, area;
} Box;

static Box box_of(const float *numbers) {
    float x = numbers[0], y = numbers[1], half_w = numbers[2] / 2, half_h = numbers[3] / 2;
    float area = isnan(x) || isnan(y) ? NAN : numbers[2] * numbers[3]; /* what is no box overlaps none */
    return (Box){x, y, x - half_w, x + half_w, y - half_h, y + half_h, area};
}

static inline float least(float a, float b) { return a < b ? a : b; }
static inline float most(float a, float b) { return a > b ? a : b; }

/* IoU, or where beta isn't 0 DIoU with that exponent of its distance term */
static float similarity(const Box *a, const Box *b, float beta) {
    float across = most(least(a->right, b->right) - most(a->left, b->left), 0);
    float down = most(least(a->bottom, b->bottom) - most(a->top, b->top), 0);
    float both = across * down, whole = a->area + b->area - both;
    float iou = whole > 0 ? both / whole : 0;
    if (beta == 0) return iou;
    float apart_x = a->x - b->x, apart_y = a->y - b->y;
    float wide = most(a->right, b->right) - least(a->left, b->left);
    float high = most(a->bottom, b->bottom) - least(a->top, b->top);
    float apart = apart_x * apart_x + apart_y * apart_y, diagonal = wide * wide + high * high;
    float ratio = diagonal > 0 ? apart / diagonal : 0;
    return iou - (beta == 1 ? ratio : powf(ratio, beta));
}

/* Sorts n rows by falling score, stable; `spare` has room for n. */
static void sort(int64_t *rows, int64_t *spare, long n, const float *score, long stride) {
    for (long width = 1; width < n; width *= 2) {
        for (long first = 0; first < n; first += 2 * width) {
            long middle = first + width < n ? first + width : n, end = middle + width < n ? middle + width : n;
            long i = first, j = middle;
            for (long k = first; k < end; k++) {
                int left = i < middle && (j == end || score[rows[i] * stride] >= score[rows[j] * stride]);
                spare[k] = rows[left ? i++ : j++];
            }
        }
        memcpy(rows, spare, n * sizeof *rows);
    }
}

/* The rows with objectness, where holes are filled from the end, then those without. Returns the number of the first. */
static long without_objectness_last(const float *objectness, long n, int64_t *order) {
    long count = 0, last = n - 1, idle;
    for (long i = 0; i < n; i++) count += objectness[i] != 0;
    for (long i = 0; i < count; i++)
        if (objectness[i] != 0)
            order[i] = i;
        else {
            while (objectness[last] == 0) last--;
            order[i] = last--;
        }
    idle = count;
    for (long i = 0; i < n; i++)
        if (objectness[i] == 0) order[idle++] = i;
    return count;
}

/* boxes: n of 4 numbers. probs: n of `classes` numbers, of which those that are suppressed become 0. order: n row numbers
 * as Darknet leaves the detections. beta: see `similarity`. Returns 0, or 1 where there is no memory. */
int suppress(const float *boxes, const float *objectness, float *probs, const int64_t *sizes, const float *options,
             int64_t *order) {
    long n = sizes[0], classes = sizes[1];
    float thresh = options[0], beta = options[1];
    char *memory = malloc(n * (sizeof(Box) + 3 * sizeof(int64_t)) + classes + 1);
    if (!memory) return 1;
    int64_t *ranked = (int64_t *)memory, *others = ranked + n, *spare = others + n;
    Box *edges = (Box *)(spare + n);
    char *seen = (char *)(edges + n);
    long active = without_objectness_last(objectness, n, order);
    for (long i = 0; i < n; i++) edges[i] = box_of(boxes + 4 * i);
    memset(seen, 0, classes);
    for (long i = 0; i < n; i++)
        for (long k = 0; k < classes; k++) seen[k] |= probs[i * classes + k] > 0;
    for (long k = 0; k < classes; k++) {
        if (!seen[k]) continue;
        long candidates = 0, rest = 0;
        for (long i = 0; i < active; i++)
            if (probs[order[i] * classes + k] > 0)
                ranked[candidates++] = order[i];
            else
                others[rest++] = order[i];
        sort(ranked, spare, candidates, probs + k, classes);
        for (long i = 0; i < candidates; i++) {
            if (probs[ranked[i] * classes + k] == 0) continue;
            for (long j = i + 1; j < candidates; j++)
                if (similarity(edges + ranked[i], edges + ranked[j], beta) > thresh) probs[ranked[j] * classes + k] = 0;
        }
        memcpy(order, ranked, candidates * sizeof *order);
        memcpy(order + candidates, others, rest * sizeof *order);
    }
    free(memory);
    return 0;
}
