"""Images in, probabilities of classes out: what the classifier's commands and its training share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.errors import CfgError
from darknet_py.layers.losses import Softmax
from darknet_py.layers.tree import Tree
from darknet_py.network import Network, runner

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Classifier:
    """A network whose last layer gives a number for each class, ready for inference; see `for_inference`."""

    net: Network

    def __post_init__(self) -> None:
        if self.net.heads:
            raise CfgError(f"{self.net.nodes[-1].section.path}: is a detector: `darknet_py detector` is for those")

    @property
    def classes(self) -> int:
        """Numbers that come out."""
        return self.net.nodes[-1].shape.size

    @cached_property
    def tree(self) -> Tree | None:
        """The tree of classes, where the last [softmax] has one."""
        layers = [node.layer for node in self.net.nodes if isinstance(node.layer, Softmax)]
        return layers[-1].hierarchy if layers else None

    @cached_property
    def _outputs(self) -> Callable[[Array], Any]:
        return runner(self.net)

    def probabilities(self, images: Sequence[Array], batch: int = 16) -> Array:
        """(n, classes) for n images (c, h, w), which may have different sizes. Of a tree: given no parent."""
        result = np.empty((len(images), self.classes), np.float32)
        for indices in _of_one_size(images, batch):
            result[indices] = self._run(np.stack([images[i] for i in indices]))
        return result if self.tree is None else self.tree.absolute(result)

    def _run(self, images: Array) -> Array:
        ops = self.net.ops
        _, _, h, w = images.shape
        net = self.net.resized(w, h)
        if net.nodes[-1].shape.size != self.classes:
            raise CfgError(f"{net.nodes[-1].section.path}: gives other outputs with an input of {w} x {h}")
        output = self._outputs(images)[net.nodes[-1].index]
        found: Array = ops.to_host(output).reshape(len(images), -1)
        return found


def _of_one_size(images: Sequence[Array], batch: int) -> Iterator[list[int]]:
    """Indices of up to `batch` images that have the same size."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for i, image in enumerate(images):
        groups.setdefault(image.shape, []).append(i)
    for indices in groups.values():
        for start in range(0, len(indices), batch):
            yield indices[start : start + batch]
