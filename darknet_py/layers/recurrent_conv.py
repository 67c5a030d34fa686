"""Layers with a memory of pictures: [crnn], [conv_lstm] and [history]. See recurrent.py for time steps and streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from darknet_py.config.options import opt
from darknet_py.layers.base import Layer, Shape, register
from darknet_py.layers.convolutional import Convolutional
from darknet_py.layers.recurrent import Parts, Recurrent, Run, State, Tick
from darknet_py.layers.rnn import lstm_cell, simple_tick
from darknet_py.ops import Array
from darknet_py.ops import activations as act


@dataclass(frozen=True, kw_only=True)
class _Convolutions(Recurrent):
    """Options of the convolutions within, which are all alike."""

    output: int = opt(1, ge=1)
    size: int = opt(3, ge=1)
    stride: int = opt(1, ge=1, le=1)
    dilation: int = opt(1, ge=1)
    pad: bool = opt(False, doc="1: padding = size / 2")
    padding: int = opt(0, ge=0)
    groups: int = opt(1, ge=1)
    batch_normalize: bool = opt(False)
    xnor: bool = opt(False)
    activation: str = opt("logistic", one_of=act.NAMES)

    def _filters(self) -> int:
        """Channels that come out."""
        return self.output

    def _pads(self) -> int:
        return self.size // 2 if self.pad else self.padding

    def convolution(self, filters: int) -> Convolutional:
        """A convolution with these options."""
        return Convolutional(
            filters=filters,
            size=self.size,
            dilation=self.dilation,
            padding=self._pads(),
            groups=self.groups,
            batch_normalize=self.batch_normalize,
            xnor=self.xnor,
            activation=self.activation,
        )

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        for part, shape in self.parts(x).values():
            out = part.out_shape(shape)
            if (out.h, out.w) != (x.h, x.w):
                raise ValueError(f"its convolutions must keep the size of {x}, not make {out} of it: pad=1?")
        return Shape(self._filters(), x.h, x.w)

    def describe(self) -> tuple[str, str]:
        return str(self._filters()), f"{self.size}x{self.size}"


@register("crnn")
@dataclass(frozen=True, kw_only=True)
class Crnn(_Convolutions):
    """[rnn] with convolutions. Its training batches are clips that don't follow each other, so each begins anew."""

    hidden: int = opt(1, ge=1)
    output_filters: int = opt(0, ge=0, doc="pjreddie's name of `output`; implies a size of 3 with pad=1")
    hidden_filters: int = opt(0, ge=0, doc="pjreddie's name of `hidden`")
    shortcut: bool = opt(False)

    remembers_in_training: ClassVar[bool] = False

    def _filters(self) -> int:
        return self.output_filters or self.output

    def _pads(self) -> int:
        return self.size // 2 if self.output_filters else super()._pads()

    def parts(self, x: Shape) -> Parts:
        hidden, output = self.hidden_filters or self.hidden, self._filters()
        h = Shape(hidden, x.h, x.w)
        return {
            "input": (self.convolution(hidden), x),
            "self": (self.convolution(hidden), h),
            "output": (self.convolution(output), h),
        }

    def memory(self, x: Shape) -> Mapping[str, Shape]:
        return {"h": self.parts(x)["output"][1]}

    def tick(self, run: Run, x: Array, state: State) -> Tick:
        return simple_tick(run, x, state, self.shortcut)


