"""A network: layers in their places, run forward and backward."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from darknet_py.config.section import Section
from darknet_py.layers import Context, Head, HeadLoss, Layer, Param, ParamSpec, Shape, Step
from darknet_py.layers.base import bounded
from darknet_py.network.options import NetOptions
from darknet_py.ops import Array, Ops


@dataclass(frozen=True)
class Node:
    """A layer in its place: where its inputs come from (-1 is the picture), what it gives, its parameters.

    place: (index, channel) of the [route] into whose result this layer writes its own, and from which channel on.
    """

    index: int
    layer: Layer
    inputs: tuple[int, ...]
    in_shapes: tuple[Shape, ...]
    shape: Shape
    specs: tuple[ParamSpec, ...]
    params: dict[str, Param]
    section: Section
    place: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """How messages call the layer: ``layer 3 [route]``."""
        return f"layer {self.index} [{self.section.name}]"

    @property
    def own(self) -> dict[str, Param]:
        """The parameters that belong to this layer and not to another with which it shares them."""
        return {spec.name: self.params[spec.name] for spec in self.specs} if self.params else {}


@dataclass
class Pass:
    """What a forward pass leaves: outputs of the heads and of the last layer, losses, and the way back."""

    outputs: dict[int, Array]
    losses: dict[int, HeadLoss]
    backwards: list[Any]


@dataclass(frozen=True)
class Network:
    """The layers of a cfg over one input shape. `resized` shares the parameters."""

    options: NetOptions
    input: Shape
    nodes: tuple[Node, ...]
    ops: Ops

    @property
    def size(self) -> tuple[int, int]:
        """(w, h) of the input."""
        return self.input.w, self.input.h

    @property
    def heads(self) -> list[tuple[int, Head]]:
        """Detection layers and their indices."""
        return [(node.index, node.layer) for node in self.nodes if isinstance(node.layer, Head)]

    def parameter_count(self) -> int:
        """Numbers of the .weights file, the rolling statistics among them: the published counts."""
        return sum(math.prod(s.shape) for node in self.nodes for s in node.specs if s.stored)

    def flops(self) -> int:
        """Floating point operations of one picture, as Darknet counts them."""
        return sum(node.layer.flops(node.shape, *node.in_shapes) for node in self.nodes)

    def parameters(self) -> Iterator[tuple[Node, Param]]:
        """All parameters in the order of a .weights file."""
        for node in self.nodes:
            for param in node.own.values():
                yield node, param

    def fill(self, seed: int = 0) -> None:
        """First values for the parameters that have none yet."""
        empty = [(node, spec) for node in self.nodes for spec in node.specs if spec.name not in node.params]
        if not empty:
            return
        rng = np.random.default_rng(seed)
        for node, spec in empty:
            node.params[spec.name] = self.param(spec, _initial(node.section, spec, rng))

    def param(self, spec: ParamSpec, value: Any) -> Param:
        """A parameter with a value from the host."""
        return Param(spec, self.ops.array(value), add=self.ops.add)

    def reset_state(self, streams: list[int] | None = None) -> None:
        """Recurrent layers forget what came before, in all streams or those given by index."""
        for _, param in self.parameters():
            if param.spec.name.startswith("state."):
                for stream in range(len(param.value)) if streams is None else streams:
                    param.value[stream : stream + 1].fill(0)

    def resized(self, w: int, h: int) -> Network:
        """The same layers and parameters over pictures of another size."""
        if (w, h) == self.size:
            return self
        nodes: list[Node] = []
        picture = Shape(self.input.c, h, w)
        for node in self.nodes:
            shapes = tuple(picture if i < 0 else nodes[i].shape for i in node.inputs)
            shape = out_shape(node.section, node.layer, shapes)
            if node.specs and stored(node.layer.params(*shapes)) != stored(node.specs):
                raise node.section.error(f"its parameters depend on the input size: {w}x{h} isn't possible")
            nodes.append(replace(node, in_shapes=shapes, shape=shape))
        return replace(self, input=picture, nodes=tuple(nodes))

    def replica(self, ops: Ops) -> Network:
        """The same layers on another backend, with parameters of their own that have any values."""
        copies = {id(p): Param(p.spec, ops.empty(p.value.shape), add=ops.add) for _, p in self.parameters()}
        nodes = (replace(n, params={name: copies[id(p)] for name, p in n.params.items()}) for n in self.nodes)
        return replace(self, nodes=tuple(nodes), ops=ops)

    def frozen(self, iteration: int) -> int:
        """Index of the last layer that `stopbackward` freezes at this iteration; -1 for none."""
        return max(
            (n.index for n in self.nodes if n.layer.stopbackward == 1 or n.layer.stopbackward > iteration), default=-1
        )

    def forward(self, x: Array, ctx: Context, iteration: int = 0) -> Pass:
        """Runs all layers on x (n, c, h, w). With ``ctx.train`` the pass can be taken back."""
        outputs: dict[int, Array] = {-1: x}
        result = Pass({}, {}, [])
        last_use = self._last_use()
        frozen = self.frozen(iteration) if ctx.train else -1
        ctx = replace(
            ctx,
            size=self.size,
            iteration=iteration,
            max_batches=self.options.max_batches,
            burn_in=self.options.burn_in,
            subdivision=ctx.batches % self.options.subdivisions,
            time_clip=self.options.time_clip,
            steps=ctx.steps or (self.options.time_steps if ctx.train else 1),
            losses=result.losses,
        )
        still = replace(ctx, train=False)
        joined: dict[int, Array] = {}
        for node in self.nodes:
            xs = [outputs[i] for i in node.inputs]
            here = (replace(ctx, index=node.index) if ctx.train else ctx) if node.index > frozen else still
            if node.index in joined:
                step = Step(joined.pop(node.index))
            elif node.place is not None:
                step = Step(self._placed(node, here, xs, joined))
            else:
                step = node.layer.forward(here, node.params, *xs)
            outputs[node.index] = step.y
            if node.layer.truth and ctx.truth is not None:
                ctx, still = (replace(c, goal=step.y) for c in (ctx, still))
            if step.loss is not None:
                result.losses[node.index] = step.loss
            if ctx.train:
                alive = node.index > frozen and not node.layer.onlyforward
                result.backwards.append(step.backward if alive else None)
            if isinstance(node.layer, Head) or node is self.nodes[-1]:
                result.outputs[node.index] = step.y
            for i in last_use.get(node.index, ()):
                del outputs[i]
        return result

    def _placed(self, node: Node, ctx: Context, xs: list[Array], joined: dict[int, Array]) -> Array:
        """The result of a layer that writes into a part of a [route]'s."""
        assert node.place is not None
        index, first = node.place
        if index not in joined:
            joined[index] = ctx.ops.empty((len(xs[0]), *self.nodes[index].shape))
        out = joined[index][:, first : first + node.shape.c]
        y = node.layer.forward(replace(ctx, out=out), node.params, *xs).y
        if y is not out:
            ctx.ops.put(y, out)
        return out

    def backward(self, result: Pass, grads: dict[int, Array] | None = None) -> Array | None:
        """Adds the gradients of the losses, and of `grads` by layer index, to the parameters; dL/dx if it is asked for.

        Frees what the forward pass kept, layer by layer.
        """
        waiting: dict[int, Array] = dict(grads or {})
        want_dx = grads is not None
        for node in reversed(self.nodes):
            backward, result.backwards[node.index] = result.backwards[node.index], None
            dy = waiting.pop(node.index, None)
            if backward is None or (dy is None and node.index not in result.losses):
                continue
            need_dx = want_dx or any(i >= 0 and result.backwards[i] is not None for i in node.inputs)
            for i, dx in zip(node.inputs, backward(dy, need_dx), strict=True):
                if dx is not None and (i >= 0 or want_dx):
                    waiting[i] = self.ops.add(waiting[i], dx) if i in waiting else dx
        return waiting.get(-1)

    def _last_use(self) -> dict[int, list[int]]:
        """Which outputs nobody needs after each layer."""
        last: dict[int, int] = {}
        for node in self.nodes:
            last[node.index] = node.index
            last.update(dict.fromkeys(node.inputs, node.index))
        ends: dict[int, list[int]] = {}
        for index, user in last.items():
            ends.setdefault(user, []).append(index)
        return ends


