"""A Darknet program: `detector test` that is asked for one picture after the other, and short trainings."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.job import TRAIN, Job, Unavailable
from darknet_py.data.draw import save_picture
from darknet_py.data.drawing import draw_picture
from darknet_py.network import load_network
from darknet_py.ops import NumpyOps

PROMPT = b"Enter Image Path: "
PREDICTED = re.compile(r"Predicted in ([\d.]+) (milli-)?seconds")
ITERATION = re.compile(r"^ ?\d+: .*?, ([\d.]+) seconds, \d+ images", re.MULTILINE)
HIGH_THRESH = "0.99"  # nothing to draw
PICTURES = 8  # of the training set, again and again


def darknet(binary: Path, job: Job, folder: Path) -> Testing | Training:
    """The program with the job's network. `folder`: for its files."""
    if job.mode == TRAIN:
        return Training(binary, job, folder)
    if job.batch > 1:
        raise Unavailable("takes one picture at a time")
    return Testing(binary, job, folder)


def _environment(job: Job) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": str(job.threads)}


def _classes(job: Job) -> tuple[int, bool]:
    """How many there are, and whether the network is a detector."""
    net = load_network(job.cfg, NumpyOps(threads=1), allocate=False)
    return (net.heads[-1][1].classes, True) if net.heads else (net.nodes[-1].shape.size, False)


def _data_file(job: Job, folder: Path, lines: Sequence[str] = ()) -> tuple[Path, bool]:
    """A .data file with names, and whether it is a detector's."""
    classes, detects = _classes(job)
    names = folder / "darknet.names"
    names.write_text("".join(f"c{i}\n" for i in range(classes)))
    data = folder / "darknet.data"
    common = [f"classes={classes}", f"names={names}", f"labels={names}", "top=1", f"backup={folder}"]
    data.write_text("\n".join([*common, *lines, ""]))
    return data, detects


class Testing:
    """One process; each run is a picture, whose time the program tells."""

    version = ""

    def __init__(self, binary: Path, job: Job, folder: Path) -> None:
        data, detects = _data_file(job, folder)
        words = ["detector", "test"] if detects else ["classifier", "predict"]
        options = ["-thresh", HIGH_THRESH, "-dont_show"] if detects else []
        self.picture = job.picture
        self.process = subprocess.Popen(
            [binary.resolve(), *words, data, job.cfg, job.weights, *options],
            cwd=folder,
            env=_environment(job),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._until_prompt()
        except BaseException:
            self.close()
            raise

    def run(self) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{self.picture}\n".encode())
        self.process.stdin.flush()
        found = PREDICTED.search(self._until_prompt())
        if found is None:
            raise Unavailable("doesn't tell its time")
        return float(found[1]) / (1000 if found[2] else 1)

    def _until_prompt(self) -> str:
        assert self.process.stdout is not None
        told = b""
        while not told.endswith(PROMPT):
            part = os.read(self.process.stdout.fileno(), 1 << 16)
            if not part:
                raise Unavailable(f"ended with status {self.process.wait()}: {_last_line(told)}")
            told += part
        return told.decode(errors="replace")

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


class Training:
    """Each run is a training of two iterations, of which the second counts, without the loading."""

    version = ""

    def __init__(self, binary: Path, job: Job, folder: Path) -> None:
        _draw_set(folder, job.size)
        lines = [f"{key}={folder / 'train.txt'}" for key in ("train", "valid")]
        data, detects = _data_file(job, folder, lines)
        if not detects:
            raise Unavailable("is asked to train detectors only")
        cfg = Path(job.cfg)
        short = folder / "short.cfg"
        short.write_text(re.sub(r"(?m)^\s*max_batches\s*=.*$", "max_batches=2", cfg.read_text()))
        self.command = [str(binary.resolve()), "detector", "train", str(data), str(short), "-dont_show", "-clear"]
        self.folder, self.environment = folder, _environment(job)

    def run(self) -> float:
        done = subprocess.run(
            self.command,
            cwd=self.folder,
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
        )
        seconds = ITERATION.findall(done.stdout)
        if not seconds:
            raise Unavailable(
                f"ended with status {done.returncode}: {_last_line((done.stdout + done.stderr).encode())}"
            )
        return float(seconds[-1])

    def close(self) -> None:
        pass


def _draw_set(folder: Path, size: int) -> None:
    """Pictures with labels of class 0, and their list."""
    rng = np.random.default_rng(0)
    paths = [folder / f"{i}.jpg" for i in range(PICTURES)]
    for path in paths:
        picture, boxes = draw_picture(rng, size)
        save_picture(path, picture)
        path.with_suffix(".txt").write_text("".join(f"0 {x:f} {y:f} {w:f} {h:f}\n" for _, x, y, w, h in boxes))
    (folder / "train.txt").write_text("".join(f"{path}\n" for path in paths))


def _last_line(told: bytes) -> str:
    lines = told.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "said nothing"
