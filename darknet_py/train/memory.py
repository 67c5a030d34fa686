"""How much memory a training takes, before it takes it; and what would fit where there is less."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from darknet_py.errors import DarknetError
from darknet_py.network import Network
from darknet_py.ops import Ops
from darknet_py.ops.cuda.card import card_memory
from darknet_py.train.schedule import input_size

SHARE = 0.9  # of what is free that a training is planned to take: the figures are rough
MIB = 2**20


class TrainingMemoryError(DarknetError):
    """A training doesn't fit: says what would."""


def largest_size(net: Network) -> tuple[int, int]:
    """(w, h) of the largest input in a training: that of its first iterations."""
    return input_size(net.options, [head for _, head in net.heads], 0, 0)


def training_memory(net: Network, subdivisions: int = 0) -> int:
    """Bytes, roughly: parameters with gradients and the optimiser's arrays, and three copies of all outputs.

    On a graphics card also the pictures that are on their way, and the gradients on both sides of the largest layer; on
    several, those that come from another card: the first one takes the most. In mixed precision outputs take half of
    that, but for the largest layer's, whose float32 forms come and go. subdivisions: instead of the cfg's.
    """
    options, mixed = net.options, net.ops.loss_scale is not None
    net = net.resized(*largest_size(net))
    copies = (4 if options.adam else 3) + (1 if options.ema_alpha else 0) + (1 if net.ops.peers else 0)
    outputs = net.input.size + sum(3 * node.shape.size for node in net.nodes) // (2 if mixed else 1)
    if card_memory(net.ops.xp) is not None:
        outputs += net.input.size + (4 if mixed else 2) * max(node.shape.size for node in net.nodes)
    mini_batch = options.update_size // (subdivisions or options.subdivisions)
    return 4 * (copies * net.parameter_count() + mini_batch * outputs)


def available_memory() -> int | None:
    """Bytes that this process may still take, as the system and its container say; None where they don't."""
    limits = []
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        limits.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable:")).split()[1]))
    with suppress(OSError, ValueError):  # "max" where the container has no limit
        group = Path("/sys/fs/cgroup")
        limits.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    return min(limits, default=None)


def room_for(ops: Ops) -> int | None:
    """Bytes that a network and its training may take where `ops` computes; None where nobody says.

    On several GPUs on each: what the fullest has.
    """
    on_card = card_memory(ops.xp)
    if on_card is None:
        return available_memory()
    elsewhere = (peer.start(card_memory, peer.ops.xp).result() for peer in ops.peers)
    return min([on_card, *(room for room in elsewhere if room is not None)])


def fitting_subdivisions(net: Network, room: int, above: int = 0) -> int | None:
    """The smallest subdivisions= above `above` with which the training fits into `room` bytes; None: none does."""
    batch = net.options.batch
    possible = (count for count in range(above + 1, batch + 1) if batch % count == 0)
    return next((count for count in possible if training_memory(net, count) <= SHARE * room), None)


def with_fitting_batch(net: Network) -> Network:
    """The network with as few subdivisions as its training has memory for, but one for each GPU.

    TrainingMemoryError where there are none.
    """
    room = room_for(net.ops)
    if room is None:
        raise TrainingMemoryError("-auto_batch: this system doesn't say how much memory is free: set subdivisions=")
    count = fitting_subdivisions(net, room, min(len(net.ops.peers), net.options.batch - 1))
    if count is None:
        raise TrainingMemoryError(f"-auto_batch: {_too_large(net, room)}")
    return replace(net, options=replace(net.options, subdivisions=count))


def memory_line(net: Network) -> str:
    """What the training takes, what there is, and what would fit if that is less."""
    wanted, room = training_memory(net), room_for(net.ops)
    line = f"memory: about {_mib(wanted)} for the network in training"
    if room is None:
        return line
    line += f", {_mib(room)} are free"
    return line if wanted <= SHARE * room else f"{line}: {_advice(net, room)}"


@contextmanager
def telling_what_fits(net: Network) -> Iterator[None]:
    """Around a training: where memory runs out in it, a TrainingMemoryError says which subdivisions= has enough."""
    room = room_for(net.ops)
    try:
        yield
    except MemoryError as error:
        options = net.options
        what = f"out of memory with {options.mini_batch} pictures at a time (subdivisions={options.subdivisions})"
        reason = f": {error}" if str(error) else ""
        raise TrainingMemoryError(f"{what}{reason}: {_advice(net, room, options.subdivisions)}") from None


def _advice(net: Network, room: int | None, above: int = 0) -> str:
    if room is None:
        return "a larger subdivisions= or a smaller input needs less"
    count = fitting_subdivisions(net, room, above)
    if count is None:
        return _too_large(net, room)
    return f"subdivisions={count} takes about {_mib(training_memory(net, count))} and fits (-auto_batch chooses it)"


def _too_large(net: Network, room: int) -> str:
    least = training_memory(net, net.options.batch)
    return f"even subdivisions={net.options.batch} takes about {_mib(least)} of {_mib(room)}: make the input smaller"


def _mib(count: int) -> str:
    return f"{count / MIB:,.0f} MiB"
