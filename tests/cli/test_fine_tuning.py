"""What docs/fine-tuning.md tells: partial weights, frozen and slower layers, a larger input."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.network import Network, load_network, load_weights
from darknet_py.ops import NumpyOps
from tests.cli.trainings import ONE_PROCESS, Run, change, one_error, red_and_white

CONV = "[convolutional]\nbatch_normalize=1\nfilters=8\nsize=3\nstride=4\npad=1\nactivation=leaky\n{more}\n"
HEAD = "[convolutional]\nfilters={filters}\nactivation=linear\n\n[yolo]\nanchors=8,8, 16,16\nclasses={classes}\nnum=2\n"
NET = "[net]\nwidth=32\nheight=32\nchannels=3\nbatch=4\nlearning_rate=.01\nmax_batches={iterations}\n{more}\n"
CLASSIFIER = "[convolutional]\nfilters=2\nactivation=linear\n\n[avgpool]\n\n[softmax]\n"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with set.data and six labelled pictures, whose names tell a colour."""
    for i, picture in enumerate(red_and_white()):
        name = f"{i}_{('red', 'white')[i % 2]}"
        cv2.imwrite(str(tmp_path / f"{name}.png"), picture)
        (tmp_path / f"{name}.txt").write_text(f"{i % 2} .5 .5 .5 .5\n")
    (tmp_path / "list.txt").write_text("".join(f"{path.name}\n" for path in sorted(tmp_path.glob("*.png"))))
    (tmp_path / "labels").write_text("red\nwhite\n")
    (tmp_path / "set.data").write_text("train=list.txt\nlabels=labels\nnames=labels\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_cfg(name: str, iterations: int, first: str = "", second: str = "", classes: int = 2, net: str = "") -> None:
    layers = CONV.format(more=first) + CONV.format(more=second)
    head = HEAD.format(filters=2 * (5 + classes), classes=classes)
    Path(name).write_text(NET.format(iterations=iterations, more=net) + layers + head)


def values(cfg: str, weights: str) -> list[dict[str, np.ndarray]]:
    """The parameters of each layer."""
    net: Network = load_network(cfg, NumpyOps(threads=1))
    load_weights(net, weights)
    return [{name: param.value for name, param in node.params.items()} for node in net.nodes]


def train(run: Run, cfg: str, *words: str) -> None:
    result = run("detector", "train", "set.data", cfg, *words, *ONE_PROCESS, "-no_run")
    assert result.status == 0, result.err


def changed(run: Run, first: str = "", second: str = "", net: str = "") -> list[set[str]]:
    """Which parameters of the layers a training of two iterations changes, from weights that were trained before."""
    write_cfg("net.cfg", 2)
    train(run, "net.cfg")
    before = values("net.cfg", "backup/net_final.weights")
    write_cfg("tuned.cfg", 2, first, second, net=net)
    train(run, "tuned.cfg", "backup/net_final.weights", "-clear")
    after = values("tuned.cfg", "backup/tuned_final.weights")
    return [
        {name for name in old if (old[name] != new[name]).any()} for old, new in zip(before[:3], after[:3], strict=True)
    ]


ALL = {"bias", "scale", "mean", "var", "weight"}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("", "", (ALL, ALL)),
        ("stopbackward=1", "", (set(), ALL)),
        ("", "stopbackward=1", (set(), set())),
        ("dont_update=2", "", ({"mean", "var"}, ALL)),
        ("dont_update=1", "", (ALL, ALL)),
        ("learning_rate=0", "", ({"mean", "var"}, ALL)),
        ("train_only_bn=1", "", (ALL - {"weight"}, ALL)),
        ("", "train_only_bn=1", (ALL - {"weight"}, ALL - {"weight"})),
    ],
)
def test_which_layers_learn(work: Path, run: Run, first: str, second: str, expected: tuple[set[str], set[str]]) -> None:
    found = changed(run, first, second)
    assert found[:2] == list(expected) and found[2] == {"bias", "weight"}


def test_a_layer_waits_for_burn_in(work: Path, run: Run) -> None:
    assert changed(run, "burnin_update=1", net="burn_in=10")[0] == {"mean", "var"}
    assert changed(run, "burnin_update=1", net="burn_in=2")[0] == ALL


def test_a_tenth_of_the_rate_is_a_tenth_of_the_step(work: Path, run: Run) -> None:
    write_cfg("net.cfg", 1)
    train(run, "net.cfg")
    start = values("net.cfg", "backup/net_final.weights")
    moved = {}
    for name, more in (("whole", ""), ("tenth", "learning_rate=.1")):
        write_cfg(f"{name}.cfg", 1, more)
        train(run, f"{name}.cfg", "backup/net_final.weights", "-clear")
        moved[name] = values(f"{name}.cfg", f"backup/{name}_final.weights")[0]["weight"] - start[0]["weight"]
    np.testing.assert_allclose(moved["tenth"], 0.1 * moved["whole"], rtol=0.02, atol=1e-7)


def test_the_first_layers_start_a_network_with_other_classes(work: Path, run: Run) -> None:
    write_cfg("net.cfg", 2)
    train(run, "net.cfg")
    assert run("partial", "net.cfg", "backup/net_final.weights", "net.conv.2", 2).status == 0
    write_cfg("three.cfg", 1, "stopbackward=1", classes=3)
    train(run, "three.cfg", "net.conv.2")
    old, new = values("net.cfg", "backup/net_final.weights"), values("three.cfg", "backup/three_final.weights")
    for name, value in old[0].items():
        np.testing.assert_array_equal(new[0][name], value)
    write_cfg("other.cfg", 1, classes=3)
    change(work / "other.cfg", "filters=8", "filters=9")
    result = run("detector", "train", "set.data", "other.cfg", "net.conv.2", *ONE_PROCESS, "-no_run")
    assert "net.conv.2" in one_error(result)


def test_a_classifier_goes_on_at_twice_the_size(work: Path, run: Run) -> None:
    text = NET.format(iterations=3, more="") + CONV.format(more="") + CLASSIFIER
    (work / "small.cfg").write_text(text)
    command = ("classifier", "train", "set.data")
    assert run(*command, "small.cfg", *ONE_PROCESS, "-no_run").status == 0
    large = text.replace("width=32", "width=64").replace("height=32", "height=64").replace("=.01", "=.001")
    (work / "large.cfg").write_text(large)
    result = run(*command, "large.cfg", "backup/small_final.weights", "-clear", *ONE_PROCESS, "-no_run")
    assert result.status == 0, result.err
    assert "start: weights of backup/small_final.weights, iteration 0\n" in result.out
    assert "input 64 x 64 x 3" in result.out
    without = run(*command, "large.cfg", "backup/small_final.weights", *ONE_PROCESS, "-no_run")
    assert "is already trained to iteration 3" in one_error(without) and "-clear" in without.err
