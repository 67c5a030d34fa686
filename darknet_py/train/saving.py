"""Which files a training leaves in the backup folder, and when: Darknet's names and schedule."""

from __future__ import annotations

import re
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

from darknet_py.config.datafile import DataFile
from darknet_py.errors import DarknetError
from darknet_py.network import Header, NetOptions, save_weights
from darknet_py.train.checkpoint import SUFFIX, save_pair
from darknet_py.train.loop import Report, Trainer

NAME_KEPT = 60  # characters of a file's name in the temporary name that `atomic_write` gives it


def numbered_period(data: DataFile, options: NetOptions) -> int:
    """Iterations between numbered weights files (detector.c:97)."""
    return data.saveweights or (1000 if options.max_batches < 10000 else 10000)


class Saver:
    """Hook: `base_N.weights`, the pair `base_last.weights` and `.resume`, and `base_ema.weights` with the last pair.

    Where a file can't be written on the way, training goes on with a warning: the older files are whole, and the next
    time may do better; `written` holds all that were, and `news` tells of those since it was last asked. What `last`
    and `final` can't write is a DarknetError.
    """

    def __init__(self, folder: Path, base: str, data: DataFile, options: NetOptions) -> None:
        self.folder, self.base = folder, base
        self.numbered, self.last_period = numbered_period(data, options), data.savelast
        self.saved_at = -1
        self.written: set[Path] = set()
        self._news: list[Path] = []

    def path(self, what: str) -> Path:
        """Of the weights file called `what`: a number, last, best, ema or final."""
        return self.folder / f"{self.base}_{what}.weights"

    def __call__(self, trainer: Trainer, report: Report) -> None:
        try:
            if report.iteration % self.numbered == 0:
                self.weights(trainer, str(report.iteration))
            if report.iteration % self.last_period == 0 or report.iteration % self.numbered == 0:
                self.last(trainer)
        except DarknetError as error:
            warnings.warn(f"{error}; training goes on", stacklevel=2)

    def news(self) -> tuple[Path, ...]:
        """The weights files since the last call, in the order in which they were written."""
        news, self._news = tuple(dict.fromkeys(self._news)), []
        return news

    def weights(self, trainer: Trainer, what: str) -> Path:
        """The present parameters under the name `what`."""
        save_weights(
            trainer.net, self.path(what), Header(seen=trainer.progress.iteration * trainer.net.options.update_size)
        )
        self.written.add(self.path(what))
        self._news.append(self.path(what))
        return self.path(what)

    def last(self, trainer: Trainer) -> None:
        """The last pair, from which training can be taken up; once an iteration."""
        if self.saved_at != trainer.progress.iteration:
            save_pair(trainer, self.path("last"))
            self.saved_at = trainer.progress.iteration
            self.written |= {self.path("last"), self.path("last").with_suffix(SUFFIX)}
            self._news.append(self.path("last"))
            if trainer.ema.active(trainer.progress.iteration):
                with trainer.ema.applied(trainer.net):
                    self.weights(trainer, "ema")

    def final(self, trainer: Trainer) -> None:
        """What a finished training leaves: the result first, where the disk has no room for both."""
        self.weights(trainer, "final")
        self.last(trainer)

    def prepare(self) -> None:
        """Makes the folder and clears it of what killed trainings have half written under temporary names.

        DarknetError if no file can be written there: better now than after the first hundred iterations.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise DarknetError(f"{self.folder}: no weights can be written there: {error.strerror or error}") from error
        for folder in {self.folder, Path()}:
            for path in folder.glob(".*.part"):
                if self._is_ours(path.name[1:].rsplit(".", 2)[0]):
                    with suppress(OSError):
                        path.unlink()

    def _is_ours(self, name: str) -> bool:
        """Whether a training of this name writes such a file; temporary names hold the first 60 characters."""
        base = re.escape(self.base)
        if re.fullmatch(
            rf"{base}_(last|best|final|ema|\d+)\.(weights|resume)|{base}_log\.csv|(chart_{base}|chart)\.png", name
        ):
            return True
        return len(name) == NAME_KEPT and name.startswith(f"{self.base}_"[:NAME_KEPT])
