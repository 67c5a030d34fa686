"""[rnn], [gru] and [lstm]. See recurrent.py for time steps and streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

from darknet_py.config.options import opt
from darknet_py.layers.base import Layer, ParamSpec, Shape, register
from darknet_py.layers.connected import Connected
from darknet_py.layers.recurrent import Parts, Recurrent, Run, State, Tick
from darknet_py.ops import Array
from darknet_py.ops import activations as act


@register("rnn")
@dataclass(frozen=True, kw_only=True)
class Rnn(Recurrent):
    """h' = f(U x) + f(W h) (+ h with `shortcut`), y = f(V h')."""

    output: int = opt(1, ge=1)
    hidden: int = opt(0, ge=0, doc="`output` where absent, as in pjreddie's version")
    activation: str = opt("logistic", one_of=act.NAMES)
    batch_normalize: bool = opt(False)
    logistic: int = opt(0, ge=0, le=2, doc="activation of W h: 1 logistic, 2 loggy")
    shortcut: bool = opt(False)

    @property
    def width(self) -> int:
        """Numbers of the memory."""
        return self.hidden or self.output

    def out_shape(self, *inputs: Shape) -> Shape:
        return Shape(self.output, 1, 1)

    def describe(self) -> tuple[str, str]:
        return str(self.output), ""

    def memory(self, x: Shape) -> Mapping[str, Shape]:
        return {"h": Shape(self.width, 1, 1)}

    def parts(self, x: Shape) -> Parts:
        def layer(output: int, activation: str) -> Connected:
            return Connected(output=output, activation=activation, batch_normalize=self.batch_normalize)

        h = Shape(self.width, 1, 1)
        own = (self.activation, "logistic", "loggy")[self.logistic]
        return {
            "input": (layer(self.width, self.activation), x),
            "self": (layer(self.width, own), h),
            "output": (layer(self.output, self.activation), h),
        }

    def tick(self, run: Run, x: Array, state: State) -> Tick:
        return simple_tick(run, x, state, self.shortcut)


def simple_tick(run: Run, x: Array, state: State, shortcut: bool) -> Tick:
    """A step of [rnn] and [crnn]."""
    seen, seen_back = run("input", x)
    kept, kept_back = run("self", state["h"])
    h = run.total(seen, kept, *([state["h"]] if shortcut else []))
    y, output_back = run("output", h)

    def back(dy: Array, dstate: State, need_dx: bool) -> tuple[Array, State]:
        dh = run.total(output_back(dy), dstate["h"])
        dx, before = seen_back(dh, need_dx), kept_back(dh)
        return dx, {"h": run.total(before, dh) if shortcut else before}

    return Tick(y, {"h": h}, back)


@dataclass(frozen=True, kw_only=True)
class _Gated(Recurrent):
    output: int = opt(1, ge=1)
    batch_normalize: bool = opt(False)

    from_input: ClassVar[tuple[str, ...]]
    from_memory: ClassVar[tuple[str, ...]]

    @cached_property
    def h(self) -> Shape:
        """Of the memory and the output."""
        return Shape(self.output, 1, 1)

    def out_shape(self, *inputs: Shape) -> Shape:
        return self.h

    def describe(self) -> tuple[str, str]:
        return str(self.output), ""

    def _layers(self, x: Shape) -> dict[str, tuple[Layer, Shape]]:
        layer = Connected(output=self.output, activation="linear", batch_normalize=self.batch_normalize)
        return {name: (layer, x if name in self.from_input else self.h) for name in self.from_input + self.from_memory}


@register("gru")
@dataclass(frozen=True, kw_only=True)
class Gru(_Gated):
    """Gated recurrent unit (Cho et al. 2014): y = z h + (1 - z) f(U x + W (r h)) with the gates z and r.

    f is logistic, or tanh with pjreddie's option. His files have the matrices of the memory first.
    """

    tanh: bool = opt(False)

    from_input: ClassVar[tuple[str, ...]] = ("uz", "ur", "uh")
    from_memory: ClassVar[tuple[str, ...]] = ("wz", "wr", "wh")

    def parts(self, x: Shape) -> Parts:
        return self._layers(x)

    def memory(self, x: Shape) -> Mapping[str, Shape]:
        return {"h": self.h}

    def file_order(self, specs: tuple[ParamSpec, ...], revision: int) -> tuple[ParamSpec, ...]:
        specs = super().file_order(specs, revision)
        return specs if revision >= 5 else specs[len(specs) // 2 :] + specs[: len(specs) // 2]

    def tick(self, run: Run, x: Array, state: State) -> Tick:
        h, ops = state["h"], run.ctx.ops
        (wz, wz_back), (wr, wr_back) = run("wz", h), run("wr", h)
        (uz, uz_back), (ur, ur_back), (uh, uh_back) = run("uz", x), run("ur", x), run("uh", x)
        z, z_back = run.activate("logistic", run.total(uz, wz))
        r, r_back = run.activate("logistic", run.total(ur, wr))
        wh, wh_back = run("wh", ops.multiply(r, h))
        new, new_back = run.activate("tanh" if self.tanh else "logistic", run.total(uh, wh))
        y = ops.gru_mix(z, h, new)

        def back(dy: Array, dstate: State, need_dx: bool) -> tuple[Array, State]:
            dgate, kept, dactive = ops.gru_mix_backward(run.total(dy, dstate["h"]), z, h, new)
            dnew, dz = new_back(dactive), z_back(dgate)
            dreset, through = ops.multiply_backward(wh_back(dnew), r, h)
            dr = r_back(dreset)
            before = run.total(kept, through, wz_back(dz), wr_back(dr))
            dxs = [uz_back(dz, need_dx), ur_back(dr, need_dx), uh_back(dnew, need_dx)]
            return run.total(*dxs) if need_dx else None, {"h": before}

        return Tick(y, {"h": y}, back)


@register("lstm")
@dataclass(frozen=True, kw_only=True)
class Lstm(_Gated):
    """Long short-term memory: c' = f c + i g, y = o tanh(c') with the gates f, i, o.

    pjreddie's files have the gates in another order than AlexeyAB's (his parser.c:1040).
    """

    from_input: ClassVar[tuple[str, ...]] = ("uf", "ui", "ug", "uo")
    from_memory: ClassVar[tuple[str, ...]] = ("wf", "wi", "wg", "wo")

    def parts(self, x: Shape) -> Parts:
        layers = self._layers(x)
        return {name: layers[name] for name in self.from_memory + self.from_input}

    def memory(self, x: Shape) -> Mapping[str, Shape]:
        return {"h": self.h, "c": self.h}

    def file_order(self, specs: tuple[ParamSpec, ...], revision: int) -> tuple[ParamSpec, ...]:
        specs = super().file_order(specs, revision)
        if revision >= 5:
            return specs
        names = ("wi", "wf", "wo", "wg", "ui", "uf", "uo", "ug")
        return tuple(spec for name in names for spec in specs if spec.name.startswith(name))

    def tick(self, run: Run, x: Array, state: State) -> Tick:
        inner, backs = {}, {}
        for gate in "figo":
            memory, memory_back = run(f"w{gate}", state["h"])
            seen, seen_back = run(f"u{gate}", x)
            inner[gate], backs[gate] = run.total(memory, seen), (memory_back, seen_back)
        cell = lstm_cell(run, inner, state["c"], "tanh")

        def back(dy: Array, dstate: State, need_dx: bool) -> tuple[Array, State]:
            dinner, dc = cell.back(run.total(dy, dstate["h"]), dstate["c"])
            dxs = [backs[gate][1](d, need_dx) for gate, d in dinner.items()]
            dh = run.total(*(backs[gate][0](d) for gate, d in dinner.items()))
            return run.total(*dxs) if need_dx else None, {"h": dh, "c": dc}

        return Tick(cell.y, {"h": cell.y, "c": cell.c}, back)


class Cell(NamedTuple):
    """The core of an LSTM: back(dy, dc) -> (gradients of the gates' sums, gradient of c before)."""

    y: Array
    c: Array
    back: Callable[[Array, Array], tuple[State, Array]]


def lstm_cell(run: Run, inner: State, c: Array, activation: str, peephole: str = "") -> Cell:
    """c' = f c + i g, y = o activation(c'). The part `peephole`, if there is one, lets the gate o see c'."""
    ops = run.ctx.ops
    f, f_back = run.activate("logistic", inner["f"])
    i, i_back = run.activate("logistic", inner["i"])
    g, g_back = run.activate(activation, inner["g"])
    new = ops.lstm_cell(f, i, g, c)
    shown, shown_back = run.activate(activation, new)
    seen, seen_back = run(peephole, new) if peephole else (None, None)
    o, o_back = run.activate("logistic", inner["o"] if seen is None else run.total(inner["o"], seen))

    def back(dy: Array, dnew: Array) -> tuple[State, Array]:
        dgate, dshown = ops.multiply_backward(dy, o, shown)
        do = o_back(dgate)
        d = run.total(dnew, shown_back(dshown), *([seen_back(do)] if seen_back else []))
        df, di, dg, dc = ops.lstm_cell_backward(d, f, i, g, c)
        return {"f": f_back(df), "i": i_back(di), "g": g_back(dg), "o": do}, dc

    return Cell(ops.multiply(o, shown), new, back)
