"""A picture of boxes and the anchors that they cluster around."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.data.anchors import iou
from darknet_py.files import atomic_write

Array = npt.NDArray[Any]

MOST_POINTS = 20_000


def draw_clusters(path: str | Path, sizes: Array, anchors: Array, width: int, height: int) -> None:
    """Writes a PNG: a point for each box (k, 2), coloured by its anchor; the anchors (n, 2) as rectangles."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    shown = sizes[:: max(1, len(sizes) // MOST_POINTS)]
    nearest = iou(shown, anchors).argmax(axis=1)
    figure = Figure(figsize=(8, 8), dpi=100)
    axes = figure.add_axes((0.09, 0.08, 0.86, 0.86))
    axes.scatter(shown[:, 0], shown[:, 1], c=nearest, cmap="tab20", s=4, alpha=0.5)
    for i, (w, h) in enumerate(anchors):
        axes.add_patch(Rectangle((0, 0), w, h, fill=False, linewidth=0.7))
        axes.annotate(str(i), (w, h))
    axes.scatter(
        anchors[:, 0], anchors[:, 1], c=np.arange(len(anchors)), cmap="tab20", s=60, edgecolors="black", zorder=3
    )
    axes.set(xlabel="width", ylabel="height", xlim=(0, width), ylim=(0, height))
    axes.set_title(f"{len(sizes)} boxes, {len(anchors)} anchors")
    png = io.BytesIO()
    FigureCanvasAgg(figure).print_png(png)
    with atomic_write(path) as file:
        file.write(png.getvalue())
