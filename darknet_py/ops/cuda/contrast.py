"""Launches of the kernels of [contrastive], of whose loss one number comes to the host: kernels/contrast.cu."""

from __future__ import annotations

import numpy as np

from darknet_py.ops.base import Array
from darknet_py.ops.contrast import HostArray, Vectors
from darknet_py.ops.cuda.arrays import CudaArrays
from darknet_py.ops.cuda.launch import BLOCK


class CudaContrast(CudaArrays):
    """See `Contrast`."""

    def gather_vectors(self, x: Array, at: Vectors) -> Array:
        (x,), (count, size) = self.contiguous(x), (len(at.starts), at.size)
        z = self.xp.empty((count, size, 1, 1), self.dtype)
        args = (x, self._numbers(at.starts), z, count, size, x.shape[2] * x.shape[3])
        self.kernels.flat("contrast/gather_vectors", z.size, args)
        return z

    def scatter_vectors(self, z: Array, at: Vectors, shape: tuple[int, ...]) -> Array:
        (z,), y = self.contiguous(z), self.xp.zeros(shape, self.dtype)
        args = (z, self._numbers(at.starts), y, len(z), at.size, shape[2] * shape[3])
        self.kernels.flat("contrast/scatter_vectors", z.size, args)
        return y

    def contrast_cost(
        self, cosines: Array, labels: HostArray, groups: HostArray, temperature: float, nearest: int
    ) -> tuple[float, Array]:
        (cosines,) = self.contiguous(cosines)
        count, gradient = len(cosines), self.like(cosines)
        costs = self.xp.empty(count, self.dtype)
        arrays = (cosines, self._numbers(labels), self._numbers(groups), costs, gradient)
        self.kernels.launch(
            "contrast/contrast_cost", (-(-count * 32 // BLOCK),), (*arrays, count, temperature, nearest)
        )
        return float(self.to_host(self.total(costs))[0]), gradient

    def _numbers(self, host: HostArray) -> Array:
        return self.xp.array(np.ascontiguousarray(host, np.int32))
