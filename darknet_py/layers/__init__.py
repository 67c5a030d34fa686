"""The layers: which module defines those of which sections."""

from darknet_py.layers.base import LAYERS, Context, HeadLoss, Layer, Param, ParamSpec, Shape, Step, blend
from darknet_py.layers.head import Head

__all__ = ["LAYERS", "Context", "Head", "HeadLoss", "Layer", "Param", "ParamSpec", "Shape", "Step", "blend"]

LAYERS.expect(
    {
        "connected": ("connected", "conn"),
        "contrastive": ("contrastive",),
        "convolutional": ("convolutional", "conv"),
        "crop": ("crop",),
        "deconvolutional": ("deconvolutional", "deconv"),
        "detection": ("detection",),
        "dropout": ("dropout",),
        "elementwise": ("activation", "batchnorm", "normalization", "lrn", "l2norm"),
        "empty": ("empty", "silence"),
        "gaussian_yolo": ("Gaussian_yolo",),
        "implicit": ("implicit",),
        "iseg": ("iseg",),
        "local": ("local",),
        "losses": ("softmax", "soft", "logistic", "cost"),
        "pooling": ("maxpool", "max", "local_avgpool", "local_avg", "avgpool", "avg"),
        "recurrent_conv": ("crnn", "conv_lstm", "history"),
        "region": ("region",),
        "reorg": ("reorg", "reorg3d"),
        "rnn": ("rnn", "gru", "lstm"),
        "wiring": ("route", "upsample", "shortcut", "scale_channels", "sam"),
        "yolo": ("yolo",),
    }
)
