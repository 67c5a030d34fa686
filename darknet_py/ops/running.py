"""How work comes to a backend: arrays from the host in turn, the same work again and again, shares for other GPUs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from darknet_py.ops.cuda.peers import Peer

Array = Any
Function = Callable[[Any, Array], "dict[int, Array]"]
"""of a backend and an array of it; what it gives has numbers, as a network's layers have"""


class Running(ABC):
    """What a backend may do otherwise than step by step. peers: GPUs that a training computes on beside this one."""

    peers: tuple[Peer, ...] = ()

    @abstractmethod
    def array(self, host: Any) -> Array:
        """`host` (a NumPy array) as an array of this backend with its real type."""

    def attach(self) -> None:  # noqa: B027 - most have nothing to do
        """Before a thread computes with a backend: its current GPU may be another one."""

    def feed(self, hosts: Iterable[Any]) -> Iterator[Array]:
        """`hosts` as arrays of this backend, in turn. Each may be overwritten once the next one is asked for."""
        return map(self.array, hosts)

    def captured(self, function: Function) -> Callable[[Any], dict[int, Array]]:
        """`function` of a backend and an array, as one of host arrays.

        The backend may run it some times for each shape and then repeat what it did, so it has to do the same each time
        and to change nothing else. Its results may be overwritten by the next call.
        """
        return lambda host: function(self, self.array(host))
