"""Outputs of layers, and the order of their weights, against what the C programs gave: golden/layers.npz."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknet_py.config.section import parse
from darknet_py.layers import Context
from darknet_py.network import Header, Network, build, load_weights, save_weights
from darknet_py.ops import NumpyOps

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "layers.npz")
CASES: dict[str, dict[str, Any]] = json.loads(str(GOLDEN["meta_json"]))


def golden_network(case: str, folder: Path) -> Network:
    """With the weights of the case read from a file of the reference's format."""
    (folder / "small.tree").write_text(str(GOLDEN["tree"]))
    net = build(parse(CASES[case]["cfg"], str(folder / "net.cfg")), NumpyOps(threads=1))
    file = folder / "net.weights"
    file.write_bytes(bytes(CASES[case]["header"]) + GOLDEN[f"{case}__weights"].tobytes())
    load_weights(net, file)
    return net


@pytest.mark.parametrize("case", [case for case in CASES if f"{case}__output" in GOLDEN])
def test_outputs_equal_darknets(case: str, tmp_path: Path) -> None:
    """Two batches, one after the other: recurrent layers go on with what they remember."""
    net = golden_network(case, tmp_path)
    for x, y in zip(GOLDEN[f"{case}__input"], GOLDEN[f"{case}__output"], strict=True):
        result = net.forward(net.ops.array(x), Context(net.ops, steps=net.options.time_steps))
        ours = net.ops.to_host(result.outputs[len(net.nodes) - 1])
        np.testing.assert_allclose(ours, y, rtol=1e-5, atol=2e-6 * max(1, np.abs(y).max()))


@pytest.mark.parametrize("case", CASES)
def test_weights_are_written_as_they_were_read(case: str, tmp_path: Path) -> None:
    net = golden_network(case, tmp_path)
    numbers = np.frombuffer(bytes(CASES[case]["header"])[:12], "<i4")
    save_weights(net, tmp_path / "again.weights", Header(*map(int, numbers)))
    assert (tmp_path / "again.weights").read_bytes() == (tmp_path / "net.weights").read_bytes()


def test_batch_norm_of_pjreddie_has_no_biases(tmp_path: Path) -> None:
    net = golden_network("pj_batchnorm", tmp_path)
    numbers, p = GOLDEN["pj_batchnorm__weights"][-12:], net.nodes[1].params
    for name, part in zip(("scale", "mean", "var"), numbers.reshape(3, 4), strict=True):
        np.testing.assert_array_equal(p[name].value, part)
    np.testing.assert_array_equal(p["bias"].value, 0)


def test_a_layer_can_be_left_out_of_the_file(tmp_path: Path) -> None:
    cfg = "[net]\nwidth=2\nheight=2\nchannels=1\n[connected]\noutput=3\ndontsave=1\n[connected]\noutput=2\ndontload=1"
    net = build(parse(cfg), NumpyOps(threads=1))
    save_weights(net, tmp_path / "net.weights", Header())
    assert (tmp_path / "net.weights").stat().st_size == 20 + 4 * (3 * 2 + 2)
