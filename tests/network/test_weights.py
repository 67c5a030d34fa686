"""Weights files: every header, byte-identical round trips, and what is wrong with a file, in one line."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from darknet_py.errors import DarknetError, WeightsError
from darknet_py.network import Header, Network, load_weights, save_weights
from darknet_py.ops import NumpyOps
from tests.network.cfgs import YOLO, chain, network

CHAIN = chain(
    "convolutional filters=2 size=3 batch_normalize=1 activation=leaky",
    "maxpool stride=2",
    "convolutional filters=3",
    "convolutional filters=1 batch_normalize=1",
)
COUNTS = [2 * 4 + 2 * 27, 0, 3 + 6, 4 + 3]  # numbers of each layer
HEADERS = {
    "0.1.0": Header(0, 1, 0, 123_456),
    "0.2.0": Header(0, 2, 0, 2**40 + 7),
    "0.2.5": Header(0, 2, 5, 32_013_312),
    "1.0.0": Header(1, 0, 0, 5),
    "1001.0.0": Header(1001, 0, 0, 5),
}
LENGTHS = {"0.1.0": 16, "0.2.0": 20, "0.2.5": 20, "1.0.0": 20, "1001.0.0": 16}


def numbers(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 2, count).astype("<f4")


def values(net: Network) -> list[np.ndarray]:
    return [net.ops.to_host(param.value) for _, param in net.parameters()]


def single(text: str = CHAIN) -> Network:
    return network(text, NumpyOps(threads=1))


def write(path: Path, header: Header, count: int, extra: bytes = b"") -> bytes:
    content = header.pack() + numbers(count).tobytes() + extra
    path.write_bytes(content)
    return content


# --- round trips -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("version", HEADERS)
@pytest.mark.parametrize("text", [CHAIN, YOLO], ids=["chain", "yolo"])
def test_round_trip_is_byte_identical(version: str, text: str, tmp_path: Path) -> None:
    net, header = single(text), HEADERS[version]
    content = write(tmp_path / "a.weights", header, net.parameter_count())
    assert len(content) == LENGTHS[version] + 4 * net.parameter_count()
    assert load_weights(net, tmp_path / "a.weights") == header
    save_weights(net, tmp_path / "b.weights", header)
    assert (tmp_path / "b.weights").read_bytes() == content


def test_header_lies_as_darknet_writes_it() -> None:
    assert Header(0, 2, 5, 7).pack() == struct.pack("<iiiQ", 0, 2, 5, 7)
    assert Header(0, 1, 0, 7).pack() == struct.pack("<iiiI", 0, 1, 0, 7)
    assert Header(seen=1)[:3] == (0, 2, 5)


def test_order_of_the_numbers(tmp_path: Path) -> None:
    net = single()
    write(tmp_path / "a.weights", Header(), sum(COUNTS))
    load_weights(net, tmp_path / "a.weights")
    flat = numbers(sum(COUNTS))
    first = net.nodes[0].params
    for name, part in {"bias": flat[:2], "scale": flat[2:4], "mean": flat[4:6], "var": flat[6:8]}.items():
        np.testing.assert_array_equal(first[name].value, part)
    weight = flat[8:62].reshape(2, 3, 3, 3)  # filter, channel, row, column
    np.testing.assert_array_equal(first["weight"].value, weight)
    np.testing.assert_array_equal(net.nodes[2].params["bias"].value, flat[62:65])
    np.testing.assert_array_equal(net.nodes[2].params["weight"].value.ravel(), flat[65:71])


def test_numbers_stay_whatever_they_are(tmp_path: Path) -> None:
    """NaN, infinities, denormals and -0 come back bit by bit."""
    net = single(chain("convolutional filters=2"))
    odd = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45, 3.4e38, 1, -1], "<f4")
    content = Header().pack() + odd.tobytes()
    (tmp_path / "a.weights").write_bytes(content)
    save_weights(net, tmp_path / "b.weights", load_weights(net, tmp_path / "a.weights"))
    assert (tmp_path / "b.weights").read_bytes() == content


def test_gradients_and_resized_networks_see_loaded_values(tmp_path: Path) -> None:
    net = single(YOLO)
    wide = net.resized(64, 64)
    write(tmp_path / "a.weights", Header(), net.parameter_count())
    load_weights(net, tmp_path / "a.weights")
    for a, b in zip(values(net), values(wide), strict=True):
        np.testing.assert_array_equal(a, b)


# --- files that don't fit --------------------------------------------------------------------------------------------
def broken(net: Network, path: Path, *messages: str, **options: object) -> None:
    """load_weights fails with one line that names the file, and leaves the network as it was."""
    before = values(net)
    with pytest.raises(WeightsError) as caught:
        load_weights(net, path, **options)  # type: ignore[arg-type]
    said = str(caught.value)
    assert said.startswith(f"{path}: ") and "\n" not in said
    for message in messages:
        assert message in said
    for a, b in zip(before, values(net), strict=True):
        np.testing.assert_array_equal(a, b)


PLACES = {  # numbers that the file has: where it ends
    0: "layer 0 [convolutional]: 0 numbers are left, its bias needs 2",
    1: "layer 0 [convolutional]: 1 numbers are left, its bias needs 2",
    3: "layer 0 [convolutional]: 1 numbers are left, its scale needs 2",
    61: "layer 0 [convolutional]: 53 numbers are left, its weight needs 54",
    62: "layer 2 [convolutional]: 0 numbers are left, its bias needs 3",
    70: "layer 2 [convolutional]: 5 numbers are left, its weight needs 6",
    77: "layer 3 [convolutional]: 2 numbers are left, its weight needs 3",
}


@pytest.mark.parametrize("count", PLACES)
def test_truncated(count: int, tmp_path: Path) -> None:
    write(tmp_path / "a.weights", Header(), count)
    broken(single(), tmp_path / "a.weights", f"ends in {PLACES[count]}", "(<cfg>:")


def test_truncated_at_every_byte(tmp_path: Path) -> None:
    net, path = single(chain("convolutional filters=2 batch_normalize=1")), tmp_path / "a.weights"
    content = write(path, Header(), net.parameter_count())
    for length in range(len(content)):
        path.write_bytes(content[:length])
        broken(net, path)


def test_too_long(tmp_path: Path) -> None:
    write(tmp_path / "a.weights", Header(), sum(COUNTS) + 1)
    broken(single(), tmp_path / "a.weights", "has 79 numbers, the cfg needs 78: it is the file of another network")
    write(tmp_path / "b.weights", Header(), sum(COUNTS), b"\0")
    broken(single(), tmp_path / "b.weights", "isn't whole: 313 bytes behind the header")


def zip_file() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model.weights", b"\0" * 1000)
    return buffer.getvalue()


FOREIGN = {
    "empty": (b"", "has 0 bytes"),
    "short": (b"\0\0\0\0\2", "has 5 bytes"),
    "only a version": (struct.pack("<iii", 0, 2, 5), "ends within its header"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x01\x00\x48" + b"\x00" * 400, "isn't a Darknet weights file"),
    "png": (b"\x89PNG\r\n\x1a\n" + b"\x00" * 400, "isn't a Darknet weights file"),
    "text": (b"[net]\nwidth=416\nheight=416\n" * 10, "isn't a Darknet weights file"),
    "html": (b"<!DOCTYPE html><html>404</html>" * 10, "isn't a Darknet weights file"),
    "zip": (zip_file(), "isn't a Darknet weights file"),
    "negative version": (struct.pack("<iiiQ", 0, -1, 0, 0) + b"\0" * 400, "isn't a Darknet weights file"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign(kind: str, tmp_path: Path) -> None:
    content, message = FOREIGN[kind]
    (tmp_path / "a.weights").write_bytes(content)
    broken(single(), tmp_path / "a.weights", message)


def test_no_file(tmp_path: Path) -> None:
    broken(single(), tmp_path / "none.weights", "can't be read: No such file")
    broken(single(), tmp_path, "can't be read: Is a directory")


# --- parts -----------------------------------------------------------------------------------------------------------
def loaded_layers(net: Network, before: list[np.ndarray]) -> list[int]:
    pairs = zip(net.parameters(), before, strict=True)
    return sorted({node.index for (node, param), old in pairs if not np.array_equal(param.value, old)})


@pytest.mark.parametrize("name", ["some.conv.2", "some.weights"])
def test_partial(name: str, tmp_path: Path) -> None:
    """``x.conv.N`` holds the first layers; so does another file if the caller says so."""
    path, net = tmp_path / name, single()
    before = values(net)
    write(path, Header(seen=9), COUNTS[0])
    assert load_weights(net, path, partial=name.endswith(".weights")).seen == 9
    assert loaded_layers(net, before) == [0]
    write(path, Header(), COUNTS[0] + 5)
    broken(net, path, "ends in layer 2", partial=True)
    write(path, Header(), sum(COUNTS) + 1)
    broken(net, path, "has 79 numbers", partial=True)


@pytest.mark.parametrize("name", ["some.conv.2.weights", "conv.2", "some.conv.", "x.conv.2/a.weights"])
def test_other_names_are_not_partial(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    write(path, Header(), COUNTS[0])
    broken(single(), path, "ends in layer 2")


@pytest.mark.parametrize(
    ("cutoff", "layers"), [(0, []), (1, [0]), (2, [0]), (3, [0, 2]), (4, [0, 2, 3]), (99, [0, 2, 3])]
)
def test_cutoff(cutoff: int, layers: list[int], tmp_path: Path) -> None:
    net = single()
    before = values(net)
    write(tmp_path / "a.weights", Header(), sum(COUNTS))
    load_weights(net, tmp_path / "a.weights", cutoff)
    assert loaded_layers(net, before) == layers
    save_weights(net, tmp_path / "b.weights", Header(), cutoff)
    assert len((tmp_path / "b.weights").read_bytes()) == 20 + 4 * sum(COUNTS[:cutoff])


def test_cutoff_needs_its_layers_and_may_go_on(tmp_path: Path) -> None:
    write(tmp_path / "a.weights", Header(), sum(COUNTS[:3]) + 1000)
    load_weights(single(), tmp_path / "a.weights", 3)
    write(tmp_path / "b.weights", Header(), sum(COUNTS[:3]) - 1)
    broken(single(), tmp_path / "b.weights", "ends in layer 2", cutoff=3)


def test_dontload_and_dontloadscales_take_nothing_from_the_file(tmp_path: Path) -> None:
    net = single(
        CHAIN.replace("stride=2\n[conv", "stride=2\n[conv").replace("filters=3", "filters=3\ndontload=1")
        + "\ndontloadscales=1"
    )
    before, count = values(net), COUNTS[0] + 1 + 3  # the bias and the weight of the last
    write(tmp_path / "a.weights", Header(), count)
    load_weights(net, tmp_path / "a.weights")
    assert loaded_layers(net, before) == [0, 3]
    last = net.nodes[3].params
    assert (last["scale"].value, last["mean"].value, last["var"].value) == (1, 0, 1)
    np.testing.assert_array_equal(last["weight"].value.ravel(), numbers(count)[-3:])


# --- writing ---------------------------------------------------------------------------------------------------------
def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, net = tmp_path / "a.weights", single()
    save_weights(net, path, Header(seen=1))
    content = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DarknetError, match=r"a\.weights: can't be written: No space left on device"):
        save_weights(net, path, Header(seen=2))
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


# --- networks that have no values yet ---------------------------------------------------------------------------------
@pytest.mark.parametrize("text", [CHAIN, YOLO], ids=["chain", "yolo"])
def test_a_file_fills_a_network_without_values(text: str, tmp_path: Path) -> None:
    net, bare = single(text), network(text, NumpyOps(threads=1), allocate=False)
    write(tmp_path / "a.weights", Header(), net.parameter_count())
    for each in (net, bare):
        load_weights(each, tmp_path / "a.weights")
    assert len(values(bare)) == len(values(net)) > 0
    for a, b in zip(values(bare), values(net), strict=True):
        np.testing.assert_array_equal(a, b)


def test_layers_that_a_file_has_nothing_for_get_first_values(tmp_path: Path) -> None:
    bare = network(CHAIN, NumpyOps(threads=1), allocate=False)
    write(tmp_path / "a.conv.1", Header(), COUNTS[0])
    load_weights(bare, tmp_path / "a.conv.1")
    assert [len(node.params) for node in bare.nodes] == [len(node.specs) for node in bare.nodes]
    assert (values(bare)[-2] == 1).all() and values(bare)[-1].any()  # var and weight of the last layer


def test_the_beginning_of_a_parameter_without_a_value(tmp_path: Path) -> None:
    text = chain("convolutional filters=3 size=1 numload=2")
    whole, bare = single(text), network(text, NumpyOps(threads=1), allocate=False)
    write(tmp_path / "a.weights", Header(), 2 + 2 * 3)
    for net in (whole, bare):
        load_weights(net, tmp_path / "a.weights")
    assert [value.shape for value in values(bare)] == [value.shape for value in values(whole)]
    np.testing.assert_array_equal(values(bare)[1][:2], values(whole)[1][:2])


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = single()
    write(tmp_path / "a.weights", Header(), net.parameter_count() - 1)
    monkeypatch.setattr("darknet_py.network.weights._numbers_left", lambda file, path: net.parameter_count())
    with pytest.raises(WeightsError, match=r"a\.weights: became shorter"):
        load_weights(net, tmp_path / "a.weights")
