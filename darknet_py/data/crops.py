"""How a classifier sees a picture when it isn't trained: AlexeyAB's and pjreddie's sizes and crops.

A picture is uint8 (h, w, c); an image float32 (c, h, w) in 0..1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from darknet_py.data.images import Image, Picture, letterbox, resize, to_float

SCALES = (224, 288, 320, 352, 384)  # sizes of `validmulti` (classifier.c)
SHIFT = 32  # pixels between the crops of `valid10`
ALEXEY, PJREDDIE = "alexey", "pjreddie"
CROPS = (ALEXEY, PJREDDIE)

Views = Callable[[Picture, int, int], list[Image]]
"""(picture, network's w, its h) -> images whose predictions are added up"""


def resize_min(image: Image, size: int) -> Image:
    """The image at its own aspect, its shorter side `size` long; integers as in C."""
    _, h, w = image.shape
    return resize(image, size, max(1, h * size // w)) if w < h else resize(image, max(1, w * size // h), size)


def resize_max(image: Image, size: int) -> Image:
    """The image at its own aspect, its longer side `size` long."""
    _, h, w = image.shape
    return resize(image, size, max(1, h * size // w)) if w > h else resize(image, max(1, w * size // h), size)


def crop(image: Image, left: int, top: int, w: int, h: int) -> Image:
    """The part (c, h, w) whose corner is at (left, top); beyond the border the nearest pixel is repeated."""
    rows = np.clip(np.arange(top, top + h), 0, image.shape[1] - 1)
    columns = np.clip(np.arange(left, left + w), 0, image.shape[2] - 1)
    return image[:, rows[:, None], columns]


def centre(picture: Picture, w: int, h: int) -> list[Image]:
    """The picture's middle, AlexeyAB's way: first resized to the network's width, then cropped."""
    image = resize_min(to_float(picture), w)
    return [crop(image, _half(image.shape[2] - w), _half(image.shape[1] - h), w, h)]


def centre_square(picture: Picture, w: int, h: int) -> list[Image]:
    """The picture's middle, pjreddie's way: first the largest square, then resized."""
    picture_h, picture_w, _ = picture.shape
    side = min(picture_h, picture_w)
    left, top = (picture_w - side) // 2, (picture_h - side) // 2
    return [resize(to_float(picture[top : top + side, left : left + side]), w, h)]


def boxed(picture: Picture, w: int, h: int) -> list[Image]:
    """The whole picture with a grey border: pjreddie's `predict`."""
    return [letterbox(to_float(picture), w, h)]


def squeezed(picture: Picture, w: int, h: int) -> list[Image]:
    """The whole picture at the network's size whatever its aspect: `validcrop`."""
    return [resize(to_float(picture), w, h)]


def full(picture: Picture, w: int, h: int) -> list[Image]:
    """The whole picture, its shorter side as long as the network's width: `validfull`."""
    return [resize_min(to_float(picture), w)]


def ten(picture: Picture, w: int, h: int) -> list[Image]:
    """Five places, and the same of the mirrored picture: `valid10`.

    As in the reference they are SHIFT pixels away from the upper left crop, so that some reach beyond the border.
    """
    image = resize(to_float(picture), w + SHIFT, h + SHIFT)
    places = [(-SHIFT, -SHIFT), (SHIFT, -SHIFT), (0, 0), (-SHIFT, SHIFT), (SHIFT, SHIFT)]
    return [crop(seen, *place, w, h) for seen in (image, image[:, :, ::-1]) for place in places]


def scales(picture: Picture, w: int, h: int) -> list[Image]:
    """The whole picture at five sizes of its shorter side, and mirrored: `validmulti`."""
    return _at_scales(picture, resize_min)


def scales_of_longer_side(picture: Picture, w: int, h: int) -> list[Image]:
    """As `scales`, but of its longer side: pjreddie's."""
    return _at_scales(picture, resize_max)


def _at_scales(picture: Picture, fit: Callable[[Image, int], Image]) -> list[Image]:
    image = to_float(picture)
    sized = [fit(image, size) for size in SCALES]
    return [seen for one in sized for seen in (one, one[:, :, ::-1])]


def _half(excess: int) -> int:
    """Half of it, towards zero as in C."""
    return int(excess / 2)


VIEWS: dict[tuple[str, str], Views] = {
    ("valid", ALEXEY): centre,
    ("valid", PJREDDIE): centre_square,
    ("predict", ALEXEY): centre,
    ("predict", PJREDDIE): boxed,
    ("label", ALEXEY): centre,
    ("label", PJREDDIE): centre_square,
    ("validcrop", ALEXEY): squeezed,
    ("validcrop", PJREDDIE): squeezed,
    ("validfull", ALEXEY): full,
    ("validfull", PJREDDIE): full,
    ("valid10", ALEXEY): ten,
    ("valid10", PJREDDIE): ten,
    ("validmulti", ALEXEY): scales,
    ("validmulti", PJREDDIE): scales_of_longer_side,
}
"""By the command's word and whose crop is wanted"""
