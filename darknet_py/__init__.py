"""Darknet in Python: train and run Darknet's detection and classification networks.

`load` gives a network that finds, classifies and is trained: see docs/python-api.md. Nothing heavy is imported before
it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from darknet_py.api import (
        Callbacks,
        Classification,
        ClassifierModel,
        DarknetError,
        Detected,
        Detections,
        DetectorModel,
        Event,
        Measured,
        Training,
        load,
    )

__version__ = "0.1.0"
__all__ = [
    "Callbacks",
    "Classification",
    "ClassifierModel",
    "DarknetError",
    "Detected",
    "Detections",
    "DetectorModel",
    "Event",
    "Measured",
    "Training",
    "load",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from darknet_py import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
