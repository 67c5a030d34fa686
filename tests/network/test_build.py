"""Cfgs that can't be built: one line that says where and what would be valid; and the forms of text that can."""

from __future__ import annotations

import re

import pytest

from darknet_py.errors import CfgError
from darknet_py.network import load_network
from darknet_py.ops import NumpyOps
from tests.network.cfgs import YOLO, chain, network

NET = "width=8 height=8 channels=3"
CONV = "convolutional filters=3 size=3 pad=1"

ERRORS = {  # cfg: line, and what the message says
    # sections and options
    chain("convolutionall", net=NET): (5, "[convolutionall] is no known section; known are "),
    chain(f"{CONV} filter=3", net=NET): (9, "[convolutional] unknown option 'filter'; did you mean 'filters'?"),
    chain(f"{CONV} zzz=3", net=NET): (9, "[convolutional] unknown option 'zzz'; valid are activation, "),
    chain(CONV, net=f"{NET} learning_rte=1"): (5, "[net] unknown option 'learning_rte'; did you mean 'learning_rate'?"),
    chain("convolutional activation=leeky", net=NET): (6, "activation=leeky: valid are linear, leaky, relu, "),
    chain("route", net=NET): (5, "[route] needs layers= (the layers to join, negative ones relative to this)"),
    chain("shortcut activation=linear", net=NET): (5, "[shortcut] needs from="),
    # values
    chain("convolutional filters=many", net=NET): (6, "[convolutional] filters=many: expected a whole number"),
    chain("convolutional filters=3.5", net=NET): (6, "filters=3.5: expected a whole number"),
    chain("convolutional filters=nan", net=NET): (6, "filters=nan: expected a whole number"),
    chain("convolutional filters=-1", net=NET): (6, "filters=-1: must be >= 1"),
    chain("convolutional filters=0", net=NET): (6, "filters=0: must be >= 1"),
    chain("convolutional size=-3", net=NET): (6, "size=-3: must be >= 1"),
    chain(CONV, net="width=-8 height=8 channels=3"): (2, "[net] width=-8: must be >= 0"),
    chain(CONV, net=f"{NET} momentum=1.5"): (5, "momentum=1.5: must be <= 1"),
    chain(CONV, net=f"{NET} learning_rate=inf"): (5, "learning_rate=inf: expected a number"),
    chain("dropout probability=1", net=NET): (6, "probability=1: must be <= 0.999"),
    chain(CONV, net=f"{NET} policy=stepz"): (5, "policy=stepz: valid are constant, step, steps, "),
    chain("route layers=-1,x", net=NET): (6, "layers=-1,x: expected a list of whole numbers, with commas"),
    chain("route layers=-1,,0", net=NET): (6, "expected a list of whole numbers, with commas"),
    # [net]
    chain(CONV, net="width=0 height=8 channels=3"): (1, "[net] needs width above 0 (or inputs=)"),
    chain(CONV, net="channels=3"): (1, "[net] needs width, height above 0"),
    chain(CONV, net=f"{NET} batch=10 subdivisions=4"): (1, "subdivisions=4 must divide batch=10"),
    chain(CONV, net=f"{NET} policy=steps"): (1, "policy=steps needs steps= and scales="),
    chain(CONV, net=f"{NET} policy=steps steps=1,2 scales=.1"): (1, "policy=steps has 2 steps but 1 scales"),
    chain(net=NET): (1, "[net] has no layer behind it"),
    "[convolutional]\nfilters=3": (1, "[convolutional] the first section must be [net]"),
    chain(CONV, f"net {NET}", net=NET): (9, "[net] is no known section"),
    # the graph
    chain("shortcut from=-2", net=NET): (5, "is layer 0 and can't take layer -2: there is none before it"),
    chain(CONV, "route layers=1", net=NET): (9, "is layer 1 and can't take layer 1: valid are 0 to 0, or -1 to -1"),
    chain(CONV, CONV, "route layers=-1,-3", net=NET): (13, "can't take layer -1: valid are 0 to 1, or -1 to -2"),
    chain(CONV, "sam from=7", net=NET): (9, "can't take layer 7"),
    chain(CONV, "conv size=4", "shortcut from=0", net=NET): (11, "adds layers of different width and height"),
    chain(CONV, "maxpool stride=2", "route layers=0,1", net=NET): (11, "joins layers of different width and height"),
    chain("convolutional size=11", net=NET): (5, "size=11 is larger than its padded input 8 x 8 x 3"),
    chain("convolutional groups=2 filters=2", net=NET): (5, "groups=2 must divide 3 input channels"),
    chain(CONV, "yolo classes=1", net=NET): (9, "needs filters=6 in the layer before: 1 anchors * (5 + classes=1)"),
    chain(CONV, "yolo num=3 mask=3", net=NET): (9, "[yolo] mask=3 is not one of the num=3 anchors"),
    chain(CONV, "upsample stride=0", net=NET): (9, "[upsample] stride must not be 0"),
    # what no machine could hold
    chain("convolutional filters=1000000000", net=NET): (5, "its output 8 x 8 x 1000000000 is too large"),
    chain("convolutional filters=10000000000", net=NET): (6, "filters=10000000000: is too large"),
    chain("convolutional filters=99000000 size=3 stride=9", net=NET): (5, "too many parameters: bias (99000000,), "),
    chain("convolutional padding=1000000 stride=1000000", net=NET): (5, "its padded input 2000008 x 2000008 x 3 is"),
    chain("convolutional size=3 dilation=1000000 stride=8", net=NET): (5, "its padded input 2000008 x 2000008 x 3 is"),
    chain("maxpool size=1000000 stride=9999999", net=NET): (5, "its padded input 2000007 x 2000007 x 3 is too large"),
    chain("upsample stride=1000000", net=NET): (5, "[upsample] its output 8000000 x 8000000 x 3 is too large"),
    chain(CONV, net="width=1000000000 height=8 channels=3"): (1, "1 pictures 1000000000 x 8 x 3 are too large"),
    chain(CONV, net=f"{NET} batch=1000000000"): (1, "1000000000 pictures 8 x 8 x 3 are too large"),
    chain(CONV, net="inputs=2000000000 batch=2"): (1, "2 pictures 1 x 1 x 2000000000 are too large"),
    chain(CONV, net=f"{NET} batch=1e300"): (5, "batch=1e300: is too large"),
    chain("convolutional groups=1000000000 filters=1000000000", net=NET): (5, "groups=1000000000 must divide 3"),
    chain("route layers=-99999999999", net=NET): (6, "layers=-99999999999: is too large"),
    chain(CONV, "yolo num=1000000000", net=NET): (10, "num=1000000000: must be <= 1000"),
}  # fmt: skip


