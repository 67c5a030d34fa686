"""Which of several ways is the fastest on this card: measured once for each shape, and kept in a file."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from darknet_py.errors import DarknetError
from darknet_py.files import write_text
from darknet_py.ops.base import Array

REPEATS = 3  # that are timed, of which the best counts


class Choices:
    """The fastest way by key, known from `path` or measured; None for `path`: known to this process alone."""

    def __init__(self, xp: Any, path: Path | None) -> None:
        self._xp, self._path = xp, path
        self._known: dict[str, str] = _read(path) if path else {}

    def fastest(self, key: str, ways: Mapping[str, Callable[[], Array]]) -> Array:
        """The result of the fastest of `ways`, which all compute the same and change nothing."""
        known = self._known.get(key, "")
        if known in ways:
            return ways[known]()
        times = {name: self._milliseconds(way) for name, way in ways.items()}
        self._known[key] = min(times, key=lambda name: times[name])
        if self._path:
            with suppress(DarknetError):  # a folder that can't be written: measured anew next time
                write_text(self._path, json.dumps(self._known, indent=1, sort_keys=True) + "\n")
        return ways[self._known[key]]()

    def _milliseconds(self, way: Callable[[], Array]) -> float:
        """Of the device; infinite where its memory isn't enough."""
        times = []
        try:
            for _ in range(1 + REPEATS):  # the first run compiles
                start, end = self._xp.cuda.Event(), self._xp.cuda.Event()
                stream = self._xp.cuda.get_current_stream()
                start.record(stream)
                way()
                end.record(stream)
                end.synchronize()
                times.append(self._xp.cuda.get_elapsed_time(start, end))
        except MemoryError:
            return float("inf")
        return float(min(times[1:]))


def choices_path(xp: Any) -> Path:
    """The file for the current card with its driver, in the user's folder for caches."""
    runtime = xp.cuda.runtime
    card = runtime.getDeviceProperties(xp.cuda.Device().id)["name"].decode(errors="replace")
    name = re.sub(r"[^\w]+", "-", f"{card} {runtime.driverGetVersion()} {xp.__version__}")
    folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(folder) / "darknet_py" / f"choices-{name}.json"


def _read(path: Path) -> dict[str, str]:
    """What a file of choices says; nothing where it is none."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
