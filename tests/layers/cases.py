"""One row and more for each registered layer: its cfg section and the shapes of its inputs.

The rows drive the checks of shapes and gradients in test_cases.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from darknet_py.config.options import from_section
from darknet_py.config.section import parse
from darknet_py.layers import LAYERS, Layer, Shape
from darknet_py.ops import activations as act


@dataclass(frozen=True)
class Case:
    """`text`: the section's name and its options, separated by blanks. `out`: the shape that is expected.

    gradient: whether the backward is the derivative of the forward; a head's is that of its loss.
    reach: inputs lie in (-reach, reach).
    """

    text: str
    shapes: tuple[tuple[int, int, int], ...]
    out: tuple[int, int, int]
    batch: int = 2
    gradient: bool = True
    reach: float = 3.0

    def __str__(self) -> str:
        return self.text.replace(" ", "-")

    @property
    def inputs(self) -> tuple[Shape, ...]:
        return tuple(Shape(*s) for s in self.shapes)

    def layer(self) -> Layer:
        return layer(self.text)


def layer(text: str) -> Layer:
    """``"maxpool size=2 stride=2"`` -> the layer."""
    name, *options = text.split(" ")
    (section,) = parse("\n".join((f"[{name}]", *options)))
    return cast(Layer, from_section(LAYERS[name], section))


def _case(text: str, *shapes: tuple[int, int, int], out: tuple[int, int, int], **rest: object) -> Case:
    return Case(text, shapes, out, **rest)  # type: ignore[arg-type]


def _convolutions() -> list[Case]:
    x = (4, 7, 5)
    linear = "convolutional activation=linear"
    cases = [
        _case(f"{linear} filters=3 size=1", x, out=(3, 7, 5)),
        _case(f"{linear} filters=3 size=3 pad=1", x, out=(3, 7, 5)),
        _case(f"{linear} filters=3 size=3 pad=1 stride=2", x, out=(3, 4, 3)),
        _case(f"{linear} filters=3 size=3 padding=2", x, out=(3, 9, 7)),
        _case(f"{linear} filters=3 size=3 pad=1 padding=5", x, out=(3, 7, 5)),
        _case(f"{linear} filters=3 size=2 stride=2 pad=1", x, out=(3, 4, 3)),
        _case(f"{linear} filters=2 size=3 pad=1 stride_x=2", x, out=(2, 7, 3)),
        _case(f"{linear} filters=2 size=3 pad=1 stride=2 stride_y=3", x, out=(2, 3, 3)),
        _case(f"{linear} filters=3 size=3 pad=1 dilation=2", x, out=(3, 7, 5)),
        _case(f"{linear} filters=3 size=1 dilation=4", x, out=(3, 7, 5)),
        _case(f"{linear} filters=6 size=3 pad=1 groups=2", x, out=(6, 7, 5)),
        _case(f"{linear} filters=4 size=3 pad=1 groups=4", x, out=(4, 7, 5)),
        _case(f"{linear} filters=3 size=3 pad=1 batch_normalize=1", x, out=(3, 7, 5)),
        _case(f"{linear} filters=3 size=3 batch_normalize=1", x, out=(3, 5, 3), batch=1),
        _case("conv batch_normalize=1 filters=4 size=3 pad=1 groups=4 activation=leaky", x, out=(4, 7, 5)),
        _case("convolutional", x, out=(1, 7, 5)),
        _case("convolutional filters=3 size=3 stride=2 pad=1 antialiasing=1", x, out=(3, 4, 3)),
        _case(f"{linear} filters=3 size=3 pad=1 stride_x=2 antialiasing=2 batch_normalize=1", x, out=(3, 6, 2)),
        _case("convolutional filters=4 coordconv=1 activation=mish", x, out=(4, 7, 5)),
        _case("convolutional filters=2 coordconv=1 flipped=1", x, out=(2, 7, 5), gradient=False),
        _case("convolutional filters=3 size=3 cbn=1 activation=leaky", x, out=(3, 5, 3)),
        _case("convolutional filters=3 size=3 xnor=1 bin_output=1", x, out=(3, 5, 3), gradient=False),
        _case("convolutional filters=3 size=3 binary=1", x, out=(3, 5, 3), gradient=False),
        _case("convolutional filters=8 size=3 stretch_sway=1 grad_centr=1 reverse=0.5", x, out=(8, 5, 3)),
    ]
    for name in act.NAMES:
        for norm in (0, 1):
            text = f"convolutional filters=5 size=1 batch_normalize={norm} activation={name}"
            cases.append(_case(text, (3, 5, 4), out=(5, 5, 4)))
    return cases


def _pools() -> list[Case]:
    x = (3, 7, 6)
    return [
        _case("maxpool size=2 stride=2", x, out=(3, 4, 3)),
        _case("maxpool stride=2", x, out=(3, 4, 3)),
        _case("maxpool size=2 stride=2 padding=0", x, out=(3, 3, 3)),
        _case("max size=2 stride=1", x, out=(3, 7, 6)),
        _case("maxpool size=3 stride=2", x, out=(3, 4, 3)),
        _case("maxpool size=5 stride=1", x, out=(3, 7, 6)),
        _case("maxpool size=13 stride=1", x, out=(3, 7, 6)),
        _case("maxpool size=3 stride_x=1 stride_y=2", x, out=(3, 4, 6)),
        _case("maxpool size=3 stride=2 stride_x=3", x, out=(3, 4, 2)),
        _case("maxpool", x, out=(3, 7, 6)),
        _case("avgpool", x, out=(3, 1, 1)),
        _case("avg", x, out=(3, 1, 1), batch=1),
        _case("avgpool", (3, 1, 1), out=(3, 1, 1)),
    ]


def _wiring() -> list[Case]:
    a, b = (4, 5, 3), (6, 5, 3)
    return [
        _case("route layers=-1", a, out=a),
        _case("route layers=-1,-4,-1", a, b, a, out=(14, 5, 3)),
        _case("route layers=-1 groups=2 group_id=1", a, out=(2, 5, 3)),
        _case("route layers=-1,2 groups=2 group_id=0", a, b, out=(5, 5, 3)),
        _case("upsample", a, out=(4, 10, 6)),
        _case("upsample stride=3 scale=0.5", a, out=(4, 15, 9)),
        _case("upsample stride=1", a, out=a),
        _case("upsample stride=-2", (4, 6, 4), out=(4, 3, 2)),
        _case("upsample stride=-3 scale=2", (2, 3, 6), out=(2, 1, 2)),
        _case("shortcut from=-3", a, a, out=a),
        _case("shortcut from=-3,-4,1 activation=leaky", a, a, a, a, out=a),
        _case("shortcut from=-3", a, b, out=a),
        _case("shortcut from=-3", b, a, out=b),
        _case("shortcut from=-3", (4, 3, 2), (6, 5, 3), out=(4, 3, 2)),
        _case("shortcut from=-3", (4, 5, 3), (3, 3, 2), out=(4, 5, 3)),
        _case("shortcut from=-3,-4 weights_type=per_channel", (4, 6, 3), (4, 2, 1), (4, 6, 3), out=(4, 6, 3)),
        _case("shortcut from=-3 alpha=0.5 beta=2 activation=leaky", a, b, out=a),
        _case("shortcut from=-3 alpha=0.5 beta=2", (4, 5, 3), (3, 3, 2), out=(4, 5, 3)),
        _case("shortcut from=-3,-4 activation=mish", b, a, b, out=b),
        *(
            _case(f"shortcut from=-3,-4 weights_type={kind} weights_normalization={norm}", *xs, out=xs[0])
            for kind in ("per_feature", "per_layer", "per_channel")
            for norm in ("none", "relu", "avg_relu", "softmax")
            for xs in ((a, a, a), (a, b, a), (b, a, b))
        ),
        _case("shortcut from=-2 weights_type=per_channel weights_normalization=softmax activation=swish", a, a, out=a),
        _case("scale_channels from=-3", (4, 1, 1), a, out=a),
        _case("scale_channels from=-3 activation=logistic", (4, 1, 1), a, out=a, batch=1),
        _case("scale_channels from=-3 scale_wh=1", (1, 5, 3), a, out=a),
        _case("scale_channels from=-3 scale_wh=1 activation=swish", (1, 5, 3), (1, 5, 3), out=(1, 5, 3)),
        _case("scale_channels from=-3", (4, 1, 1), (4, 1, 1), out=(4, 1, 1)),
        _case("sam from=-3", a, a, out=a),
        _case("sam from=-3 activation=mish", a, a, out=a, batch=1),
    ]


def _others() -> list[Case]:
    x = (4, 7, 5)
    return [
        _case("dropout", x, out=x),
        _case("dropout probability=0.7", x, out=x),
        _case("dropout probability=0", x, out=x),
        _case("yolo classes=3 num=2 anchors=10,14,23,27", (16, 3, 5), out=(16, 3, 5), gradient=False),
        _case("yolo classes=3 num=3 mask=0,2", (16, 3, 5), out=(16, 3, 5), gradient=False),
        _case("region classes=3 num=2 anchors=1,1.5,2,3", (16, 3, 5), out=(16, 3, 5), gradient=False),
        _case("detection side=3 classes=4 num=2", (126, 1, 1), out=(126, 1, 1), gradient=False),
        _case("detection side=2 classes=4 softmax=1 sqrt=1", (9, 2, 2), out=(9, 2, 2), gradient=False),
        _case("Gaussian_yolo classes=3 num=3 mask=0,2", (24, 3, 5), out=(24, 3, 5), gradient=False),
    ]


def _classifiers() -> list[Case]:
    x = (4, 3, 2)
    return [
        _case("connected output=5 activation=linear", x, out=(5, 1, 1)),
        _case("conn output=5 batch_normalize=1 activation=leaky", x, out=(5, 1, 1), batch=5),
        _case("connected output=3 activation=mish", (7, 1, 1), out=(3, 1, 1), batch=1),
        _case("connected", x, out=(1, 1, 1)),
        _case("softmax", x, out=x),
        _case("softmax groups=3 temperature=2.5", x, out=x),
        _case("soft spatial=1", x, out=x),
        _case("softmax noloss=1 groups=24", (30, 1, 4), out=(30, 1, 4)),
        _case("logistic", x, out=x),
        *(_case(f"cost type={kind}", x, out=x) for kind in ("sse", "masked", "smooth", "L1", "seg", "wgan")),
    ]


def _others_that_keep_the_shape() -> list[Case]:
    x = (6, 3, 2)
    return [
        _case("activation", x, out=x),
        _case("activation activation=swish", x, out=x),
        _case("batchnorm", x, out=x),
        _case("normalization", x, out=x),
        _case("lrn size=4 alpha=0.7 beta=0.6 kappa=2", x, out=x),
        _case("lrn size=3 alpha=0.5", (2, 3, 2), out=(2, 3, 2)),
        _case("l2norm", x, out=x),
        _case("empty", x, out=x),
        _case("silence", x, out=x),
    ]


def _rearranged() -> list[Case]:
    x = (8, 4, 6)
    return [
        _case("reorg stride=2", x, out=(32, 2, 3)),
        _case("reorg stride=2 reverse=1", x, out=(2, 8, 12)),
        _case("reorg", x, out=x),
        _case("reorg flatten=1", x, out=x),
        _case("reorg flatten=1 reverse=1", x, out=x),
        _case("reorg extra=5", x, out=(197, 1, 1)),
        _case("reorg3d stride=2", x, out=(32, 2, 3)),
        _case("reorg3d stride=2 reverse=1", (16, 4, 6), out=(4, 8, 12)),
        _case("crop crop_height=3 crop_width=4 flip=1", x, out=(8, 3, 4)),
        _case("crop crop_height=4 crop_width=6 noadjust=1", x, out=x),
        _case(
            "crop crop_height=3 crop_width=4 flip=1 angle=20 saturation=1.5 exposure=1.5 shift=0.1",
            (3, 6, 7),
            out=(3, 3, 4),
            gradient=False,
        ),
    ]


def _windows() -> list[Case]:
    x = (3, 7, 6)
    return [
        _case("local filters=2 size=3 stride=2 pad=1 activation=leaky", x, out=(2, 4, 3)),
        _case("local filters=2 size=2 activation=swish", x, out=(2, 6, 5)),
        _case("local", x, out=(1, 7, 6)),
        _case("deconvolutional filters=2 size=4 stride=2 padding=1 activation=leaky", x, out=(2, 14, 12)),
        _case("deconv filters=4 size=3 stride=1 pad=1 batch_normalize=1 activation=linear", x, out=(4, 7, 6)),
        _case("deconv filters=2 size=2 stride=3 activation=mish", x, out=(2, 20, 17)),
        _case("local_avgpool size=4 stride=4", x, out=(3, 2, 2)),
        _case("local_avg size=3 stride=2", x, out=(3, 4, 3)),
        _case("local_avgpool size=2 stride=1", x, out=x),
        _case("local_avgpool size=9 stride=3", x, out=(3, 3, 2)),
        _case("local_avgpool size=2 stride=3 padding=0", x, out=(3, 2, 2)),
        _case("maxpool size=3 stride=2 antialiasing=1", x, out=(3, 4, 3)),
        _case("maxpool size=2 stride=2 antialiasing=2", x, out=(3, 3, 3)),
        _case("maxpool maxpool_depth=1 out_channels=2", (5, 4, 3), out=(2, 4, 3)),
        _case("maxpool maxpool_depth=1", x, out=(1, 7, 6)),
        _case("maxpool size=3 stride=1 maxpool_zero_nonmax=1", x, out=x),
        _case("dropout dropblock=1 dropblock_size_abs=3 probability=0.9", x, out=x),
        _case("dropout dropblock=1 dropblock_size_rel=0.4 probability=0.9", x, out=x),
        _case("contrastive", (5, 1, 1), out=(5, 1, 1)),
        _case("contrastive yolo_layer=-2", x, x, out=x, gradient=False),
        _case("iseg classes=2 ids=1", x, out=x, gradient=False),
        _case("implicit filters=5 atoms=2 mean=1", x, out=(5, 2, 1), gradient=False),
    ]


def _recurrent() -> list[Case]:
    x = (4, 3, 2)
    return [
        _case("rnn output=5 hidden=3 activation=tanh", x, out=(5, 1, 1)),
        _case("rnn output=4 activation=leaky logistic=2 shortcut=1 batch_normalize=1", x, out=(4, 1, 1), batch=6),
        _case("gru output=5", x, out=(5, 1, 1)),
        _case("gru output=3 tanh=1 batch_normalize=1", (7, 1, 1), out=(3, 1, 1), batch=6),
        _case("lstm output=5", x, out=(5, 1, 1)),
        _case("lstm output=3 batch_normalize=1", (7, 1, 1), out=(3, 1, 1), batch=6),
        _case("crnn output=3 hidden=2 pad=1 activation=tanh", x, out=(3, 3, 2)),
        _case("crnn output_filters=3 hidden_filters=2 batch_normalize=1 shortcut=1", x, out=(3, 3, 2), batch=4),
        _case("conv_lstm output=3 pad=1", x, out=(3, 3, 2)),
        _case("conv_lstm output=3 pad=1 peephole=1 batch_normalize=1 activation=leaky", x, out=(3, 3, 2), batch=4),
        _case("conv_lstm output=4 pad=1 peephole=1 bottleneck=1 shortcut=1", x, out=x),
        _case("conv_lstm output=4 size=1 bottleneck=1 lstm_activation=leaky", x, out=x),
        _case("history history_size=3", x, out=(12, 3, 2)),
        _case("history history_size=1", x, out=x),
    ]


CASES = [
    *_convolutions(),
    *_pools(),
    *_wiring(),
    *_others(),
    *_classifiers(),
    *_others_that_keep_the_shape(),
    *_rearranged(),
    *_windows(),
    *_recurrent(),
]
