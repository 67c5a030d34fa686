"""The PyTorch model computes what our network does. It needs PyTorch, which the tests otherwise do without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknet_py.benchmark.work import computing
from darknet_py.config.section import parse
from darknet_py.network import Network, build, load_network, load_weights
from darknet_py.ops import NumpyOps

torch = pytest.importorskip("torch", reason="PyTorch isn't installed")
CFG = Path(__file__).parents[2] / "cfg"


def lively(cfg: Path, size: tuple[int, int]) -> Network:
    """With batch norms that matter."""
    net = load_network(cfg, NumpyOps(threads=1)).resized(*size)
    rng = np.random.default_rng(0)
    ranges = {"scale": (0.5, 1.5), "var": (0.5, 1.5), "mean": (-0.5, 0.5), "bias": (-0.5, 0.5)}
    for _, param in net.parameters():
        if param.spec.name in ranges:
            param.value = net.ops.array(rng.uniform(*ranges[param.spec.name], param.spec.shape))
    return net


def assert_same_outputs(net: Network) -> None:
    from bench.torch_net import TorchNet

    x = np.random.default_rng(1).random((2, *net.input), np.float32)
    with torch.inference_mode():
        theirs = [y.numpy() for y in TorchNet(net).fused()(torch.from_numpy(x))]
    ours = computing(net)(x)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(b.reshape(a.shape), a, rtol=1e-3, atol=1e-4 * float(np.abs(a).max()))


@pytest.mark.parametrize("name", ["shapes", "yolov3-tiny", "yolov4-tiny", "mnist", "tiny"])
def test_small_networks(name: str) -> None:
    size = (28, 28) if name == "mnist" else (64, 96)
    assert_same_outputs(lively(CFG / f"{name}.cfg", size))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["yolov3", "yolov4"])
def test_large_networks(name: str) -> None:
    assert_same_outputs(lively(CFG / f"{name}.cfg", (96, 64)))


@pytest.mark.parametrize("name", ["yolo-fastest-1.1", "tiny-darknet", "mnist-lenet", "mbv2-yolo-fastest-voc-v2"])
def test_trained_networks(name: str, shared_data: Path) -> None:
    folder = shared_data / "weights" / name
    net = load_network(folder / f"{name}.cfg", NumpyOps(threads=1))
    load_weights(net, folder / f"{name}.weights")
    assert_same_outputs(net)


def test_a_step_changes_all_parameters() -> None:
    from bench.torch_net import TorchNet

    model = TorchNet(lively(CFG / "shapes.cfg", (32, 32))).train()
    sum(y.square().sum() for y in model(torch.rand(2, 3, 32, 32))).backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_layers_that_are_not_there_are_named() -> None:
    from bench.torch_net import TorchNet

    net = "[net]\nwidth=8\nheight=8\nchannels=3\n"
    for section, told in (
        ("[local]\nfilters=2\nsize=3\n", r"layer 0 \[local\] is a kind of layer that this model lacks"),
        ("[convolutional]\nxnor=1\nactivation=linear\n", r"layer 0 \[convolutional\] has xnor, which"),
        ("[convolutional]\nactivation=plse\n", "this model lacks activation=plse"),
    ):
        with pytest.raises(NotImplementedError, match=told):
            TorchNet(build(parse(net + section), NumpyOps(threads=1)))
