"""The layers by the names of their sections; the module of one is imported when a network first asks for it."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from darknet_py.layers.base import Layer


class Registry(Mapping[str, "type[Layer]"]):
    """Name of a section -> class of its layer. KeyError for a name that is no layer's."""

    def __init__(self) -> None:
        self._classes: dict[str, type[Layer]] = {}
        self._modules: dict[str, str] = {}

    def expect(self, names: Mapping[str, Iterable[str]]) -> None:
        """Importing each module, of this package, adds the layers of its names."""
        for module, sections in names.items():
            self._modules.update(dict.fromkeys(sections, f"{__package__}.{module}"))

    def add(self, name: str, layer: type[Layer]) -> None:
        """ValueError if the name is taken."""
        if name in self._classes:
            raise ValueError(f"layer {name!r} is already {self._classes[name].__name__}")
        self._classes[name] = layer

    def __getitem__(self, name: str) -> type[Layer]:
        if name not in self._classes and name in self._modules:
            importlib.import_module(self._modules[name])
        return self._classes[name]

    def __contains__(self, name: object) -> bool:
        return name in self._classes or name in self._modules

    def __iter__(self) -> Iterator[str]:
        return iter({**self._modules, **self._classes})

    def __len__(self) -> int:
        return len({**self._modules, **self._classes})