@pytest.mark.parametrize("text", ERRORS, ids=lambda text: re.sub(r"[\n\[\]]+", " ", text).strip())
def test_errors_say_where_and_what(text: str) -> None:
    line, message = ERRORS[text]
    with pytest.raises(CfgError) as caught:
        network(text)
    said = str(caught.value)
    assert said.startswith(f"<cfg>:{line}: [") and "\n" not in said
    assert message in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no [section]: is it a Darknet cfg?"),
        (b"\n# nothing\n\n", "has no [section]"),
        (b"width=3\n[net]\n", ":1: 'width' stands before the first [section]"),
        (b"[net]\nwidth\n", ":2: expected 'key=value' or '[section]', got 'width'"),
        (b"[net]\n=3\n", ":2: expected 'key=value'"),
        (b"[net]\nwidth=\n", ":2: expected 'key=value'"),
        (b"[net\nwidth=3\n", ":1: expected '[section]', got '[net'"),
        (b"[]\n", ":1: expected '[section]'"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", ":1: expected 'key=value' or '[section]'"),
        (b"PK\x03\x04\x14\x00\n", ":1: expected"),
    ],
)
def test_files_that_are_no_cfg(content: bytes, message: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "some.cfg"
    path.write_bytes(content)
    with pytest.raises(CfgError) as caught:
        load_network(path, NumpyOps(threads=1))
    assert str(caught.value).startswith(str(path)) and message in str(caught.value)


def test_files_that_cannot_be_read(tmp_path) -> None:  # type: ignore[no-untyped-def]
    for path in (tmp_path / "none.cfg", tmp_path):
        with pytest.raises(CfgError, match=f"{re.escape(str(path))}: can't be read: (No such file|Is a directory)"):
            load_network(path, NumpyOps(threads=1))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        lambda text: "\ufeff" + text.lstrip(),
        lambda text: text.replace("=", " = ").replace("\n[", "\n\t [ ").replace("]\n", " ] \t\n"),
        lambda text: text.replace(",", " , "),
        lambda text: text.replace("\n", "  # a comment [x] y=z\n"),
        lambda text: text.replace("\n", " ; a comment\n# another\n;\n"),
        lambda text: text.replace("\n", "\n\n"),
        lambda text: text.replace("mask=1,2", "mask=1,2,").replace("filters=4", "filters=4.").replace("=3\n", "=3e0\n"),
        lambda text: text + "[dropout]\nprobability=0.0",
        lambda text: text.replace("[net]", "[network]").replace("[convolutional]", "[conv]").replace("maxpool", "max"),
        lambda text: text.rstrip() + "\x00",
    ],
)  # fmt: skip
def test_forms_of_the_same_cfg(change, tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "changed.cfg"
    path.write_bytes(change(YOLO).encode())
    expected, net = network(YOLO), load_network(path, NumpyOps(threads=1))
    assert [n.layer for n in net.nodes][:13] == [n.layer for n in expected.nodes]
    assert [n.shape for n in net.nodes][:13] == [n.shape for n in expected.nodes]


def test_a_repeated_option_takes_the_first_and_warns() -> None:
    text = chain("convolutional filters=3 size=1 filters=5", net=NET)
    with pytest.warns(UserWarning, match=r"^<cfg>:8: \[convolutional\] filters repeats line 6, which counts$"):
        net = network(text)
    assert net.nodes[0].shape.c == 3


def test_options_that_published_cfgs_have_and_nobody_reads() -> None:
    net = network(chain(CONV, net=f"{NET} uc_normalizer=1 beta1=.9 max_epochs=3 seen=0"))
    assert net.options.width == 8


def test_input_without_pictures() -> None:
    assert tuple(network(chain("convolutional filters=4", net="inputs=20")).input) == (20, 1, 1)
