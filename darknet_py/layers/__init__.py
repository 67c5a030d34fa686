"""The layers. Importing a module registers what it defines."""

from darknet_py.layers import (  # noqa: F401
    connected,
    contrastive,
    convolutional,
    crop,
    deconvolutional,
    detection,
    dropout,
    elementwise,
    gaussian_yolo,
    implicit,
    iseg,
    local,
    losses,
    pooling,
    recurrent_conv,
    region,
    reorg,
    rnn,
    wiring,
    yolo,
)
from darknet_py.layers.base import LAYERS, Context, HeadLoss, Layer, Param, ParamSpec, Shape, Step
from darknet_py.layers.head import Head

__all__ = ["LAYERS", "Context", "Head", "HeadLoss", "Layer", "Param", "ParamSpec", "Shape", "Step"]
