"""Small networks for the tests."""

from __future__ import annotations

from typing import Any

from darknet_py.config.section import parse
from darknet_py.network import Network, build
from darknet_py.ops import NumpyOps, Ops

YOLO = """
[net]
width=32
height=24
channels=3

[convolutional]
batch_normalize=1
filters=4
size=3
stride=1
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
batch_normalize=1
filters=6
size=3
stride=2
pad=1
activation=leaky

[convolutional]
batch_normalize=1
filters=6
size=3
pad=1
activation=mish

[shortcut]
from=-2
activation=linear

[convolutional]
filters=14
size=1
activation=linear

[yolo]
mask=1,2
anchors=4,5, 8,7, 14,12
classes=2
num=3
ignore_thresh=.3
iou_normalizer=1

[route]
layers=-3

[convolutional]
batch_normalize=1
filters=3
size=1
activation=leaky

[upsample]
stride=2

[route]
layers=-1, 1

[convolutional]
filters=7
size=3
pad=1
activation=linear

[yolo]
mask=0
anchors=4,5, 8,7, 14,12
classes=2
num=3
ignore_thresh=.3
iou_normalizer=1
"""


def network(text: str, ops: Ops | None = None, **options: Any) -> Network:
    """The network of `text`, in float64."""
    return build(parse(text), ops or NumpyOps(dtype="float64", threads=1), **options)


def chain(*sections: str, net: str = "width=6 height=5 channels=3") -> str:
    """``chain("convolutional filters=2 size=1", "avgpool")`` -> cfg text."""
    lines = []
    for text in (f"net {net}", *sections):
        name, *options = text.split(" ")
        lines += [f"[{name}]", *options]
    return "\n".join(lines)
