"""Updates of the parameters: Darknet's momentum SGD and its Adam, and which parameters are trained when."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

from darknet_py.layers import Param
from darknet_py.network import Network
from darknet_py.network.graph import Node
from darknet_py.ops import Array

Key = tuple[int, str]  # of a parameter: index of its layer, name


def trainable(net: Network) -> Iterator[tuple[Key, Param]]:
    """The parameters that updates may change, with their keys."""
    for node, param in net.parameters():
        if param.spec.trainable:
            yield (node.index, param.spec.name), param


class Optimizer:
    """SGD with momentum, or Adam where the cfg says ``adam=1``.

    `state`: one array a parameter for SGD (its velocity), two for Adam (first and second moment).
    """

    def __init__(self, net: Network) -> None:
        self.options = net.options
        self._change = self._adam if self.options.adam else self._sgd
        arrays = 2 if self.options.adam else 1
        self.state: dict[Key, list[Array]] = {
            key: [net.ops.xp.zeros_like(param.value) for _ in range(arrays)] for key, param in trainable(net)
        }

    def update(self, net: Network, number: int, rate: float) -> None:
        """Update `number` (from 1) with the gradients, which are sums over the batch; forgets them afterwards."""
        for node in updated_nodes(net, number):
            node.layer.before_update(net.ops, node.params)
            for name, param in trained_params(net, node):
                if param.grad is not None:
                    self._change(net, (node.index, name), param, rate * node.layer.learning_rate, number)
            node.layer.after_update(net.ops, node.params)
        forget_gradients(net)

    def _sgd(self, net: Network, key: Key, param: Param, rate: float, number: int) -> None:
        """convolutional_layer.c:1599; biases and scales don't decay."""
        decay = self.options.decay if param.spec.decay else 0.0
        grad = net.ops.scale(param.grad, 1 / self.options.update_size)
        (velocity,) = self.state[key]
        net.ops.sgd_update(param.value, grad, velocity, rate, self.options.momentum, decay)

    def _adam(self, net: Network, key: Key, param: Param, rate: float, number: int) -> None:
        """blas_kernels.cu:209: gradients are not divided by the batch, and everything decays, biases and scales too."""
        options = self.options
        grad = net.ops.copy(param.grad)
        net.ops.blend_update(grad, param.value, options.decay * options.update_size, 1)
        root = sqrt(1 - options.B2**number)
        rate, eps = rate * root / (1 - options.B1**number), options.eps * root
        first, second = self.state[key]
        net.ops.adam_update(param.value, grad, first, second, rate, (options.B1, options.B2), eps)


def updated_nodes(net: Network, number: int) -> Iterator[Node]:
    """The layers with parameters of their own that update `number` (from 1) changes.

    Not those that `stopbackward` freezes, nor those that wait for their first update: `dont_update` iterations, or
    `burnin_update` times burn_in (network_kernels.cu:291).
    """
    frozen = net.frozen(number - 1)
    for node in net.nodes:
        waits = node.layer.dont_update >= number or node.layer.burnin_update * net.options.burn_in > number
        if node.specs and node.index > frozen and not waits:
            yield node


def trained_params(net: Network, node: Node) -> Iterator[tuple[str, Param]]:
    """The layer's trainable parameters; up to the last layer with `train_only_bn` those of batch norms alone."""
    only_norm = any(later.layer.train_only_bn for later in net.nodes[node.index :])
    for spec in node.specs:
        prefix, _, last = spec.name.rpartition(".")
        norm = last in ("scale", "bias") and f"{prefix}.scale".lstrip(".") in node.params
        if spec.trainable and (norm or not only_norm):
            yield spec.name, node.params[spec.name]


def forget_gradients(net: Network) -> None:
    """The next backward pass begins a new sum."""
    for _, param in net.parameters():
        param.grad = None
