"""What happens after each iteration beside training: weights files and Darknet's log line."""

from __future__ import annotations

from pathlib import Path

from darknet_py.config.datafile import DataFile
from darknet_py.network import Header, NetOptions, save_weights
from darknet_py.train.loop import Report, Trainer


def numbered_period(data: DataFile, options: NetOptions) -> int:
    """Iterations between numbered weights files (detector.c:97)."""
    return data.saveweights or (1000 if options.max_batches < 10000 else 10000)


class SaveWeights:
    """Darknet's schedule: `base_N.weights`, `base_last.weights`, and at the end `base_final.weights`."""

    def __init__(self, folder: Path, base: str, data: DataFile, options: NetOptions) -> None:
        self.folder, self.base = folder, base
        self.numbered, self.last = numbered_period(data, options), data.savelast

    def __call__(self, trainer: Trainer, report: Report) -> None:
        if report.iteration % self.numbered == 0:
            self.save(trainer, str(report.iteration))
        if report.iteration % self.last == 0:
            self.save(trainer, "last")

    def save(self, trainer: Trainer, suffix: str) -> Path:
        path = self.folder / f"{self.base}_{suffix}.weights"
        seen = trainer.progress.iteration * trainer.net.options.batch
        save_weights(trainer.net, path, Header(seen=seen))
        return path


def print_line(trainer: Trainer, report: Report) -> None:
    """Darknet's line."""
    print(
        f" {report.iteration}: {report.loss:f}, {report.avg_loss:f} avg loss, {report.rate:f} rate, "
        f"{report.seconds:f} seconds, {report.images} images, {0.0:f} hours left",
        flush=True,
    )
