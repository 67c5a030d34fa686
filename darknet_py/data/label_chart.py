"""A picture of the labels of a data set: how many, where, how large, and how the anchors fit."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.files import atomic_write

Array = npt.NDArray[Any]

MOST_BARS = 40  # classes with a bar of their own, the commonest
MOST_POINTS = 20_000
CELLS = 40  # of the map of positions, a side


def draw_labels(
    path: str | Path, boxes: Sequence[Array], names: Sequence[str], anchors: Array, size: Sequence[int]
) -> None:
    """Writes a PNG. boxes: of each picture, rows [class, x, y, w, h]; anchors: (n, 2) relative to the picture, as the
    boxes; size: (w, h) of the network's input, in whose pixels sizes are told."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = np.concatenate([np.zeros((0, 5)), *boxes])
    figure = Figure(figsize=(12, 10), dpi=100, layout="constrained")
    axes = figure.subplots(2, 2)
    figure.suptitle(f"{len(rows)} boxes of {len(names)} classes in {len(boxes)} pictures")
    _classes(axes[0, 0], rows, names)
    _numbers(axes[0, 1], boxes)
    _positions(axes[1, 0], rows)
    _sizes(axes[1, 1], rows[:, 3:5] * size, anchors * size)
    png = io.BytesIO()
    FigureCanvasAgg(figure).print_png(png)
    with atomic_write(path) as file:
        file.write(png.getvalue())


def _classes(axes: Any, rows: Array, names: Sequence[str]) -> None:
    counts = np.bincount(rows[:, 0].astype(int), minlength=len(names))
    shown = np.sort(np.argsort(-counts, kind="stable")[:MOST_BARS])
    rest = len(counts) - len(shown)
    bars = axes.bar(range(len(shown)), counts[shown], color="tab:blue")
    if len(shown) <= MOST_BARS // 2:
        axes.bar_label(bars)
    axes.set_xticks(range(len(shown)), [names[i] for i in shown], rotation=90 if len(shown) > 6 else 0)
    axes.set(title="boxes of each class" + (f" (the {rest} rarest left out)" if rest else ""), ylabel="boxes")


def _numbers(axes: Any, boxes: Sequence[Array]) -> None:
    counts = np.array([len(rows) for rows in boxes])
    most = int(counts.max(initial=0))
    axes.hist(counts, bins=np.arange(0, most + 2, max(1, most // 50)) - 0.5, color="tab:blue")
    axes.set(title="boxes in a picture", xlabel="boxes", ylabel="pictures")


def _positions(axes: Any, rows: Array) -> None:
    heat, _, _ = np.histogram2d(rows[:, 2], rows[:, 1], bins=CELLS, range=((0, 1), (0, 1)))
    image = axes.imshow(heat, extent=(0, 1, 1, 0), cmap="viridis", aspect="auto")
    axes.figure.colorbar(image, ax=axes, label="boxes")
    axes.set(title="centres of the boxes", xlabel="x, relative to the picture", ylabel="y")


def _sizes(axes: Any, sizes: Array, anchors: Array) -> None:
    from matplotlib.patches import Rectangle

    shown = sizes[:: max(1, len(sizes) // MOST_POINTS)]
    axes.scatter(shown[:, 0], shown[:, 1], s=5, alpha=0.3, color="tab:blue", label="boxes")
    for w, h in anchors:
        axes.add_patch(Rectangle((0, 0), w, h, fill=False, linewidth=0.7, color="tab:red"))
    if len(anchors):
        axes.scatter(anchors[:, 0], anchors[:, 1], s=40, marker="x", color="tab:red", label="anchors", zorder=3)
    largest = np.concatenate([shown, anchors, np.ones((1, 2))]).max(axis=0) * 1.05
    axes.set(title="sizes of the boxes", xlabel="width, pixels of the input", ylabel="height")
    axes.set(xlim=(0, largest[0]), ylim=(0, largest[1]))
    axes.legend(loc="upper left")
