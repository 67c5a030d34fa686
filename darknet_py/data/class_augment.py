"""Darknet's augmentation for classifiers: turned, stretched and coloured crops, mixed with others.

As for detectors everything random is drawn first, into a `Recipe` that knows no picture; `apply` follows it. The
geometry is random_augment_image's (image.c), the mixing load_data_augment's (data.c).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from darknet_py.data.images import Picture
from darknet_py.data.pixels import recolour
from darknet_py.data.recipe import sample_scale
from darknet_py.errors import CfgError

MIXUP, CUTMIX, MOSAIC, CUTMIX_OR_MOSAIC = 1, 2, 3, 4  # values of mixup=
_CUT = (0.3, 0.8)  # sides of what cutmix pastes, as parts of the sample's
_MARGIN = 0.2  # the four pictures of a mosaic meet between 20 % and 80 % of the width and height
_DEFAULT_BLUR = 15  # pixels, for blur=1

Mix = Literal[0, 1, 2, 3]
Truth = NDArray[np.float32]


@dataclass(frozen=True)
class ClassAugmentOptions:
    """How strong the augmentation is; names and meanings of the cfg's [net].

    min_crop, max_crop: the picture's shorter side is brought to a random size between them before the network's size
    is cut out of it. angle: +- degrees. aspect, saturation, exposure: factor of up to this, or one over it. hue: +-
    this part of the circle. mixup: half of the samples are mixed of two pictures laid over each other (1), with a
    part of another pasted in (2), of four that meet (3), of either kind (4). blur: kernel of a blur that a quarter of
    the samples get. center: the crop's longer side loses as much at both ends. width: of the samples that min_crop and
    max_crop are for; for others they are larger or smaller in proportion. 0: they are the same for all.
    """

    min_crop: int
    max_crop: int
    angle: float = 0.0
    aspect: float = 1.0
    flip: bool = True
    hue: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0
    mixup: int = 0
    blur: int = 0
    center: bool = False
    width: int = 0

    def __post_init__(self) -> None:
        for name in ("min_crop", "max_crop", "aspect", "saturation", "exposure"):
            if not getattr(self, name) > 0:
                raise CfgError(f"{name}={getattr(self, name)}: must be above 0")
        if self.mixup > CUTMIX_OR_MOSAIC:
            raise CfgError(f"mixup={self.mixup}: valid are 0 to {CUTMIX_OR_MOSAIC}")


@dataclass(frozen=True)
class View:
    """How one picture is seen. crop: length of its shorter side, in pixels of the sample. radians: turned by.

    shift: (x, y) in -1..1, from one end of what the crop leaves free to the other.
    """

    crop: int
    radians: float = 0.0
    aspect: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    flip: bool = False
    hue: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0


@dataclass(frozen=True)
class Recipe:
    """How a sample is made of as many pictures as there are views.

    size, place: of cutmix's part, (w, h) and (x, y) as parts of the sample and of the room there is; place is where
    the pictures of a mosaic meet, too. blur: the kernel's size, 0 none.
    """

    views: tuple[View, ...]
    mix: Mix = 0
    size: tuple[float, float] = (0.5, 0.5)
    place: tuple[float, float] = (0.5, 0.5)
    blur: int = 0


def scaled(options: ClassAugmentOptions, width: int) -> ClassAugmentOptions:
    """The options for samples of another width."""
    if options.width in (0, width):
        return options
    low, high = (max(1, side * width // options.width) for side in (options.min_crop, options.max_crop))
    return replace(options, min_crop=low, max_crop=high, width=width)


def sample(rng: np.random.Generator, options: ClassAugmentOptions) -> Recipe:
    """Draws a recipe."""
    mix = _sample_mix(rng, options.mixup)
    low, high = (_MARGIN, 1 - _MARGIN) if mix == MOSAIC else (0.0, 1.0)
    kernel = _DEFAULT_BLUR if options.blur == 1 else options.blur // 2 * 2 + 1
    return Recipe(
        views=tuple(_sample_view(rng, options) for _ in range(4 if mix == MOSAIC else 2 if mix else 1)),
        mix=mix,
        size=(float(rng.uniform(*_CUT)), float(rng.uniform(*_CUT))),
        place=(float(rng.uniform(low, high)), float(rng.uniform(low, high))),
        blur=kernel if options.blur and rng.random() < 0.25 else 0,
    )


def _sample_mix(rng: np.random.Generator, mixup: int) -> Mix:
    if not mixup or rng.random() < 0.5:
        return 0
    if mixup == CUTMIX_OR_MOSAIC:
        return CUTMIX if rng.random() < 0.5 else MOSAIC  # type: ignore[return-value]
    return mixup  # type: ignore[return-value]


def _sample_view(rng: np.random.Generator, options: ClassAugmentOptions) -> View:
    low, high = sorted((options.min_crop, options.max_crop))
    angle, reach = abs(options.angle), 0 if options.center else 1
    return View(
        crop=int(rng.integers(low, high + 1)),
        radians=math.radians(rng.uniform(-angle, angle)),
        aspect=sample_scale(rng, options.aspect),
        shift=(float(rng.uniform(-reach, reach)), float(rng.uniform(-reach, reach))),
        flip=bool(options.flip and rng.random() < 0.5),
        hue=float(rng.uniform(-options.hue, options.hue)),
        saturation=sample_scale(rng, options.saturation),
        exposure=sample_scale(rng, options.exposure),
    )


def apply(
    recipe: Recipe, pictures: Sequence[Picture], truths: Sequence[Truth], w: int, h: int
) -> tuple[Picture, Truth]:
    """The sample (h, w, c) that the recipe makes of a picture and its truth (classes,) per view, and its truth."""
    seen = [see(view, picture, w, h) for view, picture in zip(recipe.views, pictures, strict=True)]
    picture, shares = _MIXED[recipe.mix](recipe, seen)
    if recipe.blur:
        picture = cv2.GaussianBlur(picture, (recipe.blur, recipe.blur), 0).reshape(picture.shape)
    return picture, np.array(shares, np.float32) @ np.stack(truths)


def see(view: View, picture: Picture, w: int, h: int) -> Picture:
    """The picture as the view shows it, at w x h; black beyond its border, as in the reference."""
    size = max(w, h)
    seen = cv2.warpAffine(
        picture, view_matrix(view, picture, size), (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    if view.flip:
        seen = cv2.flip(seen, 1)
    seen = recolour(seen.reshape(size, size, picture.shape[2]), view.hue, view.saturation, view.exposure, wrap=True)
    if w != h:
        seen = cv2.resize(seen, (w, h), interpolation=cv2.INTER_LINEAR)
    return seen.reshape(h, w, picture.shape[2])


def view_matrix(view: View, picture: Picture, size: int) -> NDArray[np.float64]:
    """(2, 3): where in the picture a pixel (x, y, 1) of the sample, size x size, lies."""
    picture_h, picture_w, _ = picture.shape
    scale = view.crop / max(1, min(picture_h, int(picture_w * view.aspect)))
    free = (
        max(0.0, (picture_w * scale / view.aspect - size) / 2),
        max(0.0, (picture_h * scale - size) / 2),
    )
    x, y = (part * room - size / 2 for part, room in zip(view.shift, free, strict=True))
    cos, sin = math.cos(view.radians), math.sin(view.radians)
    turn = np.array([[cos * view.aspect, -sin], [sin * view.aspect, cos]]) / scale
    return np.column_stack([turn, turn @ (x, y) + (picture_w / 2, picture_h / 2)])


def _alone(recipe: Recipe, seen: list[Picture]) -> tuple[Picture, list[float]]:
    return seen[0], [1.0]


def _laid_over(recipe: Recipe, seen: list[Picture]) -> tuple[Picture, list[float]]:
    mixed = cv2.addWeighted(seen[0], 0.5, seen[1], 0.5, 0.0)
    return mixed.reshape(seen[0].shape), [0.5, 0.5]


def _pasted(recipe: Recipe, seen: list[Picture]) -> tuple[Picture, list[float]]:
    """A part of the second picture in the first one."""
    h, w, _ = seen[0].shape
    cut_w, cut_h = int(recipe.size[0] * w), int(recipe.size[1] * h)
    left, top = int(recipe.place[0] * (w - cut_w)), int(recipe.place[1] * (h - cut_h))
    mixed = seen[0].copy()
    part = slice(top, top + cut_h), slice(left, left + cut_w)
    mixed[part] = seen[1][part]
    share = cut_w * cut_h / (w * h)
    return mixed, [1 - share, share]


def _meeting(recipe: Recipe, seen: list[Picture]) -> tuple[Picture, list[float]]:
    """Four pictures, each in its own quarter."""
    h, w, _ = seen[0].shape
    x, y = int(recipe.place[0] * w), int(recipe.place[1] * h)
    mixed = np.empty_like(seen[0])
    shares = []
    quarters = [(rows, columns) for rows in (slice(0, y), slice(y, h)) for columns in (slice(0, x), slice(x, w))]
    for (rows, columns), picture in zip(quarters, seen, strict=True):
        mixed[rows, columns] = picture[rows, columns]
        shares.append((rows.stop - rows.start) * (columns.stop - columns.start) / (w * h))
    return mixed, shares


_MIXED = (_alone, _laid_over, _pasted, _meeting)
