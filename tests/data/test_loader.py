"""Batches: the same for any number of workers, from any iteration, and nothing left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.data.labels import label_path, read_labels
from darknet_py.data.lists import read_list
from darknet_py.data.loader import Batch, BatchLoader, DetectionLoader, default_workers
from darknet_py.data.recipe import NO_AUGMENTATION, AugmentOptions
from darknet_py.data.samples import Sample
from darknet_py.errors import DarknetError, DataError

STRONG = AugmentOptions(0.3, 1.5, True, 0.1, 1.5, 1.5, mosaic=True)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(7)]
    for number, path in enumerate(paths):
        _, encoded = cv2.imencode(".png", rng.integers(0, 256, (20, 30, 3), np.uint8))
        path.write_bytes(encoded.tobytes())
        path.with_suffix(".txt").write_text(f"{number % 3} 0.5 0.25 0.5 0.25\n")
    return paths


def loader(paths: list[Path], options: AugmentOptions = STRONG, **changed: int) -> DetectionLoader:
    return DetectionLoader(paths, classes=3, max_boxes=4, options=options, **{"batch": 5, "workers": 0, **changed})


def growing(iteration: int) -> tuple[int, int]:
    return (16, 12) if iteration < 4 else (24, 32) if iteration == 4 else (8, 8)


def assert_same(batches: Iterator[Batch], expected: list[Batch]) -> None:
    for one, other in zip(batches, expected, strict=False):
        assert one.iteration == other.iteration and one.paths == other.paths
        np.testing.assert_array_equal(one.pixels, other.pixels)
        np.testing.assert_array_equal(one.truth, other.truth)


def test_a_batch_has_images_truth_and_paths(paths: list[Path]) -> None:
    for channels in (1, 3):
        batch = next(loader(paths, channels=channels).batches(3, lambda _: (16, 12)))
        assert batch.iteration == 3 and batch.pixels.shape == (5, channels, 12, 16)
        assert batch.images.dtype == np.float32 and batch.images.flags.c_contiguous
        np.testing.assert_array_equal(batch.images, (batch.pixels / 255.0).astype(np.float32))
        assert batch.truth.shape == (5, 4, 5) and batch.truth.dtype == np.float32
        assert set(batch.paths) <= set(paths) and len(batch.paths) == 5
        assert batch.wait_seconds > 0 and batch.problems == ()


def test_without_augmentation_the_pixels_are_the_picture_s(paths: list[Path]) -> None:
    batch = next(loader(paths, NO_AUGMENTATION).batches(0, lambda _: (30, 20)))
    for pixels, path in zip(batch.pixels, batch.paths, strict=True):
        np.testing.assert_array_equal(pixels, cv2.imread(str(path))[..., ::-1].transpose(2, 0, 1))


def test_workers_change_nothing_and_any_iteration_can_be_first(paths: list[Path]) -> None:
    expected = list(islice(loader(paths).batches(0, lambda _: (16, 12)), 7))
    assert_same(loader(paths).batches(3, lambda _: (16, 12)), expected[3:])
    with loader(paths, workers=2, prefetch=2) as workers:
        kept = list(islice(workers.batches(0, lambda _: (16, 12)), 7))
        assert_same(iter(kept), expected)  # and none of them was overwritten by a later one
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_sizes_may_change_and_batches_be_begun_again(paths: list[Path]) -> None:
    expected = list(islice(loader(paths).batches(0, growing), 7))
    with loader(paths, workers=3, prefetch=2) as workers:
        kept = list(islice(workers.batches(0, growing), 7))
        assert_same(iter(kept), expected)
        assert [batch.pixels.shape[2:] for batch in kept[3:6]] == [(12, 16), (32, 24), (8, 8)]
        assert_same(workers.batches(5, growing), expected[5:6])
        assert len(multiprocessing.active_children()) == 3


def test_problems_are_told_once(paths: list[Path]) -> None:
    paths[0].write_text("no picture")
    paths[1].with_suffix(".txt").unlink()
    told = []
    for workers in (0, 2):
        with loader(paths, NO_AUGMENTATION, workers=workers) as batches:
            told.append([batch.problems for batch in islice(batches.batches(0, lambda _: (8, 8)), 6)])
            assert set(batches.problems) == {str(paths[0]), str(paths[1].with_suffix(".txt"))}
    assert told[0] == told[1] and sum(map(len, told[0])) == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_not_one_readable_picture_is_the_user_s_error(tmp_path: Path, workers: int) -> None:
    with loader([tmp_path / "none.jpg"], workers=workers) as batches, pytest.raises(DataError, match="none"):
        next(batches.batches(0, growing))
    assert multiprocessing.active_children() == []


def test_an_empty_list_is_the_user_s_error() -> None:
    with pytest.raises(DataError, match="empty"):
        loader([])


class Broken:
    """A source that fails as a bug would, or ends its process as the system would for want of memory."""

    channels = 1
    truth_shape = (1, 5)

    def __init__(self, deadly: bool) -> None:
        self.deadly = deadly

    def make(self, iteration: int, i: int, w: int, h: int) -> Sample:
        if iteration == 1:
            if self.deadly:
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(5)
            raise ZeroDivisionError("a bug")
        return Sample(np.zeros((h, w, 1), np.uint8), np.zeros((1, 5), np.float32), "x", [])


@pytest.mark.parametrize(
    ("deadly", "error", "text"), [(False, RuntimeError, "a bug"), (True, DarknetError, "ended unexp")]
)
def test_a_failing_worker_stops_the_loader(deadly: bool, error: type[Exception], text: str) -> None:
    with BatchLoader(Broken(deadly), batch=2, workers=1) as batches:
        made = batches.batches(0, growing)
        assert (next(made).pixels == 0).all()
        with pytest.raises(error, match=text):
            next(made)
    assert multiprocessing.active_children() == []


SCRIPT = """
import multiprocessing, sys, time
from darknet_py.data.labels import label_path, read_labels
from darknet_py.data.lists import read_list
from darknet_py.data.loader import DetectionLoader
from darknet_py.data.recipe import NO_AUGMENTATION

