"""Launches of the kernels of classifiers' losses, of which one number comes to the host."""

from __future__ import annotations

from typing import Any

from darknet_py.ops.base import Array
from darknet_py.ops.costs import IGNORED, Difference
from darknet_py.ops.cuda.arrays import CudaArrays

KINDS = {"sse": 0, "masked": 0, "seg": 0, "smooth": 1, "L1": 2, "l1": 2, "wgan": 3}  # as kernels/costs.cu has them


class CudaCosts(CudaArrays):
    """See `Costs`."""

    def softmax_cost(self, y: Array, truth: Array, sums: Array, temperature: float) -> tuple[float, Array]:
        return self._cost("costs/softmax_cost", (y, truth, sums), temperature)

    def logistic_cost(self, x: Array, y: Array, truth: Array) -> tuple[float, Array]:
        return self._cost("costs/logistic_cost", (x, y, truth))

    def difference_cost(self, x: Array, truth: Array, options: Difference) -> tuple[float, Array]:
        special, weight = {"masked": (IGNORED, 0.0), "seg": (0.0, options.noobj)}.get(options.kind, (0.0, 1.0))
        truths = (special, weight, 1 - options.smooth, options.smooth / options.outputs)
        kind = [f"KIND={KINDS[options.kind]}"]
        return self._cost("costs/difference_cost", (x, truth), *truths, options.thresh, options.scale, constants=kind)

    def _cost(
        self, kernel: str, arrays: tuple[Array, ...], *numbers: float, constants: Any = ()
    ) -> tuple[float, Array]:
        arrays = self.contiguous(*arrays)
        costs, gradient = self.like(arrays[0]), self.like(arrays[0])
        self.kernels.flat(kernel, costs.size, (*arrays, costs, gradient, costs.size, *numbers), constants=constants)
        return float(self.to_host(self.total(costs))[0]), gradient
