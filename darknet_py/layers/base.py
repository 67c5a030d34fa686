"""What a layer is: one cfg section as an immutable value whose fields are its options.

Parameters, gradients and shapes live on the nodes of the graph, so a layer holds no state; the memory between its
forward and its backward is the closure that forward returns.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from darknet_py.config.options import opt
from darknet_py.layers.registry import Registry
from darknet_py.ops import Array, Ops


class Shape(NamedTuple):
    """Channels, height and width of what flows between two layers."""

    c: int
    h: int
    w: int

    @property
    def size(self) -> int:
        """Elements of one picture."""
        return self.c * self.h * self.w

    def __str__(self) -> str:
        return f"{self.w} x {self.h} x {self.c}"


LARGEST = 2**31 - 1  # numbers of an array: Darknet counts them in a C int, and a cfg that asks for more is mistaken


def bounded(shape: Shape, what: str) -> Shape:
    """`shape`; ValueError where an array of it would be beyond all use."""
    if shape.size > LARGEST:
        raise ValueError(f"{what} {shape} is too large: at most {LARGEST} numbers")
    return shape


class ParamSpec(NamedTuple):
    """A parameter array that a layer asks for. `init` is a number or a function of (rng, shape).

    stored: whether a .weights file holds it; the states of recurrent layers are in none.
    transposed: files whose matrix (first axis, all others) lies the other way: "old" those of versions above 1000.
    """

    name: str
    shape: tuple[int, ...]
    init: float | Callable[[np.random.Generator, tuple[int, ...]], Any] = 0.0
    trainable: bool = True
    decay: bool = False
    stored: bool = True
    transposed: Literal["never", "old", "always"] = "never"


@dataclass
class Param:
    """A parameter array on a backend, and the gradient that backward passes add to.

    prepared: the value in another form for inference, where it won't change any more. add: the backend's sum of two
    arrays.
    """

    spec: ParamSpec
    value: Array
    grad: Array = None
    prepared: Any = None
    add: Callable[[Array, Array], Array] = operator.add

    def add_grad(self, grad: Array) -> None:
        """Sum over the passes since the last update: Darknet's subdivisions."""
        self.grad = grad if self.grad is None else self.add(self.grad, grad)


Params = Mapping[str, Param]


def blend(ops: Ops, param: Param, value: Array, share: float) -> None:
    """A rolling statistic takes the share `share` of a batch's."""
    ops.blend_update(param.value, value, share, 1 - share)


@dataclass
class HeadLoss:
    """What a head's loss layer reports for one mini-batch: sums over the batch, in Darknet's terms.

    cost: the number in Darknet's log. count: objects trained here. iou: sum of IoU over them.
    parts: named shares of the cost. learned: a function that tells which cell learned which object, for [contrastive].
    """

    cost: float
    count: int = 0
    iou: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    learned: Any = None


@dataclass(frozen=True)
class Context:
    """What a pass knows beside the arrays.

    truth: host array. For detectors (n, boxes, 5) rows [x, y, w, h, class] relative to the picture, ended by a row of
        zeros; a sixth column may name the object ([contrastive]). For classifiers and whatever else is compared with
        its output number by number: (n, outputs). For [iseg] (n, objects, 1 + h * w).
    goal: array of the backend, what a layer with truth=1 gave: the truth of what is compared number by number.
    rng: for dropout; a function of seed and iteration, so that a resumed training goes on alike.
    batches: mini-batches that training has seen. seen: pictures that training has seen.
    momentum: of the rolling batch-norm statistics. follow: how they take in those of the batch.
    steps: time steps in the batch: its entry t * streams + s is step t of stream s. 0: the cfg's time_steps in
        training, 1 otherwise.

    Network.forward fills in: size (w, h) of the network's input; iteration, max_batches and burn_in, for what changes
    in the course of a training; subdivision, the mini-batch's place in its update; time_clip, see NetOptions; in
    training the layer's index, and the losses of the layers that have run already, by index; at inference `out`, where
    the layer may write its result.
    """

    ops: Ops
    train: bool = False
    truth: Any = None
    goal: Array = None
    rng: np.random.Generator | None = None
    batches: int = 0
    seen: int = 0
    momentum: float = 0.99
    follow: Callable[[Ops, Param, Array, float], None] = blend
    steps: int = 0
    size: tuple[int, int] = (0, 0)
    iteration: int = 0
    max_batches: int = 0
    burn_in: int = 0
    subdivision: int = 0
    time_clip: float = float("inf")
    index: int = -1
    losses: Mapping[int, HeadLoss] = field(default_factory=dict)
    out: Array = None


