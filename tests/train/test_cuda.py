"""Whole trainings on the GPU backend follow those on the processor: losses, parameters, rolling statistics."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from darknet_py.config.section import parse
from darknet_py.network import build
from darknet_py.ops import NumpyOps, Ops
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.train.loop import Progress, Trainer
from tests.emulation import array_module, arrays, on_gpu
from tests.train.small import batch_of

ITERATIONS = 20

HEAD = """
[net]
width=32
height=32
channels=3
batch=4
subdivisions={subdivisions}
learning_rate={rate}
max_batches=20
momentum=0.9
decay=0.0005
burn_in=3
ema_alpha=0.9
adam={adam}
"""

DETECTOR = """
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=mish

[convolutional]
batch_normalize=1
filters=8
groups=8
size=3
pad=1
activation=relu6

[convolutional]
filters=8
size=1
activation=swish

[shortcut]
from=-3
activation=leaky

[maxpool]
size=2
stride=2

[dropout]
probability=.1

[convolutional]
batch_normalize=1
filters=10
size=3
stride=2
pad=1
activation=leaky

[maxpool]
size=3
stride=1

[route]
layers=-1,-2

[avgpool]

[convolutional]
filters=20
size=1
activation=logistic

[scale_channels]
from=-3

[convolutional]
filters=14
size=1
activation=linear

[yolo]
mask=1,2
anchors=4,4, 8,8, 16,16
classes=2
num=3
iou_loss=ciou
iou_normalizer=0.07
scale_x_y=1.05

[route]
layers=-3

[upsample]
stride=2

[route]
layers=-1,-12
groups=2
group_id=1

[convolutional]
filters=7
size=1
activation=linear

[yolo]
mask=0
anchors=4,4, 8,8, 16,16
classes=2
num=3
"""

CLASSIFIER = """
[convolutional]
batch_normalize=1
filters=6
size=3
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[local]
filters=2
size=3
stride=3
activation=tanh

[connected]
output=12
activation=elu
batch_normalize=1

[connected]
output=5
activation=linear

[softmax]
"""


def trainer(text: str, ops: Ops, **values: Any) -> Trainer:
    options = {"subdivisions": 2, "rate": 0.005, "adam": 0, **values}
    # not 3: there two numbers under a maxpool come to differ by 6e-8 of the largest, and rounding chooses which learns
    return Trainer(build(parse(HEAD.format(**options) + text), ops, seed=1), Progress(seed=4))


def classes_of(iteration: int) -> Any:
    """Pictures that are brighter the higher their class."""
    rng = np.random.default_rng([5, iteration])
    labels = rng.integers(5, size=4)
    images = rng.random((4, 3, 32, 32), dtype=np.float32) * (0.2 + 0.2 * labels[:, None, None, None])
    return SimpleNamespace(
        images=images.astype(np.float32),
        truth=np.eye(5, dtype=np.float32)[labels],
        paths=[Path("x.jpg")] * 4,
        wait_seconds=0.0,
    )


def losses(trainer: Trainer, batches: Any) -> list[float]:
    return [trainer.step(batches(i)).loss for i in range(ITERATIONS)]


TRAININGS = {  # cfg, batches, options, how near the parameters stay
    "detector": (DETECTOR, batch_of, {}, 1e-4),
    "classifier": (CLASSIFIER, classes_of, {"rate": 0.01, "subdivisions": 1}, 1e-4),
    # Adam's step has the same length for any gradient, also for one that is nothing but rounding
    "classifier-adam": (CLASSIFIER, classes_of, {"rate": 0.001, "adam": 1}, 1e-2),
}


@pytest.fixture(autouse=True)
def _kernels_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels of CuPy's own are refused, also to the optimiser and the average."""
    if not on_gpu():
        monkeypatch.setattr(arrays.Settings, "kernels_only", True)


@pytest.mark.parametrize("name", TRAININGS)
def test_follows_the_training_on_the_processor(name: str) -> None:
    text, batches, values, near = TRAININGS[name]
    ours, reference = trainer(text, CupyOps(array_module()), **values), trainer(text, NumpyOps(threads=1), **values)
    np.testing.assert_allclose(losses(ours, batches), losses(reference, batches), rtol=1e-4)
    pairs = zip(ours.net.parameters(), reference.net.parameters(), strict=True)
    for (node, param), (_, expected) in pairs:
        got, want = ours.net.ops.to_host(param.value), reference.net.ops.to_host(expected.value)
        far = np.abs(got - want).max() / np.abs(want).max()
        assert far < near, f"{node.name} {param.spec.name}: {far}"
    for key, average in reference.ema.values.items():
        np.testing.assert_allclose(ours.net.ops.to_host(ours.ema.values[key]), average, rtol=near, atol=near)
