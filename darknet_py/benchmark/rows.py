"""A measurement as a row: the fields of the JSON and CSV files, and the table for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from darknet_py.benchmark.machine import Machine
from darknet_py.benchmark.rates import Rates
from darknet_py.benchmark.timing import Spread

Record = dict[str, Any]
"""A row as the files have it."""
SECONDS_PER_HOUR = 3600
STAGES = ("decode", "resize", "network", "box_decode", "nms")
TRAINING_FLOPS = 3  # times those of forward: the gradients of inputs and of weights take as many each


@dataclass(frozen=True)
class Case:
    """What is measured. flops: of a picture, forward, as Darknet counts them; moved_bytes: of a batch, forward, each
    layer's inputs, output and parameters once. threads: of the processor."""

    network: str
    weights: str
    mode: str
    backend: str
    threads: int
    width: int
    height: int
    batch: int
    repeat: int
    flops: int
    moved_bytes: int


class Memory(NamedTuple):
    """At its most: of the process, and on a graphics card (None where none computes)."""

    process_mib: float
    card_mib: float | None = None


@dataclass(frozen=True)
class Figures:
    """What was measured. All times are of a whole batch, in milliseconds; None: not measured.

    median_ms: the network alone in inference, from the input array to the outputs on the host; in training a whole
    iteration. low_ms, high_ms: its quartiles. images_per_s and gflops follow from it. gflops_share: of the machine's
    matrix products; above 1 where an algorithm needs fewer operations than it is credited with. intensity: operations
    a byte; attainable_gflops: the roofline there.
    """

    median_ms: float
    low_ms: float
    high_ms: float
    least_ms: float
    images_per_s: float
    gflops: float
    gflops_share: float
    intensity: float
    attainable_gflops: float
    product_gflops: float
    copy_gb_per_s: float
    decode_ms: float | None
    resize_ms: float | None
    network_ms: float | None
    box_decode_ms: float | None
    nms_ms: float | None
    memory_mib: float
    card_mib: float | None
    joules_per_image: float | None
    price_per_hour: float | None
    images_per_money: float | None


@dataclass(frozen=True)
class Row:
    """A case, what was measured of it, and where."""

    case: Case
    figures: Figures
    machine: Machine

    def record(self) -> Record:
        """All fields side by side, numbers with six digits: more would be noise."""
        record = {**asdict(self.case), **asdict(self.figures), **asdict(self.machine)}
        return {key: float(f"{value:.6g}") if isinstance(value, float) else value for key, value in record.items()}


def figures_of(
    case: Case,
    stages: dict[str, Spread],
    rates: Rates,
    memory: Memory,
    joules: float | None = None,
    price: float | None = None,
) -> Figures:
    """The figures that follow from the spreads of the stages' seconds, "network" among them.

    joules: of all repeats. price: of an hour of the machine, in any currency.
    """
    network = stages["network"]
    speed = case.batch / network.median
    flops = case.batch * case.flops
    gflops = flops * (TRAINING_FLOPS if case.mode == "train" else 1) / network.median / 1e9
    intensity = flops / case.moved_bytes
    told: Record = {f"{name}_ms": 1000 * stages[name].median if name in stages else None for name in STAGES}
    return Figures(
        *network.scaled(1000),
        images_per_s=speed,
        gflops=gflops,
        gflops_share=gflops / rates.gflops,
        intensity=intensity,
        attainable_gflops=rates.attainable(intensity),
        product_gflops=rates.gflops,
        copy_gb_per_s=rates.copy_gb_per_s,
        **told,
        memory_mib=memory.process_mib,
        card_mib=memory.card_mib,
        joules_per_image=None if joules is None else joules / (case.batch * case.repeat),
        price_per_hour=price,
        images_per_money=SECONDS_PER_HOUR * speed / price if price else None,
    )


def to_json(rows: Sequence[Row]) -> str:
    """An array of objects, one a row."""
    return json.dumps([row.record() for row in rows], indent=1, ensure_ascii=False) + "\n"


def to_csv(rows: Sequence[Row]) -> str:
    """A line of names, then a line a row; nothing where there is no figure. At least one row."""
    records = [row.record() for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


COLUMNS = {  # heading: width; of words from the left where negative
    "network": -20,
    "mode": -6,
    "input": 9,
    "batch": 6,
    "ms": 10,
    "quartiles": 18,
    "pictures/s": 11,
    "GFLOP/s": 9,
    "of products": 12,
    "MiB": 7,
}


def heading() -> str:
    """The first line of the table."""
    return _line(list(COLUMNS))


def line(row: Row) -> str:
    """A row's line of the table. "of products" is GFLOP/s relative to the machine's matrix products."""
    case, figures = row.case, row.figures
    return _line(
        [
            case.network,
            case.mode,
            f"{case.width}x{case.height}",
            str(case.batch),
            f"{figures.median_ms:.2f}",
            f"{figures.low_ms:.2f}-{figures.high_ms:.2f}",
            f"{figures.images_per_s:.2f}",
            f"{figures.gflops:.1f}",
            f"{figures.gflops_share:.0%}",
            f"{figures.memory_mib:.0f}",
        ]
    )


def _line(cells: Sequence[str]) -> str:
    widths = COLUMNS.values()
    return "".join(c.ljust(-w) if w < 0 else c.rjust(w) for c, w in zip(cells, widths, strict=True)).rstrip()


def details(row: Row) -> str:
    """Milliseconds of each stage, and what a picture costs; empty where there is nothing of the kind."""
    figures = row.figures
    told = [(name, getattr(figures, f"{name}_ms")) for name in STAGES]
    parts = [f"{name.replace('_', ' ')} {value:.2f} ms" for name, value in told if value is not None]
    parts = parts if len(parts) > 1 else []
    if figures.card_mib is not None:
        parts.append(f"{figures.card_mib:.0f} MiB on the card")
    if figures.joules_per_image is not None:
        parts.append(f"{figures.joules_per_image:.3f} J a picture")
    if figures.images_per_money is not None:
        parts.append(f"{figures.images_per_money:,.0f} pictures for 1 of the price's unit")
    return ", ".join(parts)
