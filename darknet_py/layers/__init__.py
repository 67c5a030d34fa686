"""The layers. Importing a module registers what it defines."""

from darknet_py.layers import convolutional, dropout, pooling, region, wiring, yolo  # noqa: F401
from darknet_py.layers.base import LAYERS, Context, HeadLoss, Layer, Param, ParamSpec, Shape, Step
from darknet_py.layers.head import Head

__all__ = ["LAYERS", "Context", "Head", "HeadLoss", "Layer", "Param", "ParamSpec", "Shape", "Step"]
