"""The chart of a training: loss and mAP over the iterations, as a PNG, drawn without a display."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from darknet_py.errors import DarknetError
from darknet_py.files import atomic_write
from darknet_py.network import NetOptions
from darknet_py.train.loop import Progress, Report, Trainer

PERIOD = 100  # iterations between drawings (image_opencv.cpp:1183)
MOST_POINTS = 4000  # of the loss; more make no better picture and take longer
Curve = Sequence[tuple[int, float]]


class Chart:
    """Hook: redraws the chart every 100 iterations into all of `paths`."""

    def __init__(self, paths: Sequence[Path], name: str, measure: str = "mAP") -> None:
        self.paths, self.name, self.measure = paths, name, measure

    def __call__(self, trainer: Trainer, report: Report) -> None:
        if report.iteration % PERIOD == 0:
            self.draw(trainer)

    def draw(self, trainer: Trainer) -> None:
        """Draws now; a chart that can't be drawn or written is only worth a warning."""
        try:
            png = draw_chart(self.name, trainer.net.options, trainer.progress, self.measure)
            for path in self.paths:
                with atomic_write(path) as file:
                    file.write(png)
        except (DarknetError, ImportError) as error:
            warnings.warn(f"no chart: {error}", stacklevel=2)


def draw_chart(name: str, options: NetOptions, progress: Progress, measure: str = "mAP") -> bytes:
    """A PNG of the loss (left axis, up to max_chart_loss) and, if measured, of `measure` (right axis, per cent)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 8), dpi=100)
    axes = figure.add_axes((0.08, 0.08, 0.84, 0.86))
    axes.set(xlabel="iteration", xlim=(0, options.max_batches), ylim=(0, options.max_chart_loss))
    axes.set_ylabel("average loss", color="tab:blue")
    axes.grid(alpha=0.3)
    iterations, losses = _columns(thinned(progress.losses, MOST_POINTS))
    axes.plot(
        iterations, np.minimum(losses, options.max_chart_loss), color="tab:blue", linewidth=1, zorder=3, clip_on=False
    )
    if progress.maps:
        _draw_maps(axes.twinx(), progress.maps, measure)
    axes.set_title(_title(name, options, progress, measure))
    png = io.BytesIO()
    FigureCanvasAgg(figure).print_png(png)
    return png.getvalue()


def _draw_maps(axes: Any, maps: Curve, measure: str) -> None:
    axes.set_ylim(0, 100)
    axes.set_ylabel(f"{measure} %", color="tab:red")
    iterations, values = _columns(maps)
    axes.plot(iterations, 100 * values, color="tab:red", marker="o", markersize=3)
    best = int(values.argmax())
    for place in {best, len(maps) - 1}:
        text = f"{100 * values[place]:.1f}%"
        axes.annotate(text, (iterations[place], 100 * values[place]), (0, 6), textcoords="offset points", ha="center")


def _title(name: str, options: NetOptions, progress: Progress, measure: str) -> str:
    loss = f"{progress.avg_loss:.4f}" if progress.avg_loss is not None else "-"
    title = f"{name}: iteration {progress.iteration} of {options.max_batches}, average loss {loss}"
    if progress.maps:
        title += f", {measure} {100 * progress.last_map:.1f} %, best {100 * progress.best_map:.1f} %"
    return title


def thinned(curve: Curve, most: int) -> Curve:
    """About `most` points of a curve, the last one among them."""
    step = len(curve) // most + 1
    return [*curve[:-1:step], *curve[-1:]]


def _columns(curve: Curve) -> tuple[Any, Any]:
    iterations, values = np.array(curve, float).reshape(-1, 2).T
    return iterations, values
