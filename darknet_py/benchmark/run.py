"""Runs the cases of a benchmark, one after the other, each on a network of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from darknet_py.benchmark.energy import meter_of
from darknet_py.benchmark.layers import LayerClock, LayerTime, moved_bytes
from darknet_py.benchmark.machine import Machine
from darknet_py.benchmark.memory import card_mib, forget_card, peak_mib, reset_peak
from darknet_py.benchmark.rates import Rates, thread_count, waiting
from darknet_py.benchmark.rows import Case, Memory, Row, figures_of
from darknet_py.benchmark.timing import Clock, Spread, Stopwatch, spread
from darknet_py.benchmark.work import Work, inference, training
from darknet_py.data.draw import save_picture
from darknet_py.data.drawing import draw_picture
from darknet_py.network import Network, for_inference, load_network, load_weights
from darknet_py.ops import Ops

INFER, TRAIN = "infer", "train"
MODES = (INFER, TRAIN)
RANDOM = "random"  # in place of the name of a weights file
PICTURE_SIDE = 640  # of the picture that is drawn where none is given: COCO's longer side
WARM_UP = 2


@dataclass(frozen=True)
class Setting:
    """One case. size: (w, h) of the input, None for the cfg's."""

    mode: str
    size: tuple[int, int] | None
    batch: int


@dataclass(frozen=True)
class Plan:
    """What all cases share. picture: None for a drawn one; price: of an hour; layers: whether they are timed too."""

    cfg: Path
    weights: Path | None
    repeat: int
    thresh: float = 0.25
    picture: Path | None = None
    layers: bool = False
    price: float | None = None


@dataclass(frozen=True)
class Result:
    """A row, and the times of its layers if they were asked for."""

    row: Row
    layers: list[LayerTime]


@dataclass(frozen=True)
class Benchmark:
    """A plan on a machine, whose rates have been measured with the same `ops`."""

    plan: Plan
    ops: Ops
    rates: Rates
    machine: Machine
    clock: Clock = time.perf_counter

    def results(self, settings: Sequence[Setting]) -> Iterator[Result]:
        """Each when it is there. DarknetError where a case isn't possible."""
        with _picture(self.plan.picture) as picture:
            for setting in settings:
                yield self._result(setting, picture)

    def _result(self, setting: Setting, picture: Path) -> Result:
        reset_peak()
        forget_card(self.ops)
        plain = self._network(setting)
        case = self._case(setting, plain)
        net = for_inference(plain) if setting.mode == INFER else plain
        work = self._work(setting, net, picture)
        meter = meter_of(self.ops.name)
        for _ in range(WARM_UP):
            work(Stopwatch(self.clock))
        meter.start()
        stages = self._spreads(work, f"{setting.mode} {case.width}x{case.height} batch {setting.batch}")
        joules, memory = meter.joules(), Memory(peak_mib(), card_mib(self.ops))
        figures = figures_of(case, stages, self.rates, memory, joules, self.plan.price)
        layers = self._layer_times(setting, net, picture) if self.plan.layers else []
        return Result(Row(case, figures, self.machine), layers)

    def _network(self, setting: Setting) -> Network:
        net = load_network(self.plan.cfg, self.ops, allocate=not self.plan.weights)
        if self.plan.weights:
            load_weights(net, self.plan.weights)
        return net.resized(*(setting.size or net.size))

    def _case(self, setting: Setting, net: Network) -> Case:
        return Case(
            network=self.plan.cfg.stem,
            weights=self.plan.weights.name if self.plan.weights else RANDOM,
            mode=setting.mode,
            backend=self.ops.name,
            threads=thread_count(self.ops),
            width=net.input.w,
            height=net.input.h,
            batch=setting.batch,
            repeat=self.plan.repeat,
            flops=net.flops(),
            moved_bytes=sum(moved_bytes(node, setting.batch) for node in net.nodes),
        )

    def _work(self, setting: Setting, net: Network, picture: Path) -> Work:
        if setting.mode == TRAIN:
            return training(net, setting.batch)
        return inference(net, setting.batch, picture, self.plan.thresh if self.plan.weights else None)

    def _spreads(self, work: Work, what: str) -> dict[str, Spread]:
        """Of each stage's seconds over the repeats."""
        seconds: dict[str, list[float]] = {}
        for _ in tqdm(range(self.plan.repeat), what, disable=None, leave=False):
            watch = Stopwatch(self.clock)
            work(watch)
            for name, taken in watch.seconds.items():
                seconds.setdefault(name, []).append(taken)
        return {name: spread(values) for name, values in seconds.items()}

    def _layer_times(self, setting: Setting, net: Network, picture: Path) -> list[LayerTime]:
        """Of as many runs of their own, since looking at the clock after each layer takes time too."""
        layer_clock = LayerClock(net, waiting(self.ops), self.clock)
        work = self._work(setting, layer_clock.network, picture)
        work(Stopwatch(self.clock))
        layer_clock.forget()
        for _ in range(self.plan.repeat):
            work(Stopwatch(self.clock))
        return layer_clock.times(setting.batch)


@contextmanager
def _picture(given: Path | None) -> Iterator[Path]:
    """The picture to decode again and again."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drawn.jpg"
        save_picture(path, draw_picture(np.random.default_rng(0), PICTURE_SIDE)[0])
        yield path
