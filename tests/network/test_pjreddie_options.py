"""Options that only pjreddie's version has: truth, numload, [net] clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknet_py.config.section import parse
from darknet_py.errors import CfgError
from darknet_py.layers import Context
from darknet_py.network import Header, Network, build, load_weights, save_weights
from darknet_py.ops import NumpyOps, Ops
from darknet_py.ops.cuda.cupy_ops import CupyOps
from darknet_py.train.optimizer import Optimizer
from tests.emulation import array_module, arrays, on_gpu

CONV = "[convolutional]\nfilters={filters}\nsize=3\nbatch_normalize=1\nactivation=linear\n{more}"


def network(*layers: str, net: str = "", ops: Ops | None = None) -> Network:
    text = f"[net]\nwidth=5\nheight=5\nchannels=2\nbatch=2\n{net}\n" + "\n".join(layers)
    return build(parse(text), ops or NumpyOps(np.float64, threads=1), seed=1)


def test_the_output_of_a_layer_can_be_the_truth_of_those_behind() -> None:
    net = network("[activation]\nactivation=relu\ntruth=1", "[route]\nlayers=-1", "[dropout]\nprobability=0", "[cost]")
    x = np.random.default_rng(0).standard_normal((2, 2, 5, 5))
    done = net.forward(x, Context(net.ops, train=True, truth=np.full((2, 50), 7.0), rng=np.random.default_rng(0)))
    assert done.losses[3].cost == 0
    without = network("[activation]\nactivation=relu", "[cost]")
    done = without.forward(x, Context(net.ops, train=True, truth=np.full((2, 50), 7.0)))
    assert done.losses[1].cost == pytest.approx(((7 - np.maximum(x, 0)) ** 2).sum())


@pytest.mark.parametrize("loss", ["[cost]", "[cost]\ntruth_start=50", "[logistic]\ntruth_start=25", "[softmax]"])
def test_such_a_truth_stays_on_the_device(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).standard_normal((2, 2, 5, 5))
    first = CONV.format(filters=4 if "start" in loss else 2, more="pad=1\ntruth=1")

    def trained(ops: Ops) -> list[np.ndarray]:
        net, images = network(first, CONV.format(filters=2, more="pad=1"), loss, ops=ops), ops.array(x)
        if ops is not host and not on_gpu():
            monkeypatch.setattr(arrays.Settings, "kernels_only", True)
        done = net.forward(images, Context(ops, train=True, truth=np.zeros((2, 50))))
        net.backward(done)
        return [
            np.array([done.losses[2].cost]),
            *(ops.to_host(p.grad) for _, p in net.parameters() if p.spec.trainable),
        ]

    host = NumpyOps(threads=1)
    expected = trained(host)
    assert expected[0] != 0
    for ours, wanted in zip(trained(CupyOps(array_module())), expected, strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-3, atol=1e-4)


def test_a_weights_file_may_hold_the_first_filters_only(tmp_path: Path) -> None:
    small, large = network(CONV.format(filters=3, more="")), network(CONV.format(filters=5, more="numload=3"))
    for _, param in small.parameters():
        param.value += 1
    save_weights(small, tmp_path / "a.weights", Header())
    before = {param.spec.name: param.value.copy() for _, param in large.parameters()}
    load_weights(large, tmp_path / "a.weights")
    for (_, param), (_, source) in zip(large.parameters(), small.parameters(), strict=True):
        np.testing.assert_allclose(param.value[:3], source.value, rtol=1e-6)
        np.testing.assert_array_equal(param.value[3:], before[param.spec.name][3:])
    save_weights(large, tmp_path / "b.weights", Header())
    whole = network(CONV.format(filters=5, more=""))
    load_weights(whole, tmp_path / "b.weights")  # all filters are written
    with pytest.raises(CfgError, match="numload=6 is above filters=5"):
        network(CONV.format(filters=5, more="numload=6"))


def test_clip_of_net_is_that_of_layers_that_have_none() -> None:
    net = network(
        CONV.format(filters=3, more=""),
        CONV.format(filters=3, more="clip=0.5"),
        CONV.format(filters=3, more="clip=0").replace("size=3", "size=1"),
        net="clip=.01\nlearning_rate=0",
    )
    assert [node.layer.clip for node in net.nodes] == [0.01, 0.5, 0]
    for _, param in net.parameters():
        param.grad = np.zeros_like(param.value)
    Optimizer(net).update(net, 1, 0.0)
    largest = [np.abs(node.params["weight"].value).max() for node in net.nodes]
    assert largest[0] <= 0.01 < largest[1] <= 0.5
