"""The report: its files, the page, and what a browser makes of it."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.errors import DarknetError
from darknet_py.metrics.mistakes import KINDS
from darknet_py.metrics.report_files import write_report
from tests.browser import open_page
from tests.metrics.reports import MIXED, NAMES, Pictures, Tables, with_script

CHARTS = ("precision_recall", "F1", "precision", "recall", "confusion")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on pictures with every kind of mistake."""
    pictures, folder = Pictures(MIXED), tmp_path_factory.mktemp("reports") / "report"
    page = write_report(folder, pictures.evaluation(3), NAMES, pictures, {"command": "detector <map>"})
    assert page == folder / "report.html"
    return folder


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_the_tables(folder: Path) -> None:
    classes = rows(folder / "classes.csv")
    headings = ["id", "name", "AP", "AP COCO", "precision", "recall", "F1", "TP", "FP", "FN", "objects"]
    assert classes[0] == headings
    assert [row[1] for row in classes[1:]] == [*NAMES, "all"]
    assert classes[1][4:] == ["50.00", "40.00", "44.44", "2", "2", "3", "5"]
    assert classes[-1][4:] == ["37.50", "42.86", "40.00", "3", "5", "4", "7"]
    (figures, values) = rows(folder / "coco.csv")
    assert figures[:3] == ["AP", "AP50", "AP75"] and len(figures) == len(values) == 12
    assert rows(folder / "confusion.csv") == [
        ["is", *NAMES, "missed"],
        [NAMES[0], "2", "1", "0", "2"],
        [NAMES[1], "0", "1", "0", "0"],
        [NAMES[2], "0", "0", "0", "1"],
        ["background", "2", "1", "1", "0"],
    ]


def test_pictures_and_mistakes_are_listed(folder: Path) -> None:
    pictures = rows(folder / "pictures.csv")
    assert pictures[0] == ["picture", "objects", "found", "mistakes", *KINDS]
    assert pictures[1] == ["worst.jpg", "1", "1", "3", "0", "2", "0", "0", "1"]
    assert pictures[-1] == ["good.jpg", "2", "2", "0", "0", "0", "0", "0", "0"]
    assert sorted(row[0] for row in pictures[1:]) == sorted(MIXED)
    mistakes = rows(folder / "mistakes.csv")
    assert len(mistakes) == 1 + 7
    (wrong,) = (row for row in mistakes if row[1] == "wrong class")
    left, top, right, bottom = 0.1 * 120, 0.25 * 80, 0.4 * 120, 0.75 * 80
    edges = [f"{edge:.1f}" for edge in (left, top, right, bottom)]
    assert wrong == ["wrong class.jpg", "wrong class", NAMES[1], "0.7000", NAMES[0], "1.0000", *edges, *edges]
    (missed, _) = (row for row in mistakes if row[1] == "missed")
    assert missed[2:10] == ["", "", NAMES[0], "", "", "", "", ""] and missed[10:] == edges


def test_curves_agree_with_the_tables(folder: Path) -> None:
    curves = rows(folder / "curves.csv")
    assert len(curves) == 1 + 4 * 101
    at = {(row[0], row[1]): row[2:] for row in curves}
    assert at["all", "0.25"] == ["0.3750", "0.4286", "0.4000"]
    assert at["all", "1.00"] == ["", "0.0000", "0.0000"]
    precisions = np.array([row[1:] for row in rows(folder / "precision_recall.csv")[1:]], float)
    assert precisions.shape == (101, 3)


def test_the_summary(folder: Path) -> None:
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["pictures"], summary["iou_thresh"], summary["conf_thresh"]) == (5, 0.5, 0.25)
    assert summary["mistakes"] == dict(zip(KINDS, (2, 2, 1, 1, 1), strict=True))
    assert summary["all"] == pytest.approx(
        {"precision": 3 / 8, "recall": 3 / 7, "f1": 2 * 3 / 15, "tp": 3, "fp": 5, "fn": 4, "truths": 7}
    )
    assert [one["name"] for one in summary["classes"]] == list(NAMES)
    assert summary["coco"]["AP large"] is None and 0 < summary["coco"]["AP"] < 1
    assert summary["best"]["f1"] >= summary["all"]["f1"]


def test_charts_and_pictures(folder: Path) -> None:
    for name in CHARTS:
        assert cv2.imread(str(folder / f"{name}.png")).std() > 10
    names = sorted(path.name for path in (folder / "mistakes").iterdir())
    ours = {"missed": 2, "false_positive": 2, "wrong_class": 1, "bad_box": 1, "duplicate": 1}
    assert names == sorted(f"{kind}_{i:02}.jpg" for kind, count in ours.items() for i in range(1, count + 1))
    worst = sorted((folder / "worst").iterdir())
    assert [path.name for path in worst] == ["01.jpg", "02.jpg", "03.jpg", "04.jpg"]  # the good one isn't there
    assert cv2.imread(str(worst[0])).shape == (533, 800, 3)


