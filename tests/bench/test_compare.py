"""Programs side by side: their files, their turns, their ratios."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from bench import compare
from bench.compare import chosen, line_of, main, parser, tables
from bench.darknet_binary import darknet
from bench.files import find_cfg, prepare
from bench.job import INFER, TABLE, TRAIN, Case, Job, Unavailable
from bench.programs import Worker
from bench.results import read
from bench.rivals import darknet_py as ours
from bench.rivals import opencv
from darknet_py.network import load_network, load_weights
from darknet_py.ops import NumpyOps

ROOT = Path(__file__).parents[2]
PLACES = [ROOT / "cfg"]
DARKNET = """#!{python}
import os, sys
assert os.environ["OMP_NUM_THREADS"] == "1"
if sys.argv[2] == "train":
    text = open(sys.argv[4]).read()
    assert "max_batches=2" in text and open("train.txt").read().count(".jpg") == 8
    print("\\n 1: 9.0, 9.0 avg loss, 0.0 rate, 50.000000 seconds, 2 images, -1 hours left")
    print("\\n 2: 9.0, 9.0 avg loss, 0.0 rate, 4.250000 seconds, 4 images, -1 hours left")
    sys.exit()
print(open(sys.argv[3]).read(), file=sys.stderr)
while True:
    print("Enter Image Path: ", end="", flush=True)
    line = sys.stdin.readline()
    if not line.strip():
        break
    print(line.strip() + ": Predicted in 125.000000 milli-seconds.")
