"""The layer table."""

from __future__ import annotations

from pathlib import Path

import pytest

CFG = Path(__file__).parents[2] / "cfg"


TABLE = """\
layer                 from  filters  size/strd(dil)        input       output  BFLOPs  parameters  weight bytes
    0  convolutional              8  3x3/2           32 x 32 x 3  16 x 16 x 8   0.000         248           992
    1  convolutional             12  3x3/2           16 x 16 x 8   8 x 8 x 12   0.000         912         3,648
    2  convolutional             16  3x3/2            8 x 8 x 12   4 x 4 x 16   0.000       1,744         6,976
    3  yolo                          mask 2,3         4 x 4 x 16   4 x 4 x 16
    4  route          1                               8 x 8 x 12   8 x 8 x 12
    5  convolutional             16  1x1/1            8 x 8 x 12   8 x 8 x 16   0.000         208           832
    6  yolo                          mask 0,1         8 x 8 x 16   8 x 8 x 16

7 layers, input 32 x 32 x 3: 0.000 BFLOPs, 3,112 parameters, 12,468 bytes (0.0 MiB) of weights
"""


def test_table(run, tiny):
    result = run("net", "tiny.cfg")
    assert result.status == 0 and not result.err
    assert result.out == TABLE
    assert Path("tiny.weights").stat().st_size == 12_468


@pytest.mark.parametrize(
    ("cfg", "parameters", "flops"),
    [
        ("yolov3", "62,001,757", "65.879"),
        ("yolov3-tiny", "8,858,734", "5.565"),
        ("yolov4", "64,429,405", "60.113"),
        ("yolov4-tiny", "6,062,814", "6.908"),
    ],
)
def test_published_sizes(run, cfg, parameters, flops):
    result = run("net", CFG / f"{cfg}.cfg", "-width", 416, "-height", 416)
    assert f"input 416 x 416 x 3: {flops} BFLOPs, {parameters} parameters" in result.out


def test_another_input_size(run, tiny):
    assert "input 64 x 32 x 3" in run("net", "tiny.cfg", "-width", 64).out
    assert "input 32 x 96 x 3" in run("net", "-height", 96, "tiny.cfg").out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no [section]"),
        ("[net]\nwidth=8\nheight=8\nchannels=3\n[konv]\n", "broken.cfg:5: [konv]"),
        ("[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilter=3\n", "did you mean 'filters'?"),
        ("[net]\nwidth=eight\nheight=8\nchannels=3\n[dropout]\n", "broken.cfg:2: [net] width=eight"),
        ("[net]\nwidth=8\nheight=8\nchannels=3\n[route]\nlayers=-4\n", "broken.cfg:5: [route]"),
        ("[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nactivation=lucky\n", "leaky"),
    ],
)
def test_a_cfg_that_is_wrong_is_told_in_one_line(run, tiny, text, told):
    Path("broken.cfg").write_text(text)
    result = run("net", "broken.cfg")
    assert result.status == 1 and not result.out
    assert told in result.err and result.err.count("\n") == 1


def test_a_repeated_key_is_a_warning(run, tiny):
    Path("twice.cfg").write_text(Path("tiny.cfg").read_text().replace("width=32", "width=32\nwidth=64", 1))
    result = run("net", "twice.cfg")
    assert result.status == 0 and "input 32 x 32" in result.out
    assert (
        result.err.startswith("darknet_py: warning: twice.cfg:3: [net] width repeats") and result.err.count("\n") == 1
    )