Backward = Callable[..., tuple[Any, ...]]


class Step(NamedTuple):
    """Result of a forward pass of one layer.

    backward(dy, need_dx=True) -> a gradient for each input; adds to the gradients of the parameters. None at inference.
    For a layer with a loss, `dy` may be None.
    """

    y: Array
    backward: Backward | None = None
    loss: HeadLoss | None = None


@dataclass(frozen=True, kw_only=True)
class Layer:
    """Options that every section may have (parser.c:1641), and the contract."""

    clip: float = opt(0.0, ge=0, doc="largest absolute weight after an update; 0: any")
    onlyforward: bool = opt(False, doc="no gradient passes through this layer")
    dont_update: int = opt(0, ge=0, doc="iterations before this layer's first update")
    burnin_update: int = opt(0, ge=0, doc="the same in multiples of burn_in")
    stopbackward: int = opt(0, ge=0, doc="1: this layer and all before it are frozen; n: until iteration n")
    train_only_bn: bool = opt(False, doc="from the first layer to this one only batch norm is trained")
    dontload: bool = opt(False, doc="the weights file has nothing for this layer")
    dontsave: bool = opt(False, doc="weights files are written without this layer (pjreddie)")
    dontloadscales: bool = opt(False, doc="the weights file has no batch norm for this layer")
    learning_rate: float = opt(1.0, ge=0, doc="factor on the network's learning rate")
    truth: bool = opt(False, doc="what comes out is the truth of the losses behind (pjreddie)")

    def inputs(self, index: int) -> tuple[int, ...]:
        """Indices of the layers that feed layer `index`; -1 is the picture."""
        return (index - 1,)

    def out_shape(self, *inputs: Shape) -> Shape:
        """Shape of the result; ValueError says why the inputs don't fit."""
        return inputs[0]

    def params(self, *inputs: Shape) -> Iterator[ParamSpec]:
        """The parameters in the order of a .weights file."""
        yield from ()

    def shares(self, index: int) -> int | None:
        """Index of the layer whose parameters layer `index` uses instead of its own."""
        return None

    def file_order(self, specs: tuple[ParamSpec, ...], revision: int) -> tuple[ParamSpec, ...]:
        """What a .weights file holds of `specs`, in its order: revision 0 is pjreddie's format, 5 AlexeyAB's."""
        return tuple(spec for spec in specs if spec.stored)

    def read_order(self, specs: tuple[ParamSpec, ...], revision: int) -> tuple[ParamSpec, ...]:
        """What is read of it; a smaller first axis is the beginning of a parameter, whose rest stays as it is."""
        return self.file_order(specs, revision)

    def forward(self, ctx: Context, p: Params, *xs: Array) -> Step:
        """The layer's result, and its backward when training."""
        raise NotImplementedError

    def before_update(self, ops: Ops, p: Params) -> None:
        """What the layer does to its summed gradients before an update."""

    def after_update(self, ops: Ops, p: Params) -> None:
        """What the layer does to its parameters after an update."""
        if self.clip:
            for param in p.values():
                if param.spec.decay:
                    ops.blend_update(param.value, ops.clip(param.value, self.clip))

    def flops(self, out: Shape, *inputs: Shape) -> int:
        """Floating point operations of a forward pass on one picture as Darknet counts them (darknet.c, ops)."""
        return 0

    def describe(self) -> tuple[str, str]:
        """Columns "filters" and "size/stride" of the layer table."""
        return "", ""


LAYERS = Registry()
L = TypeVar("L", bound=type[Layer])


def register(*names: str) -> Callable[[L], L]:
    """Makes a layer known under the names of its section."""

    def add(cls: L) -> L:
        for name in names:
            LAYERS.add(name, cls)
        return cls

    return add


def absolute(reference: int, index: int) -> int:
    """A layer reference of a cfg (negative: relative to layer `index`) as an index."""
    return index + reference if reference < 0 else reference
