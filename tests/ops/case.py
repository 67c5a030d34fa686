"""What a row of cases.py is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from darknet_py.ops import Array, Ops
from tests.gradients import distinct

Backward = Callable[[Ops, tuple[Any, ...], Array, Any], dict[int, Array]]


@dataclass(frozen=True)
class Case:
    """Call of the method `op`. Arrays among the arguments are float64 of NumPy; the backend makes its own of them.

    Arrays of whole numbers stay on the host.
    backward(ops, args, dy, result) -> the gradient by each argument (by its place), where the operation has one.
    changes: places, among the arrays, of the arguments that the operation changes.
    how: what calls the operation, where that isn't just with the arguments.
    """

    op: str
    label: str
    make: Callable[[np.random.Generator], tuple[Any, ...]]
    backward: Backward | None = None
    changes: tuple[int, ...] = ()
    how: Callable[[Ops, tuple[Any, ...]], Any] | None = None

    def __str__(self) -> str:
        return f"{self.op}-{self.label}"

    def result(self, ops: Ops, args: tuple[Any, ...]) -> Any:
        """What the operation gives for arguments of that backend."""
        return self.how(ops, args) if self.how else getattr(ops, self.op)(*args)

    @property
    def empty(self) -> bool:
        """Whether there are no numbers in its arrays."""
        return self.label.startswith("no-pictures")

    def args(self) -> tuple[Any, ...]:
        return self.make(np.random.default_rng(5))


def shapes(*shapes: tuple[int, ...]) -> Callable[[np.random.Generator], tuple[Array, ...]]:
    return lambda rng: tuple(distinct(rng, shape) for shape in shapes)
