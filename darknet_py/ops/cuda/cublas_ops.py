"""CupyOps that takes cuBLAS for the products that it computes faster than our own kernels on the card at hand."""

from __future__ import annotations

from typing import Any

from darknet_py.ops.base import Array, Finish, Window
from darknet_py.ops.cuda import windows
from darknet_py.ops.cuda.choices import Choices, choices_path
from darknet_py.ops.cuda.cublas import product
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.ops.cuda.plan import Plan

MOST_COLUMNS = 1 << 27  # numbers of what all taps see, beyond which the array isn't worth its memory


class CublasOps(CupyOps):
    """choices: None for those that are kept for this card."""

    def __init__(self, xp: Any, plan: Plan | None = None, choices: Choices | None = None) -> None:
        super().__init__(xp, plan)
        self._choices = choices or Choices(xp, choices_path(xp))

    # --- convolutions ----------------------------------------------------------------------------------------------
    def conv2d(self, x: Array, weight: Array, window: Window) -> Array:
        own = super().conv2d
        if not _suits(x.shape, weight, window):
            return own(x, weight, window)
        ways = {"own": lambda: own(x, weight, window), "cublas": lambda: self._forward(x, weight, window)}
        return self._choices.fastest(self._key("conv2d", x.shape, weight.shape, window), ways)

    def conv2d_fused(self, x: Array, filters: Any, window: Window, finish: Finish) -> Array:
        own = super().conv2d_fused
        if not _suits(x.shape, filters, window):
            return own(x, filters, window, finish)
        bias, activation, added, *_ = finish

        def by_cublas() -> Array:
            y = self.activate(activation, self.add_bias(self._forward(x, filters, window), bias))
            return y if added is None else self.add(y, added)

        ways = {"own": lambda: own(x, filters, window, finish), "cublas": by_cublas}
        name = f"conv2d_fused {activation}{'' if added is None else ' added'}"
        return self._choices.fastest(self._key(name, x.shape, filters.shape, window), ways)

    def conv2d_backward(self, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool) -> tuple[Any, Array]:
        if not _suits(x.shape, weight, window):
            return super().conv2d_backward(dy, x, weight, window, need_dx)
        dy, x, weight = self.contiguous(dy, x, weight)
        shape, dx = x.shape, None
        if need_dx:
            ways = {
                "own": lambda: windows.input_gradient(self, dy, shape, weight, window),
                "cublas": lambda: self._input_gradient(dy, shape, weight, window),
            }
            dx = self._choices.fastest(self._key("conv2d dx", shape, weight.shape, window), ways)
        ways = {
            "own": lambda: windows.weight_gradient(self, dy, x, weight.shape, window),
            "cublas": lambda: self._weight_gradient(dy, x, weight.shape, window),
        }
        return dx, self._choices.fastest(self._key("conv2d dweight", shape, weight.shape, window), ways)

    def _forward(self, x: Array, weight: Array, window: Window) -> Array:
        n, m = len(x), len(weight)
        y = self.empty((n, m, *window.out(*x.shape[2:])))
        self._product(_matrix(self.contiguous(weight)[0]), self._seen(x, window), y.reshape(n, m, -1))
        return y

    def _input_gradient(self, dy: Array, shape: tuple[int, ...], weight: Array, window: Window) -> Array:
        n, m, *places = dy.shape
        seen = self.empty((n, shape[1], window.size, window.size, *places))
        columns = seen.reshape(n, weight.size // m, -1)
        self._product(_matrix(weight), dy.reshape(n, m, -1), columns, a_across=True)
        return seen.reshape(shape) if _pointwise(window) else self.fold(seen, shape, window)

    def _weight_gradient(self, dy: Array, x: Array, shape: tuple[int, ...], window: Window) -> Array:
        """The sum over the pictures, one after the other."""
        n, m = dy.shape[:2]
        dweight, seen, slopes = self.empty(shape), self._seen(x, window), dy.reshape(n, m, -1)
        for i in range(n):
            self._product(slopes[i : i + 1], seen[i : i + 1], dweight.reshape(1, m, -1), b_across=True, add=i > 0)
        return dweight

    def _seen(self, x: Array, window: Window) -> Array:
        """(n, taps, places) what each tap sees at each place."""
        (x,) = self.contiguous(x)
        seen = x if _pointwise(window) else self.unfold(x, window)
        return seen.reshape(len(x), x.shape[1] * window.size**2, -1)

    # --- matrices ------------------------------------------------------------------------------------------------
    def linear(self, x: Array, weight: Array) -> Array:
        own, (x, weight) = super().linear, self.contiguous(x, weight)
        ways = {
            "own": lambda: own(x, weight),
            "cublas": lambda: self._matrix_product(x, weight, (len(x), len(weight)), b_across=True),
        }
        return self._choices.fastest(self._key("linear", x.shape, weight.shape), ways)

    def linear_backward(self, dy: Array, x: Array, weight: Array, need_dx: bool) -> tuple[Any, Array]:
        dy, x, weight = self.contiguous(dy, x, weight)
        own = super().linear_backward
        ways = {
            "own": lambda: own(dy, x, weight, need_dx),
            "cublas": lambda: (
                self._matrix_product(dy, weight, x.shape) if need_dx else None,
                self._matrix_product(dy, x, weight.shape, a_across=True),
            ),
        }
        name = "linear backward" if need_dx else "linear dweight"
        found: tuple[Any, Array] = self._choices.fastest(self._key(name, x.shape, weight.shape), ways)
        return found

    def _matrix_product(self, a: Array, b: Array, shape: tuple[int, ...], **across: bool) -> Array:
        c = self.empty(shape)
        self._product(a[None], b[None], c[None], **across)
        return c

    def _product(self, a: Array, b: Array, c: Array, **how: bool) -> None:
        product(self.xp, a, b, c, tf32=self.plan.tf32, **how)

    def _key(self, name: str, *facts: object) -> str:
        return " ".join((name, *("tf32",) * self.plan.tf32, *map(_fact, facts)))


def _fact(value: Any) -> str:
    """A shape or a window as a word."""
    numbers = "x".join(str(int(number)) for number in value)
    return f"window-{numbers}" if isinstance(value, Window) else numbers


def _matrix(weight: Array) -> Array:
    """(1, filters, taps)"""
    return weight.reshape(1, len(weight), -1)


def _pointwise(window: Window) -> bool:
    """Whether each place sees itself alone."""
    return (window.size, window.stride_y, window.stride_x, window.pad) == (1, 1, 1, 0)


def _suits(shape: tuple[int, ...], weight: Array, window: Window) -> bool:
    """Whether products can do it: there are pictures and no groups, and what all taps see is a bearable array."""
    n, c, h, w = shape
    oh, ow = window.out(h, w)
    return window.groups == 1 and 0 < n * c * window.size**2 * oh * ow <= MOST_COLUMNS
