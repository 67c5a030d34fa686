"""Changing a picture instead of the weights: until a layer answers it more strongly, or as it answers another one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from darknet_py.data.images import resize
from darknet_py.errors import CfgError
from darknet_py.layers import Context
from darknet_py.layers.dropout import Dropout
from darknet_py.network import Network
from darknet_py.network.tools import denormalize

Image = npt.NDArray[np.float32]
"""(c, h, w), from 0 to 1"""
Array = npt.NDArray[Any]

OCTAVE = 4 / 3  # ratio of two sizes
SHIFT = 8  # pixels that a picture is moved by at most, so that no grid shows
FEATURE_NOISE = 0.19  # what is added to the answer that a reconstruction aims at (nightmare.c:257)


@dataclass(frozen=True)
class DreamOptions:
    """Darknet's, with its defaults."""

    layer: int
    range: int = 1
    """how many layers around `layer` are taken, by chance"""
    octaves: int = 4
    """how many sizes the picture is seen in, by chance"""
    rate: float = 0.04
    thresh: float = 1.0
    """standard deviations above the mean from which on an output counts"""
    norm: bool = True
    """whether each step is brought to mean 0 and deviation 1"""


class Dreamer:
    """A network seen as a function of the picture: no random or batch-wise layer, and every gradient passes.

    Layers up to `last` are used; CfgError where there is no such layer.
    """

    def __init__(self, net: Network, last: int) -> None:
        if not 0 <= last < len(net.nodes):
            where = net.nodes[0].section.path
            raise CfgError(f"{where}: has the layers 0 to {len(net.nodes) - 1}, and not {last}")
        plain = denormalize(net)
        self.net = replace(plain, nodes=tuple(replace(n, layer=_still(n.layer)) for n in plain.nodes[: last + 1]))

    def outputs(self, image: Image, layer: int) -> Array:
        """What `layer` gives for the picture: (c, h, w)."""
        net = self._at(image, layer)
        return net.ops.to_host(net.forward(net.ops.array(image[None]), Context(net.ops)).outputs[layer])[0]

    def gradient(self, image: Image, layer: int, want: Any) -> Image:
        """How the picture would have to change for the outputs of `layer` to change by want(outputs): (c, h, w)."""
        net = self._at(image, layer)
        done = net.forward(net.ops.array(image[None]), Context(net.ops, train=True))
        wanted = want(net.ops.to_host(done.outputs[layer]))
        change = net.backward(done, {layer: net.ops.array(wanted)})
        for _, param in net.parameters():
            param.grad = None
        return np.zeros_like(image) if change is None else net.ops.to_host(change)[0].astype(np.float32)

    def _at(self, image: Image, layer: int) -> Network:
        """The layers up to `layer` over pictures of this size."""
        cut = replace(self.net, nodes=self.net.nodes[: layer + 1])
        return cut.resized(image.shape[2], image.shape[1])


def _still(layer: Any) -> Any:
    layer = replace(layer, onlyforward=False, stopbackward=0)
    return replace(layer, probability=0.0, dropblock=False) if isinstance(layer, Dropout) else layer


def exaggerate(dreamer: Dreamer, image: Image, options: DreamOptions, rng: np.random.Generator) -> Image:
    """A step towards a picture for which a layer's strongest outputs are stronger (DeepDream, Mordvintsev 2015)."""
    layer = options.layer + int(rng.integers(options.range)) - options.range // 2
    layer = min(max(layer, 0), len(dreamer.net.nodes) - 1)
    zoom = OCTAVE ** -int(rng.integers(options.octaves))
    dx, dy = (int(d) for d in rng.integers(-SHIFT, SHIFT, 2))
    flip = -1 if rng.integers(2) else 1
    _, h, w = image.shape
    seen = resize(shifted(image, dx, dy), max(1, int(w * zoom)), max(1, int(h * zoom)))[:, :, ::flip]
    change = dreamer.gradient(np.ascontiguousarray(seen), layer, lambda y: strongest(y, options.thresh))
    change = shifted(resize(np.ascontiguousarray(change[:, :, ::flip]), w, h), -dx, -dy)
    if options.norm:
        change = (change - change.mean()) / max(float(change.std()), 1e-12)
    return np.clip(image + np.float32(options.rate) * change, 0, 1).astype(np.float32)


