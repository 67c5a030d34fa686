"""A network as a judge of positions: how likely each move is, and who wins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from darknet_py.errors import CfgError
from darknet_py.go.features import FEATURES, Positions, gather, planes
from darknet_py.go.rules import SIZES, Board
from darknet_py.go.symmetry import COUNT, image, places
from darknet_py.network import Network, runner

Array = npt.NDArray[Any]
MOVES, PASSES, VALUE = range(3)  # numbers that a network gives beyond one for each point: none, a pass, and a value
SOFTMAX = ("softmax", "soft")


class Evaluation(NamedTuple):
    """Of one position. policy: (points + 1,) probabilities of the moves, a pass last (0 if the network knows none).

    value: the chance that the player to move wins; None if the network doesn't tell.
    """

    policy: Array
    value: float | None


@dataclass(frozen=True)
class GoNetwork:
    """A network that takes positions. multi: each answer is the mean over the eight symmetries."""

    net: Network
    multi: bool = False

    def __post_init__(self) -> None:
        check(self.net)

    @property
    def size(self) -> int:
        """Of the board."""
        return self.net.input.h

    @cached_property
    def _outputs(self) -> Callable[[Array], dict[int, Any]]:
        return runner(self.net)

    @property
    def extras(self) -> int:
        """MOVES, PASSES or VALUE: what it knows beside moves."""
        return extras(self.net)

    def sized(self, size: int) -> GoNetwork:
        """The same for a board of another size; CfgError if the network is bound to one."""
        return replace(self, net=self.net.resized(size, size))

    def evaluate(self, boards: Sequence[Board]) -> list[Evaluation]:
        """Of several boards at once, each from the side of its `to_play`."""
        policies, values = self.predict(gather(boards))
        told = values.tolist() if self.extras == VALUE else [None] * len(boards)
        return [Evaluation(policy, value) for policy, value in zip(policies, told, strict=True)]

    def predict(self, positions: Positions) -> tuple[Array, Array]:
        """Policies (n, points + 1) and values (n,), which are 1/2 if the network doesn't tell."""
        inputs = planes(positions, self.net.input.c)
        if not self.multi:
            return self._run(inputs)
        n, points = len(inputs), self.size**2
        numbers = np.repeat(np.arange(COUNT), n)
        policies, values = self._run(image(np.tile(inputs, (COUNT, 1, 1, 1)), numbers))
        moves = np.take_along_axis(policies[:, :points], places(self.size)[numbers], axis=1)
        policies = np.concatenate([moves, policies[:, points:]], axis=1)
        return policies.reshape(COUNT, n, -1).mean(axis=0), values.reshape(COUNT, n).mean(axis=0)

    def _run(self, inputs: Array) -> tuple[Array, Array]:
        outputs = self._outputs(inputs)[self.net.nodes[-1].index]
        y = self.net.ops.to_host(outputs).reshape(len(inputs), -1)
        points = self.size**2
        policies = np.zeros((len(y), points + 1), np.float32)
        known = points + min(self.extras, PASSES)
        policies[:, :known] = y[:, :known]
        values = y[:, points + 1] if self.extras == VALUE else np.full(len(y), 0.5, np.float32)
        return policies, values


def extras(net: Network) -> int:
    """MOVES, PASSES or VALUE, as the size of the network's output says."""
    return net.nodes[-1].shape.size - net.input.h * net.input.w


def check(net: Network) -> None:
    """CfgError where `net` can't be a Go network: its input's or output's shape, or no probabilities."""
    c, h, w = net.input
    path, points = net.nodes[0].section.path, h * w
    if h != w or h not in SIZES:
        raise CfgError(f"{path}: takes {w}x{h}: a Go board is square, {SIZES[0]}x{SIZES[0]} to {SIZES[-1]}x{SIZES[-1]}")
    if c not in FEATURES:
        valid = ", ".join(map(str, FEATURES))
        raise CfgError(f"{path}: channels={c}: a Go network takes one of {valid} planes")
    if extras(net) not in (MOVES, PASSES, VALUE):
        raise CfgError(
            f"{path}: gives {net.nodes[-1].shape.size} numbers: a Go network gives {points} (a probability for each "
            f"point), {points + 1} (and one for a pass) or {points + 2} (and the chance to win)"
        )
    if not any(node.section.name in SOFTMAX for node in net.nodes):
        raise CfgError(f"{path}: has no [softmax], which makes probabilities of moves")
