"""The roofline: what a machine attains at most by the operations that a byte is used for, and what networks reach."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from darknet_py.benchmark.rates import Rates
from darknet_py.benchmark.run import Result

MOST_LABELS = 12  # more would cover each other


class Point(NamedTuple):
    """A work: operations a byte, GFLOP/s reached. small: one of many, without a label."""

    label: str
    intensity: float
    gflops: float
    small: bool = False


def points_of(results: Sequence[Result]) -> list[Point]:
    """The networks, and small the layers whose times were taken."""
    points = []
    for result in results:
        case, figures = result.row.case, result.row.figures
        label = f"{case.mode} {case.width}x{case.height} batch {case.batch}"
        points.append(Point(label, figures.intensity, figures.gflops))
        points += [Point("", layer.intensity, layer.gflops, small=True) for layer in result.layers]
    return points


def draw_roofline(rates: Rates, points: Sequence[Point], title: str) -> bytes:
    """A PNG. Points without operations aren't drawn."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [point for point in points if point.intensity > 0 and point.gflops > 0]
    figure = Figure(figsize=(8, 5), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    _draw_roof(axes, rates, [point.intensity for point in shown])
    small = [point for point in shown if point.small]
    if small:
        axes.plot([p.intensity for p in small], [p.gflops for p in small], ".", color="grey", label="layers")
    large = [point for point in shown if not point.small]
    for point in large:
        label = point.label if len(large) <= MOST_LABELS else None
        axes.plot([point.intensity], [point.gflops], "o", markersize=8, label=label)
    axes.set(xscale="log", yscale="log", xlabel="operations a byte (FLOP / byte)", ylabel="GFLOP/s", title=title)
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize=8, loc="lower right")
    png = io.BytesIO()
    FigureCanvasAgg(figure).print_png(png)
    return png.getvalue()


def _draw_roof(axes: Any, rates: Rates, intensities: Sequence[float]) -> None:
    """The two lines that meet at the ridge, as far as there are points."""
    ridge = rates.gflops / rates.copy_gb_per_s
    ends = [ridge, *intensities]
    x = np.geomspace(min(ends) / 4, max(ends) * 4, 200)
    label = f"{rates.gflops:.0f} GFLOP/s of products, {rates.copy_gb_per_s:.1f} GB/s of copying"
    axes.plot(x, [rates.attainable(value) for value in x], color="black", label=label)
