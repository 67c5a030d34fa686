"""The command `benchmark`, with as few and small runs as there can be."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import pytest

from darknet_py.benchmark import rates
from darknet_py.cli.benchmark import parser

ROOT = Path(__file__).parents[2]
SHAPES = ROOT / "cfg/shapes.cfg"
QUICK = ("-threads", 1, "-repeat", 2, "-nogpu")


@pytest.fixture(autouse=True)
def small_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Matrices and copies that take no time."""
    monkeypatch.setattr(rates.measure_rates, "__defaults__", (64, 1 << 16, *rates.measure_rates.__defaults__[2:]))


def test_all_files_and_all_cases(run, tmp_path):
    files = {kind: tmp_path / f"out/{kind}" for kind in ("json", "csv", "roofline")}
    options = [word for kind, path in files.items() for word in (f"-{kind}", path)]
    cases = ("-batch", "1,2", "-mode", "infer,train", "-size", "64x32", "-price", 1.2, "-layers")
    weights = ROOT / "weights/shapes.weights"
    result = run("benchmark", SHAPES, weights, *cases, *QUICK, *options)
    assert (result.status, result.err) == (0, "")
    rows = json.loads(files["json"].read_text())
    assert [(r["mode"], r["batch"]) for r in rows] == [("infer", 1), ("infer", 2), ("train", 1), ("train", 2)]
    for row in rows:
        assert (row["network"], row["weights"], row["threads"]) == ("shapes", "shapes.weights", 1)
        assert (row["width"], row["height"]) == (64, 32)
        assert row["least_ms"] <= row["low_ms"] <= row["median_ms"] <= row["high_ms"]
        assert row["images_per_s"] == pytest.approx(1000 * row["batch"] / row["median_ms"], rel=1e-4)
        assert row["images_per_money"] == pytest.approx(3000 * row["images_per_s"], rel=1e-4)
        assert row["gflops"] > 0 and row["memory_mib"] > 0 and row["cpu"]
        measured = [row[f"{stage}_ms"] is not None for stage in ("decode", "resize", "box_decode", "nms")]
        assert measured == [row["mode"] == "infer"] * 4
    with files["csv"].open() as file:
        assert len(list(csv.DictReader(file))) == 4
    assert cv2.imread(str(files["roofline"])) is not None
    assert result.out.count("convolutional") == 4 * 9 and result.out.count("box decode") == 2
    assert all(f"{path}: written" in result.out for path in files.values())


@pytest.mark.parametrize("channels", [1, 3, 10])
def test_classifiers_and_networks_that_see_no_pictures(run, tiny, channels):
    text = "[net]\nwidth=8\nheight=8\nchannels={}\n[convolutional]\nfilters=4\nstride=8\nsize=8\n[softmax]\n"
    Path("x.cfg").write_text(text.format(channels))
    result = run("benchmark", "x.cfg", "-mode", "infer,train", *QUICK, "-json", "out.json")
    assert (result.status, result.err) == (0, "")
    infer, train = json.loads(Path("out.json").read_text())
    assert infer["weights"] == "random" and infer["nms_ms"] is None
    assert (infer["decode_ms"] is None) == (channels == 10) and train["decode_ms"] is None


def test_a_picture_of_ones_own(run, tiny):
    result = run("benchmark", "tiny.cfg", "tiny.weights", "-picture", "1.png", *QUICK)
    assert result.status == 0 and "decode" in result.out
    result = run("benchmark", "tiny.cfg", "-picture", "none.png", *QUICK)
    assert result.status == 1 and "none.png: can't be read" in result.err


def test_lists_and_sizes():
    args = parser().parse(["x.cfg", "-batch", "1, 8,32", "-size", "416,608x352"])
    assert args.batch == [1, 8, 32] and args.size == [(416, 416), (608, 352)]
    assert parser().parse(["x.cfg"]).size == [None]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("none.cfg",), "none.cfg: can't be read"),
        ((SHAPES, "none.weights"), "none.weights: can't be read"),
        ((SHAPES, "-batch", "1,0"), "'0' isn't a whole number from 1 on"),
        ((SHAPES, "-batch", "1,,2"), "'' isn't a whole number"),
        ((SHAPES, "-mode", "infer,learn"), "'learn' isn't one of infer, train"),
        ((SHAPES, "-size", "416x"), "'416x' isn't a size such as 416 or 608x352"),
        ((SHAPES, "-price", "0"), "isn't a number from"),
        ((SHAPES, "-backend", "tpu"), "invalid choice: 'tpu'"),
        ((SHAPES, "-backend", "cuda"), "-nogpu and -backend cuda exclude each other"),
        (("loss.cfg", "-mode", "train"), "loss.cfg: has no layer with a loss to train"),
    ],
)
def test_errors_are_one_line(run, tiny, words, told):
    Path("loss.cfg").write_text("[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=4\n")
    result = run("benchmark", *words, *QUICK)
    assert result.status == 1
    assert told in result.err and result.err.count("\n") == 1