@register("conv_lstm")
@dataclass(frozen=True, kw_only=True)
class ConvLstm(_Convolutions):
    """[lstm] with convolutions (Shi et al. 2015).

    `peephole` lets the gates see the cell. With `bottleneck` one convolution joins memory and input first. The
    reference's C build has no bottleneck and no lstm_activation, its CUDA build passes no gradient through the memory
    without a bottleneck, and with several streams it mixes them up in the bottleneck and the shortcut
    (conv_lstm_layer.c:1096, 1177, 1457).
    """

    activation: str = opt("linear", one_of=act.NAMES)
    peephole: bool = opt(False)
    bottleneck: bool = opt(False)
    state_constrain: int = opt(0, ge=0, doc="bound of the cell; 32 * time steps where absent")
    shortcut: bool = opt(False, doc="with bottleneck: its first half of channels is added to the result's")
    lstm_activation: str = opt("tanh", one_of=act.NAMES)
    time_normalizer: float = opt(1.0, doc="factor on the gradient that goes back in time through the memory")

    def out_shape(self, *inputs: Shape) -> Shape:
        if self.bottleneck and inputs[0].c != self.output:
            raise ValueError(f"bottleneck=1 needs output={inputs[0].c}, the channels that come in")
        return super().out_shape(*inputs)

    def memory(self, x: Shape) -> Mapping[str, Shape]:
        h = Shape(self.output, x.h, x.w)
        return {"h": h, "c": h}

    def parts(self, x: Shape) -> Parts:
        h, layer = Shape(self.output, x.h, x.w), self.convolution(self.output)
        parts: dict[str, tuple[Layer, Shape]] = {}
        if self.peephole:
            parts |= {f"v{gate}": (layer, h) for gate in "fio"}
        if self.bottleneck:
            parts["wf"] = (layer, Shape(x.c + self.output, x.h, x.w))
        else:
            parts |= {f"w{gate}": (layer, h) for gate in "figo"}
        return parts | {f"u{gate}": (layer, h if self.bottleneck else x) for gate in "figo"}

    def tick(self, run: Run, x: Array, state: State) -> Tick:
        ops, h, c, half = run.ctx.ops, state["h"], state["c"], self.output // 2
        seen, seen_back = self._mixed(run, x, h) if self.bottleneck else (x, None)
        sums, backs = self._sums(run, seen, h, c)
        cell = lstm_cell(run, sums, c, self.lstm_activation, "vo" if self.peephole else "")
        bound = self.state_constrain or 32 * (run.ctx.steps or 1)
        y = cell.y
        if seen_back and self.shortcut:
            y = ops.copy(y)
            ops.blend_update(y[:, :half], seen[:, :half], keep=1)

        def back(dy: Array, dstate: State, need_dx: bool) -> tuple[Array, State]:
            dcell = ops.clip_backward(dstate["c"], cell.c, bound)
            dsums, dc = cell.back(run.total(dy, dstate["h"]), dcell)
            dxs = [backs[f"u{gate}"](d, need_dx or self.bottleneck) for gate, d in dsums.items()]
            dx: Array = run.total(*dxs) if need_dx or self.bottleneck else None
            if self.peephole:
                dc = run.total(dc, backs["vf"](dsums["f"]), backs["vi"](dsums["i"]))
            if seen_back:
                if self.shortcut:
                    ops.blend_update(dx[:, :half], dy[:, :half], keep=1)
                dh, dx = seen_back(dx)
            else:
                dh = run.total(*(backs[f"w{gate}"](d) for gate, d in dsums.items()))
            return dx, {"h": ops.scale(dh, self.time_normalizer), "c": dc}

        return Tick(y, {"h": cell.y, "c": ops.clip(cell.c, bound)}, back)

    def _mixed(self, run: Run, x: Array, h: Array) -> tuple[Array, Callable[[Array], tuple[Array, Array]]]:
        """The bottleneck: memory and input in one, and back(dy) -> (dh, dx)."""
        both, conv_back = run("wf", run.ctx.ops.concatenate([h, x]))
        y, activation_back = run.activate(self.lstm_activation, both)

        def back(dy: Array) -> tuple[Array, Array]:
            d = conv_back(activation_back(dy))
            return d[:, : self.output], d[:, self.output :]

        return y, back

    def _sums(self, run: Run, seen: Array, h: Array, c: Array) -> tuple[State, dict[str, Callable[..., Array]]]:
        """What comes to each gate (but what o sees of the new cell), and the backs of the parts."""
        sums, backs = {}, {}
        for gate in "figo":
            sums[gate], backs[f"u{gate}"] = run(f"u{gate}", seen)
            if not self.bottleneck:
                memory, backs[f"w{gate}"] = run(f"w{gate}", h)
                sums[gate] = run.total(sums[gate], memory)
            if self.peephole and gate in "fi":
                cell, backs[f"v{gate}"] = run(f"v{gate}", c)
                sums[gate] = run.total(sums[gate], cell)
        return sums, backs


@register("history")
@dataclass(frozen=True, kw_only=True)
class History(Recurrent):
    """This picture and those before it, `history_size` in all, one after the other along the channels.

    The reference forgets those before it where it has one time step, that is when it detects, and trains with the
    newest only (conv_lstm_layer.c:287, 324).
    """

    history_size: int = opt(4, ge=1)

    def out_shape(self, *inputs: Shape) -> Shape:
        (x,) = inputs
        return Shape(x.c * self.history_size, x.h, x.w)

    def parts(self, x: Shape) -> Parts:
        return {}

    def memory(self, x: Shape) -> Mapping[str, Shape]:
        return {"past": Shape(x.c * (self.history_size - 1), x.h, x.w)}

    def describe(self) -> tuple[str, str]:
        return str(self.history_size), ""

    def tick(self, run: Run, x: Array, state: State) -> Tick:
        y, channels = run.ctx.ops.concatenate([x, state["past"]]), x.shape[1]
        kept = y.shape[1] - channels

        def back(dy: Array, dstate: State, need_dx: bool) -> tuple[Array, State]:
            d = run.ctx.ops.copy(dy)
            run.ctx.ops.blend_update(d[:, :kept], dstate["past"], keep=1)
            return d[:, :channels], {"past": d[:, channels:]}

        return Tick(y, {"past": y[:, :kept]}, back)
