"""How much memory a training takes, before it takes it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from darknet_py.network import Network
from darknet_py.train.schedule import input_size


def largest_size(net: Network) -> tuple[int, int]:
    """(w, h) of the largest input in a training: that of its first iterations."""
    return input_size(net.options, [head for _, head in net.heads], 0, 0)


def training_memory(net: Network) -> int:
    """Bytes, roughly: parameters with gradients and the optimiser's arrays, and three copies of all outputs."""
    options = net.options
    net = net.resized(*largest_size(net))
    copies = (4 if options.adam else 3) + (1 if options.ema_alpha else 0)
    outputs = net.input.size + sum(3 * node.shape.size for node in net.nodes)
    return 4 * (copies * net.parameter_count() + options.mini_batch * outputs)


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
