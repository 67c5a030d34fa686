"""Stopping early, when training has brought nothing better for long."""

from __future__ import annotations

from darknet_py.train.log import Console
from darknet_py.train.loop import Report, Trainer


class Patience:
    """Hook: ends the training when so many measurements in a row were below the best one before them."""

    def __init__(self, measurements: int, console: Console, name: str = "mAP") -> None:
        self.measurements, self.console, self.name = measurements, console, name

    def __call__(self, trainer: Trainer, report: Report) -> None:
        maps = trainer.progress.maps
        if not maps or maps[-1][0] != report.iteration:
            return
        values = [value for _, value in maps]
        best = max(range(len(values)), key=lambda i: (values[i], i))
        if len(values) - 1 - best >= self.measurements:
            trainer.enough = True
            self.console.say(
                f" {self.name} hasn't been better than {100 * values[best]:.2f} % since iteration {maps[best][0]}: "
                f"training ends here (-patience {self.measurements})"
            )
