"""The loss scale of mixed precision: smaller where gradients overflow, larger when they haven't for long.

Nothing here does anything on a backend that computes in one precision: see `Ops.loss_scale`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from darknet_py.network import NetOptions, Network

if TYPE_CHECKING:
    from darknet_py.train.loop import Progress

START = 1024.0  # where the cfg doesn't say: Darknet's losses are sums over the batch, so gradients begin large
LEAST, MOST = 2.0**-14, 2.0**24
GOOD = 1000  # updates in a row before it is doubled


def begin(net: Network, progress: Progress) -> None:
    """The backend scales as the training has come to, or as it starts."""
    if net.ops.loss_scale is None:
        progress.loss_scale = 0.0
    else:
        progress.loss_scale = progress.loss_scale or first(net.options)
        net.ops.loss_scale = progress.loss_scale


def first(options: NetOptions) -> float:
    """The scale of the first iteration: the cfg's loss_scale=, unless that is Darknet's 1 for none."""
    return START if options.loss_scale == 1 else options.loss_scale


def grow(progress: Progress) -> None:
    """Counts an update; the scale is doubled after enough of them."""
    if not progress.loss_scale:
        return
    progress.good_updates += 1
    if progress.good_updates >= GOOD:
        progress.loss_scale, progress.good_updates = min(2 * progress.loss_scale, MOST), 0


def shrink(progress: Progress) -> bool:
    """Halves the scale. False where that can't be why gradients aren't finite."""
    if progress.loss_scale <= LEAST:
        return False
    progress.loss_scale, progress.good_updates = progress.loss_scale / 2, 0
    return True
