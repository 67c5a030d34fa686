"""NativeOps: NumpyOps with the compiled kernels in place of its hot loops.

Same layout (channels-last), same results up to rounding, in float32 only. OpenMP's threads do the work, in parts that
don't depend on their number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from darknet_py.ops import native
from darknet_py.ops.base import Finish, Normalised, Ops, Window, window_shape
from darknet_py.ops.memory import Pool
from darknet_py.ops.native import ACTIVATIONS, Kernels, pitch
from darknet_py.ops.native_convolution import Convolution, Filters, supports
from darknet_py.ops.numpy_ops import NumpyOps
from darknet_py.ops.running import Function

Array = npt.NDArray[Any]
CHUNKS = 64  # of kernels/cpu/elementwise.h
FLOAT = np.dtype(np.float32)


class NativeOps(NumpyOps):
    """`kernels`: see `native.kernels`. `threads`: None for the machine's cores."""

    writes_parts = True

    def __init__(self, kernels: Kernels, threads: int | None = None, pool: Pool | None = None) -> None:
        super().__init__(np.float32, threads)
        self.kernels = kernels
        self.pool = pool or Pool()
        self.convolution = Convolution(kernels, self.threads.count, self._empty)

    def _empty(self, shape: tuple[int, ...]) -> Array:
        return self.pool.empty(shape, FLOAT)

    def _lying(self, x: Array) -> Array:
        """As it lies in memory, contiguous: pictures channels-last, others as they are. float32."""
        if x.ndim != 4:
            return np.asanyarray(x, FLOAT, order="C")
        return self.convolution.whole(_pitched(x))

    def array(self, host: Any) -> Array:
        host = np.asarray(host)
        if host.ndim != 4:
            return super().array(host)
        n, c, h, w = host.shape
        x = _up(np.empty((n, h, w, c), FLOAT))  # weights stay: no memory of the pool, which is rounded up
        self.receive(host, x)
        return x

    def receive(self, host: Array, x: Array) -> None:
        """`host` (n, c, h, w) into `x`, an array of `empty`."""
        n, c, h, w = host.shape
        self._call("channels_last", np.ascontiguousarray(host, FLOAT), x, n, c, h * w)

    def empty(self, shape: tuple[int, ...]) -> Array:
        n, c, h, w = shape
        return _up(self._empty((n, h, w, c)))

    def _call(self, name: str, *arguments: Any) -> None:
        self.kernels.call(name, *arguments, self.threads.count)

    def teams(self, most: int) -> list[Ops]:
        """Each has its part of the threads: small layers don't gain by many."""
        count = min(most, self.threads.count)
        return [NativeOps(self.kernels, self.threads.count // count) for _ in range(count)] if count > 1 else [self]

    def captured(self, function: Function) -> Callable[[Array], dict[int, Array]]:
        from darknet_py.ops.repeated import Repeated

        return Repeated(self, function)

    # --- element-wise ----------------------------------------------------------------------------------------------
    def activate(self, name: str, x: Array) -> Array:
        if name not in ACTIVATIONS or name == "linear":
            return super().activate(name, x)
        flat = self._lying(x)
        y = self._empty(flat.shape)
        self._call("activate", ACTIVATIONS.index(name), flat, y, flat.size)
        return _standing(y, x)

    def activate_backward(self, name: str, dy: Array, x: Array | None, y: Array) -> Array:
        if name not in ACTIVATIONS or name == "linear":
            return super().activate_backward(name, dy, x, y)
        dx = self._empty(self._lying(y).shape)
        seen = None if x is None else self._lying(x)
        self._call("activate_backward", ACTIVATIONS.index(name), self._lying(dy), seen, self._lying(y), dx, dx.size)
        return _standing(dx, y)

    def add(self, a: Array, b: Array) -> Array:
        first, second = self._lying(a), self._lying(b)
        y = self._empty(first.shape)
        self._call("add", 0, first, second, y, first.size)
        return _standing(y, a)

    # --- wiring ----------------------------------------------------------------------------------------------------
    def concatenate(self, xs: list[Array]) -> Array:
        n, _, h, w = xs[0].shape
        y = self._empty((n, h, w, sum(x.shape[1] for x in xs)))
        first = 0
        for x in xs:
            self.convolution.copy(_pitched(x), y[..., first : first + x.shape[1]])
            first += x.shape[1]
        return _up(y)

    def put(self, x: Array, out: Array) -> None:
        self.convolution.copy(_pitched(x), out.transpose(0, 2, 3, 1))

    def upsample(self, x: Array, stride: int) -> Array:
        wide = self._lying(x)
        n, h, w, c = wide.shape
        y = self._empty((n, h * stride, w * stride, c))
        self._call("upsample", wide, y, n * h, w, c, stride)
        return _up(y)

    def mean_places(self, x: Array) -> Array:
        wide = self._lying(x)
        n, h, w, c = wide.shape
        y = self._empty((n, 1, 1, c))
        self._call("mean_places", wide, y, n, h * w, c)
        return _up(y)

    # --- by channel ------------------------------------------------------------------------------------------------
    def scale_shift(self, x: Array, k: Array, shift: Array) -> Array:
        return self._by_channel(x, k, shift)

    def add_bias(self, x: Array, bias: Array) -> Array:
        return self._by_channel(x, None, bias)

    def _by_channel(self, x: Array, k: Array | None, shift: Array, activation: str = "linear") -> Array:
        lying = self._lying(x)
        y = self._empty(lying.shape)
        c, kind = lying.shape[-1], ACTIVATIONS.index(activation)
        self._call("scale_shift", kind, lying, k if k is None else _vector(k), _vector(shift), y, x.size // c, c)
        return _standing(y, x)

    def sum_channels(self, x: Array) -> Array:
        lying, c = self._lying(x), x.shape[1]
        sums = np.empty(c, FLOAT)
        self._call("sums", lying, sums, self._empty((CHUNKS, c)), x.size // c, c)
        return sums

    def batch_norm_train(self, x: Array, scale: Array, bias: Array, eps: float) -> tuple[Array, Array, Array]:
        y, of = self.batch_norm_activate(x, scale, bias, eps, "linear")
        return y, of.mean, of.var

    def batch_norm_train_backward(
        self, dy: Array, x: Array, scale: Array, mean: Array, var: Array, eps: float
    ) -> tuple[Array, Array, Array]:
        any_bias = mean  # of which a linear gradient doesn't depend
        return self.batch_norm_activate_backward(dy, Normalised(x, scale, any_bias, mean, var, eps, "linear"))

    def batch_norm_activate(
        self, x: Array, scale: Array, bias: Array, eps: float, activation: str
    ) -> tuple[Array, Normalised]:
        lying, c = self._lying(x), x.shape[1]
        mean, var = np.empty(c, FLOAT), np.empty(c, FLOAT)
        self._call("moments", lying, mean, var, self._empty((CHUNKS, 2, c)), x.size // c, c)
        of = Normalised(x, scale, bias, mean, var, eps, activation)
        known = activation if activation in ACTIVATIONS else "linear"
        a = self._by_channel(x, *_line(of), known)
        if known == activation:
            return a, of
        y = super().activate(activation, a)
        return y, replace(of, a=a, y=y)

    def batch_norm_activate_backward(self, dy: Array, of: Normalised) -> tuple[Array, Array, Array]:
        known = of.y is None
        gradient = _pitched(dy if of.y is None else super().activate_backward(of.activation, dy, of.a, of.y))
        lying, c, count = self._lying(of.x), of.x.shape[1], FLOAT.type(of.x.size // of.x.shape[1])
        rstd = 1 / np.sqrt(of.var + FLOAT.type(of.eps))
        kind = ACTIVATIONS.index(of.activation) if known else 0
        seen = kind, gradient, pitch(gradient), lying, *_line(of), of.mean
        sums, dx = np.empty((2, c), FLOAT), self._empty(lying.shape)
        self._call("batch_norm_sums", *seen, sums, self._empty((CHUNKS, 2, c)), int(count), c)
        dbias, dscale = sums[0], sums[1] * rstd
        self._call("batch_norm_backward", *seen, dbias / count, dscale * rstd / count, dx, int(count), c)
        return _standing(dx, of.x), dscale, dbias

    # --- windows ---------------------------------------------------------------------------------------------------
    def conv2d(self, x: Array, weight: Array, window: Window) -> Array:
        if not supports(weight.shape, window):
            return super().conv2d(x, weight, window)
        return _up(self.convolution.forward(_pitched(x), Filters(weight, window)))

    def conv_filters(self, weight: Array, window: Window) -> Any:
        return Filters(weight, window) if supports(weight.shape, window) else weight

    def conv2d_fused(self, x: Array, filters: Any, window: Window, finish: Finish) -> Array:
        bias, activation, added, out, largest = finish
        known = isinstance(filters, Filters) and not (largest and window.depthwise(filters.weight.shape))
        if not known or activation not in ACTIVATIONS:
            weight = filters.weight if isinstance(filters, Filters) else filters
            return super().conv2d_fused(x, weight, window, finish)
        more = None if added is None else _pitched(added)
        to = None if out is None else out.transpose(0, 2, 3, 1)
        kind = ACTIVATIONS.index(activation)
        y = self.convolution.forward(_pitched(x), filters, _vector(bias), kind, more, to, largest)
        return _up(y) if out is None else out

    def conv2d_backward(
        self, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool
    ) -> tuple[Array | None, Array]:
        if not supports(weight.shape, window):
            return super().conv2d_backward(dy, x, weight, window, need_dx)
        dy, x = self._lying(dy), _pitched(x)
        dweight = self.convolution.weight_gradient(dy, x, weight.shape, window)
        if not need_dx:
            return None, dweight
        return _up(self.convolution.input_gradient(dy, x.shape, weight, window)), dweight

    def deconv2d(self, x: Array, weight: Array, window: Window) -> Array:
        if not supports(weight.shape, window):
            return super().deconv2d(x, weight, window)
        shape = (len(x), *window.grown(x.shape[2], x.shape[3]), weight.shape[1])
        return _up(self.convolution.input_gradient(self._lying(x), shape, weight, window))

    def maxpool2d(self, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
        lying = _pitched(x)
        y = self._empty((len(x), *window_shape(x, size, stride, padding), x.shape[1]))
        self.kernels.call("maxpool", self._pool(lying, y, size, stride, padding), lying, y)
        return _up(y)

    def maxpool2d_backward(
        self, dy: Array, x: Array, y: Array, size: int, stride: tuple[int, int], padding: int
    ) -> Array:
        lying, best = self._lying(x), self._lying(y)
        dx = self._empty(lying.shape)
        self.kernels.call(
            "maxpool_backward", self._pool(lying, best, size, stride, padding), self._lying(dy), lying, best, dx
        )
        return _up(dx)

    # --- heads -------------------------------------------------------------------------------------------------------
    def head_activate(
        self, x: Array, squashed: Sequence[tuple[int, int]], stretched: Sequence[int], scale: float
    ) -> Array:
        n, anchors, entries, h, w = x.shape
        chosen, k, shift = (np.full((anchors, entries), value, FLOAT) for value in (0, 1, 0))
        for first, end in squashed:
            chosen[:, first:end] = 1
        k[:, list(stretched)], shift[:, list(stretched)] = scale, -0.5 * (scale - 1)
        lying = self._lying(x.reshape(n, -1, h, w))
        y = self._empty(lying.shape)
        self._call("some_logistic", lying, chosen, k, shift, y, n * h * w, anchors * entries)
        return _up(y).reshape(x.shape)

    # --- updates -----------------------------------------------------------------------------------------------------
    def sgd_update(
        self, value: Array, grad: Array, velocity: Array, rate: float, momentum: float, decay: float
    ) -> None:
        arrays = [_in_one_order(a, value) for a in (value, grad, velocity)]
        if any(a is None for a in arrays):
            super().sgd_update(value, grad, velocity, rate, momentum, decay)
            return
        constants = np.array([rate, momentum, decay], FLOAT)
        self._call("sgd_update", *arrays, constants, value.size)

    def _pool(self, x: Array, y: Array, size: int, stride: tuple[int, int], padding: int) -> Any:
        return native.Pool(*x.shape, pitch(x), *y.shape[1:3], size, *stride, padding // 2, self.threads.count)


def _pitched(x: Array) -> Array:
    """(n, h, w, c) with the channels of a place together: contiguous, or some of those of a wider array."""
    lying = x.transpose(0, 2, 3, 1)
    _, h, w, c = lying.shape
    step = lying.strides[2]
    if x.dtype == FLOAT and lying.strides == (h * w * step, w * step, step, 4) and step >= 4 * c:
        return lying
    return np.asanyarray(lying, FLOAT, order="C")


def _line(of: Normalised) -> tuple[Array, Array]:
    """(k, shift): a batch norm as x * k + shift."""
    k = of.scale / np.sqrt(of.var + FLOAT.type(of.eps))
    return _vector(k), _vector(of.bias - of.mean * k)


def _standing(y: Array, like: Array) -> Array:
    """The inverse of `_lying` for an array of the shape of `like`."""
    return _up(y) if like.ndim == 4 else y


def _in_one_order(a: Array, like: Array) -> Array | None:
    """`a` as a flat view whose elements lie in the order of those of `like`; None where there is none."""
    if a.dtype != FLOAT or a.strides != like.strides:
        return None
    if a.ndim == 4 and not a.flags.c_contiguous:
        a = a.transpose(0, 2, 3, 1)
    return a.reshape(-1) if a.flags.c_contiguous else None


def _up(y: Array) -> Array:
    """(n, h, w, c) -> (n, c, h, w)."""
    return y.transpose(0, 3, 1, 2)


def _vector(v: Array) -> Array:
    return np.asanyarray(v, FLOAT, order="C")
