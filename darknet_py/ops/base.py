"""Ops: the array operations that layers are written against.

Arrays are (n, c, h, w) in shape on every backend; how they lie in memory is the backend's affair. A method whose body
works for numpy and cupy alike stands here, once, on `self.xp`; a backend overrides it only where it has something
better. Those without a body are the windowed operations, which every backend must bring. No method changes its inputs,
except where its name says so (``*_update``, ``add_``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from darknet_py.ops import taps
from darknet_py.ops.activations import ACTIVATIONS, CHANNEL_ACTIVATIONS, needs_input
from darknet_py.ops.arithmetic import Arithmetic
from darknet_py.ops.chance import Chance
from darknet_py.ops.contrast import Contrast
from darknet_py.ops.costs import Costs
from darknet_py.ops.heads.interface import Heads
from darknet_py.ops.norms import Norms
from darknet_py.ops.rearrange import Rearranging
from darknet_py.ops.running import Running
from darknet_py.ops.taps import Window, window_shape

__all__ = ["Array", "Normalised", "Ops", "Spans", "Window", "window_shape"]

Array = Any  # numpy.ndarray or cupy.ndarray: both offer the same interface, and cupy may be absent


Spans = Sequence[tuple[int, int]]


class Finish(NamedTuple):
    """What comes behind a convolution before its result is written: activation(sum + bias) + added.

    bias, added: None for none. out: where a backend that `writes_parts` puts the result, if it can; else it comes in an
    array of its own. largest: of the result the maximum over windows of 2x2 with stride 2, cut at the edges, without
    `added`; for backends that `writes_parts`.
    """

    bias: Array = None
    activation: str = "linear"
    added: Array | None = None
    out: Array | None = None
    largest: bool = False


@dataclass(frozen=True)
class Normalised:
    """What the backward of a batch norm and an activation needs: the input, parameters and statistics by channel.

    a: what was activated, where a backend keeps it for activations that need it; y: the result, likewise.
    """

    x: Array
    scale: Array
    bias: Array
    mean: Array
    var: Array
    eps: float
    activation: str
    a: Array | None = None
    y: Array | None = None


class Ops(Arithmetic, Norms, Costs, Contrast, Chance, Rearranging, Heads, Running, ABC):
    """Array module `xp`, real type `dtype`, and the operations.

    loss_scale: what gradients are multiplied with where they are in half precision, which a training may change; None
    where they never are.
    """

    name: str
    xp: Any
    dtype: Any
    loss_scale: float | None = None
    writes_parts = False  # whether `conv2d_fused` heeds `out`, which may be some channels of an array, and `largest`

    # --- arrays ------------------------------------------------------------------------------------------------
    @abstractmethod
    def array(self, host: Any) -> Array:
        """`host` (a NumPy array) as an array of this backend with its real type."""

    @abstractmethod
    def to_host(self, x: Array) -> Any:
        """A NumPy array of `x`, C-contiguous."""

    def empty(self, shape: tuple[int, ...]) -> Array:
        """An array (n, c, h, w) with any contents."""
        return self.xp.empty(shape, self.dtype)

    def put(self, x: Array, out: Array) -> None:
        """`x` into `out`, which may be some channels of an array: for backends that `writes_parts`."""
        out[...] = x

    def teams(self, most: int) -> list[Ops]:
        """Backends, up to `most`, for threads that compute beside one another; they take each other's arrays."""
        return [self]

    # --- activations -------------------------------------------------------------------------------------------
    def activate(self, name: str, x: Array) -> Array:
        """y = activation(x); `x` itself for ``linear``."""
        if name in CHANNEL_ACTIVATIONS:
            return CHANNEL_ACTIVATIONS[name][0](self.xp, x)
        return ACTIVATIONS[name].forward(self.xp, x)

    def activate_backward(self, name: str, dy: Array, x: Array | None, y: Array) -> Array:
        """dL/dx. `x` may be None where ``activations.needs_input(name)`` is false."""
        if name in CHANNEL_ACTIVATIONS:
            return CHANNEL_ACTIVATIONS[name][1](self.xp, dy, x, y)
        return dy if name == "linear" else dy * ACTIVATIONS[name].slope(self.xp, x, y)

    # --- batch norm, over n, h, w --------------------------------------------------------------------------------
    def batch_norm(self, x: Array, scale: Array, bias: Array, mean: Array, var: Array, eps: float) -> Array:
        """scale * (x - mean) / sqrt(var + eps) + bias with given statistics, each (c,)."""
        k = scale / self.xp.sqrt(var + eps)
        return self.scale_shift(x, k, bias - mean * k)

    def batch_norm_train(self, x: Array, scale: Array, bias: Array, eps: float) -> tuple[Array, Array, Array]:
        """The same with the statistics of the batch: (y, mean (c,), variance over N (c,))."""
        mean = x.mean(axis=(0, 2, 3))
        var = ((x - _channels(mean)) ** 2).mean(axis=(0, 2, 3))
        return self.batch_norm(x, scale, bias, mean, var, eps), mean, var

    def batch_norm_train_backward(
        self, dy: Array, x: Array, scale: Array, mean: Array, var: Array, eps: float
    ) -> tuple[Array, Array, Array]:
        """(dx, dscale, dbias): the gradient of `batch_norm_train`, also through mean and variance."""
        rstd = 1 / self.xp.sqrt(var + eps)
        xn = (x - _channels(mean)) * _channels(rstd)
        dbias, dscale = dy.sum(axis=(0, 2, 3)), (dy * xn).sum(axis=(0, 2, 3))
        count = x.size // x.shape[1]
        dx = _channels(scale * rstd) * (dy - _channels(dbias / count) - xn * _channels(dscale / count))
        return dx, dscale, dbias

    def batch_norm_activate(
        self, x: Array, scale: Array, bias: Array, eps: float, activation: str
    ) -> tuple[Array, Normalised]:
        """activation(batch_norm_train(x)), and what its backward needs, among it the statistics."""
        a, mean, var = self.batch_norm_train(x, scale, bias, eps)
        y = self.activate(activation, a)
        kept = a if needs_input(activation) else None
        return y, Normalised(x, scale, bias, mean, var, eps, activation, kept, y)

    def batch_norm_activate_backward(self, dy: Array, of: Normalised) -> tuple[Array, Array, Array]:
        """(dx, dscale, dbias) of `batch_norm_activate`."""
        da = self.activate_backward(of.activation, dy, of.a, of.y)
        return self.batch_norm_train_backward(da, of.x, of.scale, of.mean, of.var, of.eps)

    def scale_shift(self, x: Array, k: Array, shift: Array) -> Array:
        """x * k + shift, both (c,)."""
        return x * _channels(k) + _channels(shift)

    def add_bias(self, x: Array, bias: Array) -> Array:
        """x + bias, bias (c,)."""
        return x + _channels(bias)

    def sum_channels(self, x: Array) -> Array:
        """Sum over n, h, w: (c,)."""
        return x.sum(axis=(0, 2, 3))

    def add(self, a: Array, b: Array) -> Array:
        """a + b, of one shape."""
        return a + b

    # --- wiring --------------------------------------------------------------------------------------------------
    def concatenate(self, xs: list[Array]) -> Array:
        """Arrays one after the other along the channels."""
        return self.xp.concatenate(xs, axis=1)

    def upsample(self, x: Array, stride: int) -> Array:
        """Each value repeated stride x stride times."""
        n, c, h, w = x.shape
        wide = self.xp.broadcast_to(x[:, :, :, None, :, None], (n, c, h, stride, w, stride))
        return wide.reshape(n, c, h * stride, w * stride)

    def upsample_backward(self, dy: Array, stride: int) -> Array:
        """Sum of each stride x stride block."""
        n, c, h, w = dy.shape
        return dy.reshape(n, c, h // stride, stride, w // stride, stride).sum(axis=(3, 5))

    def mean_places(self, x: Array) -> Array:
        """Mean of each plane: (n, c, h, w) -> (n, c, 1, 1)."""
        return x.mean(axis=(2, 3), keepdims=True)

    def mean_places_backward(self, dy: Array, shape: tuple[int, ...]) -> Array:
        """dx of `mean_places` for x of `shape`."""
        return self.xp.broadcast_to(dy / (shape[2] * shape[3]), shape)

    def multiply(self, factor: Array, x: Array) -> Array:
        """factor * x (n, c, h, w), with the factor stretched over pictures, channels or places where it has 1."""
        return factor * x

    def multiply_backward(self, dy: Array, factor: Array, x: Array) -> tuple[Array, Array]:
        """(dfactor, dx) of `multiply`."""
        stretched = tuple(i for i in range(4) if factor.shape[i] == 1 != x.shape[i])
        return (dy * x).sum(axis=stretched, keepdims=True), dy * factor

    # --- softmax over spans of an axis, each (first, behind the last) ----------------------------------------------
    def softmax(self, x: Array, axis: int, spans: Spans) -> Array:
        """exp(x) / sum of exp(x) within each span. The spans cover the axis."""
        y = self.xp.empty_like(x)
        for part in _parts(axis, spans):
            e = self.xp.exp(x[part] - x[part].max(axis=axis, keepdims=True))
            y[part] = e / e.sum(axis=axis, keepdims=True)
        return y

    def softmax_backward(self, dy: Array, y: Array, axis: int, spans: Spans) -> Array:
        """dx of `softmax`."""
        return y * (dy - self.span_sums(dy * y, axis, spans))

    def span_sums(self, x: Array, axis: int, spans: Spans) -> Array:
        """For each element the sum over its span."""
        sums = self.xp.empty_like(x)
        for part in _parts(axis, spans):
            sums[part] = x[part].sum(axis=axis, keepdims=True)
        return sums

    # --- matrices --------------------------------------------------------------------------------------------------
    def linear(self, x: Array, weight: Array) -> Array:
        """x (n, k), weight (m, k) -> (n, m)."""
        return x @ weight.T

    def linear_backward(self, dy: Array, x: Array, weight: Array, need_dx: bool) -> tuple[Any, Array]:
        """(dx or None, dweight) of `linear`."""
        return (dy @ weight if need_dx else None), dy.T @ x

    # --- windows: every backend brings its own -------------------------------------------------------------------
    @abstractmethod
    def conv2d(self, x: Array, weight: Array, window: Window) -> Array:
        """Cross-correlation: x (n, c, h, w), weight (m, c / groups, size, size) -> (n, m, oh, ow)."""

    @abstractmethod
    def conv2d_backward(self, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool) -> tuple[Any, Array]:
        """(dx or None, dweight) of `conv2d`."""

    def conv_filters(self, weight: Array, window: Window) -> Any:
        """`weight` in the form in which `conv2d_fused` wants it, to be made once where weights don't change."""
        return weight

    def conv2d_fused(self, x: Array, filters: Any, window: Window, finish: Finish) -> Array:
        """A convolution and what comes behind it, for inference. filters: of `conv_filters`."""
        y = self.activate(finish.activation, self.add_bias(self.conv2d(x, filters, window), finish.bias))
        if finish.largest:
            return self.maxpool2d(y, 2, (2, 2), 1)
        return y if finish.added is None else y + finish.added

    @abstractmethod
    def maxpool2d(self, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
        """Maximum over windows; `padding` is the total, half of it (rounded down) before the picture."""

    @abstractmethod
    def maxpool2d_backward(
        self, dy: Array, x: Array, y: Array, size: int, stride: tuple[int, int], padding: int
    ) -> Array:
        """dx: each window's gradient goes to the first of its largest taps."""

    # --- windows, in terms of the above ------------------------------------------------------------------------------
    def deconv2d(self, x: Array, weight: Array, window: Window) -> Array:
        """The transpose of `conv2d`: x (n, c, h, w), weight (c, m, size, size) -> (n, m, oh, ow)."""
        like = self.xp.zeros((x.shape[0], weight.shape[1], *window.grown(*x.shape[2:])), self.dtype)
        return self.conv2d_backward(x, like, weight, window, True)[0]

    def deconv2d_backward(self, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool) -> tuple[Any, Array]:
        """(dx or None, dweight) of `deconv2d`."""
        dweight = self.conv2d_backward(x, dy, weight, window, False)[1]
        return (self.conv2d(dy, weight, window) if need_dx else None), dweight

    def unfold(self, x: Array, window: Window) -> Array:
        """(n, c, h, w) -> (n, c, size, size, oh, ow): what each tap of the window sees, 0 outside the picture."""
        return taps.unfold(self.xp, x, window)

    def fold(self, seen: Array, shape: tuple[int, ...], window: Window) -> Array:
        """The transpose of `unfold`: sums what belongs to one place of the picture, whose array has `shape`."""
        return taps.fold(self.xp, seen, shape, window)

    def local2d(self, x: Array, weight: Array, window: Window) -> Array:
        """A convolution with filters of its own at each place: weight (oh * ow, m, c, size, size) -> (n, m, oh, ow)."""
        seen = self.unfold(x, window)
        places, filters = weight.shape[:2]
        columns = seen.reshape(x.shape[0], -1, places).transpose(2, 1, 0)
        y = weight.reshape(places, filters, -1) @ columns
        return y.transpose(2, 1, 0).reshape(x.shape[0], filters, *seen.shape[4:])

    def local2d_backward(self, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool) -> tuple[Any, Array]:
        """(dx or None, dweight) of `local2d`."""
        seen = self.unfold(x, window)
        places, filters = weight.shape[:2]
        columns = seen.reshape(x.shape[0], -1, places).transpose(2, 0, 1)
        gradient = dy.reshape(x.shape[0], filters, places).transpose(2, 1, 0)
        dweight = (gradient @ columns).reshape(weight.shape)
        if not need_dx:
            return None, dweight
        dcolumns = weight.reshape(places, filters, -1).transpose(0, 2, 1) @ gradient
        return self.fold(dcolumns.transpose(2, 1, 0).reshape(seen.shape), x.shape, window), dweight

    def avgpool2d(self, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
        """Mean of what lies inside the picture; windows as in `maxpool2d`."""
        return taps.avgpool(self.xp, x, size, stride, padding)

    def avgpool2d_backward(self, dy: Array, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
        """dx of `avgpool2d`."""
        return taps.avgpool_backward(self.xp, dy, x, size, stride, padding)

    # --- updates ---------------------------------------------------------------------------------------------------
    def sgd_update(
        self, value: Array, grad: Array, velocity: Array, rate: float, momentum: float, decay: float
    ) -> None:
        """velocity <- momentum * velocity - (grad + decay * value);  value <- value + rate * velocity, in place.

        `grad` is the gradient divided by the batch. This is Darknet's rule (convolutional_layer.c:1599), with the
        momentum applied at the beginning of the next step instead of at the end of this one.
        """
        velocity *= momentum
        velocity -= grad
        if decay:
            velocity -= decay * value
        value += rate * velocity

    def adam_update(
        self,
        value: Array,
        grad: Array,
        first: Array,
        second: Array,
        rate: float,
        betas: tuple[float, float],
        eps: float,
    ) -> None:
        """Adam (Kingma and Ba 2015, section 2) in place; `rate` already holds the bias corrections."""
        first *= betas[0]
        first += (1 - betas[0]) * grad
        second *= betas[1]
        second += (1 - betas[1]) * grad * grad
        value -= rate * first / (self.xp.sqrt(second) + eps)


def _parts(axis: int, spans: Spans) -> Iterator[tuple[slice, ...]]:
    """An index for each span."""
    for first, end in spans:
        yield (slice(None),) * axis + (slice(first, end),)


def _channels(v: Array) -> Array:
    return v[:, None, None]
