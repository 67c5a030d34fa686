"""Launches of the kernels over the channels of a place: kernels/norms.cu."""

from __future__ import annotations

from darknet_py.ops.base import Array
from darknet_py.ops.cuda.arrays import CudaArrays
from darknet_py.ops.norms import Response


class CudaNorms(CudaArrays):
    """See `Norms`."""

    def local_response(self, x: Array, options: Response) -> tuple[Array, Array]:
        (x,) = self.contiguous(x)
        y, total = self.like(x), self.like(x)
        numbers = (*_shape(x), *options.around, options.alpha, options.beta, options.kappa)
        self.kernels.flat("norms/local_response", x.size, (x, y, total, x.size, *numbers))
        return y, total

    def local_response_backward(self, dy: Array, x: Array, total: Array, options: Response) -> Array:
        numbers = (*_shape(x), *options.around, options.alpha, options.beta)
        return self._over("norms/local_response_backward", [dy, x, total], *numbers)

    def unit_vectors(self, x: Array) -> Array:
        return self._by_places("norms/unit_vectors", x)

    def unit_vectors_backward(self, dy: Array, x: Array, y: Array) -> Array:
        return self._by_places("norms/unit_vectors_backward", dy, x, y)

    def _by_places(self, kernel: str, *arrays: Array) -> Array:
        arrays = self.contiguous(*arrays)
        y, (channels, places) = self.like(arrays[0]), _shape(arrays[0])
        count = len(y) * places
        self.kernels.flat(kernel, count, (*arrays, y, count, channels, places))
        return y

    def maxpool_depth(self, x: Array, channels: int) -> Array:
        (x,) = self.contiguous(x)
        y = self.xp.empty((len(x), channels, *x.shape[2:]), self.dtype)
        wide, places = _shape(x)
        self.kernels.flat("norms/maxpool_depth", y.size, (x, y, y.size, wide, channels, places))
        return y

    def maxpool_depth_backward(self, dy: Array, x: Array, y: Array) -> Array:
        dy, x, y = self.contiguous(dy, x, y)
        dx, (wide, places) = self.like(x), _shape(x)
        args = (dy, x, y, dx, y.size, wide, y.shape[1], places)
        self.kernels.flat("norms/maxpool_depth_backward", y.size, args)
        return dx

    def variance(self, mean: Array, square: Array) -> Array:
        return self._over("norms/variance", [mean, square])

    def shared_norm_gradients(
        self, dy: Array, x: Array, scale: Array, mean: Array, square: Array, eps: float, count: int
    ) -> tuple[Array, Array, Array]:
        dy, x, scale, mean, square = self.contiguous(dy, x, scale, mean, square)
        sums = self.channel_sums("channel_gradients", (dy, x, mean), x, 1.0, 2)
        dx, dscale, (channels, places) = self.like(x), self.like(scale), _shape(x)
        numbers = (eps, float(count * len(x) * places))
        args = (dy, x, scale, mean, square, sums, *numbers, dx, dscale, x.size, channels, places)
        self.kernels.flat("norms/shared_norm_dx", x.size, args)
        return dx, dscale, sums[:channels]


def _shape(x: Array) -> tuple[int, int]:
    """Channels and places of (n, c, h, w)."""
    return x.shape[1], x.shape[2] * x.shape[3]
