"""[implicit]: numbers that are learned and depend on no input (YOLOR)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from darknet_py.config.options import opt
from darknet_py.layers.base import Context, Layer, Params, ParamSpec, Shape, Step, register
from darknet_py.ops import Array


@register("implicit")
@dataclass(frozen=True, kw_only=True)
class Implicit(Layer):
    """The same (filters, atoms, 1) for every picture. Of the layer before it takes the number of pictures only."""

    mean: float = opt(0.0)
    std: float = opt(0.2, ge=0, doc="the start values lie within mean - std and mean + std")
    filters: int = opt(128, ge=1)
    atoms: int = opt(1, ge=1)

    def out_shape(self, *inputs: Shape) -> Shape:
        return Shape(self.filters, self.atoms, 1)

    def params(self, *inputs: Shape) -> Iterator[ParamSpec]:
        def start(rng: Any, shape: tuple[int, ...]) -> Any:
            return self.mean + rng.uniform(-self.std, self.std, shape)

        yield ParamSpec("weight", (self.filters, self.atoms), init=start, decay=True)

    def describe(self) -> tuple[str, str]:
        return str(self.filters), f"{self.atoms} atoms"

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        weight = p["weight"].value

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            flat = ctx.ops.settled(dy).reshape(len(dy), weight.size, 1, 1)
            p["weight"].add_grad(ctx.ops.sum_channels(flat).reshape(weight.shape))
            return (None,)

        return Step(ctx.ops.xp.broadcast_to(weight[None, :, :, None], (len(xs[0]), *weight.shape, 1)), backward)
