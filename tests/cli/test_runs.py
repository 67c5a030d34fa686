"""Folders of runs: what `detector train`, `map` and `test` leave in them, and going on with one."""

from __future__ import annotations

import base64
import csv
import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import cv2
import pytest

from darknet_py.cli import detector_train
from darknet_py.runs.folder import CONTENTS
from darknet_py.serve.documents import Documents
from darknet_py.train.loop import Report, Trainer
from darknet_py.train.run_files import RunWeights
from tests.cli.trainings import ONE_PROCESS, Run, change, noise, one_error, outcome, write_set

CFG = """[net]
width=32
height=32
channels=3
batch=4
learning_rate=.01
max_batches=6
burn_in=2

[convolutional]
batch_normalize=1
filters=8
size=3
stride=8
pad=1

[convolutional]
filters=14
size=1
activation=linear

[yolo]
anchors=8,8, 16,16
classes=2
num=2
"""


@pytest.fixture
def work(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with set.data, net.cfg and six labelled pictures, where runs leave folders."""
    write_set(tmp_path, noise(6), lambda i: f"{i % 2} .5 .5 .5 .5")
    (tmp_path / "set.names").write_text("red\nwhite\n")
    (tmp_path / "set.data").write_text("classes=2\ntrain=list.txt\nvalid=list.txt\nnames=set.names\nsavelast=2\n")
    (tmp_path / "net.cfg").write_text(CFG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DARKNET_PY_NO_RUN")
    return tmp_path


def train(*words: str) -> tuple[str, ...]:
    return "detector", "train", "set.data", "net.cfg", *words, *ONE_PROCESS


def record(folder: str) -> dict[str, Any]:
    return json.loads(Path(folder, "run.json").read_text())


def picture(path: Path) -> Any:
    found = cv2.imread(str(path))
    assert found is not None, path
    return found


def test_a_training_leaves_everything_in_its_folder(work: Path, run: Run):
    result = run(*train("-map", "-seed", "7"))
    assert result.status == 0 and "all about this run: runs/train/net/README.txt" in result.out
    folder = Path("runs/train/net")
    there = {path.name for path in folder.iterdir()}
    others = {"predictions", "result.json", "classes.csv"}
    assert there == {name.partition("/")[0] for name in CONTENTS if name not in others} | {"README.txt"}
    assert (folder / "report/report.html").exists() and (folder / "report/confusion.png").exists()
    chart = base64.b64encode((folder / "chart.png").read_bytes()).decode()
    assert f'src="data:image/png;base64,{chart}"' in (folder / "report/report.html").read_text()
    facts = record("runs/train/net")
    assert facts["command"] == "darknet_py detector train set.data net.cfg -map -seed 7 -workers 0 -threads 1"
    assert facts["seed"] == 7 and facts["status"] == "finished" and "numpy" in facts["versions"]
    assert facts["results"]["iterations"] == "6 of 6" and facts["results"]["best mAP"].endswith(" %")
    for name in ("net.cfg", "set.data", "set.names", "list.txt"):
        assert (folder / "inputs" / name).read_bytes() == Path(name).read_bytes()
    assert (folder / "log.txt").read_text() in result.out
    assert (folder / "log.csv").read_text().count("\n") == 7
    for name in ("net_best.weights", "net_last.weights", "net_last.resume", "net_final.weights"):
        assert (folder / "weights" / name).samefile(Path("backup") / name)
    assert (folder / "chart.png").read_bytes() == Path("chart.png").read_bytes()
    assert picture(folder / "labels.png").shape == (1000, 1200, 3)
    assert {path.name for path in (folder / "samples").iterdir()} == {f"batch_{i}.jpg" for i in range(1, 7)}
    assert picture(folder / "samples/batch_1.jpg").shape[1] == 4 * (64 + 6) + 6  # four samples of 32 pixels, enlarged
    assert picture(folder / "evaluations/iteration_6.jpg").size


def test_runs_are_numbered_named_and_left_out(work: Path, run: Run):
    run(*train())
    run(*train())
    run(*train("-name", "mine", "-project", "all"))
    run(*train("-name", "mine", "-project", "all", "-exist_ok"))
    assert sorted(path.name for path in Path("runs/train").iterdir()) == ["net", "net-2"]
    assert [path.name for path in Path("all/train").iterdir()] == ["mine"]
    assert len(record("all/train/mine")["resumed"]) == 1
    run(*train("-no_run"))
    assert len(list(Path("runs/train").iterdir())) == 2
    assert "a folder's name is wanted" in one_error(run(*train("-name", "a/b")))
    Path("file").write_text("")
    assert "no folder can be made" in one_error(run(*train("-project", "file")))


def test_where_no_folder_can_be_made_the_command_does_its_work(work: Path, run: Run):
    Path("runs").write_text("in the way")
    result = run(*train())
    assert result.status == 0 and "no folder can be made" in result.err and Path("backup/net_final.weights").exists()


def test_what_cannot_be_trained_leaves_no_folder(work: Path, run: Run):
    change(Path("net.cfg"), "filters=14", "filters=15")
    assert run(*train()).status == 1 and not Path("runs").exists()


def stop_at(iteration: int, patch: pytest.MonkeyPatch) -> None:
    """Ctrl-C after an iteration."""

    def stop(self: RunWeights, trainer: Trainer, report: Report) -> None:
        if report.iteration == iteration:
            raise KeyboardInterrupt

    patch.setattr(RunWeights, "__call__", stop)


@pytest.fixture
def stopped(work: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A run that was stopped after its third iteration, and what it would have come to."""
    assert run(*train("-map", "-no_run")).status == 0
    expected = outcome(work / "backup")
    for path in (work / "backup").iterdir():
        path.unlink()
    with monkeypatch.context() as patch:
        stop_at(3, patch)
        result = run(*train("-map", "-clear"))
    assert result.status == 130 and "give it to go on, or -resume runs/train/net\n" in result.err
    assert record("runs/train/net")["status"] == "stopped"
    return expected


def test_a_run_goes_on_as_if_it_had_not_stopped(work: Path, run: Run, stopped: dict[str, Any]):
    for path in (work / "backup").iterdir():  # of another training with the same cfg
        path.unlink()
        path.write_bytes(b"other")
    result = run("detector", "train", "-resume", "runs/train/net")
    assert result.status == 0, result.err
    assert "runs/train/net/weights/net_last.resume: goes on behind iteration 3 as if" in result.out
    backup = outcome(work / "backup")
    assert backup["final"] == stopped["final"] and backup["last"] == stopped["last"]
    with Path("runs/train/net/log.csv").open(newline="") as file:
        assert [row["iteration"] for row in csv.DictReader(file)] == list("123456")
    facts = record("runs/train/net")
    assert facts["status"] == "finished" and facts["words"][:3] == ["detector", "train", "set.data"]
    assert facts["resumed"][0]["command"] == "darknet_py detector train -resume runs/train/net"
    assert [path.name for path in Path("runs/train").iterdir()] == ["net"]
    again = run("detector", "train", "-resume", "runs/train/net")
    assert again.status == 0 and "goes on behind iteration 6" in again.out


def test_options_may_change_and_the_cfg_may_be_gone(work: Path, run: Run, stopped: dict[str, Any]):
    Path("net.cfg").unlink()
    result = run("detector", "train", "--resume=runs/train/net", "-patience", "1", "-quiet")
    assert result.status == 0 and result.out == ""
    assert record("runs/train/net")["results"]["iterations"] == "6 of 6"


def test_what_cannot_be_resumed(work: Path, run: Run, monkeypatch: pytest.MonkeyPatch):
    assert "no folder of a run" in one_error(run("detector", "train", "-resume", "runs/train/net"))
    assert "required: data, cfg" in one_error(run("detector", "train"))
    assert "required: cfg" in one_error(run("detector", "train", "set.data"))
    run(*train())
    with monkeypatch.context() as patch:
        patch.chdir("/")
        error = one_error(run("detector", "train", "-resume", work / "runs/train/net"))
        assert f"set.data isn't here: the run was called in {work}: call it there" in error
    assert "another command" in one_error(run("classifier", "train", "-resume", "runs/train/net"))
    (Path("runs/train/net/weights") / "net_last.weights").unlink()
    assert "stopped before its first save" in one_error(run("detector", "train", "-resume", "runs/train/net"))


def test_patience_ends_a_training(work: Path, run: Run, monkeypatch: pytest.MonkeyPatch):
    change(Path("net.cfg"), "max_batches=6", "max_batches=40")
    values = iter([0.5, 0.7, 0.7, 0.6, 0.4, 0.9])
    original = detector_train.measurement

    def measurement(*args: Any) -> Any:
        return original(*args)._replace(evaluate=lambda net: next(values), period=2)

    monkeypatch.setattr(detector_train, "measurement", measurement)
    result = run(*train("-map", "-patience", "2"))
    assert result.status == 0
    assert "mAP hasn't been better than 70.00 % since iteration 6: training ends here (-patience 2)" in result.out
    assert record("runs/train/net")["results"]["iterations"] == "10 of 40"
    assert Path("backup/net_final.weights").exists()


def test_a_training_can_be_watched(work: Path, run: Run, monkeypatch: pytest.MonkeyPatch):
    opened: list[Documents] = []
    seen: list[dict[str, Any]] = []

    class Kept(Documents):
        def __init__(self, port: int, host: str) -> None:
            super().__init__(port, host)
            opened.append(self)

    def look(self: RunWeights, trainer: Trainer, report: Report) -> None:  # before the page learns of this iteration
        with urllib.request.urlopen(f"{opened[0].url}state.json", timeout=5) as answer:
            seen.append(json.load(answer))

    monkeypatch.setattr("darknet_py.serve.documents.Documents", Kept)
    monkeypatch.setattr("darknet_py.train.live.STATE_PERIOD", 0.0)
    monkeypatch.setattr(RunWeights, "__call__", look)
    result = run(*train("-map", "-http_port", "0", "-mjpeg_port", "0", "-json_port", "0"))
    assert result.status == 0
    for what in ("live view", "stream of the chart", "stream of the figures"):
        assert re.search(rf"^{what}: http://127.0.0.1:\d+/$", result.out, re.MULTILINE)
    assert seen[0] is None and [state["iteration"] for state in seen[1:]] == [1, 2, 3, 4, 5]
    assert seen[1]["name"] == "net" and seen[1]["measure"] == "mAP" and seen[1]["sample"] == 1


def test_a_port_that_is_taken_is_told_before_anything_is_written(work: Path, run: Run):
    with Documents(0) as documents:
        port = documents.url.rpartition(":")[2].rstrip("/")
        assert f"port {port} of 127.0.0.1" in one_error(run(*train("-http_port", port)))
    assert not Path("runs").exists()


def test_map_leaves_a_report(work: Path, run: Run):
    run(*train("-no_run"))
    result = run("detector", "map", "set.data", "net.cfg", "backup/net_final.weights")
    assert result.status == 0
    folder = Path("runs/map/net")
    assert (folder / "report/report.html").exists() and (folder / "report/confusion.png").exists()
    facts = record("runs/map/net")
    value = re.search(r"or ([\d.]+ %)", result.out)
    assert value is not None and facts["results"] == {"mAP@0.5": value[1]}
    assert set(facts["inputs"]) == {"net.cfg", "set.data", "set.names", "list.txt"}


def test_predictions_of_earlier_calls_stay(work: Path, run: Run):
    run(*train("-no_run"))
    call = "detector", "test", "set.data", "net.cfg", "backup/net_final.weights"
    assert run(*call, "0.png", "-thresh", ".01").status == 0
    assert run(*call, "1.png", "-thresh", ".01").status == 0
    assert run(*call, "list.txt", "-thresh", ".01", "-out", "all.json").status == 0
    assert Path("runs/test/net/predictions/0.jpg").read_bytes() != Path("predictions.jpg").read_bytes()
    assert Path("runs/test/net-2/predictions/1.jpg").samefile("predictions.jpg")
    names = {f"{i}.png" for i in range(6)}
    assert {path.name for path in Path("runs/test/net-3/predictions").iterdir()} == names
    assert Path("runs/test/net-3/result.json").read_bytes() == Path("all.json").read_bytes()


def test_json_on_standard_output_is_alone_there(work: Path, run: Run):
    run(*train("-no_run"))
    files = "set.data", "net.cfg", "backup/net_final.weights"
    assert json.loads(run("detector", "map", *files, "-json", "-", "-no_run").out)["pictures"] == 6
    assert run("detector", "map", *files, "-quiet", "-no_run").out == ""
    call = [sys.executable, "-m", "darknet_py", "detector", "test", *files, "0.png", "-json", "-", "-no_run"]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)[0]["filename"] == "0.png" and "as JSON" not in done.stderr


