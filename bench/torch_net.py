"""A cfg's network in PyTorch: the layers that detectors and small classifiers are made of, with the same parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from darknet_py.layers import Head
from darknet_py.layers.connected import Connected
from darknet_py.layers.convolutional import EPS, Convolutional
from darknet_py.layers.dropout import Dropout
from darknet_py.layers.losses import Cost, Softmax
from darknet_py.layers.pooling import Avgpool, Maxpool
from darknet_py.layers.wiring import Route, ScaleChannels, Shortcut, Upsample
from darknet_py.layers.yolo import Yolo
from darknet_py.network import Network
from darknet_py.network.graph import Node

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "leaky": lambda: nn.LeakyReLU(0.1, inplace=True),
    "relu": lambda: nn.ReLU(inplace=True),
    "relu6": lambda: nn.ReLU6(inplace=True),
    "logistic": nn.Sigmoid,
    "mish": lambda: nn.Mish(inplace=True),
    "swish": lambda: nn.SiLU(inplace=True),
    "tanh": nn.Tanh,
}
RARE = (  # options of a convolution that change what it computes
    *("binary", "xnor", "cbn", "antialiasing", "assisted_excitation", "coordconv"),
    *("sway", "rotate", "stretch", "stretch_sway", "grad_centr", "reverse"),
)


class TorchNet(nn.Module):
    """`forward`: the outputs of the heads (what comes into them while training), or of the last layer."""

    def __init__(self, net: Network) -> None:
        super().__init__()
        self.inputs = [node.inputs for node in net.nodes]
        self.wanted = [index for index, _ in net.heads] or [net.nodes[-1].index]
        self.ends = _last_uses(net)
        self.layers = nn.ModuleList(_module(node) for node in net.nodes)

    def forward(self, x: Tensor) -> list[Tensor]:
        """x: (n, c, h, w)."""
        outputs: dict[int, Tensor] = {-1: x}
        found = []
        for index, layer in enumerate(self.layers):
            outputs[index] = layer(*(outputs[i] for i in self.inputs[index]))
            if index in self.wanted:
                found.append(outputs[index])
            for i in self.ends.get(index, ()):
                del outputs[i]
        return found

    def fused(self) -> TorchNet:
        """For inference: batch norms in the convolutions before them."""
        self.eval()
        for layer in self.modules():
            if isinstance(layer, Convolution) and isinstance(layer.norm, nn.BatchNorm2d):
                layer.convolution, layer.norm = fuse_conv_bn_eval(layer.convolution, layer.norm), nn.Identity()
        return self


def _last_uses(net: Network) -> dict[int, list[int]]:
    """Which outputs nobody needs behind a layer."""
    last: dict[int, int] = {}
    for node in net.nodes:
        last.update(dict.fromkeys((node.index, *node.inputs), node.index))
    ends: dict[int, list[int]] = {}
    for index, user in last.items():
        ends.setdefault(user, []).append(index)
    return ends


class Convolution(nn.Module):
    """Convolution, batch norm or bias, activation."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        layer, values, w = node.layer, _values(node), node.layer.window
        rare = [name for name in RARE if getattr(layer, name)]
        if rare:
            raise NotImplementedError(f"{node.name} has {', '.join(rare)}, which this model lacks")
        self.convolution = nn.Conv2d(
            node.in_shapes[0].c,
            layer.filters,
            w.size,
            (w.stride_y, w.stride_x),
            w.pad,
            w.dilation,
            w.groups,
            bias=not layer.normalises,
        )
        self.norm = _norm(nn.BatchNorm2d(layer.filters, EPS, 0.01), values) if layer.normalises else nn.Identity()
        self.activation = _activation(layer.activation, node)
        _copy(self.convolution.weight, values["weight"])
        if not layer.normalises:
            _copy(self.convolution.bias, values["bias"])

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.norm(self.convolution(x)))


