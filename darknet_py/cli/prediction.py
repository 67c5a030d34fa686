"""The work of `detector test`: pictures through the network, and what is told, drawn and written of each."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from darknet_py.boxes import Detections
from darknet_py.cli.guard import counted, fail, tell
from darknet_py.cli.loading import Loaded, load_detector
from darknet_py.cli.looks import looker
from darknet_py.cli.objects import darknet_lines, finite, json_entry, label_lines, visible
from darknet_py.cli.output import DEVICE, STANDARD_OUTPUT
from darknet_py.cli.pictures import Opened, asked_for, in_batches
from darknet_py.cli.places import PREDICTIONS, Places
from darknet_py.cli.progress import beside_bar, progress
from darknet_py.cli.result_files import SaveResult, json_file, result_files, told_files
from darknet_py.cli.runs import run_folder
from darknet_py.cli.window import show_picture
from darknet_py.data.draw import draw_detections, save_picture
from darknet_py.data.images import Picture
from darknet_py.data.labels import label_path
from darknet_py.data.lists import find_images
from darknet_py.errors import DataError
from darknet_py.files import write_text
from darknet_py.inference.looks import Looker
from darknet_py.runs.folder import Run


def predict(args: argparse.Namespace) -> int:
    """Detects objects in the pictures that `args` name, or in those that are asked for. The exit status."""
    paths, missing = find_all(args.pictures)
    loaded = load_detector(args)
    several = len(paths) > 1
    folder = Path(args.output or PREDICTIONS) if args.output or several else None
    batches = in_batches(paths, loaded.channels, args.batch) if args.pictures else asked_for(loaded.channels)
    with (
        run_folder(args, loaded.data) as run,
        json_file(DEVICE if args.out == STANDARD_OUTPUT else args.out) as write_json,
        json_file(str(run.path / "result.json") if run else None) as write_record,
        result_files(args, loaded.names) as save_result,
        progress(len(paths), "img", several) as bar,
    ):
        places, show = Places(folder, paths), not (args.dont_show or several)

        def write(entry: str) -> None:
            write_json(entry)
            write_record(entry)

        job = Job(args, loaded, looker(loaded.detector, args), places, write, save_result, show)
        kept = Places(Path(PREDICTIONS))
        for problem in missing:
            job.leave_out(problem)
        for batch in batches:
            job.run(batch)
            if run:
                keep_pictures(run, batch, places, kept)
            bar.update(len(batch))
        job.summarise()
    return 1 if job.unreadable else 0


def keep_pictures(run: Run, batch: Sequence[Opened], places: Places, kept: Places) -> None:
    """The annotated pictures of a batch in the run's folder, where the next call doesn't overwrite them."""
    for opened in batch:
        if opened.picture is not None:
            drawn = places.picture(opened.path)
            run.link(drawn, str(kept.picture(opened.path).with_suffix(drawn.suffix)))


def find_all(arguments: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The pictures that the arguments stand for, and what is wrong with arguments that stand for none.

    DataError where no argument is right.
    """
    paths: dict[Path, None] = {}
    problems: list[str] = []
    for argument in arguments:
        try:
            paths.update(dict.fromkeys(find_images([argument])))
        except DataError as error:
            problems.append(str(error))
    if problems and not paths:
        raise DataError("; ".join(problems))
    return list(paths), problems


@dataclass
class Job:
    """One call of the command: what its pictures share, and what has come of them so far."""

    args: argparse.Namespace
    loaded: Loaded
    looker: Looker
    places: Places
    write_json: Callable[[str], Any]
    save_result: SaveResult
    show: bool
    pictures: int = 0
    objects: int = 0
    unreadable: int = 0
    seconds: float = 0.0
    label_files: list[Path] = field(default_factory=list)
    kept_labels: int = 0
    """pictures whose label file was left as it was"""

    def run(self, batch: Sequence[Opened]) -> None:
        """Detects in the pictures of a batch at once, then tells and writes the results of each."""
        pictures = [opened.picture for opened in batch if opened.picture is not None]
        start = time.perf_counter()
        found = iter(self._detect(pictures))
        seconds = time.perf_counter() - start
        self.seconds += seconds
        for opened in batch:
            if opened.picture is None:
                self.leave_out(opened.problem)
            else:
                self._result(opened.path, opened.picture, next(found), seconds / len(pictures))

    def leave_out(self, problem: str) -> None:
        """Tells and counts a picture that can't be read."""
        self.unreadable += 1
        with beside_bar():
            fail(problem)

    def _detect(self, pictures: list[Picture]) -> list[Detections]:
        if not pictures:
            return []
        detector, args = self.loaded.detector, self.args
        letter_box = args.letter_box or detector.net.options.letter_box  # detector.c:1633
        return self.looker.detect(pictures, args.thresh, args.nms, letter_box)

    def _result(self, path: Path, picture: Picture, found: Detections, seconds: float) -> None:
        names = self.loaded.names
        found = finite(found)
        shown = visible(found, names)
        lines = darknet_lines(shown, names, (picture.shape[1], picture.shape[0]), self.args.ext_output)
        with beside_bar():
            print(f"{path}: Predicted in {seconds * 1000:f} milli-seconds.\n{lines}", end="")
        self.pictures += 1
        self.objects += int(np.count_nonzero(shown.probs.any(axis=1)))
        self.write_json(json_entry(self.pictures, str(path), shown, names))
        self.save_result(path, (picture.shape[1], picture.shape[0]), shown)
        drawn = draw_detections(picture, shown, names)
        save_picture(self.places.picture(path), drawn)
        if self.args.save_labels:
            self._save_labels(path, found)
        if self.show:
            show_picture(drawn, PREDICTIONS)

    def _save_labels(self, path: Path, found: Detections) -> None:
        target = self.places.labels(path)
        write_text(target, label_lines(found))
        self.label_files.append(target)
        self.kept_labels += target != label_path(path)

    def summarise(self) -> None:
        """Says on standard error what was found, written and left out."""
        if self.pictures:
            tell(
                f"{counted(self.objects, 'object')} in {counted(self.pictures, 'picture')}, {self.seconds:.2f} s; "
                f"drawn into {self.places}"
            )
        if self.args.out not in (None, STANDARD_OUTPUT):
            tell(f"{self.args.out}: the objects as JSON")
        for line in told_files(self.args):
            tell(line)
        if self.label_files:
            folders = ", ".join(sorted({str(file.parent) for file in self.label_files}))
            tell(f"{counted(len(self.label_files), 'label file')} in {folders}")
        if self.kept_labels:
            tell(f"{counted(self.kept_labels, 'picture')} had a label file already, which is unchanged")
        if self.unreadable:
            tell(f"{counted(self.unreadable, 'picture')} couldn't be read")
