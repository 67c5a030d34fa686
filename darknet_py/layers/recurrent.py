"""Layers with a memory: how they are unrolled over time; rnn.py and recurrent_conv.py have the layers.

A batch holds `Context.steps` time steps of some streams: entry t * streams + s is step t of stream s. What a stream
remembers goes on from batch to batch (Network.reset_state forgets it), while gradients end where their batch began.
The reference normalises its batch norms in the backward pass of every step with the statistics of the last one, ends
[rnn]'s memory with each training batch, and has no backward for [gru] on the CPU; here they are the derivatives.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar, NamedTuple

from darknet_py.errors import DataError
from darknet_py.layers.base import Context, Layer, Params, ParamSpec, Shape, Step
from darknet_py.layers.batch_norm import activate
from darknet_py.ops import Array

State = dict[str, Array]
Parts = Mapping[str, tuple[Layer, Shape]]  # the layers within, with the shape of their input


class Tick(NamedTuple):
    """One time step: what comes out, what is remembered, and back(dy, dstate, need_dx) -> (dx, dstate before)."""

    y: Array
    state: State
    back: Callable[[Array, State, bool], tuple[Array, State]]


class Run(NamedTuple):
    """Runs the layers within."""

    ctx: Context
    parts: Parts
    params: Params

    def __call__(self, name: str, x: Array) -> tuple[Array, Callable[..., Array]]:
        """The output of the part `name`, and back(dy, need_dx=True) -> dx."""
        part, _ = self.parts[name]
        own = {key.removeprefix(f"{name}."): p for key, p in self.params.items() if key.startswith(f"{name}.")}
        step = part.forward(self.ctx, own, x)

        def back(dy: Array, need_dx: bool = True) -> Array:
            assert step.backward is not None
            return step.backward(dy, need_dx)[0]

        return step.y, back

    def activate(self, name: str, x: Array) -> tuple[Array, Callable[[Array], Array]]:
        """activation(x), and back(dy) -> dx."""
        return activate(self.ctx, x, name)

    def total(self, *xs: Array) -> Array:
        """The sum of arrays of one shape."""
        return reduce(self.ctx.ops.add, xs)


@dataclass(frozen=True, kw_only=True)
class Recurrent(Layer):
    """A layer that is unrolled over time."""

    remembers_in_training: ClassVar[bool] = True

    @abstractmethod
    def parts(self, x: Shape) -> Parts:
        """The layers within, in the order of AlexeyAB's weights files."""

    @abstractmethod
    def memory(self, x: Shape) -> Mapping[str, Shape]:
        """What is remembered of a stream."""

    @abstractmethod
    def tick(self, run: Run, x: Array, state: State) -> Tick:
        """One time step of all streams: x (streams, c, h, w)."""

    def params(self, *inputs: Shape) -> Iterator[ParamSpec]:
        for name, (part, shape) in self.parts(inputs[0]).items():
            for spec in part.params(shape):
                yield spec._replace(name=f"{name}.{spec.name}")
        for name, shape in self.memory(inputs[0]).items():
            yield ParamSpec(f"state.{name}", (0, *shape), trainable=False, stored=False)

    def flops(self, out: Shape, *inputs: Shape) -> int:
        return sum(part.flops(part.out_shape(shape), shape) for part, shape in self.parts(inputs[0]).values())

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        (x,), steps = xs, ctx.steps or 1
        if len(x) % steps:
            raise DataError(f"a batch of {len(x)} doesn't hold {steps} time steps of whole streams")
        streams, shape = len(x) // steps, Shape(*x.shape[1:])
        run = Run(ctx, self.parts(shape), p)
        state = self._remembered(ctx, p, shape, streams)
        ticks = []
        for t in range(steps):
            ticks.append(self.tick(run, x[t * streams : (t + 1) * streams], state))
            state = ticks[-1].state
        for name, value in state.items():
            p[f"state.{name}"].value = value
        y = ctx.ops.concatenate_pictures([tick.y for tick in ticks])
        if not ctx.train:
            return Step(y)

        def backward(dy: Array, need_dx: bool = True) -> tuple[Any]:
            dstate = {name: ctx.ops.xp.zeros_like(value) for name, value in state.items()}
            dxs = []
            for t in reversed(range(steps)):
                dx, dstate = ticks[t].back(dy[t * streams : (t + 1) * streams], dstate, need_dx)
                dxs.append(dx)
                dstate = {name: self._clipped(ctx, d) for name, d in dstate.items()}
            return (ctx.ops.concatenate_pictures(dxs[::-1]) if need_dx else None,)

        return Step(y, backward)

    @staticmethod
    def _clipped(ctx: Context, gradient: Array) -> Array:
        """Bounded, so that it doesn't grow beyond all measure over hundreds of steps (connected_layer.c:379)."""
        return gradient if ctx.time_clip == float("inf") else ctx.ops.clip(gradient, ctx.time_clip)

    def _remembered(self, ctx: Context, p: Params, x: Shape, streams: int) -> State:
        """What each stream remembers; zeros where there are other streams than before."""
        state = {}
        for name, shape in self.memory(x).items():
            value = p[f"state.{name}"].value
            fits = value.shape == (streams, *shape) and (self.remembers_in_training or not ctx.train)
            state[name] = value if fits else ctx.ops.xp.zeros((streams, *shape), ctx.ops.dtype)
        return state
