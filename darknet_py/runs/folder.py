"""The folder of a run: made under a name of its own, and filled so that a stranger finds his way and can repeat it."""

from __future__ import annotations

import filecmp
import json
import os
import re
import shlex
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

from darknet_py.errors import DarknetError
from darknet_py.files import write_text
from darknet_py.runs.log import logging_to

RECORD, LOG, INPUTS, GUIDE = "run.json", "log.txt", "inputs", "README.txt"
LARGEST_INPUT = 50_000_000  # bytes; larger files, lists of millions of pictures, are named and not copied
MOST_COPIES = 1000
CONTENTS = {  # what may lie in the folder, in the order in which the guide tells of it
    "report/report.html": "how good the detector is: curves, confusion matrix, mistakes (open it in a browser)",
    "report/confusion.png": "which classes are taken for which (it is on that page, too)",
    "report/worst": "the ten worst pictures (they are on that page, too)",
    "chart.png": "loss and accuracy over the iterations",
    "log.csv": "the same and more as numbers, a line an iteration",
    "evaluations": "truth (left) and predictions (right) at each evaluation",
    "samples": "pictures as the network sees them in training, augmented, with their boxes",
    "labels.png": "the labels: boxes of each class, where they are, how large, and the anchors",
    "weights": "the weights files; best is the one to use, last the one to go on from",
    "predictions": "the pictures with what was found",
    "result.json": "what was found, as JSON",
    "classes.csv": "precision, recall and average precision of each class",
    LOG: "what was printed",
    RECORD: "the command, versions, seed and results, for programs",
    INPUTS: "copies of the files that were used: cfg, .data, names, lists",
}


def make_folder(project: str | Path, command: str, name: str, exist_ok: bool = False) -> Path:
    """The new folder project/command/name, or name-2, name-3 ... where that is taken; with `exist_ok` that itself.

    DarknetError for a name that is none, and where no folder can be made.
    """
    if not re.fullmatch(r"[^/\\\0]+", name) or name in (".", ".."):
        raise DarknetError(f"-name {name}: a folder's name is wanted; -project says where it lies")
    parent = Path(project) / command
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            folder = parent / (name if number == 1 else f"{name}-{number}")
            if exist_ok and folder.is_dir():
                return folder
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
    except OSError as error:
        raise DarknetError(f"{parent / name}: no folder can be made: {error.strerror or error}") from error
    raise AssertionError("numbers don't end")


class Run:
    """A run of a command. As a context it logs what is printed and notes how it ends.

    path: its folder. facts: what run.json says.
    """

    def __init__(self, path: Path, words: Sequence[str], versions: Mapping[str, str]) -> None:
        """words: the command line behind ``darknet_py``. In the folder of an earlier run, that one goes on."""
        self.path = path
        call = {"command": shlex.join(["darknet_py", *words]), "started": _now(), "versions": dict(versions)}
        earlier = read_record(path) if (path / RECORD).exists() else {}
        if earlier:
            self.facts: dict[str, Any] = {**earlier, "resumed": [*earlier.get("resumed", []), call]}
            self.facts.pop("ended", None)
        else:
            self.facts = {**call, "words": list(words), "directory": str(Path.cwd()), "inputs": {}}
        self._stack = ExitStack()
        self.note(status="running")

    def note(self, **facts: Any) -> None:
        """Adds to run.json. What can't be written isn't worth the run's end: it stays in `facts`."""
        self.facts.update(facts)
        with suppress(DarknetError):
            write_text(self.path / RECORD, json.dumps(self.facts, indent=2, default=str) + "\n")

    def keep(self, files: Iterable[str | Path]) -> None:
        """Copies input files into the folder. One that has changed since an earlier call has a second copy."""
        for file in map(Path, files):
            with suppress(OSError):
                self.facts["inputs"][str(file)] = self._copied(file)
        self.note()

    def _copied(self, file: Path) -> str:
        """Where the copy of a file is, in the folder."""
        if file.stat().st_size > LARGEST_INPUT:
            return "too large to copy"
        folder = self.path / INPUTS
        folder.mkdir(exist_ok=True)
        for number in range(1, MOST_COPIES):
            target = folder / (file.name if number == 1 else f"{file.stem}-{number}{file.suffix}")
            if not target.exists():
                shutil.copyfile(file, target)
            if filecmp.cmp(file, target, shallow=False):
                return str(target.relative_to(self.path))
        return "too many copies"

    def link(self, file: Path, name: str) -> None:
        """Lets `file` appear as `name` in the folder, where it stays as it is when another file takes its place."""
        target = self.path / name
        with suppress(OSError):
            if target.exists() and target.samefile(file):
                return
            target.parent.mkdir(parents=True, exist_ok=True)
            beside = target.with_name(f".{target.name}.part")
            beside.unlink(missing_ok=True)
            try:
                os.link(file, beside)
            except OSError:  # another disk, or one without links
                shutil.copyfile(file, beside)
            beside.replace(target)

    def __enter__(self) -> Run:
        self._stack.enter_context(logging_to(self.path / LOG))
        self._guide()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()
        self.note(status=_status(error), ended=_now())
        self._guide()

    def _guide(self) -> None:
        with suppress(DarknetError):
            write_text(self.path / GUIDE, guide(self), sync=False)


def read_record(folder: Path) -> dict[str, Any]:
    """What run.json of a run's folder says; DarknetError where there is none."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if not isinstance(record, dict) or not {"words", "directory", "inputs"} <= set(record):
            raise ValueError("it isn't one of ours")
        return record
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DarknetError(f"{folder}: is no folder of a run: {RECORD} can't be read: {reason}") from error


def guide(run: Run) -> str:
    """The text of README.txt."""
    found = [name for name in CONTENTS if (run.path / name).exists()]
    width = max(map(len, found), default=0)
    results = run.facts.get("results", {})
    lines = [
        run.facts["command"],
        "",
        f"That was the command, called in {run.facts['directory']}; {INPUTS}/ has the files as they were.",
        f"It began {run.facts['started']}"
        + (f" and ended {run.facts['ended']}" if "ended" in run.facts else "")
        + f": {run.facts['status']}.",
        *(f"  called again: {call['command']}" for call in run.facts.get("resumed", [])),
        *(["", *(f"{name}: {value}" for name, value in results.items())] if results else []),
        "",
        *(f"{name:{width}}  {CONTENTS[name]}" for name in found),
    ]
    return "\n".join(lines) + "\n"


def _status(error: BaseException | None) -> str:
    if error is None:
        return "finished"
    if isinstance(error, KeyboardInterrupt | SystemExit):
        return "stopped"
    return f"failed: {' '.join(str(error).split()) or type(error).__name__}"


def _now() -> str:
    return datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
