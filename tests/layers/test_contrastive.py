"""[contrastive] and [iseg]: losses that compare places of one batch."""

from __future__ import annotations

import math

import numpy as np
import pytest

from darknet_py.config.section import parse
from darknet_py.layers import Context, Shape, Step
from darknet_py.layers.contrastive import supervised_contrast
from darknet_py.network import Network, build
from darknet_py.ops import NumpyOps, Ops
from darknet_py.ops.cuda.cupy_ops import CupyOps
from tests.emulation import array_module, arrays, on_gpu
from tests.gradients import assert_gradient, network_function
from tests.layers.cases import layer

OPS = NumpyOps(np.float64, threads=1)


def contrasted(
    z: np.ndarray, labels: list[int], temperature: float, nearest: int, groups: list[int] | None = None
) -> tuple[float, np.ndarray]:
    """Loss and gradient of vectors (k, size)."""
    one_group = groups or [0] * len(labels)
    loss, dz = supervised_contrast(
        OPS, z[:, :, None, None], np.array(labels), np.array(one_group), temperature, nearest
    )
    return loss, dz[:, :, 0, 0]


def test_loss_of_three() -> None:
    """By hand: vectors at 0, 60 and 90 degrees; the first two are the same object."""
    z = np.array([[2.0, 0], [0.5, math.sqrt(0.75)], [0, 3.0]])
    loss, _ = contrasted(z, [1, 1, 2], 0.5, 9)
    e = [math.exp(c / 0.5) for c in (0.5, 0, math.sqrt(0.75))]  # of 0 and 1, 0 and 2, 1 and 2
    assert loss == pytest.approx(-math.log(e[0] / (e[0] + e[1])) - math.log(e[0] / (e[0] + e[2])))