def strongest(y: Array, thresh: float) -> Array:
    """The outputs that are more than `thresh` standard deviations above the mean; 0 in place of the others."""
    return np.where(y > y.mean() + thresh * y.std(), y, 0)


@dataclass
class Reconstruction:
    """A picture that is made to give the outputs `features` of a layer (Mahendran and Vedaldi 2015)."""

    dreamer: Dreamer
    layer: int
    features: Array
    image: Image
    update: Image
    rate: float = 0.04
    momentum: float = 0.9
    smooth: float = 0.01
    """how strongly each pixel is drawn to its neighbours"""
    reach: int = 1
    """how far those are"""

    def step(self) -> float:
        """A step of gradient descent; the mean square by which the outputs were off before it."""
        error = 0.0

        def towards(y: Array) -> Array:
            nonlocal error
            error = float(((self.features - y) ** 2).mean())
            return self.features - y

        self.update += self.dreamer.gradient(self.image, self.layer, towards)
        self.update += np.float32(self.smooth) * neighbours(self.image, self.reach)
        self.image = np.clip(self.image + np.float32(self.rate) * self.update, 0, 1)
        self.update *= np.float32(self.momentum)
        return error


def reconstruction(dreamer: Dreamer, layer: int, image: Image, rng: np.random.Generator) -> Reconstruction:
    """One that starts from noise and aims at what `layer` gives for `image`, but for some noise."""
    features = dreamer.outputs(image, layer)
    features = features + rng.uniform(-FEATURE_NOISE, FEATURE_NOISE, features.shape)
    start = rng.normal(0.5, 0.25, image.shape).clip(0, 1).astype(np.float32)
    return Reconstruction(dreamer, layer, features[None], start, np.zeros_like(start))


def neighbours(image: Image, reach: int) -> Image:
    """For each pixel the sum of its differences to the pixels up to `reach` away."""
    ones = cv2.boxFilter(np.ones(image.shape[1:]), -1, (2 * reach + 1,) * 2, normalize=False, borderType=0)
    sums = [cv2.boxFilter(p, -1, (2 * reach + 1,) * 2, normalize=False, borderType=0) for p in image.astype(float)]
    return (np.stack(sums) - ones * image).astype(np.float32)


# ------------------------------------------------------------------------------------------------------- geometry


def shifted(image: Image, dx: int, dy: int) -> Image:
    """The part of the picture's own size that begins at (dx, dy); what lies outside repeats the border."""
    _, h, w = image.shape
    rows, columns = np.clip(np.arange(h) + dy, 0, h - 1), np.clip(np.arange(w) + dx, 0, w - 1)
    return image[:, rows[:, None], columns]


def turned(image: Image, angle: float) -> Image:
    """The picture turned about its centre by `angle` (radians, to the left); black where there was nothing."""
    _, h, w = image.shape
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = w / 2, h / 2
    source = np.array([[cos, -sin, x - cos * x + sin * y], [sin, cos, y - sin * x - cos * y]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack([cv2.warpAffine(plane, source, (w, h), flags=flags) for plane in image])


def zoomed(image: Image, zoom: float) -> Image:
    """The middle of the picture, `zoom` of its sides, at the size of the whole."""
    _, h, w = image.shape
    part_w, part_h = max(1, int(w * zoom)), max(1, int(h * zoom))
    rows = np.clip(np.arange(part_h) + int(h * (1 - zoom) / 2), 0, h - 1)
    columns = np.clip(np.arange(part_w) + int(w * (1 - zoom) / 2), 0, w - 1)
    return resize(np.ascontiguousarray(image[:, rows[:, None], columns]), w, h)