def input_shapes(section: Section, inputs: tuple[int, ...], nodes: list[Node], picture: Shape) -> tuple[Shape, ...]:
    """What comes into the next layer, from the layers `inputs`. CfgError where one isn't there."""
    index = len(nodes)
    for i in inputs:
        if not -1 <= i < index or (i == -1 and index > 0):
            valid = f"valid are 0 to {index - 1}, or -1 to -{index}" if index else "there is none before it"
            raise section.error(f"is layer {index} and can't take layer {i}: {valid}")
    return tuple(picture if i < 0 else nodes[i].shape for i in inputs)


def out_shape(section: Section, layer: Layer, shapes: tuple[Shape, ...]) -> Shape:
    """What `layer` makes of `shapes`. CfgError where it can't."""
    try:
        return bounded(layer.out_shape(*shapes), "its output")
    except ValueError as reason:
        raise section.error(str(reason)) from None


def stored(specs: Iterable[ParamSpec]) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of what a .weights file holds."""
    return [(s.name, s.shape) for s in specs if s.stored]


def _initial(section: Section, spec: ParamSpec, rng: np.random.Generator) -> Any:
    try:
        return spec.init(rng, spec.shape) if callable(spec.init) else np.full(spec.shape, spec.init)
    except MemoryError:
        raise section.error(f"there is no memory for the {math.prod(spec.shape)} numbers of its {spec.name}") from None
