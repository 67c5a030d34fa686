"""The folder of a run: its name, its files, its record, and how it tells of its end."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.errors import DarknetError
from darknet_py.runs.folder import CONTENTS, Run, make_folder, read_record
from darknet_py.runs.log import logging_to

WORDS = ["detector", "train", "a b.data", "net.cfg"]
VERSIONS = {"darknet_py": "1.0"}


def test_names_are_numbered(tmp_path: Path):
    made = [make_folder(tmp_path, "train", "yolov3") for _ in range(3)]
    assert [folder.name for folder in made] == ["yolov3", "yolov3-2", "yolov3-3"]
    assert make_folder(tmp_path, "map", "yolov3") == tmp_path / "map" / "yolov3"
    assert make_folder(tmp_path, "train", "yolov3", exist_ok=True) == made[0]
    assert make_folder(tmp_path, "train", "new", exist_ok=True).is_dir()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "a\\b", "a\0b"])
def test_a_name_is_no_path(tmp_path: Path, name: str):
    with pytest.raises(DarknetError, match="a folder's name is wanted"):
        make_folder(tmp_path, "train", name)
    assert not list(tmp_path.iterdir())


def test_where_no_folder_can_be_made(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DarknetError, match=r"file/train/x: no folder can be made: Not a directory"):
        make_folder(tmp_path / "file", "train", "x")


@given(st.text(max_size=80))
def test_any_name_makes_a_folder_in_its_place_or_an_error(tmp_path_factory: pytest.TempPathFactory, name: str):
    project = tmp_path_factory.mktemp("p")
    try:
        assert make_folder(project, "train", name).parent == project / "train"
    except (DarknetError, UnicodeEncodeError):  # names that no file can have
        assert not any((project / "train").glob("*"))


def test_the_record_and_the_guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    folder = make_folder("runs", "train", "net")
    with Run(folder, WORDS, VERSIONS) as run:
        assert read_record(folder)["status"] == "running"
        run.note(seed=3, results={"best mAP": "85.9 %"})
        (folder / "chart.png").write_bytes(b"")
    record = read_record(folder)
    assert record["command"] == "darknet_py detector train 'a b.data' net.cfg" and record["words"] == WORDS
    assert record["status"] == "finished" and record["seed"] == 3 and record["versions"] == VERSIONS
    assert record["started"] <= record["ended"]
    text = (folder / "README.txt").read_text()
    assert text.startswith(record["command"]) and f"called in {tmp_path}" in text and ": finished." in text
    assert "best mAP: 85.9 %" in text and CONTENTS["chart.png"] in text and CONTENTS["labels.png"] not in text


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt(), "stopped"), (SystemExit(143), "stopped"), (DarknetError("a\nb"), "failed: a b")],
)
def test_how_it_ended(tmp_path: Path, error: BaseException, status: str):
    with pytest.raises(type(error)), Run(tmp_path, WORDS, VERSIONS):
        raise error
    assert read_record(tmp_path)["status"] == status


def test_a_run_that_goes_on_keeps_its_first_command(tmp_path: Path):
    with Run(tmp_path, WORDS, VERSIONS) as run:
        run.note(seed=5)
        print("first")
    with Run(tmp_path, ["detector", "train", "-resume", "x"], VERSIONS):
        print("second")
    record = read_record(tmp_path)
    assert record["words"] == WORDS and record["seed"] == 5
    assert [call["command"] for call in record["resumed"]] == ["darknet_py detector train -resume x"]
    assert (tmp_path / "log.txt").read_text() == "first\nsecond\n"
    assert "called again: darknet_py detector train -resume x" in (tmp_path / "README.txt").read_text()


def test_inputs_are_copied_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/list.txt", "b/list.txt"):
        Path(name).parent.mkdir()
        Path(name).write_text(name)
    run = Run(make_folder("runs", "train", "net"), WORDS, VERSIONS)
    run.keep(["a/list.txt", Path("b/list.txt"), "a/list.txt", "missing.txt", "a"])
    inputs = run.facts["inputs"]
    assert list(inputs) == ["a/list.txt", "b/list.txt"]
    for name, copy in inputs.items():
        assert (run.path / copy).read_text() == name
    assert len(list((run.path / "inputs").iterdir())) == 2
    Path("a/list.txt").write_text("changed")
    run.keep(["a/list.txt"])
    assert (run.path / inputs["a/list.txt"]).read_text() == "changed"
    assert sorted(path.name for path in (run.path / "inputs").iterdir()) == ["list-2.txt", "list-3.txt", "list.txt"]
    monkeypatch.setattr("darknet_py.runs.folder.LARGEST_INPUT", 3)
    Path("large.txt").write_text("large")
    run.keep(["large.txt"])
    assert run.facts["inputs"]["large.txt"] == "too large to copy"


@pytest.mark.parametrize("links", [True, False])
def test_linked_files_outlive_their_successors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool):
    def no_link(*names: object) -> None:
        raise OSError("no links here")

    if not links:
        monkeypatch.setattr(os, "link", no_link)
    weights = tmp_path / "net_last.weights"
    weights.write_text("first")
    run = Run(make_folder(tmp_path, "train", "net"), WORDS, VERSIONS)
    kept = run.path / "weights" / weights.name
    run.link(weights, f"weights/{weights.name}")
    assert kept.read_text() == "first" and kept.samefile(weights) == links
    new = tmp_path / "new"
    new.write_text("second")
    new.replace(weights)
    assert kept.read_text() == "first"
    run.link(weights, f"weights/{weights.name}")
    assert kept.read_text() == "second" and [file.name for file in kept.parent.iterdir()] == [kept.name]
    run.link(tmp_path / "missing", "weights/missing")
    assert not (run.path / "weights/missing").exists()


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"words": []}', "\0"])
def test_what_is_no_folder_of_a_run(tmp_path: Path, content: str | None):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(DarknetError, match="is no folder of a run"):
        read_record(tmp_path)


def test_the_log_has_lines_and_no_progress_bars(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with logging_to(tmp_path / "log.txt"):
        print("a line é")
        print("\r 50 %|####    |", end="", file=sys.stderr)
        print("\033[31merror\033[0m: bad", file=sys.stderr)
        assert not sys.stdout.isatty()
    print("behind")
    assert (tmp_path / "log.txt").read_text(encoding="utf-8") == "a line é\nerror: bad\n"
    assert "\r 50 %" in capsys.readouterr().err


def test_a_folder_that_takes_no_files_ends_nothing(tmp_path: Path):
    run = Run(tmp_path, WORDS, VERSIONS)
    run.path = tmp_path / "gone"
    with run:
        run.note(seed=1)
        run.keep([__file__])
        print("goes on")
    assert json.loads((tmp_path / "run.json").read_text())["status"] == "running"


def test_a_log_on_a_full_disk_ends_nothing(capsys: pytest.CaptureFixture[str]):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, a disk that is always full")
    with logging_to(Path("/dev/full")):
        print("goes on")
        sys.stdout.flush()
    assert capsys.readouterr().out == "goes on\n"
