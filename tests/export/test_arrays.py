"""Weights as named arrays and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknet_py.errors import DarknetError, WeightsError
from darknet_py.export import arrays
from darknet_py.network import Header, Network, load_weights, save_weights
from darknet_py.ops import NumpyOps
from tests.network.cfgs import YOLO, chain, network

KINDS = ["npz", "safetensors"]


def net_of(text: str = YOLO, seed: int = 0) -> Network:
    return network(text, NumpyOps("float32", threads=1), seed=seed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("header", [Header(0, 2, 5, 123456789012), Header(1, 0, 0, 7), Header(0, 1, 0, 2**31)])
def test_there_and_back_changes_no_byte(tmp_path: Path, kind: str, header: Header) -> None:
    net = net_of(chain("connected output=3 batch_normalize=1", "rnn output=2 hidden=2"))
    save_weights(net, tmp_path / "a.weights", header)
    count = arrays.write_arrays(net, tmp_path / f"a.{kind}", header)
    assert count == len(list(arrays.named(net)))
    other = net_of(chain("connected output=3 batch_normalize=1", "rnn output=2 hidden=2"), seed=1)
    assert arrays.read_arrays(other, tmp_path / f"a.{kind}") == header
    save_weights(other, tmp_path / "b.weights", header)
    assert (tmp_path / "a.weights").read_bytes() == (tmp_path / "b.weights").read_bytes()


def test_names_and_shapes(tmp_path: Path) -> None:
    arrays.write_arrays(net_of(), tmp_path / "a.npz", Header())
    with np.load(tmp_path / "a.npz") as file:
        assert file["000.convolutional.weight"].shape == (4, 3, 3, 3)
        assert file["000.convolutional.var"].shape == (4,)
        assert "header" in file.files and file["header"].tolist() == [0, 2, 5, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_states_of_recurrent_layers_are_no_weights(tmp_path: Path, kind: str) -> None:
    names = [name for name, _ in arrays.named(net_of(chain("lstm output=3")))]
    assert names and not any("state" in name for name in names)


def changed(path: Path, change) -> Path:
    with np.load(path) as file:
        content = dict(file)
    change(content)
    np.savez(path, **content)
    return path


def rename(content: dict) -> None:
    content["999.convolutional.weight"] = content["000.convolutional.weight"]


def narrow(content: dict) -> None:
    content["000.convolutional.bias"] = np.zeros(3, np.float32)


def whole(content: dict) -> None:
    content["000.convolutional.bias"] = np.zeros(4, int)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (rename, "has 999.convolutional.weight, which the cfg doesn't have"),
        (lambda c: c.pop("000.convolutional.bias"), "lacks 000.convolutional.bias"),
        (lambda c: [c.pop(k) for k in list(c) if k.startswith("000")], r"lacks 000.convolutional.bias and 4 more"),
        (narrow, r"000.convolutional.bias is float32 \(3,\), the cfg needs float32 \(4,\)"),
        (whole, "000.convolutional.bias is int64"),
        (lambda c: c.update(header=np.zeros(3)), "header must be four whole numbers"),
    ],
)
def test_arrays_of_another_network(tmp_path: Path, change, message: str) -> None:
    net = net_of()
    arrays.write_arrays(net, tmp_path / "a.npz", Header())
    before = [param.value for _, param in net.parameters()]
    with pytest.raises(WeightsError, match=message) as caught:
        arrays.read_arrays(net, changed(tmp_path / "a.npz", change))
    assert len(str(caught.value).splitlines()) == 1
    assert all(param.value is old for (_, param), old in zip(net.parameters(), before, strict=True))


def test_without_a_header_it_counts_as_untrained(tmp_path: Path) -> None:
    arrays.write_arrays(net_of(), tmp_path / "a.npz", Header(seen=9))
    assert arrays.read_arrays(net_of(), changed(tmp_path / "a.npz", lambda c: c.pop("header"))) == Header()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("content", [b"", b"no such file", b"PK\x03\x04" + bytes(40), bytes(8), b"\xff" * 64])
def test_files_that_are_none(tmp_path: Path, kind: str, content: bytes) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="isn't a") as caught:
        arrays.read_arrays(net_of(), path)
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(WeightsError, match="can't be read"):
        arrays.read_arrays(net_of(), tmp_path / f"none.{kind}")


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{}], object))
    with pytest.raises(WeightsError, match=r"isn't an \.npz file"):
        arrays.read_arrays(net_of(), tmp_path / "a.npz")


def test_the_name_tells_the_format(tmp_path: Path) -> None:
    with pytest.raises(DarknetError, match=r"must end in \.npz or \.safetensors"):
        arrays.write_arrays(net_of(), tmp_path / "a.bin", Header())


def test_what_was_written_loads_as_weights(tmp_path: Path) -> None:
    net, other = net_of(), net_of(seed=1)
    arrays.write_arrays(net, tmp_path / "a.safetensors", Header())
    arrays.read_arrays(other, tmp_path / "a.safetensors")
    save_weights(other, tmp_path / "b.weights", Header())
    third = net_of(seed=2)
    load_weights(third, tmp_path / "b.weights")
    for (_, a), (_, b) in zip(net.parameters(), third.parameters(), strict=True):
        np.testing.assert_array_equal(a.value, b.value)