class FullyConnected(nn.Module):
    """(n, c, h, w) -> (n, output, 1, 1)."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        layer, values = node.layer, _values(node)
        self.linear = nn.Linear(node.in_shapes[0].size, layer.output, bias=not layer.batch_normalize)
        self.norm = _norm(nn.BatchNorm1d(layer.output, EPS, 0.01), values) if layer.batch_normalize else nn.Identity()
        self.activation = _activation(layer.activation, node)
        _copy(self.linear.weight, values["weight"])
        if not layer.batch_normalize:
            _copy(self.linear.bias, values["bias"])

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.norm(self.linear(x.flatten(1))))[:, :, None, None]


class Pool(nn.Module):
    """Darknet's maximum pooling: the padding may be uneven."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.size, self.stride, padding = node.layer.window
        (x,), out, before = node.in_shapes, node.shape, padding // 2
        sides = zip((x.w, x.h), (out.w, out.h), self.stride[::-1], strict=True)
        after = [max(0, (count - 1) * s + self.size - before - length) for length, count, s in sides]
        self.even = all(
            (length + 2 * before - self.size) // s + 1 == count
            for length, count, s in zip((x.h, x.w), (out.h, out.w), self.stride, strict=True)
        )
        self.before = before
        self.borders = (before, after[0], before, after[1])

    def forward(self, x: Tensor) -> Tensor:
        if self.even and 2 * self.before <= self.size:
            return F.max_pool2d(x, self.size, self.stride, self.before)
        return F.max_pool2d(F.pad(x, self.borders, value=-torch.inf), self.size, self.stride)


class Join(nn.Module):
    """[route]."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.groups, self.group = node.layer.groups, node.layer.group_id

    def forward(self, *xs: Tensor) -> Tensor:
        parts = [x.chunk(self.groups, 1)[self.group] for x in xs] if self.groups > 1 else xs
        return parts[0] if len(parts) == 1 else torch.cat(list(parts), 1)


class Sum(nn.Module):
    """[shortcut] of layers of one shape."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        layer = node.layer
        if layer.weights_type != "none" or (layer.alpha, layer.beta) != (1, 1):
            raise NotImplementedError(f"{node.name} is weighted, which this model lacks")
        if any(shape != node.shape for shape in node.in_shapes):
            raise NotImplementedError(f"{node.name} adds layers of different shapes, which this model lacks")
        self.activation = _activation(node.layer.activation, node)

    def forward(self, *xs: Tensor) -> Tensor:
        return self.activation(sum(xs[1:], start=xs[0]))


class Product(nn.Module):
    """[scale_channels]."""

    def forward(self, factor: Tensor, x: Tensor) -> Tensor:
        return factor * x


class YoloHead(nn.Module):
    """[yolo]: logistic of x, y, objectness and classes; nothing while training."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.entries, self.new_coords, self.scale = node.layer.entries, node.layer.new_coords, node.layer.scale_x_y

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return x
        n, c, h, w = x.shape
        planes = x.reshape(n, -1, self.entries, h, w)
        centre, sides, rest = planes[:, :, :2], planes[:, :, 2:4], planes[:, :, 4:]
        if not self.new_coords:
            centre, rest = centre.sigmoid(), rest.sigmoid()
        if self.scale != 1:
            centre = centre * self.scale - 0.5 * (self.scale - 1)
        return torch.cat((centre, sides, rest), 2).reshape(n, c, h, w)


class Probabilities(nn.Module):
    """[softmax] over everything; nothing while training."""

    def forward(self, x: Tensor) -> Tensor:
        return x if self.training else x.flatten(1).softmax(1).reshape(x.shape)


MODULES: dict[type, Callable[[Node], nn.Module]] = {
    Convolutional: Convolution,
    Connected: FullyConnected,
    Maxpool: Pool,
    Avgpool: lambda node: nn.AdaptiveAvgPool2d(1),
    Route: Join,
    Shortcut: Sum,
    ScaleChannels: lambda node: Product(),
    Upsample: lambda node: nn.Upsample(scale_factor=node.layer.stride, mode="nearest"),
    Dropout: lambda node: nn.Dropout(node.layer.probability),
    Yolo: YoloHead,
    Softmax: lambda node: Probabilities(),
    Cost: lambda node: nn.Identity(),
}


def _module(node: Node) -> nn.Module:
    if type(node.layer) in MODULES:
        return MODULES[type(node.layer)](node)
    if isinstance(node.layer, Head):  # its activation is little work
        return nn.Identity()
    raise NotImplementedError(f"{node.name} is a kind of layer that this model lacks")


def _activation(name: str, node: Node) -> nn.Module:
    if name not in ACTIVATIONS:
        raise NotImplementedError(f"{node.name}: this model lacks activation={name}")
    return ACTIVATIONS[name]()


def _values(node: Node) -> dict[str, Any]:
    return {name: param.value for name, param in node.params.items()}


def _norm(norm: Any, values: dict[str, Any]) -> nn.Module:
    for target, name in ((norm.weight, "scale"), (norm.bias, "bias"), (norm.running_mean, "mean")):
        _copy(target, values[name])
    _copy(norm.running_var, values["var"])
    return norm


@torch.no_grad()
def _copy(target: Tensor, value: Any) -> None:
    target.copy_(torch.from_numpy(np.ascontiguousarray(value)))
