"""What ``import darknet_py`` offers: a loaded network that finds, classifies and is trained. See docs/python-api.md."""

from darknet_py.api.measuring import Measured
from darknet_py.api.models import ClassifierModel, DetectorModel, load
from darknet_py.api.results import Classification, Detected, Detections
from darknet_py.api.training import Callbacks, Event, Training
from darknet_py.errors import DarknetError

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