def test_the_page_needs_nothing_else(folder: Path) -> None:
    page = (folder / "report.html").read_text()
    sources = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert "http" not in re.sub(r'"data:[^"]*"', "", page)
    assert "<b>&dog" not in page and "detector &lt;map&gt;" in page and "bad &lt;box&gt;.jpg" in page


def test_captions_have_the_name_and_titles_the_path(tmp_path: Path) -> None:
    pictures = Pictures({f"far/away/{name}": value for name, value in MIXED.items()})
    page = write_report(tmp_path, pictures.evaluation(3), NAMES, pictures).read_text()
    captions, titles = re.findall("<figcaption>(.*?)</figcaption>", page), re.findall('<figure title="(.*?)">', page)
    assert any("bad &lt;box&gt;.jpg" in text for text in captions) and not any("far/away" in text for text in captions)
    assert any(title.endswith("far/away/bad &lt;box&gt;.jpg") for title in titles)


def test_an_older_report_is_replaced(tmp_path: Path) -> None:
    pictures = Pictures(MIXED)
    write_report(tmp_path, pictures.evaluation(3), NAMES, pictures)
    good = Pictures({"good.jpg": MIXED["good.jpg"]})
    (tmp_path / "worst" / "my own.jpg").touch()
    page = write_report(tmp_path, good.evaluation(3), NAMES, good).read_text()
    assert [path.name for path in (tmp_path / "worst").iterdir()] == ["my own.jpg"]
    assert not list((tmp_path / "mistakes").iterdir())
    assert "There are no mistakes." in page


@pytest.mark.parametrize("truth", [[], [(1, 0.5, 0.5, 0.3, 0.3)]])
def test_a_report_on_nothing(tmp_path: Path, truth: list) -> None:
    pictures = Pictures({"empty.jpg": (truth, [])})
    page = write_report(tmp_path, pictures.evaluation(2), NAMES[:2], pictures).read_text()
    assert "–" in page
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["best"] is None and summary["all"]["precision"] is None


def test_names_must_be_those_of_the_classes(tmp_path: Path) -> None:
    pictures = Pictures(MIXED)
    with pytest.raises(ValueError, match="2 names of 3 classes"):
        write_report(tmp_path, pictures.evaluation(3), NAMES[:2], pictures)


def test_a_place_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    pictures = Pictures(MIXED)
    with pytest.raises(DarknetError, match="can't be written") as error:
        write_report(tmp_path / "file", pictures.evaluation(3), NAMES, pictures)
    assert "\n" not in str(error.value)


# --- in a browser ----------------------------------------------------------------------------------------------------

LOOK = """
document.querySelectorAll("img").forEach(image => image.alt = image.naturalWidth + "x" + image.naturalHeight);
document.querySelector("#class-table th").click();
document.querySelector("#class-table th").click();
"""


@pytest.mark.slow
def test_the_page_in_a_browser(folder: Path, tmp_path: Path) -> None:
    """As it is; then, with every picture's size as its text and the classes sorted downwards."""
    page = folder / "report.html"
    plain = open_page(page.as_uri(), tmp_path / "profile")
    assert plain.console == []
    shown = Tables(plain.html)
    assert shown.rows["class-table"] == rows(folder / "classes.csv")
    assert shown.rows["coco-table"] == rows(folder / "coco.csv")
    numbers = {row[0]: int(row[1]) for row in shown.rows["mistake-table"][1:]}
    assert numbers == json.loads((folder / "summary.json").read_text())["mistakes"]
    assert len(shown.pictures) == len(CHARTS) + 7 + 4

    copy = with_script(page, LOOK, tmp_path / "looked.html")
    looked = open_page(copy.as_uri(), tmp_path / "profile")
    assert looked.console == []
    sizes = re.findall(r'<img alt="(\d+)x(\d+)"', looked.html)
    assert len(sizes) == len(shown.pictures)
    assert all(int(w) >= 100 and int(h) >= 100 for w, h in sizes)
    classes = Tables(looked.html).rows["class-table"]
    assert [row[0] for row in classes] == ["id", "2", "1", "0", ""]


@pytest.mark.slow
def test_what_a_browser_complains_of_is_seen(folder: Path, tmp_path: Path) -> None:
    broken = with_script(folder / "report.html", "nothing.there();", tmp_path / "broken.html")
    (complaint,) = open_page(broken.as_uri(), tmp_path / "profile").console
    assert "ReferenceError" in complaint
