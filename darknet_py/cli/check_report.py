"""What `check` tells: the facts of a data set, the problems by kind, a verdict; as text or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

import numpy as np

from darknet_py.check.dataset import Checked
from darknet_py.check.labels import LabelledList
from darknet_py.check.problems import ERROR, KINDS, WARNING, Problem, by_kind, count
from darknet_py.cli.guard import counted
from darknet_py.cli.terminal import coloured
from darknet_py.network import Network
from darknet_py.train.memory import training_memory

COLOURS = {ERROR: "red", WARNING: "yellow"}
SHOWN = 20  # classes that are told one by one


def facts(checked: Checked, net: Network | None) -> Iterator[str]:
    """The set as it is, a fact a line."""
    lists = [listed for listed in (checked.train, checked.valid) if listed is not None]
    for listed in lists:
        yield f"{listed.name}: {counted(len(listed.paths), 'picture')}{_boxes(listed)}"
    labelled = [listed for listed in lists if listed.boxes]
    columns = [listed.counts(len(checked.names)) for listed in labelled]
    for i, name in enumerate(checked.names[:SHOWN] if columns else ()):
        numbers = ", ".join(f"{listed.name} {n[i]}" for listed, n in zip(labelled, columns, strict=True))
        yield f"  class {i} {name}: {numbers}"
    if columns and len(checked.names) > SHOWN:
        yield f"  and {len(checked.names) - SHOWN} more classes"
    if checked.train is not None and len(checked.train.rows):
        yield f"box sizes of train: {_sizes(checked.train, net)}"
    if checked.fit is not None:
        yield (
            f"anchors: average IoU {100 * checked.fit.average:.1f} % with the boxes; "
            f"{100 * checked.fit.possible:.1f} % is what as many anchors made for these boxes have"
        )
    if net is not None:
        yield f"memory: about {training_memory(net) / 2**20:,.0f} MiB for the network in training"


def problem_lines(problems: Iterable[Problem], shown: int, stream: TextIO) -> Iterator[str]:
    """Each kind with the first `shown` of its problems."""
    for kind, whats in by_kind(problems).items():
        level, text = KINDS[kind]
        yield f"{coloured(level, COLOURS[level], stream)}: {text}: {len(whats)} ({kind})"
        yield from (f"    {what}" for what in whats[:shown])
        if len(whats) > shown > 0:
            yield f"    and {len(whats) - shown} more"


def verdict(problems: Sequence[Problem], stream: TextIO) -> str:
    """The last line."""
    errors, warnings = count(problems, ERROR), count(problems, WARNING)
    if not problems:
        return coloured("nothing is wrong", "green", stream)
    text = f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"
    return coloured(text, COLOURS[ERROR if errors else WARNING], stream)


def as_json(problems: Sequence[Problem], checked: Checked, net: Network | None) -> str:
    """All of it for programs."""
    found: dict[str, Any] = {
        "errors": count(problems, ERROR),
        "warnings": count(problems, WARNING),
        "problems": [
            {"level": KINDS[kind].level, "kind": kind, "text": KINDS[kind].text, "found": whats}
            for kind, whats in by_kind(problems).items()
        ],
        "lists": {
            listed.name: {
                "pictures": len(listed.paths),
                "boxes": dict(zip(checked.names, listed.counts(len(checked.names)), strict=False)),
            }
            for listed in (checked.train, checked.valid)
            if listed is not None
        },
    }
    if checked.fit is not None:
        found["anchors"] = {"average_iou": checked.fit.average, "possible_average_iou": checked.fit.possible}
    if net is not None:
        found["training_memory_bytes"] = training_memory(net)
    return json.dumps(found, indent=2)


def _boxes(listed: LabelledList) -> str:
    if not listed.boxes:
        return ""
    empty = sum(not len(rows) for rows in listed.boxes)
    return f" with {len(listed.rows)} boxes" + (f"; {empty} without any" if empty else "")


def _sizes(listed: LabelledList, net: Network | None) -> str:
    sizes = listed.rows[:, 3:5]
    smallest, middle, largest = (np.quantile(sizes, q, axis=0) for q in (0, 0.5, 1))
    relative = [f"{w:.3f} x {h:.3f}" for w, h in (smallest, middle, largest)]
    text = f"least {relative[0]}, median {relative[1]}, most {relative[2]} of the picture"
    if net is None:
        return text
    w, h = middle * net.size
    return f"{text}; median {w:.0f} x {h:.0f} pixels at the network's input"