if __name__ == "__main__":
    loader = DetectionLoader(sys.argv[2:], classes=3, max_boxes=4, options=NO_AUGMENTATION, batch=4, workers=2)
    batches = loader.batches(0, lambda iteration: (64, 64))
    next(batches)
    print(*(child.pid for child in multiprocessing.active_children()), flush=True)
    try:
        while sys.argv[1] == "on":
            next(batches)
    except KeyboardInterrupt:
        print("interrupted")
"""


def start(tmp_path: Path, paths: list[Path], mode: str) -> subprocess.Popen[str]:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(script), mode, *map(str, paths)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("mode", ["once", "on", "kill"])
def test_workers_end_with_their_parent(tmp_path: Path, paths: list[Path], mode: str) -> None:
    """The program ends without closing its loader; Ctrl-C in its terminal; kill -9. All in silence."""
    with start(tmp_path, paths, "once" if mode == "once" else "on") as process:
        workers = [int(pid) for pid in process.stdout.readline().split()]
        if mode != "once":
            time.sleep(0.1)
            os.killpg(process.pid, signal.SIGINT) if mode == "on" else process.kill()
        output, errors = process.communicate(timeout=20)
    deadline = time.monotonic() + 5
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(workers) == 2 and not any(map(alive, workers))
    assert errors == "" and output == ("interrupted\n" if mode == "on" else "")


def test_default_workers() -> None:
    assert 1 <= default_workers() <= 8


@pytest.mark.shared
def test_real_pictures_keep_their_boxes(shared_data: Path) -> None:
    """Without augmentation, an epoch of real pictures has the boxes of its label files."""
    paths = read_list(shared_data / "coco128_val" / "valid.txt")[:16]
    batches = DetectionLoader(paths, classes=80, max_boxes=90, options=NO_AUGMENTATION, batch=16, workers=0)
    batch = next(batches.batches(0, lambda _: (416, 416)))
    assert sorted(batch.paths) == sorted(paths) and batch.problems == ()
    for path, truth in zip(batch.paths, batch.truth, strict=True):
        boxes = read_labels(label_path(path), 80).boxes
        assert (truth[:, 2] > 0).sum() == len(boxes)
        np.testing.assert_allclose(truth[: len(boxes), 2:4].sum(0), boxes[:, 3:].sum(0), rtol=1e-3)
