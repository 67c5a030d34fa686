"""[softmax], [logistic] and [cost] against the C programs (golden/losses.npz) and as gradients of what they print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknet_py.config.section import parse
from darknet_py.errors import CfgError, DataError
from darknet_py.layers import Context, Shape, Step
from darknet_py.network import Network, build, load_weights
from darknet_py.ops import NumpyOps
from tests.gradients import assert_gradient
from tests.layers.cases import layer

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "losses.npz")
CASES: dict[str, dict[str, str]] = json.loads(str(GOLDEN["meta_json"]))["cases"]
SINGLE = [case for case in CASES if "pair" not in case]
OPS = NumpyOps(np.float64, threads=1)
TREE = "animal -1\nvehicle -1\ncat 0\ndog 0\ncar 1\nbike 1\n"


def section(case: str) -> str:
    head, *options = CASES[case]["section"].split()
    return " ".join((head.strip("[]"), *options))


def run(text: str, x: Any, truth: Any, dtype: type = np.float64) -> Step:
    ops = NumpyOps(dtype, threads=1)
    return layer(text).forward(Context(ops, train=True, truth=truth), {}, ops.array(x))


def gradient(step: Step) -> np.ndarray:
    assert step.backward is not None
    return np.asarray(step.backward(None)[0])


@pytest.mark.parametrize("case", SINGLE)
def test_delta_and_cost_equal_darknets(case: str) -> None:
    x, truth = GOLDEN["input"].reshape(2, 3, 2, 2), GOLDEN[CASES[case]["truth"]]
    step = run(section(case), x, truth, np.float32)
    delta, cost = GOLDEN[f"{case}__delta"].copy(), float(GOLDEN[f"{case}__cost"])
    if case == "softmax_temperature":
        delta /= 2  # the reference leaves out the inner derivative
    if case == "softmax_smoothed":
        cost = -float((truth * np.log(GOLDEN[f"{case}__output"])).sum())  # it prints the sum of all -log(p)
    if case == "pj_cost_smooth":
        large = np.abs(truth - GOLDEN["input"]) >= 1
        delta[large] *= -1  # a wrong sign there
    np.testing.assert_allclose(-gradient(step).reshape(2, 12), delta, rtol=1e-5, atol=1e-6)
    assert step.loss is not None and step.loss.cost == pytest.approx(cost, rel=1e-5)
    if f"{case}__output" in GOLDEN:
        np.testing.assert_allclose(step.y.reshape(2, 12), GOLDEN[f"{case}__output"], rtol=1e-5, atol=1e-7)


def pair(case: str, tmp_path: Path) -> tuple[float, np.ndarray]:
    """The printed loss and the gradient of the biases before [softmax], or before [softmax] and [cost]."""
    net = build(parse(CASES[case]["cfg"]), NumpyOps(threads=1))
    file = tmp_path / "w.weights"
    file.write_bytes(np.array([0, 2, 5, 0, 0], "<i4").tobytes() + GOLDEN["pair__weights"].tobytes())
    load_weights(net, file)
    x = net.ops.array(GOLDEN["pair__input"].reshape(2, 1, 2, 2))
    result = net.forward(x, Context(net.ops, train=True, truth=GOLDEN["pair__truth"]))
    net.backward(result)
    return float(np.mean([h.cost for h in result.losses.values()])) / 2, net.nodes[1].params["bias"].grad


@pytest.mark.parametrize("case", ["pair_softmax", "pair_softmax_cost", "pj_pair_softmax_cost"])
def test_loss_of_old_cfgs_is_darknets(case: str, tmp_path: Path) -> None:
    assert pair(case, tmp_path)[0] == pytest.approx(float(GOLDEN[f"{case}__loss"]), rel=1e-5)


def test_softmax_and_cost_train_like_softmax_alone(tmp_path: Path) -> None:
    """Today's reference doubles the gradient; its versions that these cfgs are from did not."""
    _, alone = pair("pair_softmax", tmp_path)
    _, both = pair("pair_softmax_cost", tmp_path)
    np.testing.assert_allclose(both, alone, rtol=1e-5)
    np.testing.assert_allclose(alone, -GOLDEN["pair_softmax__bias_updates"], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(2 * both, -GOLDEN["pair_softmax_cost__bias_updates"], rtol=1e-4, atol=1e-6)


def distribution(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    t = rng.uniform(0, 1, shape)
    return np.asarray(t / t.sum(axis=1, keepdims=True))


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("softmax", 1.0),
        ("softmax groups=3 temperature=3", 1.0),
        ("softmax spatial=1 temperature=0.5", 1.0),
        ("logistic", 1.0),
        ("cost", 0.5),
        ("cost type=masked scale=3", 1.5),
        ("cost type=smooth", 0.5),
        ("cost type=L1 scale=2", 2.0),
        ("cost type=seg noobj=0.2", 0.5),
    ],
)
def test_gradient_of_the_printed_loss(text: str, scale: float) -> None:
    """[cost] descends half of the squares that it prints, times its scale."""
    rng = np.random.default_rng(0)
    truth = distribution((2, 6, 2, 1), rng)
    truth[0, 2], truth[1, 4, 1] = 0, -1234 if "masked" in text else 0

    def function(point: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        step = run(text, point[0], truth)
        assert step.loss is not None
        return scale * step.loss.cost, [gradient(step)]

    assert_gradient(function, [rng.standard_normal((2, 6, 2, 1)) * 1.5])


def test_gradient_of_a_tree(tmp_path: Path) -> None:
    (tmp_path / "a.tree").write_text(TREE)
    text, rng = f"softmax tree={tmp_path}/a.tree", np.random.default_rng(0)
    truth = np.eye(6)[[3, 1]]

    def function(point: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        step = run(text, point[0], truth)
        assert step.loss is not None
        return step.loss.cost, [gradient(step)]

    x = rng.standard_normal((2, 6, 1, 1))
    assert_gradient(function, [x])
    dx = function([x])[1][0].reshape(2, 6)
    assert (dx[0, 4:] == 0).all() and (dx[1, 2:] == 0).all()  # no dog is a question of cars
    assert (dx[0, :4] != 0).all()
    y = run(text, x, None).y.reshape(2, 3, 2)
    np.testing.assert_allclose(y.sum(axis=2), 1)


def test_softmax_without_a_loss_has_the_true_gradient() -> None:
    x, truth = np.random.default_rng(0).standard_normal((2, 5, 1, 1)), np.eye(5)[[1, 2]]
    step = run("softmax noloss=1", x, truth)
    assert step.loss is None and step.backward is not None
    (dx,) = step.backward(np.ones_like(x))
    np.testing.assert_allclose(dx, 0, atol=1e-15)


def test_wgan() -> None:
    step = run("cost type=wgan", [[[[3.0]], [[4.0]]]], np.array([[1.0, 0.0]]))
    assert step.loss is not None and step.loss.cost == -3 + 4
    np.testing.assert_array_equal(gradient(step).ravel(), [-1, 1])


def test_small_deltas_can_be_dropped() -> None:
    step = run("cost thresh=1", [[[[0.3]], [[0.6]]]], np.zeros((1, 2)))
    np.testing.assert_allclose(gradient(step).ravel(), [0, 0.6])


def test_smoothed_truth() -> None:
    step = run("cost smooth=0.2", np.zeros((1, 4, 1, 1)), np.eye(4)[[1]])
    np.testing.assert_allclose(-gradient(step).ravel(), [0.05, 0.85, 0.05, 0.05])


def test_gradients_from_behind_are_added() -> None:
    x, truth = np.ones((1, 2, 1, 1)), np.zeros((1, 2))
    for text in ("cost", "logistic"):
        step = run(text, x, truth)
        assert step.backward is not None
        np.testing.assert_allclose(step.backward(x)[0], gradient(step) + 1)


def test_the_truth_must_fit() -> None:
    with pytest.raises(
        DataError, match="the network gives 4 numbers for each of 2 pictures, but the truth has 3 for each of 2"
    ):
        run("softmax", np.zeros((2, 4, 1, 1)), np.zeros((2, 3)))


def test_no_truth_no_loss() -> None:
    for text in ("softmax", "cost", "logistic"):
        step = run(text, np.zeros((2, 4, 1, 1)), None)
        assert step.loss is None


def network(text: str, path: str) -> Network:
    return build(parse(f"[net]\nwidth=1\nheight=1\nchannels=6\n[softmax]\n{text}", path), OPS)


def test_a_tree_lies_beside_the_cfg(tmp_path: Path) -> None:
    (tmp_path / "a.tree").write_text(TREE)
    assert network("tree=a.tree", str(tmp_path / "x.cfg")).nodes[0].shape == Shape(6, 1, 1)
    with pytest.raises(CfgError, match=r"x.cfg:6: \[softmax\] tree: b.tree isn't found"):
        network("tree=b.tree", str(tmp_path / "x.cfg"))
    (tmp_path / "a.tree").write_text(TREE + "train 1\n")
    with pytest.raises(CfgError, match=r"x.cfg:5: \[softmax\] tree=.*a.tree has 7 classes, but 6 numbers come in"):
        network("tree=a.tree", str(tmp_path / "x.cfg"))


def test_groups_must_divide() -> None:
    with pytest.raises(ValueError, match="groups=4 must divide 6 inputs"):
        layer("softmax groups=4").out_shape(Shape(6, 1, 1))
