"""Pictures in, detections out: what `detector test`, `map` and training's evaluation share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.boxes import Detections, together
from darknet_py.data.images import letterbox_size, network_input
from darknet_py.errors import CfgError
from darknet_py.layers import Head
from darknet_py.network import Network, runner
from darknet_py.ops.heads.cells import Decoding
from darknet_py.ops.heads.found import Wanted, in_picture
from darknet_py.ops.nms import nms

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Detector:
    """A network with detection heads, ready for inference; see `for_inference`.

    reported: of a [region] with a tree of classes those that objects are told to be, if not all.
    """

    net: Network
    reported: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        heads = [head for _, head in self.net.heads]
        where = self.net.nodes[-1].section.path
        if not heads:
            raise CfgError(f"{where}: has no detection layer ([yolo] or [region])")
        if len({head.classes for head in heads}) > 1:
            counts = ", ".join(str(head.classes) for head in heads)
            raise CfgError(f"{where}: its detection layers have different classes= ({counts})")

    @property
    def head(self) -> Head:
        """The last detection layer, whose nms options count, as in Darknet (detector.c:1645)."""
        return self.net.heads[-1][1]

    @cached_property
    def _decodings(self) -> list[tuple[int, Decoding]]:
        """Of each head its layer's index, and what its boxes depend on."""
        return [(i, layer.decoding(self.net.size)) for i, layer in self.net.heads]

    @cached_property
    def _outputs(self) -> Callable[[npt.NDArray[np.float32]], Any]:
        return runner(self.net)

    def detect(
        self,
        pictures: Sequence[Picture],
        thresh: float,
        nms_thresh: float = 0.45,
        letter_box: bool = False,
        pixels: bool = False,
    ) -> list[Detections]:
        """Objects of each picture (h, w, c) of 8 bits, RGB; boxes relative to the picture, or in its `pixels`.

        All pictures go through the network as one batch, whatever their sizes. NMS compares boxes in that unit, which
        matters where it is by DIoU.
        """
        size, head = self.net.size, self.head
        images = [network_input(picture, *size, letter_box) for picture in pictures]
        inputs = np.stack(images) if len(images) > 1 else images[0][None]
        sizes = np.array([picture.shape[1::-1] for picture in pictures])
        wanted = Wanted(
            thresh,
            np.stack([_share((w, h), size) for w, h in sizes]) if letter_box else None,
            nms_thresh,
            head.nms_kind,
            head.beta_nms,
            sizes if pixels else None,
            self.reported,
        )
        outputs = self._outputs(inputs)
        return self.net.ops.found([(decoding, outputs[i]) for i, decoding in self._decodings], wanted)

    def outputs(self, inputs: npt.NDArray[np.float32]) -> dict[int, npt.NDArray[np.float32]]:
        """What the heads give for the network's inputs (n, c, h, w), by layer index."""
        ops = self.net.ops
        outputs = self._outputs(inputs)
        return {i: ops.to_host(outputs[i]) for i, _ in self.net.heads}

    def boxes(self, outputs: dict[int, npt.NDArray[np.float32]], thresh: float) -> list[Detections]:
        """What is above `thresh` in the heads' outputs, for each picture; boxes relative to the input."""
        size = self.net.size
        by_head = [head.detections(outputs[i], size, thresh, self.reported) for i, head in self.net.heads]
        return [together(picture) for picture in zip(*by_head, strict=True)]

    def suppress(self, found: Detections, nms_thresh: float) -> Detections:
        """The detections of a picture after the NMS that the cfg asks for; as they are where `nms_thresh` is 0."""
        return nms(found, nms_thresh, self.head.nms_kind, self.head.beta_nms) if nms_thresh > 0 else found


def unletterbox(found: Detections, picture: tuple[int, int], size: tuple[int, int]) -> Detections:
    """Boxes relative to a network input of `size` that shows a letterboxed picture -> relative to the picture.

    Both (w, h).
    """
    return in_picture(found, _share(picture, size))


def _share(picture: tuple[int, int], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """(w, h) of the input that a letterboxed picture takes."""
    return np.divide(letterbox_size(*picture, *size), size).astype(np.float32)