def test_a_classifiers_training_has_a_folder_too(work: Path, run: Run):
    Path("set.data").write_text("classes=2\ntrain=list.txt\nvalid=list.txt\nlabels=labels.txt\ntop=1\n")
    Path("labels.txt").write_text("0.png\n.png\n")
    cfg = CFG.partition("[yolo]")[0].replace("filters=14", "filters=2") + "[avgpool]\n[softmax]\n"
    Path("net.cfg").write_text(cfg)
    call = "classifier", "train", "set.data", "net.cfg", "-topk", "-patience", "3", *ONE_PROCESS
    assert run(*call).status == 0
    facts = record("runs/train/net")
    assert facts["results"]["iterations"] == "6 of 6" and "best top1" in facts["results"]
    assert picture(Path("runs/train/net/samples/batch_1.jpg")).size and not Path("runs/train/net/labels.png").exists()
    files = "set.data", "net.cfg", "backup/net_final.weights"
    found = json.loads(run("classifier", "predict", *files, "0.png", "1.png", "-t", "2", "-json", "-").out)
    assert [entry["filename"] for entry in found] == ["0.png", "1.png"]
    assert sum(one["probability"] for one in found[0]["classes"]) == pytest.approx(1, abs=1e-5)
    assert {one["name"] for one in found[0]["classes"]} == {"0.png", ".png"}
