"""Bugs to plant in the kernels of detection layers: (file, old, new, rows) as in mutations.py."""
# ruff: noqa: E501  (one bug a line)

from __future__ import annotations

PLAIN, SEVERAL, SURE = ("yolo_loss-plain",), ("yolo_loss-ciou-several",), ("yolo_loss-diou-sure",)
GAUSSIAN, SMOOTH, CORNER = ("gaussian_loss-plain",), ("gaussian_loss-left",), ("gaussian_loss-right",)
REGION, TREE = ("region_loss-plain",), ("region_loss-tree",)
DETECTION = ("detection_loss",)

BUGS: list[tuple[str, str, str, tuple[str, ...]]] = [
    # what all share
    ("heads.cu", "i / cells % entries", "i % entries", ("head_activate",)),
    ("heads.cu", "0.5f * (scale - 1.f) : value", "0.5f * scale : value", ("head_activate",)),
    ("heads.cu", "kind & SQUASHED", "kind == SQUASHED", ("head_activate",)),
    ("heads.cu", "b * count + threadIdx.x", "b + threadIdx.x", PLAIN),
    ("heads.cu", "if (threadIdx.x >= count) return;", "", PLAIN),
    ("figures.cuh", "blockIdx.x * COUNT + f", "f", PLAIN),
    ("boxes.cuh", "(inner_high + inner_low) / 2", "inner_high + inner_low", SEVERAL),
    ("boxes.cuh", "gradient[3] -= slope * a.w", "gradient[3] += slope * a.w", SEVERAL),
    ("boxes.cuh", "ratio(ex * ey - both, ex * ey)", "ratio(ex * ey - both, both)", ("yolo_loss-giou",)),
    ("assign.cu", "alike > most_alike", "alike >= most_alike - 0.1", PLAIN),
    ("assign.cu", "used[k] >= 0 && similarity", "similarity", SEVERAL),
    ("assign.cu", "for (int a = 0; a < here; ++a) own[a] = 0;", "", PLAIN),
    ("assign.cu", "object[1] + point * object[3]", "object[1]", SMOOTH),
    ("cell.cuh", "y - g.point * h, w, h}", "y + g.point * h, w, h}", SMOOTH),
    ("cell.cuh", "if (own != 0.f) {", "if (false) {", PLAIN),
    ("cell.cuh", "own *= weight * class_weight;", "own *= weight;", ("yolo_loss-counters",)),
    ("cell.cuh", "(2 * p * logf(p) + p - 1)", "(2 * p * logf(p) - p - 1)", ("yolo_loss-focal",)),
    ("cell.cuh", "if (alike > best) best", "best", PLAIN),
    # [yolo]
    ("yolo.cu", "cells[2 * at + 1] != cell.column || ", "", PLAIN),
    ("yolo.cu", "|| !learns[at * here + a]", "", PLAIN),
    ("yolo.cu", " && cell.sees_a_class()", "", PLAIN),
    ("yolo.cu", "2 * expf(cell.out(i))", "expf(cell.out(i))", SEVERAL),
    ("yolo.cu", "if (e >= 4) sums[1]", "if (e > 4) sums[1]", PLAIN),
    ("yolo.cu", "cell.d(e) /= sharing", "cell.d(e) /= 1", SEVERAL),
    ("yolo.cu", "sure ? which : k)", "sure ? 0 : k)", SURE),
    ("yolo.cu", "if (!set) cell.d(4)", "cell.d(4)", SURE),
    ("yolo.cu", "sums[4] += similarity(LOSS, box, goal)", "sums[4] += alike", ("yolo_loss-giou",)),
    # [Gaussian_yolo]
    ("gaussian.cu", "z * z / sigma - 1", "z * z - 1", GAUSSIAN),
    ("gaussian.cu", "(normal + 1e-9f) * factor", "(normal + 1e-9f)", GAUSSIAN),
    ("gaussian.cu", "goal.y + g.point * goal.h", "goal.y", SMOOTH),
    ("gaussian.cu", "part[3] - g.point * part[1]", "part[3] - g.point * part[0]", CORNER),
    ("gaussian.cu", "if (e < OBJECTNESS) cell.d(e) /= sharing;", "", GAUSSIAN),
    ("gaussian.cu", "best * best - objectness", "best - objectness", SMOOTH),
    ("gaussian.cu", "fminf(fmaxf(value, -most), most)", "value", CORNER),
    ("gaussian.cu", "else if (e % 2) sums[1]", "else if (e > 3) sums[1]", GAUSSIAN),
    # [region]
    ("region.cu", "alike > most_alike", "alike >= most_alike - 0.1", REGION),
    ("region.cu", "i / most * num + a", "i / most * num", REGION),
    ("region.cu", "if (!bias_match) {", "{", ("region_loss-bias",)),
    ("region.cu", "c = parents[c]) given", "c = -1) given", TREE),
    ("region.cu", "        __syncthreads();\n        if (threadIdx.x >= half)", "        if (threadIdx.x >= half)", TREE),
    ("region.cu", "for (int half = blockDim.x / 2", "for (int half = blockDim.x / 4", TREE),
    ("region.cu", "likeliest[picture] == i % (num * step)", "likeliest[picture] == i % step", TREE),
    ("region.cu", "k < groups[2 * c + 1]", "k <= groups[2 * c + 1]", TREE),
    ("region.cu", "cell[2] != a", "false", REGION),
    ("region.cu", "down * (1 - down);\n                d[2", "(1 - down);\n                d[2", REGION),
    ("region.cu", "0.5f - across", "across", ("region_loss-warm",)),
    ("region.cu", "object[3] * h / anchors", "object[3] * w / anchors", REGION),
    ("region.cu", "classfix == 2 ? objectness", "classfix == 1 ? objectness", ("region_loss-focal",)),
    ("region.cu", "background ? 1.f : 0.f;", "0.f;", ("region_loss-background",)),
    ("region.cu", "rescore ? alike", "rescore ? best", ("region_loss-bias",)),
    # [detection]
    ("detection.cu", "if (overlap > most) most = overlap, alike = b;", "if (overlap > most) alike = b;", DETECTION),
    ("detection.cu", "most > 0.f ? alike : near", "alike", DETECTION),
    ("detection.cu", "roots ? own[2] * own[2]", "roots ? own[2]", DETECTION),
    ("detection.cu", "side - 1.f) == row &&", "side - 1.f) == row ||", DETECTION),
    ("detection.cu", "                break;\n", "                ;\n", DETECTION),
    ("detection.cu", "picked < 0 ? boxes.best(goal, num) : picked", "boxes.best(goal, num)", DETECTION),
    ("detection.cu", "first + 4 * best + e] = coord", "first + e] = coord", DETECTION),
    ("detection.cu", "e - classes - num", "e - classes", DETECTION),
]  # fmt: skip
