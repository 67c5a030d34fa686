"""What is sampled, and how often."""

from __future__ import annotations

import numpy as np
import pytest

from darknet_py.data.recipe import NO_AUGMENTATION, AugmentOptions, Recipe, View, sample
from darknet_py.errors import CfgError


def recipes(options: AugmentOptions, count: int = 400) -> list[Recipe]:
    rng = np.random.default_rng(0)
    return [sample(rng, options) for _ in range(count)]


def views(options: AugmentOptions) -> list[View]:
    return [view for recipe in recipes(options) for view in recipe.views]


def test_a_seed_gives_its_recipe() -> None:
    options = AugmentOptions(hue=0.1, mosaic=True, blur=3)
    first, again, other = (sample(np.random.default_rng(seed), options) for seed in (5, 5, 6))
    assert first == again != other


def test_no_augmentation_changes_nothing_but_the_order() -> None:
    for recipe in recipes(NO_AUGMENTATION, 20):
        (view,) = recipe.views
        assert view == View(to_corner=view.to_corner, seed=view.seed)


@pytest.mark.parametrize(
    ("resize", "least", "most"), [(1.0, 0.0, 0.0), (1.5, -0.25, 1 / 6), (2.0, -0.5, 0.25), (0.5, -0.5, 0.0)]
)
def test_the_crop_has_the_reference_s_range(resize: float, least: float, most: float) -> None:
    jitter = 0.1
    cuts = np.array([view.cut for view in views(AugmentOptions(jitter=jitter, resize=resize))])
    assert (cuts >= least - jitter).all() and (cuts <= most + jitter).all()
    assert (cuts.min(0) < least - 0.5 * jitter).all() and (cuts.max(0) > most + 0.5 * jitter).all()


def test_left_and_top_are_zoomed_together_and_so_are_right_and_bottom() -> None:
    left, top, right, bottom = np.array([view.cut for view in views(AugmentOptions(jitter=0, resize=1.5))]).T
    np.testing.assert_array_equal(left, top)
    np.testing.assert_array_equal(right, bottom)
    assert not np.array_equal(left, right)


def test_colours_have_the_reference_s_ranges() -> None:
    drawn = views(AugmentOptions(hue=0.1, saturation=1.5, exposure=0.5))
    hues = np.array([view.hue for view in drawn])
    assert hues.min() < -0.09 and hues.max() > 0.09 and abs(hues).max() <= 0.1
    for name, limit in (("saturation", 1.5), ("exposure", 2.0)):
        scales = np.array([getattr(view, name) for view in drawn])
        assert 1 / limit <= scales.min() < 1.1 / limit and limit / 1.1 < scales.max() <= limit
        assert 0.4 < (scales > 1).mean() < 0.6


def test_switches_are_thrown_as_often_as_in_the_reference() -> None:
    drawn = views(AugmentOptions(blur=5, gaussian_noise=20))
    assert 0.4 < np.mean([view.flip for view in drawn]) < 0.6
    assert not any(view.flip for view in views(AugmentOptions(flip=False)))
    assert [0.25 < np.mean([view.blur == kind for view in drawn]) < 0.42 for kind in (0, 1, 5)] == [True] * 3
    assert {view.noise for view in drawn} == {0, 20}
    assert {view.blur for view in views(AugmentOptions())} == {0}


@pytest.mark.parametrize(("mosaic", "mixup", "counts"), [(0, 0, {1}), (1, 0, {1, 4}), (0, 1, {1, 2}), (1, 1, {1, 4})])
def test_half_of_the_samples_are_mixed(mosaic: int, mixup: int, counts: set[int]) -> None:
    drawn = recipes(AugmentOptions(mosaic=bool(mosaic), mixup=bool(mixup)))
    assert {len(recipe.views) for recipe in drawn} == counts
    if len(counts) == 2:
        assert 0.4 < np.mean([len(recipe.views) == 1 for recipe in drawn]) < 0.6
    meets = np.array([recipe.meet for recipe in drawn])
    assert 0.2 <= meets.min() < 0.25 and 0.75 < meets.max() <= 0.8


def test_impossible_options_are_named() -> None:
    for name in ("resize", "saturation", "exposure"):
        with pytest.raises(CfgError, match=name):
            AugmentOptions(**{name: 0.0})
