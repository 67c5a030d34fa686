"""The random half of Darknet's augmentation for detectors: options, and the recipe of a sample drawn from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from darknet_py.errors import CfgError

_MOSAIC_MARGIN = 0.2  # the four pictures meet between 20 % and 80 % of the width and height


@dataclass(frozen=True)
class AugmentOptions:
    """How strong the augmentation is; names and meanings of the cfg's `[net]` and last detection layer.

    jitter: each side of the crop is moved by up to this part of the picture. resize: the crop is up to this much
    larger or smaller (below 1: only larger). hue: +- this part of the circle. saturation, exposure: factor of up to
    this, or one over it. blur: kernel size in pixels; 1 or more also lets the background alone be blurred.
    gaussian_noise: its deviation in grey levels. mosaic (four pictures in one) and mixup (two laid over each
    other) happen to half of the samples; with both it is mosaic. letter_box gives each picture of a mosaic its aspect
    (the reference refuses the two together, though the published yolov4-csp asks for them).
    """

    jitter: float = 0.2
    resize: float = 1.0
    flip: bool = True
    hue: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0
    letter_box: bool = False
    mosaic: bool = False
    mosaic_bound: bool = False
    mixup: bool = False
    blur: int = 0
    gaussian_noise: int = 0

    def __post_init__(self) -> None:
        for name in ("resize", "saturation", "exposure"):
            if not getattr(self, name) > 0:
                raise CfgError(f"{name}={getattr(self, name)}: must be above 0")


NO_AUGMENTATION = AugmentOptions(jitter=0.0, flip=False)


@dataclass(frozen=True)
class View:
    """How one picture is seen. The defaults change nothing.

    cut: what is taken off (left, top, right, bottom), as parts of the picture; below 0 a border is added.
    blur: 0 none, 1 all but the boxes, else the kernel's size. noise: deviation in grey levels, drawn from `seed`.
    to_corner: in a mosaic, the picture is pushed into its outer corner, so that most of it shows.
    """

    cut: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    flip: bool = False
    hue: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0
    blur: int = 0
    noise: int = 0
    to_corner: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Recipe:
    """How a sample is made of as many pictures as there are views.

    One; two laid over each other; or four that meet at `meet`, (x, y) as parts of the sample's size.
    `seed` puts the boxes in a random order.
    """

    views: tuple[View, ...] = (View(),)
    meet: tuple[float, float] = (0.5, 0.5)
    letter_box: bool = False
    mosaic_bound: bool = False
    seed: int = 0


def sample(rng: np.random.Generator, options: AugmentOptions) -> Recipe:
    """Draws a recipe; it knows neither the pictures nor the network's size."""
    mixed = (options.mosaic or options.mixup) and rng.random() < 0.5
    count = 1 if not mixed else 4 if options.mosaic else 2
    meet = rng.uniform(_MOSAIC_MARGIN, 1 - _MOSAIC_MARGIN, 2)
    return Recipe(
        views=tuple(_sample_view(rng, options) for _ in range(count)),
        meet=(float(meet[0]), float(meet[1])),
        letter_box=options.letter_box,
        mosaic_bound=options.mosaic_bound,
        seed=int(rng.integers(2**32)),
    )


def _sample_view(rng: np.random.Generator, options: AugmentOptions) -> View:
    left, top, right, bottom = rng.uniform(-options.jitter, options.jitter, 4).tolist()
    zoom, far_zoom = rng.uniform(*_zoom_range(options.resize), 2).tolist()  # for left and top, for right and bottom
    return View(
        cut=(left + zoom, top + zoom, right + far_zoom, bottom + far_zoom),
        flip=bool(options.flip and rng.random() < 0.5),
        hue=rng.uniform(-options.hue, options.hue),
        saturation=sample_scale(rng, options.saturation),
        exposure=sample_scale(rng, options.exposure),
        blur=(0, 1, options.blur)[rng.integers(3)] if options.blur else 0,
        noise=options.gaussian_noise if options.gaussian_noise and rng.random() < 0.5 else 0,
        to_corner=rng.random() < 0.5,
        seed=int(rng.integers(2**32)),
    )


def _zoom_range(resize: float) -> tuple[float, float]:
    """The least and the most taken off each side, so that the crop is up to `resize` times larger or smaller."""
    factor = max(resize, 1 / resize)
    return (1 - factor) / 2, 0.0 if resize < 1 else (1 - 1 / factor) / 2


def sample_scale(rng: np.random.Generator, limit: float) -> float:
    """A factor: U(1, limit), or one over it half of the time."""
    scale = float(rng.uniform(min(1.0, limit), max(1.0, limit)))
    return scale if rng.random() < 0.5 else 1 / scale
