"""`detector map` from end to end."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

FILES = ("detector", "map", "tiny.data", "tiny.cfg", "tiny.weights")


def printed(path: Path) -> str:
    """The text with its carriage returns."""
    return path.read_bytes().decode()


@pytest.mark.parametrize(
    ("name", "flags"),
    [("map", ["-iou_thresh", 0.3]), ("map101", ["-iou_thresh", 0.2, "-points", 101, "-thresh", 0.3])],
)
def test_the_printout_is_darknets(run, tiny, expected, name, flags):
    result = run(*FILES, *flags)
    assert result.status == 0
    assert result.out.startswith(printed(expected / f"{name}.txt"))
    assert result.err == "Total Detection Time: 0 Seconds\n"


def test_the_table_follows(run, tiny):
    table = run(*FILES, "-iou_thresh", 0.3).out.split("\n\n")[-1].splitlines()
    assert len(table) == 1 + 3 + 1
    assert table[0].split() == ["id", "name", "AP", "TP", "FP", "FN", "GT", "precision", "recall", "F1", "IoU"]
    assert table[2].split()[:8] == ["1", "big", "square", "35.71", "4", "16", "1", "5"]
    assert table[4].split()[:6] == ["all", "26.35", "7", "27", "2", "9"]


@pytest.mark.parametrize("batch", [1, 2, 9])
def test_the_batch_changes_nothing(run, tiny, expected, batch):
    result = run(*FILES, "-iou_thresh", 0.3, "-batch", batch, "-threads", 1)
    assert result.out.startswith(printed(expected / "map.txt"))


def test_csv(run, tiny):
    Path("tiny.names").write_text('a,b\n"c"\nd\n')
    result = run(*FILES, "-csv", "out/table.csv")
    assert result.status == 0 and "out/table.csv" in result.err
    with Path("out/table.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert [row[1] for row in rows] == ["name", "a,b", '"c"', "d", "all"]
    assert all(len(row) == len(rows[0]) for row in rows)


def test_cocos_figures_follow_darknets(run, tiny, expected):
    plain, result = run(*FILES, "-iou_thresh", 0.3), run(*FILES, "-iou_thresh", 0.3, "-coco")
    assert result.out.startswith(plain.out)
    lines = result.out.removeprefix(plain.out + "\n").splitlines()
    assert len(lines) == 12
    assert lines[0].startswith(" Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.0")
    assert lines[5].endswith("area= large | maxDets=100 ] = -1.000")  # there are none


def test_figures_as_json(run, tiny):
    result = run(*FILES, "-iou_thresh", 0.3, "-points", 101, "-json", "out/figures.json")
    assert result.status == 0 and "out/figures.json" in result.err
    figures = json.loads(Path("out/figures.json").read_text())
    printed = float(re.search(r"or ([\d.]+) %", result.out)[1])
    assert 100 * figures["map"] == pytest.approx(printed, abs=0.005)
    assert (figures["pictures"], figures["points"], figures["all"]["truths"]) == (3, 101, 9)
    assert [one["name"] for one in figures["classes"]] == ["circle", "big square", "triangle"]


def test_a_report(run, tiny):
    plain, result = run(*FILES), run(*FILES, "-report", "out/report")
    assert result.status == 0 and result.out == plain.out
    assert result.err.endswith("out/report/report.html: the report; open it in a browser\n")
    page = Path("out/report/report.html").read_text()
    assert "tiny.weights" in page and page.count("<img") > 10
    assert len(list(Path("out/report").glob("*.png"))) == 5


def test_a_report_leaves_out_pictures_that_cant_be_read(run, tiny):
    Path("1.png").write_bytes(b"")
    result = run(*FILES, "-report", "out")
    assert result.status == 1 and result.err.count("1.png: the picture file is empty") == 1
    assert "1.png" in Path("out/pictures.csv").read_text()


def test_a_report_that_cant_be_written_is_told_in_one_line(run, tiny):
    result = run(*FILES, "-report", "tiny.cfg")
    assert result.status == 1 and "tiny.cfg/" in result.err and "can't be written" in result.err
    assert "Traceback" not in result.err


def test_letter_box_of_the_cfg_counts(run, tiny):
    plain, flag = run(*FILES).out, run(*FILES, "-letter_box").out
    cfg = Path("tiny.cfg")
    cfg.write_text(cfg.read_text().replace("[net]", "[net]\nletter_box=1"))
    assert run(*FILES).out == flag != plain


def test_it_works_from_any_directory(run, tiny, tmp_path, monkeypatch, expected):
    monkeypatch.chdir(tmp_path)
    files = [tiny / name for name in FILES[2:]]
    assert run(*FILES[:2], *files, "-iou_thresh", 0.3).out.startswith(printed(expected / "map.txt"))


def test_without_a_valid_list_the_training_list_counts(run, tiny):
    whole = run(*FILES).out
    data = Path("tiny.data")
    data.write_text(data.read_text().replace("valid", "# valid"))
    assert run(*FILES).out == whole


def test_pictures_that_cant_be_read_are_left_out_and_counted(run, tiny):
    Path("1.png").write_bytes(b"")
    Path("2.png").unlink()
    result = run(*FILES)
    assert result.status == 1
    assert "unique_truth_count = 3 " in result.out
    assert "1.png: the picture file is empty" in result.err and "2.png: can't be read" in result.err
    assert result.err.endswith("error: 2 of 3 pictures can't be read and were left out with their labels\n")


def test_labels_that_cant_be_used_are_told_and_counted(run, tiny):
    Path("0.txt").unlink()
    Path("1.txt").write_text("1 .5 .5 .2 .2\n9 .5 .5 .2 .2\n1 nan .5 .2 .2\n1 .5 .5 -1 .2\nx\n")
    result = run(*FILES)
    assert result.status == 0
    assert "unique_truth_count = 4 " in result.out
    assert "darknet_py: 5 problems in labels of 2 pictures:" in result.err
    assert "0.txt: there is no such label file" in result.err
    for line in (2, 3, 4, 5):
        assert f"1.txt:{line}: " in result.err


def test_of_many_problems_the_first_are_told(run, tiny):
    Path("1.txt").write_text("bad\n" * 30)
    result = run(*FILES)
    assert "30 problems in labels of 1 picture:" in result.err and "  and 20 more\n" in result.err
    assert result.err.count("1.txt:") == 10


def test_difficult_boxes(run, tiny):
    Path("difficult").mkdir()
    for i in range(3):
        Path(f"difficult/{i}.txt").write_text("0 .05 .36 .06 .26\n" if i == 0 else "")
    Path("difficult.txt").write_text("".join(f"difficult/{i}.png\n" for i in range(3)))
    whole = run(*FILES)
    data = Path("tiny.data")
    data.write_text(data.read_text() + "difficult=difficult.txt\n")
    result = run(*FILES)
    assert result.status == 0 and "problem" not in result.err

    def detections(text: str) -> int:
        return int(re.search(r"detections_count = (\d+)", text)[1])

    assert detections(result.out) < detections(whole.out)
    Path("difficult.txt").write_text("difficult/0.png\n")
    result = run(*FILES)
    assert result.status == 1 and "1 lines where that of the pictures has 3" in result.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("valid=missing.txt\n", "tiny.data: valid: missing.txt isn't found"),
        ("valid=empty.txt\n", "empty.txt: the list is empty"),
        ("valid=0.png\n", "0.png: not a list of pictures"),
        ("", "tiny.data: needs train="),
    ],
)
def test_lists_that_are_wrong_are_told_in_one_line(run, tiny, text, told):
    Path("empty.txt").touch()
    Path("tiny.data").write_text("names=tiny.names\n" + text)
    result = run(*FILES)
    assert result.status == 1 and not result.out
    assert told in result.err and result.err.count("\n") == 1