@pytest.mark.parametrize("nearest", [1, 2, 9])
@pytest.mark.parametrize("groups", [[0] * 6, [0, 0, 0, 1, 1, 1]])
def test_gradient_of_the_contrast(nearest: int, groups: list[int]) -> None:
    def function(point: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        loss, dz = contrasted(point[0], [1, 1, 2, 2, 2, 3], 0.3, nearest, groups)
        return loss, [dz]

    assert_gradient(function, [np.random.default_rng(1).standard_normal((6, 4))])


def test_lone_objects_teach_nothing() -> None:
    loss, dz = contrasted(np.eye(3), [1, 2, 3], 1.0, 3)
    assert loss == 0 and (dz == 0).all()
    loss, dz = contrasted(np.zeros((2, 3)), [1, 1], 1.0, 3)
    assert loss == 0 and (dz == 0).all()


def contrast(
    x: np.ndarray, truth: np.ndarray, text: str = "contrastive temperature=0.5", ops: Ops = OPS, steps: int = 1
) -> Step:
    return layer(text).forward(Context(ops, train=True, truth=truth, steps=steps), {}, ops.array(x))


def test_pictures_of_a_class_or_neighbours_are_the_same() -> None:
    x = np.random.default_rng(0).standard_normal((4, 5, 1, 1))
    pairs = contrast(x, np.zeros((4, 3)))
    classes = contrast(x, np.eye(3)[[0, 0, 2, 2]])
    assert pairs.loss is not None and classes.loss is not None
    assert pairs.loss.cost == classes.loss.cost > 0
    other = contrast(x, np.eye(3)[[0, 1, 0, 1]])
    assert other.loss is not None and other.loss.cost != pairs.loss.cost
    np.testing.assert_array_equal(pairs.y, x)


def test_gradient_of_a_layer() -> None:
    truth = np.eye(2)[[0, 0, 1, 0]]

    def function(point: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        step = contrast(point[0], truth, "contrastive cls_normalizer=3")
        assert step.loss is not None and step.backward is not None
        return step.loss.cost, [step.backward(None)[0]]

    assert_gradient(function, [np.random.default_rng(0).standard_normal((4, 5, 1, 1))])


def test_bounded_gradients() -> None:
    x = np.random.default_rng(0).standard_normal((4, 5, 1, 1))
    step = contrast(x, np.zeros((4, 3)), "contrastive max_delta=0.05")
    assert step.backward is not None
    assert np.abs(step.backward(None)[0]).max() == 0.05


def tracker(ops: Ops = OPS, *options: str) -> Network:
    """Vectors of 3 numbers for each of 2 anchors in 2 x 2 cells, beside a [yolo]. options: of [contrastive]."""
    sections = [
        "net width=4 height=4 channels=2 time_steps=1",
        "convolutional filters=6 size=2 stride=2 activation=linear",
        "convolutional filters=14 size=1 activation=linear",
        "yolo classes=2 num=2 anchors=2,2,3,3 max=4",
        "route layers=0",
        " ".join(("contrastive yolo_layer=-2", *options)),
    ]
    lines = []
    for section in sections:
        name, *rest = section.split(" ")
        lines += [f"[{name}]", *rest]
    return build(parse("\n".join(lines)), ops)


def objects(names: list[list[int]]) -> np.ndarray:
    """One object of class 0 in the first and one of class 1 in the last cell of each picture, with these names."""
    truth = np.zeros((len(names), 4, 6))
    for rows, (first, last) in zip(truth, names, strict=True):
        rows[0], rows[1] = [0.25, 0.25, 0.5, 0.5, 0, first], [0.75, 0.75, 0.7, 0.7, 1, last]
    return truth


def test_objects_of_a_head_are_compared() -> None:
    net, x = tracker(), np.random.default_rng(0).standard_normal((4, 2, 4, 4))
    result = net.forward(x, Context(OPS, train=True, truth=objects([[1, 2], [1, 2], [3, 2], [3, 4]])))
    z = result.outputs[4].reshape(4, 2, 3, 2, 2)
    first, last = z[:, 0, :, 0, 0], z[:, 1, :, 1, 1]
    wanted = contrasted(first, [1, 1, 3, 3], 1.0, 3)[0]
    wanted += contrasted(last, [2, 2, 2, 4], 1.0, 3)[0]
    assert result.losses[4].cost == pytest.approx(wanted)
    assert result.losses[4].count == 8


def test_objects_without_names_are_not_compared() -> None:
    net, x = tracker(), np.random.default_rng(0).standard_normal((4, 2, 4, 4))
    truth = objects([[1, 2]] * 4)[:, :, :5]
    assert net.forward(x, Context(OPS, train=True, truth=truth)).losses[4].cost == 0
    assert 4 not in net.forward(x, Context(OPS, train=True, truth=np.zeros((4, 4, 6)))).losses


def test_gradient_through_the_network() -> None:
    net = tracker()
    context = {"truth": objects([[1, 2], [1, 2], [3, 2], [3, 4]])}
    net.nodes[1].params["weight"].value[...] = 0  # the head's own loss is in another convention
    net.nodes[1].params["bias"].value[...] = 0

    def run(values: list[np.ndarray]) -> tuple[float, list[np.ndarray]]:
        function, _ = network_function(net, context, lambda result: result.losses[4].cost)
        frozen = [p.value for _, p in list(net.parameters())[2:]]
        value, (_, dbias, dweight, *_) = function([x, *values, *frozen])
        return value, [dbias, dweight]

    x = np.random.default_rng(0).standard_normal((4, 2, 4, 4))
    own = [p.value.copy() for _, p in list(net.parameters())[:2]]
    assert_gradient(run, own)


@pytest.mark.parametrize("steps", [1, 2])
def test_the_device_compares_pictures_as_the_host_does(steps: int) -> None:
    x, truth = np.random.default_rng(0).standard_normal((8, 5, 1, 1)), np.eye(2)[[0, 0, 1, 0, 1, 1, 0, 0]]

    def learned(ops: Ops) -> tuple[float, np.ndarray]:
        step = contrast(x, truth, ops=ops, steps=steps)
        assert step.loss is not None and step.backward is not None
        return step.loss.cost, ops.to_host(step.backward(ops.array(x))[0])

    (cost, gradient), (expected, wanted) = learned(CupyOps(array_module())), learned(OPS)
    assert cost == pytest.approx(expected)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [(), ("max_delta=0.02", "cls_normalizer=3", "temperature=0.4")])
def test_the_device_gives_the_same(options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss and the gradients of all parameters, by kernels only."""
    x = np.random.default_rng(0).standard_normal((4, 2, 4, 4))
    truth = objects([[1, 2], [1, 2], [3, 2], [3, 4]])
    truth[:, 2] = truth[:, 0] + [0, 0, 0.01, 0, 1, 4]  # in the place of the first

    def learned(ops: Ops) -> list[np.ndarray]:
        net = tracker(ops, *options)
        images = ops.array(x)
        if ops is not host and not on_gpu():
            monkeypatch.setattr(arrays.Settings, "kernels_only", True)
        result = net.forward(images, Context(ops, train=True, truth=truth))
        net.backward(result)
        return [np.array([result.losses[4].cost]), *(ops.to_host(p.grad) for _, p in net.parameters())]

    host = NumpyOps(threads=1)
    expected = learned(host)
    for ours, wanted in zip(learned(CupyOps(array_module())), expected, strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "shapes", "message"),
    [
        ("contrastive", [Shape(3, 2, 2)], "needs one vector a picture"),
        ("contrastive yolo_layer=-2", [Shape(3, 2, 2), Shape(8, 4, 4)], "another width and height"),
        ("iseg classes=2 ids=3", [Shape(6, 2, 2)], "needs filters=classes \\+ ids=5"),
    ],
)
def test_what_does_not_fit(text: str, shapes: list[Shape], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layer(text).out_shape(*shapes)


# --- [iseg] ----------------------------------------------------------------------------------------------------------


def test_instances() -> None:
    """One object of two places, one of one place, by hand."""
    x = np.zeros((1, 3, 1, 4))
    x[0, 1:, 0] = [[1, 3, 0, 5], [0, 0, 0, 0]]
    truth = np.array([[[0, 1, 1, 0, 0], [0, 0, 0, 0, 1], [-1, 0, 0, 0, 0]]], float)
    step = layer("iseg classes=1 ids=2").forward(Context(OPS, train=True, truth=truth), {}, x)
    assert step.loss is not None and step.backward is not None
    delta = -step.backward(None)[0][0, :, 0]
    np.testing.assert_allclose(delta[0], [0.5, 0.5, -0.5, 0.5])
    # towards 2 and away from 5; the last is its own mean (a step up) and away from 2
    np.testing.assert_allclose(delta[1] * 100, [-0.1 + 0.1 - 0.1, -0.3 - 0.1 - 0.1, 0, -0.5 + 0.1 + 0.1], atol=1e-12)
    assert step.loss.cost == pytest.approx((delta**2).sum())
