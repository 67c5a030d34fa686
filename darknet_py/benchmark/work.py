"""The works that are measured: a batch of pictures on its way to its objects or classes, and a step of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.benchmark.rates import waiting
from darknet_py.benchmark.timing import Stopwatch
from darknet_py.data.crops import centre
from darknet_py.data.images import Picture, load_image, network_input
from darknet_py.detector import Detector
from darknet_py.errors import CfgError
from darknet_py.layers import Context
from darknet_py.network import Network, runner
from darknet_py.train.loop import Progress, Trainer

Array = npt.NDArray[Any]
Work = Callable[[Stopwatch], object]
"""Does the work once and tells a stopwatch its stages, of which "network" is what a row's median is of."""
Compute = Callable[[Array], list[Array]]
NETWORK = "network"
NMS_THRESH = 0.45
PICTURE_CHANNELS = (1, 3)
RANDOM_BOXES = 100  # a picture's, where weights are random and thresholds mean nothing: those of a busy picture
TRUTH_BOXES = 8  # objects of a picture in training: COCO has 7.3


def inference(net: Network, batch: int, picture: Path, thresh: float | None) -> Work:
    """`net`, see `for_inference`, on `batch` copies of the file `picture`.

    thresh: None where the weights are random: then such a threshold that `RANDOM_BOXES` boxes are above it.
    """
    if net.input.c not in PICTURE_CHANNELS:
        numbers = np.random.default_rng(0).random((batch, *net.input), np.float32)
        return partial(_compute, computing(net), numbers)
    if not net.heads:
        return partial(_classify, net, computing(net), batch, picture)
    detector = Detector(net)
    return partial(_detect, detector, batch, picture, _likely(detector, picture) if thresh is None else thresh)


def _compute(compute: Compute, numbers: Array, watch: Stopwatch) -> None:
    """A network that sees no pictures, such as one for Go."""
    with watch.stage(NETWORK):
        compute(numbers)


def _classify(net: Network, compute: Compute, batch: int, path: Path, watch: Stopwatch) -> None:
    with watch.stage("decode"):
        pictures = [load_image(path, net.input.c) for _ in range(batch)]
    with watch.stage("resize"):
        inputs = np.stack([image for picture in pictures for image in centre(picture, *net.size)])
    with watch.stage(NETWORK):
        compute(inputs)


def _detect(detector: Detector, batch: int, path: Path, thresh: float, watch: Stopwatch) -> None:
    with watch.stage("decode"):
        pictures = [load_image(path, detector.net.input.c) for _ in range(batch)]
    with watch.stage("resize"):
        inputs = _inputs(detector, pictures)
    with watch.stage(NETWORK):
        outputs = detector.outputs(inputs)
    with watch.stage("box_decode"):
        found = detector.boxes(outputs, thresh)
    with watch.stage("nms"):
        for objects in found:
            detector.suppress(objects, NMS_THRESH)


def _inputs(detector: Detector, pictures: list[Picture]) -> Array:
    return np.stack([network_input(picture, *detector.net.size) for picture in pictures])


def computing(net: Network) -> Compute:
    """The outputs of the heads, or of the last layer, on the host, for inputs (n, c, h, w) from there."""
    run = runner(net)
    return lambda numbers: [net.ops.to_host(y) for y in run(numbers).values()]


def _likely(detector: Detector, path: Path) -> float:
    """The threshold that `RANDOM_BOXES` boxes of the picture are above."""
    inputs = _inputs(detector, [load_image(path, detector.net.input.c)])
    (found,) = detector.boxes(detector.outputs(inputs), 0.0)
    ranked = np.sort(found.objectness)[::-1]
    return float(ranked[min(RANDOM_BOXES, len(ranked) - 1)]) if len(ranked) else 0.0


# ------------------------------------------------------------------------------------------------------- training


@dataclass(frozen=True)
class RandomBatch:
    """What a loader would give, of noise: see `darknet_py.train.loop.Batch`."""

    images: npt.NDArray[np.float32]
    truth: npt.NDArray[np.float32]
    paths: tuple[Path, ...]
    wait_seconds: float = 0.0


def training(net: Network, batch: int) -> Work:
    """A whole iteration of `net` on `batch` pictures in one piece: forward, loss, backward, update.

    The learning rate is nearly 0, so that noise can't spoil the weights. CfgError where the network has no loss.
    """
    options = replace(
        net.options, batch=batch, subdivisions=1, policy="constant", burn_in=0, learning_rate=1e-9, max_batches=10**9
    )
    trainer = Trainer(replace(net, options=options), Progress(seed=0))
    pictures = random_batch(net, batch)
    if not _has_loss(net, pictures):
        raise CfgError(f"{net.nodes[-1].section.path}: has no layer with a loss to train, such as [yolo] or [softmax]")
    wait = waiting(net.ops)

    def step(watch: Stopwatch) -> None:
        with watch.stage(NETWORK):
            trainer.step(pictures)
            wait()

    return step


def _has_loss(net: Network, pictures: RandomBatch) -> bool:
    first = Context(net.ops, train=True, truth=pictures.truth[:1], rng=np.random.default_rng(0))
    return bool(net.forward(net.ops.array(pictures.images[:1]), first).losses)


def random_batch(net: Network, batch: int) -> RandomBatch:
    """Noise with `TRUTH_BOXES` boxes in each picture, or with one class each."""
    rng = np.random.default_rng(0)
    images = rng.random((batch, *net.input), np.float32)
    if net.heads:
        truth = rng.uniform(0.2, 0.8, (batch, TRUTH_BOXES, 5)).astype(np.float32)
        truth[:, :, 2:4] /= 2
        truth[:, :, 4] = rng.integers(net.heads[-1][1].classes, size=(batch, TRUTH_BOXES))
    else:
        classes = net.nodes[-1].shape.size
        truth = np.eye(classes, dtype=np.float32)[rng.integers(classes, size=batch)]
    return RandomBatch(images, truth, tuple(Path(f"{i}.jpg") for i in range(batch)))
