"""[empty]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from darknet_py.layers.base import Context, Layer, Params, Step, register
from darknet_py.ops import Array


@register("empty", "silence")
@dataclass(frozen=True, kw_only=True)
class Empty(Layer):
    """Nothing: its input is its output."""

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            return (dy,)

        return Step(xs[0], backward)