"""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return prepare(Case("shapes", INFER, 64, 2), 1, PLACES, tmp_path)


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    """A program that talks as Darknet does."""
    path = tmp_path / "darknet"
    path.write_text(DARKNET.format(python=sys.executable))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_the_files_of_a_case(job: Job, tmp_path: Path) -> None:
    net = load_network(job.cfg, NumpyOps(threads=1))
    assert net.size == (64, 64) and net.options.batch == 2 and net.options.subdivisions == 1
    assert load_weights(net, job.weights).seen == 0
    assert job.pictures(3).shape == (2, 3, 64, 64) and Path(job.picture).exists()
    assert Job.read(job.write(tmp_path / "job.json")) == job


def test_weights_beside_the_cfg_are_taken(tmp_path: Path) -> None:
    folder = tmp_path / "models/own"
    folder.mkdir(parents=True)
    (folder / "own.cfg").write_text((ROOT / "cfg/shapes.cfg").read_text())
    (folder / "own.weights").write_bytes(b"mine")
    assert find_cfg("own", [*PLACES, tmp_path / "models"]) == folder / "own.cfg"
    job = prepare(Case("own", INFER, 64, 1), 1, [tmp_path / "models"], tmp_path)
    assert Path(job.weights).read_bytes() == b"mine"
    with pytest.raises(Unavailable, match=r"none\.cfg isn't in"):
        find_cfg("none", PLACES)


@pytest.mark.parametrize("mode", [INFER, TRAIN])
def test_our_own_work(tmp_path: Path, mode: str) -> None:
    ready = ours.prepare(prepare(Case("shapes", mode, 32, 2), 1, PLACES, tmp_path))
    ready.work()


def test_a_darknet_program_is_asked_for_picture_after_picture(binary: Path, tmp_path: Path) -> None:
    job = prepare(Case("shapes", INFER, 32, 1), 1, PLACES, tmp_path)
    program = darknet(binary, job, tmp_path)
    assert [program.run() for _ in range(3)] == [0.125] * 3
    program.close()
    assert (tmp_path / "darknet.names").read_text().count("\n") == 6


def test_a_darknet_program_trains_two_iterations_of_which_the_second_counts(binary: Path, tmp_path: Path) -> None:
    job = prepare(Case("shapes", TRAIN, 32, 2), 1, PLACES, tmp_path)
    assert darknet(binary, job, tmp_path).run() == 4.25


def test_a_darknet_program_that_fails(job: Job, binary: Path, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="one picture at a time"):
        darknet(binary, job, tmp_path)
    binary.write_text(f"#!{sys.executable}\nprint('no CUDA'); raise SystemExit(3)\n")
    for mode in (INFER, TRAIN):
        one = prepare(Case("shapes", mode, 32, 1), 1, PLACES, tmp_path)
        with pytest.raises(Unavailable, match="ended with status 3: no CUDA"):
            darknet(binary, one, tmp_path).run()


def test_opencv_does_not_train(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no training"):
        opencv.prepare(prepare(Case("shapes", TRAIN, 32, 2), 1, PLACES, tmp_path))


CASE = Case("net", INFER, 416, 1)


def test_ratios_are_of_runs_that_stood_side_by_side() -> None:
    line = line_of(CASE, 2, "OpenCV", "4.9", [0.2, 4.0, 0.3], [0.1, 2.0, 0.1])
    assert (line["median_ms"], line["ratio"], line["ratio_low"]) == (300, 2, 2)
    assert line["seconds"] == [0.2, 4.0, 0.3] and line["program"] == "OpenCV"


def test_the_tables_have_a_column_for_each_program_that_took_part() -> None:
    when = {"when": "2030-01-02T03:04:05", "cpu": "a cpu", "cores": 2, "system": "s", "python": "3"}
    seconds = {"darknet_py": [0.1], "Darknet": [0.5], "OpenCV": [0.2]}
    cases = [CASE, Case("other", INFER, 224, 1), Case("net", TRAIN, 416, 8)]
    lines = [
        {**line_of(case, 2, name, "v" if name == "OpenCV" else "", s, [0.1]), **when}
        for case in cases
        for name, s in seconds.items()
        if case.mode == INFER or name != "OpenCV"
    ]
    text = tables([*lines, {**lines[0], "median_ms": 77.0}])
    assert text.startswith("2030-01-02, a cpu")
    infer, train = text.split("Milliseconds a training step")
    assert "Milliseconds a picture, 2 threads: darknet_py, OpenCV v, Darknet.\n" in infer
    assert "| net | 416 | 1 | 77.0 | 200.0: 2.00 (2.00-2.00) | 500.0: 5.00 (5.00-5.00) |" in infer
    assert "| network | input | batch | darknet_py | Darknet |" in train and "| net | 416 | 8 | 100.0 |" in train


def test_which_cases() -> None:
    assert chosen(parser().parse_args([])) == list(TABLE)
    assert [case.mode for case in chosen(parser().parse_args(["-only", "yolov4-tiny"]))] == [INFER, TRAIN]
    assert chosen(parser().parse_args(["-case", "net", "infer", "416", "1"])) == [CASE]


def test_what_is_not_there_is_left_out(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["-case", "none", "infer", "32", "1", "-out", str(tmp_path / "x.jsonl")]) == 0
    assert "left out: none.cfg isn't in" in capsys.readouterr().out and not (tmp_path / "x.jsonl").exists()


def test_a_worker_says_why_it_can_not(job: Job, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No module named"):
        Worker("nobody", job.write(tmp_path / "job.json"), 1)


@pytest.mark.slow
def test_the_command_measures_whoever_is_installed(
    tmp_path: Path, binary: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(compare, "PAUSE", 0)
    out = tmp_path / "x.jsonl"
    words = ["-repeat", "2", "-threads", "1", "-darknet", str(binary), "-out", str(out)]
    cases = ["-case", "shapes", "infer", "64", "1", "-case", "shapes", "train", "32", "2"]
    assert main([*words, *cases]) == 0
    lines = read(out)
    by_mode = {mode: {line["program"]: line for line in lines if line["mode"] == mode} for mode in (INFER, TRAIN)}
    assert {"darknet_py", "OpenCV", "Darknet"} <= set(by_mode[INFER])
    assert {"darknet_py", "Darknet"} <= set(by_mode[TRAIN])
    assert by_mode[INFER]["Darknet"]["median_ms"] == 125 and by_mode[INFER]["darknet_py"]["ratio"] == 1
    assert all(len(line["seconds"]) == 2 and line["cpu"] for line in lines)
    assert "OpenCV: left out: has no training" in capsys.readouterr().out
