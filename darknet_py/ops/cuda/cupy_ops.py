"""CupyOps: the GPU backend. Every operation is a kernel of ours in kernels/, launched through `launch.Kernels`.

Arrays are C-contiguous (n, c, h, w) in the device's memory. The array module is passed in: CuPy, or what stands in for
it in the tests. Sums are made in a fixed order, so the same input gives the same bits on the same card.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from darknet_py.ops.activations import CHANNEL_ACTIVATIONS
from darknet_py.ops.base import Array, Finish, Spans, Window
from darknet_py.ops.cuda import windows
from darknet_py.ops.cuda.arithmetic import CudaArithmetic
from darknet_py.ops.cuda.chance import CudaChance
from darknet_py.ops.cuda.contrast import CudaContrast
from darknet_py.ops.cuda.costs import CudaCosts
from darknet_py.ops.cuda.found import CudaFound
from darknet_py.ops.cuda.graphs import Captured
from darknet_py.ops.cuda.heads import CudaHeads
from darknet_py.ops.cuda.launch import Kernels
from darknet_py.ops.cuda.norms import CudaNorms
from darknet_py.ops.cuda.plan import Plan
from darknet_py.ops.cuda.uploads import Uploader
from darknet_py.ops.running import Function

WARPS = 4  # of a block, where each warp makes a result


class CupyOps(CudaArithmetic, CudaNorms, CudaCosts, CudaContrast, CudaChance, CudaHeads, CudaFound):
    """`xp`: the module cupy, with the wanted device current."""

    name = "cuda"

    def __init__(self, xp: Any, plan: Plan | None = None) -> None:
        self.xp = xp
        self.plan = plan or Plan()
        self.dtype = np.dtype(np.float32)
        self.kernels = Kernels(xp)
        self._device = xp.cuda.Device()
        self._uploader: Uploader | None = None

    # --- arrays ------------------------------------------------------------------------------------------------
    def array(self, host: Any) -> Array:
        """A copy of `host` in the device's memory."""
        return self.xp.array(np.ascontiguousarray(host, self.dtype))

    def to_host(self, x: Array) -> Any:
        return self.xp.asnumpy(self.settled(x))

    def attach(self) -> None:
        self._device.use()

    def feed(self, hosts: Iterable[Any]) -> Iterator[Array]:
        self._uploader = self._uploader or Uploader(self.xp, self.dtype)
        return self._uploader.feed(hosts)

    def captured(self, function: Function) -> Callable[[Any], dict[int, Array]]:
        return Captured(self, function) if self.plan.graphs else super().captured(function)

    # --- activations -------------------------------------------------------------------------------------------
    def activate(self, name: str, x: Array) -> Array:
        if name == "linear":
            return x
        (x,) = self.contiguous(x)
        y = self.like(x)
        if name in CHANNEL_ACTIVATIONS:
            self._by_channels("channel_activate", name, (x, y), x.shape)
        else:
            self.kernels.flat("activation/activate", x.size, (x, y, x.size), constants=[f"ACTIVATION={name}"])
        return y

    def activate_backward(self, name: str, dy: Array, x: Array | None, y: Array) -> Array:
        if name == "linear":
            return dy
        dy, y = self.contiguous(dy, y)
        x = None if x is None else self.contiguous(x)[0]
        dx = self.like(dy)
        if name in CHANNEL_ACTIVATIONS:
            self._by_channels("channel_activate_backward", name, (dy, x, dx), dy.shape)
        else:
            constants = [f"ACTIVATION={name}"]
            self.kernels.flat("activation/activate_backward", dx.size, (dy, x, y, dx, dx.size), constants=constants)
        return dx

    def _by_channels(self, kernel: str, name: str, arrays: tuple[Any, ...], shape: tuple[int, ...]) -> None:
        n, c, places = shape[0], shape[1], int(np.prod(shape[2:]))
        constants = [f"KIND={list(CHANNEL_ACTIVATIONS).index(name)}"]
        self.kernels.flat(f"channel_activation/{kernel}", n * places, (*arrays, n, c, places), constants=constants)

    # --- batch norm, and what else works by channels -------------------------------------------------------------
    def batch_norm(self, x: Array, scale: Array, bias: Array, mean: Array, var: Array, eps: float) -> Array:
        x, scale, bias, mean, var = self.contiguous(x, scale, bias, mean, var)
        y = self.like(x)
        args = (x, scale, bias, mean, var, eps, y, x.size, x.shape[1], _places(x))
        self.kernels.flat("batch_norm/batch_norm", x.size, args)
        return y

    def batch_norm_train(self, x: Array, scale: Array, bias: Array, eps: float) -> tuple[Array, Array, Array]:
        (x,) = self.contiguous(x)
        count = x.size // x.shape[1]
        mean = self.channel_sums("channel_sums", (x,), x, 1 / count)
        var = self.channel_sums("channel_squares", (x, mean), x, 1 / count)
        return self.batch_norm(x, scale, bias, mean, var, eps), mean, var

    def batch_norm_train_backward(
        self, dy: Array, x: Array, scale: Array, mean: Array, var: Array, eps: float
    ) -> tuple[Array, Array, Array]:
        dy, x, scale, mean, var = self.contiguous(dy, x, scale, mean, var)
        sums = self.channel_sums("channel_gradients", (dy, x, mean), x, 1.0, 2)
        dx, dscale = self.like(x), self.like(scale)
        args = (dy, x, scale, mean, var, eps, sums, dx, dscale, x.size, x.shape[1], _places(x))
        self.kernels.flat("batch_norm/batch_norm_dx", x.size, args)
        return dx, dscale, sums[: x.shape[1]]

    def scale_shift(self, x: Array, k: Array | None, shift: Array) -> Array:
        x, shift = self.contiguous(x, shift)
        k = None if k is None else self.contiguous(k)[0]
        y = self.like(x)
        self.kernels.flat("batch_norm/scale_shift", x.size, (x, k, shift, y, x.size, x.shape[1], _places(x)))
        return y

    def add_bias(self, x: Array, bias: Array) -> Array:
        return self.scale_shift(x, None, bias)

    def add(self, a: Array, b: Array) -> Array:
        a, b = self.contiguous(a, b)
        y = self.like(a)
        self.kernels.flat("elementwise/add", y.size, (a, b, y, y.size))
        return y

    def sum_channels(self, x: Array) -> Array:
        (x,) = self.contiguous(x)
        return self.channel_sums("channel_sums", (x,), x, 1.0)

    # --- wiring --------------------------------------------------------------------------------------------------
    def concatenate(self, xs: list[Array]) -> Array:
        n, _, *places = xs[0].shape
        y = self.xp.empty((n, sum(x.shape[1] for x in xs), *places), self.dtype)
        first = 0
        for x in xs:
            self.blend_update(y[:, first : first + x.shape[1]], x)
            first += x.shape[1]
        return y

    def upsample(self, x: Array, stride: int) -> Array:
        (x,) = self.contiguous(x)
        n, c, h, w = x.shape
        y = self.xp.empty((n, c, h * stride, w * stride), self.dtype)
        self.kernels.flat("route/upsample", y.size, (x, y, y.size, w * stride, stride))
        return y

    def upsample_backward(self, dy: Array, stride: int) -> Array:
        (dy,) = self.contiguous(dy)
        n, c, h, w = dy.shape
        dx = self.xp.empty((n, c, h // stride, w // stride), self.dtype)
        self.kernels.flat("route/upsample_backward", dx.size, (dy, dx, dx.size, w // stride, stride))
        return dx

    def mean_places(self, x: Array) -> Array:
        (x,) = self.contiguous(x)
        y = self.xp.empty((*x.shape[:2], 1, 1), self.dtype)
        self._by_warps("planes/mean_places", y.size, (x, y, y.size, _places(x)))
        return y

    def mean_places_backward(self, dy: Array, shape: tuple[int, ...]) -> Array:
        (dy,) = self.contiguous(dy)
        dx = self.xp.empty(shape, self.dtype)
        self.kernels.flat("planes/spread_places", dx.size, (dy, dx, dx.size, _places(dx)))
        return dx

    def multiply(self, factor: Array, x: Array) -> Array:
        factor, x = self.contiguous(factor, x)
        y = self.like(x)
        shape = (x.shape[1], _places(x), len(factor), factor.shape[1], _places(factor))
        self.kernels.flat("planes/multiply", y.size, (factor, x, y, y.size, *shape))
        return y

    def multiply_backward(self, dy: Array, factor: Array, x: Array) -> tuple[Array, Array]:
        if factor.shape == x.shape:
            return self.multiply(dy, x), self.multiply(dy, factor)
        dy, x = self.contiguous(dy, x)
        dfactor = self.like(factor)
        shape = (len(x), x.shape[1], _places(x), len(factor), factor.shape[1], _places(factor))
        self._by_warps("planes/multiply_sums", factor.size, (dy, x, dfactor, *shape))
        return dfactor, self.multiply(factor, dy)

    def _by_warps(self, kernel: str, count: int, args: tuple[Any, ...]) -> None:
        """Runs a kernel whose warps make one of `count` results each."""
        self.kernels.launch(kernel, (-(-count // WARPS),), args, block=32 * WARPS)

    # --- softmax -------------------------------------------------------------------------------------------------
    def softmax(self, x: Array, axis: int, spans: Spans) -> Array:
        return self._over_spans("softmax", (x,), axis, spans)

    def softmax_backward(self, dy: Array, y: Array, axis: int, spans: Spans) -> Array:
        return self._over_spans("softmax_backward", (dy, y), axis, spans)

    def span_sums(self, x: Array, axis: int, spans: Spans) -> Array:
        return self._over_spans("span_sums", (x,), axis, spans)

    def _over_spans(self, kernel: str, arrays: tuple[Array, ...], axis: int, spans: Spans) -> Array:
        arrays = self.contiguous(*arrays)
        shape, result = arrays[0].shape, self.like(arrays[0])
        outer, inner = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
        args = (*arrays, self.whole_numbers(spans), result, len(spans), outer, shape[axis], inner)
        self._by_warps(f"softmax/{kernel}", outer * inner * len(spans), args)
        return result

    # --- matrices ------------------------------------------------------------------------------------------------
    def linear(self, x: Array, weight: Array) -> Array:
        x, weight = self.contiguous(x, weight)
        (n, k), m = x.shape, len(weight)
        return windows.product(self, "linear", (x, weight), (n, m), k, (n, m, k))

    def linear_backward(self, dy: Array, x: Array, weight: Array, need_dx: bool) -> tuple[Any, Array]:
        dy, x, weight = self.contiguous(dy, x, weight)
        (n, k), m = x.shape, len(weight)
        dx = windows.product(self, "linear_dx", (dy, weight), (n, k), m, (n, m, k)) if need_dx else None
        return dx, windows.product(self, "linear_dweight", (dy, x), (m, k), n, (n, m, k))

    # --- windows -------------------------------------------------------------------------------------------------
    def conv2d(self, x: Array, weight: Array, window: Window) -> Array:
        x, weight = self.contiguous(x, weight)
        return windows.forward(self, x, weight, window)

    def conv_filters(self, weight: Array, window: Window) -> Any:
        return self.contiguous(weight)[0]

    def conv2d_fused(self, x: Array, filters: Any, window: Window, finish: Finish) -> Array:
        bias, activation, added, *_ = finish
        if activation in CHANNEL_ACTIVATIONS:  # which need all channels of a place
            y = self.activate(activation, self.conv2d_fused(x, filters, window, Finish(bias)))
            return y if added is None else self.add(y, added)
        x, filters, bias = self.contiguous(x, filters, bias)
        finish = Finish(bias, activation, None if added is None else self.contiguous(added)[0])
        return windows.forward(self, x, filters, window, finish)

    def conv2d_backward(self, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool) -> tuple[Any, Array]:
        dy, x, weight = self.contiguous(dy, x, weight)
        dx = windows.input_gradient(self, dy, x.shape, weight, window) if need_dx else None
        return dx, windows.weight_gradient(self, dy, x, weight.shape, window)

    def deconv2d(self, x: Array, weight: Array, window: Window) -> Array:
        x, weight = self.contiguous(x, weight)
        shape = (x.shape[0], weight.shape[1], *window.grown(*x.shape[2:]))
        return windows.input_gradient(self, x, shape, weight, window)

    def deconv2d_backward(self, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool) -> tuple[Any, Array]:
        dy, x, weight = self.contiguous(dy, x, weight)
        dx = self.conv2d(dy, weight, window) if need_dx else None
        return dx, windows.weight_gradient(self, x, dy, weight.shape, window)

    def maxpool2d(self, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
        return windows.pool(self, "maxpool2d", x, size, stride, padding)

    def maxpool2d_backward(
        self, dy: Array, x: Array, y: Array, size: int, stride: tuple[int, int], padding: int
    ) -> Array:
        return windows.maxpool_backward(self, dy, x, y, size, stride, padding)

    def avgpool2d(self, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
        return windows.pool(self, "avgpool2d", x, size, stride, padding)

    def avgpool2d_backward(self, dy: Array, x: Array, size: int, stride: tuple[int, int], padding: int) -> Array:
        return windows.avgpool_backward(self, dy, x, size, stride, padding)

    def unfold(self, x: Array, window: Window) -> Array:
        return windows.unfold(self, x, window)

    def fold(self, seen: Array, shape: tuple[int, ...], window: Window) -> Array:
        return windows.fold(self, seen, shape, window)

    def local2d(self, x: Array, weight: Array, window: Window) -> Array:
        return windows.local(self, x, weight, window)

    def local2d_backward(self, dy: Array, x: Array, weight: Array, window: Window, need_dx: bool) -> tuple[Any, Array]:
        return windows.local_backward(self, dy, x, weight, window, need_dx)

    # --- updates ---------------------------------------------------------------------------------------------------
    def sgd_update(
        self, value: Array, grad: Array, velocity: Array, rate: float, momentum: float, decay: float
    ) -> None:
        (grad,) = self.contiguous(grad)
        self.kernels.flat("update/sgd_update", value.size, (value, grad, velocity, rate, momentum, decay, value.size))

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
        (grad,) = self.contiguous(grad)
        args = (value, grad, first, second, rate, *betas, eps, value.size)
        self.kernels.flat("update/adam_update", value.size, args)


def _places(x: Array) -> int:
    """h * w of (n, c, h, w)."""
    return int(np.prod(x.shape[2:]))
