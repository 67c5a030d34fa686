"""The weight tools from end to end, and what tells of a network without pictures."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.network import load_network, load_weights
from darknet_py.ops import NumpyOps

OBJECTS = ("detector", "test", "tiny.data")


def content(path: str = "tiny.weights") -> bytes:
    return Path(path).read_bytes()


def objects(run, cfg: str, weights: str, picture: str = "1.png") -> str:
    """What is found in a picture, without the time that took."""
    result = run(*OBJECTS, cfg, weights, picture, "-dont_show", "-ext_output")
    assert result.status == 0
    return result.out.split("milli-seconds.\n")[1]


def test_partial(run, tiny):
    result = run("partial", "tiny.cfg", "tiny.weights", "tiny.conv.2", 2)
    assert result.status == 0 and result.out == "tiny.conv.2: written, 0 pictures seen\n"
    old, new = content(), content("tiny.conv.2")
    assert new[20:] == old[20 : len(new)] and new[:12] == old[:12]
    assert len(new) == 20 + 4 * (248 + 912)
    assert run(*OBJECTS, "tiny.cfg", "tiny.conv.2", "0.png", "-dont_show").status == 0
    run("partial", "tiny.cfg", "tiny.weights", "all.weights", 7)
    assert content("all.weights")[20:] == old[20:]
    result = run("partial", "tiny.cfg", "tiny.weights", "x.weights", 8)
    assert result.status == 1 and "tiny.cfg has 7 layers, not 8" in result.err


def test_the_header_stays(run, tiny):
    header = b"\0\0\0\0\2\0\0\0\5\0\0\0" + (1234567).to_bytes(8, "little")
    Path("tiny.weights").write_bytes(header + content()[20:])
    for command in ("rgbgr", "rescale", "reset", "normalize", "denormalize"):
        assert run(command, "tiny.cfg", "tiny.weights", "out.weights").status == 0
        assert content("out.weights")[:20] == header
    assert "1234567 pictures seen" in run("average", "tiny.cfg", "out.weights", "tiny.weights").out
    assert content("out.weights") == content()


def test_average(run, tiny):
    assert run("average", "tiny.cfg", "mean.weights", *["tiny.weights"] * 3).status == 0
    assert content("mean.weights") == content()


def test_rgbgr(run, tiny):
    wanted = objects(run, "tiny.cfg", "tiny.weights")
    assert run("rgbgr", "tiny.cfg", "tiny.weights", "bgr.weights").status == 0
    cv2.imwrite("swapped.png", cv2.imread("1.png")[:, :, ::-1])
    assert objects(run, "tiny.cfg", "bgr.weights", "swapped.png") == wanted
    assert objects(run, "tiny.cfg", "bgr.weights") != wanted
    run("rgbgr", "tiny.cfg", "bgr.weights", "again.weights")
    assert content("again.weights") == content()


def test_batch_norms_in_and_out(run, tiny):
    wanted = objects(run, "tiny.cfg", "tiny.weights")
    result = run("denormalize", "tiny.cfg", "tiny.weights", "plain.weights")
    assert "it needs a cfg with batch_normalize=0 in 2 layers (-out_cfg FILE writes one)" in result.out
    assert run("denormalize", "tiny.cfg", "tiny.weights", "plain.weights", "-out_cfg", "plain.cfg").status == 0
    assert "batch_normalize=1" not in Path("plain.cfg").read_text()
    assert objects(run, "plain.cfg", "plain.weights") == wanted
    assert run("normalize", "plain.cfg", "plain.weights", "norm.weights", "-out_cfg", "norm.cfg").status == 0
    assert Path("norm.cfg").read_text().count("batch_normalize=1") == 4
    assert objects(run, "norm.cfg", "norm.weights") == wanted
    run("denormalize", "norm.cfg", "norm.weights", "again.weights")
    assert content("again.weights") == content("plain.weights")
    assert run("reset", "tiny.cfg", "tiny.weights", "reset.weights").status == 0
    assert objects(run, "tiny.cfg", "reset.weights") == wanted


def test_rescale(run, tiny):
    assert run("rescale", "tiny.cfg", "tiny.weights", "new.weights").status == 0
    old, new = (load_network("tiny.cfg", NumpyOps()) for _ in range(2))
    load_weights(old, "tiny.weights")
    load_weights(new, "new.weights")
    np.testing.assert_array_equal(new.nodes[0].params["weight"].value, 2 * old.nodes[0].params["weight"].value)


def test_oneoff(run, tiny):
    body = "[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=%d\n"
    Path("classes.cfg").write_text(body % 4)
    Path("region.cfg").write_text(body % 27 + "[region]\nnum=3\nclasses=4\nanchors=1,1,2,2,3,3\n")
    Path("class.weights").write_bytes(content()[:20] + np.arange(16, dtype="<f4").tobytes())
    result = run("oneoff", "region.cfg", "class.weights", "out.weights", "-classes", 4)
    assert result.status == 0
    biases = np.frombuffer(content("out.weights")[20:], "<f4")[:27].reshape(3, 9)
    assert biases[:, 5:].tolist() == [[0, 1, 2, 3]] * 3
    result = run("oneoff", "region.cfg", "class.weights", "out.weights")
    assert result.status == 1 and "ends in layer 0" in result.err


def test_statistics(run, tiny):
    lines = run("statistics", "tiny.cfg", "tiny.weights").out.splitlines()
    assert lines[0] == "Convolutional Layer 0" and [line for line in lines if "Layer" in line][-1].endswith("5")
    net = load_network("tiny.cfg", NumpyOps())
    load_weights(net, "tiny.weights")
    biases = net.nodes[0].params["bias"].value
    assert lines[1] == (
        f"Biases MSE: {np.sqrt((biases**2).mean()):.6f}, Mean: {biases.mean():.6f}, Variance: {biases.var():.6f}"
    )
    assert [line.split(" MSE")[0] for line in lines[1:6]] == [
        "Biases",
        "Scales",
        "Rolling Mean",
        "Rolling Variance",
        "Weights",
    ]


def test_ops(run, tiny):
    result = run("ops", "tiny.cfg")
    flops = load_network("tiny.cfg", NumpyOps()).flops()
    assert result.out == f"Floating Point Operations: {flops}\nFloating Point Operations: 0.00 Bn\n"


def test_speed(run, tiny):
    out = run("speed", "tiny.cfg", 3, "-threads", 1).out
    assert re.fullmatch(r"\n3 evals, [\d.]+ Seconds\nSpeed: [\d.]+ sec/eval\nSpeed: [\d.]+ Hz\n", out)


def test_visualize(run, tiny):
    result = run("visualize", "tiny.cfg", "tiny.weights")
    assert result.status == 0 and result.out == "filters.png: 8 filters of 3 channels\n"
    picture = cv2.imread("filters.png")[:, :, ::-1]
    assert picture.shape == (93, 93, 3)  # 3 x 3 tiles of 30 pixels with their borders
    net = load_network("tiny.cfg", NumpyOps())
    load_weights(net, "tiny.weights")
    weight = net.nodes[0].params["weight"].value[1]
    scaled = 255 * (weight - weight.min()) / (weight.max() - weight.min())
    np.testing.assert_allclose(picture[5:31:10, 36:62:10].transpose(2, 0, 1), scaled, atol=0.51)
    assert run("visualize", "tiny.cfg", "tiny.weights", "deep/5.png", "-layer", 5).status == 0
    assert cv2.imread("deep/5.png").shape == (16 * 33, 12 * 33, 3)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("visualize", "tiny.cfg", "tiny.weights", "a.jpg"), "is a PNG"),
        (
            ("visualize", "tiny.cfg", "tiny.weights", "-layer", 3),
            "layer 3 has no filters; layers with filters: 0, 1, 2, 5",
        ),
        (("denormalize", "tiny.cfg", "none.weights", "x"), "none.weights: can't be read"),
        (("average", "tiny.cfg", "x"), "the following arguments are required: weights"),
        (("ops", "none.cfg"), "none.cfg: can't be read"),
        (("speed", "tiny.cfg", 0), "isn't a whole number from 1 on"),
        (("oneoff", "tiny.cfg", "tiny.weights", "x", "-classes", 3), "filters=16: three anchors of 3 classes need"),
    ],
)
def test_errors_are_one_line(run, tiny, words, told):
    result = run(*words)
    assert result.status == 1
    assert told in result.err and result.err.count("\n") == 1


# --- nightmare ---------------------------------------------------------------------------------------------------
DREAM = ("nightmare", "tiny.cfg", "tiny.weights", "1.png")


def test_nightmare(run, tiny):
    result = run(*DREAM, 1, "-rounds", 2, "-iters", 3, "-zoom", 0.9, "-rotate", 0.1, "-range", 2)
    assert result.status == 0
    assert result.out == "0 1_tiny_1_000000.jpg\n1 1_tiny_1_000001.jpg\n"
    assert result.err == "Iteration: 0, 1, 2, done\n" * 2
    assert cv2.imread("1_tiny_1_000001.jpg").shape == cv2.imread("1.png").shape
    first = content("1_tiny_1_000000.jpg")
    run(*DREAM, 1, "-iters", 3, "-range", 2, "-prefix", "again")
    assert content("again/1_tiny_1_000000.jpg") == first


def test_reconstruct(run, tiny):
    result = run(*DREAM, 0, "-reconstruct", "-iters", 2, "-rounds", 2, "-zoom", 0.9)
    assert result.status == 0 and result.out.splitlines()[0].endswith(" features")
    assert Path("1_tiny_0_000001.jpg").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*DREAM, 7), "has the layers 0 to 6, and not 7"),
        ((*DREAM, "x"), "isn't a whole number from 0 on"),
        ((*DREAM[:3], "none.png", 1), "none.png: can't be read"),
        ((*DREAM, 1, "-zoom", 0), "isn't a number from 0.01 to 100"),
    ],
)
def test_nightmares_errors_are_one_line(run, tiny, words, told):
    result = run(*words)
    assert result.status == 1
    assert told in result.err and result.err.count("\n") == 1
