"""Charts of a report as PNGs, drawn without a display."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MOST_COLOURS = 10  # classes that are told apart by colour; of more, no legend helps
MOST_NUMBERS = 25  # classes with whose counts the cells of a confusion matrix are filled
MOST_TICKS = 100  # names along an axis
LONGEST_NAME = 22
MOST_LETTERS = 44  # under a small confusion matrix, all names as long as the longest
INK = "black"


class Labels(NamedTuple):
    """What is written at a chart of curves."""

    title: str
    x: str
    y: str
    overall: str
    """in the legend, for the curve of all classes"""


def curve_chart(
    x: Array, curves: Array, overall: Array, names: Sequence[str], labels: Labels, mark: tuple[float, str] | None = None
) -> bytes:
    """Curves (C, n) over x (n,), one a class, and that of all classes (n,), thick; `mark` is a place on the x axis.

    NaN leaves a gap; a class whose curve is all NaN isn't there.
    """
    figure, axes = _axes((8, 5.2))
    few = len(names) <= MOST_COLOURS
    drawn = [(f"C{i}", name, curve) for i, (name, curve) in enumerate(zip(names, curves, strict=True))]
    drawn = [each for each in drawn if not np.isnan(each[2]).all()]
    for i, (colour, name, curve) in enumerate(drawn):
        if few:
            axes.plot(x, curve, color=colour, linewidth=1.3, label=_text(name))
        else:
            axes.plot(x, curve, color="0.6", alpha=0.6, linewidth=0.6, label=None if i else "each class")
    axes.plot(
        x, overall, color=INK, linewidth=2.6, label=labels.overall, zorder=1.9 if few else 3
    )  # lines of the classes have 2
    if mark is not None:
        axes.axvline(mark[0], color="0.3", linestyle=":", linewidth=1.2, label=mark[1])
    axes.set(title=labels.title, xlabel=labels.x, ylabel=labels.y, xlim=(0, 1), ylim=(-0.01, 1.02))
    axes.grid(alpha=0.3)
    figure.legend(
        loc="outside right upper" if few else "outside lower center", frameon=False, fontsize=9, ncols=1 if few else 3
    )
    return _png(figure)


def confusion_chart(matrix: Array, names: Sequence[str]) -> bytes:
    """(C + 1, C + 1) counts; coloured by the share of the row, with the counts where there is room for them."""
    count = len(names) + 1
    side = float(np.clip(3.2 + 0.36 * count, 6, 16))
    figure, axes = _axes((side + 0.8, side))
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.7, label="share of the row")
    step = -(-count // MOST_TICKS)
    shown, size = range(0, count, step), 9 if count <= MOST_NUMBERS else 6
    cut = [_text(short(name)) for name in names]
    rows, columns = [*cut, "background"], [*cut, "missed"]
    upright = 90 if count * max(map(len, columns)) > MOST_LETTERS else 0
    axes.set_xticks(shown, [columns[i] for i in shown], rotation=upright, fontsize=size)
    axes.set_yticks(shown, [rows[i] for i in shown], fontsize=size)
    axes.set(title="Confusion matrix", xlabel="detected as", ylabel="is")
    axes.set_xticks(np.arange(count + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(count + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="0.9", linewidth=0.5)
    axes.tick_params(which="minor", length=0)
    if count <= MOST_NUMBERS + 1:
        for i, j in zip(*np.nonzero(matrix), strict=True):
            ink = "white" if share[i, j] > 0.55 else INK
            axes.text(j, i, f"{matrix[i, j]}", ha="center", va="center", color=ink, fontsize=8)
    return _png(figure)


def _axes(size: tuple[float, float]) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=100, layout="constrained")
    return figure, figure.add_subplot()


def _png(figure: Any) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    png = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # names in scripts that the font lacks
        FigureCanvasAgg(figure).print_png(png)
    return png.getvalue()


def short(name: str) -> str:
    """A name that isn't too long for a chart."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _text(name: str) -> str:
    """Text that Matplotlib takes as it is: no formula, no hidden label."""
    text = name.replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
