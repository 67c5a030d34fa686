"""A training so small that an iteration takes some milliseconds."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from darknet_py.config.section import parse
from darknet_py.network import Network, build
from darknet_py.ops import NumpyOps
from darknet_py.train.loop import Progress, Trainer

SMALL = """
[net]
width=32
height=32
channels=3
batch=4
subdivisions=2
learning_rate=.01
max_batches=20
burn_in=4
{net}

[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky

[convolutional]
batch_normalize=1
filters=8
size=3
stride=4
pad=1
activation=leaky
{layer}

[dropout]
probability=.1

[convolutional]
filters=14
size=1
activation=linear

[yolo]
mask=0,1
anchors=8,8, 16,16
classes=2
num=2
"""


def small_network(net: str = "", layer: str = "", dtype: Any = np.float32) -> Network:
    return build(parse(SMALL.format(net=net, layer=layer)), NumpyOps(dtype, threads=1), seed=1)


def batch_of(iteration: int, size: tuple[int, int] = (32, 32), poison: bool = False) -> Any:
    """The batch of an iteration: random pictures, one box each. `poison` puts a NaN into the last picture."""
    rng = np.random.default_rng([7, iteration])
    images = rng.random((4, 3, size[1], size[0]), dtype=np.float32)
    if poison:
        images[3, 0, 0, 0] = np.nan
    truth = np.zeros((4, 3, 5), np.float32)
    truth[:, 0] = rng.uniform(0.2, 0.8, (4, 5))
    truth[:, 0, 4] = rng.integers(2, size=4)
    paths = [Path(f"{iteration}_{i}.jpg") for i in range(4)]
    return SimpleNamespace(iteration=iteration, images=images, truth=truth, paths=paths, wait_seconds=0.0)


def state_of(trainer: Trainer) -> dict[str, Any]:
    """Everything that training has changed, as bytes."""
    arrays = {(n.index, p.spec.name): p.value.tobytes() for n, p in trainer.net.parameters()}
    states = {key: [a.tobytes() for a in state] for key, state in trainer.optimizer.state.items()}
    ema = {key: value.tobytes() for key, value in trainer.ema.values.items()}
    return {"arrays": arrays, "states": states, "ema": ema, "progress": deepcopy(vars(trainer.progress))}


def small_trainer(net: str = "", layer: str = "", dtype: Any = np.float32) -> Trainer:
    return Trainer(small_network(net, layer, dtype), Progress(seed=3))


def train(trainer: Trainer, until: int) -> Trainer:
    while trainer.progress.iteration < until:
        trainer.step(batch_of(trainer.progress.iteration))
    return trainer
