"""A clock that is moved by hand, and figures of a machine that isn't there."""

from __future__ import annotations

from dataclasses import replace

from darknet_py.benchmark.machine import Machine
from darknet_py.benchmark.rates import Rates
from darknet_py.benchmark.rows import Case, Figures, Memory, Row, figures_of
from darknet_py.benchmark.timing import spread

MACHINE = Machine("a processor", 2, 8.0, "", "", "", "a system", "3.10", "1.0", "2.0", "a library", "4.9", "")
RATES = Rates(gflops=100, copy_gb_per_s=10)
CASE = Case("net", "random", "infer", "cpu", 2, 416, 320, 4, 3, flops=10**9, moved_bytes=10**8)


class Hands:
    """A clock; `passes(s)` makes a work of s seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def figures(case: Case = CASE, price: float | None = None, joules: float | None = None, **stages: float) -> Figures:
    """Of stages that took so many seconds each time; 0.5 for the network."""
    spreads = {name: spread([seconds]) for name, seconds in {"network": 0.5, **stages}.items()}
    return figures_of(case, spreads, RATES, Memory(123.0), joules, price)


def row(price: float | None = None, **changes: object) -> Row:
    case = replace(CASE, **changes)  # type: ignore[arg-type]
    return Row(case, figures(case, price), MACHINE)
