"""The folder of a run on the command line: the flags, making it, and going on with one."""

from __future__ import annotations

import argparse
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darknet_py.cli.arguments import Parser, whole
from darknet_py.cli.output import add_quiet
from darknet_py.errors import DarknetError

if TYPE_CHECKING:
    from darknet_py.config.datafile import DataFile
    from darknet_py.runs.folder import Run

PROJECT = "runs"
NO_RUN = "DARKNET_PY_NO_RUN"
EVALUATION = ("names", "valid", "difficult")  # files of an evaluation that a .data file names
TRAINING = ("names", "labels", "train", "valid")  # and those of a training
_RESUME = re.compile(r"--?resume(=.*)?")


def add_run(p: Parser) -> None:
    """Where the folder of the run lies, and whether the command is silent."""
    command = p.prog.split()[-1]
    p.add_argument(
        "-name",
        metavar="NAME",
        help=f"folder of this run, in {PROJECT}/{command}: with the command, copies of its files, the log and the "
        "results (the cfg's name; numbered where that is taken)",
    )
    p.add_argument(
        "-project",
        default=PROJECT,
        metavar="FOLDER",
        help=f"what has the folder {command}/ with the runs (%(default)s)",
    )
    p.add_argument("-exist_ok", action="store_true", help="use the run's folder even if it is there already")
    p.add_argument(
        "-no_run", action="store_true", help=f"leave no folder of the run (as with {NO_RUN}=1 in the environment)"
    )
    add_quiet(p)


def add_resume(p: Parser) -> None:
    """Going on with a run."""
    p.add_argument(
        "-resume",
        metavar="RUN",
        help="go on with the training of this run's folder as if it had not stopped, with its command line; options "
        "that are given too replace those of then",
    )


def add_patience(p: Parser, flag: str) -> None:
    """Stopping early, by what `flag` measures."""
    text = f"with {flag}: end the training after N measurements that brought nothing better (0: never)"
    p.add_argument("-patience", type=whole(0), default=0, metavar="N", help=text)


def resumed(
    args: argparse.Namespace, parser: Parser, required: tuple[str, ...] = ("data", "cfg")
) -> argparse.Namespace:
    """`args`, or with -resume those of the run that goes on, from its last weights.

    DarknetError where there is nothing to go on from, and where without -resume a required argument is missing.
    """
    from darknet_py.runs.folder import read_record

    if not args.resume:
        missing = [name for name in required if getattr(args, name) is None]
        if missing:
            parser.error(f"the following arguments are required: {', '.join(missing)}")
        return args
    folder, command = Path(args.resume), args.command.split()
    record = read_record(folder)
    if record["words"][: len(command)] != command:
        raise DarknetError(f"{folder}: is the run of another command: {record['command']}")
    before = without_resume(record["words"][len(command) :])
    again = parser.parse([*before, *without_resume(args.words)])
    for name in required:
        setattr(again, name, _as_it_was(folder, record, getattr(again, name)))
    again.words, again.resume, again.clear, again.cutoff = args.words, str(folder), False, None
    again.weights = str(_last_weights(folder))
    return again


def without_resume(words: list[str]) -> list[str]:
    """The words of a command line but for -resume and its value."""
    kept: list[str] = []
    waiting = iter(words)
    for word in waiting:
        match = _RESUME.fullmatch(word)
        if match is None:
            kept.append(word)
        elif match[1] is None:
            next(waiting, None)
    return kept


def _as_it_was(folder: Path, record: dict[str, Any], name: str) -> str:
    """The file that was given then, or the run's copy of it. DarknetError if it may be in another directory."""
    copy = folder / str(record["inputs"].get(name, ""))
    if Path(name).exists():
        return name
    if Path(record["directory"]).resolve() != Path.cwd():
        raise DarknetError(f"{folder}: {name} isn't here: the run was called in {record['directory']}: call it there")
    return str(copy) if copy.is_file() else name


def _last_weights(folder: Path) -> Path:
    found = sorted(folder.glob("weights/*_last.weights"))
    if not found:
        raise DarknetError(f"{folder}: has no weights/*_last.weights: the training was stopped before its first save")
    return found[0]


@contextmanager
def run_folder(
    args: argparse.Namespace, data: DataFile | None = None, keys: Sequence[str] = ("names",)
) -> Iterator[Run | None]:
    """Around the work of a command: its folder, with copies of the cfg, of `data` and the files that its `keys` name.

    What is printed within goes to the log there. None with -no_run, or where the environment has NO_RUN set.
    """
    from darknet_py.cli.version import versions_in_use
    from darknet_py.runs.folder import Run, make_folder

    resume = getattr(args, "resume", None)
    if not resume and (args.no_run or os.environ.get(NO_RUN)):
        yield None
        return
    try:
        name = args.name or Path(args.cfg).stem
        folder = Path(resume) if resume else make_folder(args.project, args.command.split()[-1], name, args.exist_ok)
    except DarknetError as error:
        if args.name or args.project != PROJECT:
            raise
        warnings.warn(f"{error}; the run leaves none", stacklevel=3)
        yield None
        return
    with Run(folder, [*args.command.split(), *args.words], versions_in_use()) as run:
        run.keep([args.cfg, *([data.path, *_files_of(data, keys)] if data else ())])
        yield run


def _files_of(data: DataFile, keys: Sequence[str]) -> Iterator[Path]:
    for key in keys:
        with suppress(DarknetError):  # told where it is needed
            yield data.file(key)
