"""Whatever a cfg or a weights file says: a DarknetError of one line or a network, without much time or memory."""

from __future__ import annotations

import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from darknet_py.config.section import parse
from darknet_py.errors import CfgError, WeightsError
from darknet_py.layers import LAYERS, Context
from darknet_py.network import Header, NetOptions, Network, build, load_weights
from darknet_py.ops import NumpyOps
from tests.network.cfgs import YOLO, chain, network

OPS = NumpyOps(np.float32, threads=1)
LARGE = [2**31 - 1, 2**31, 10**9, 10**6, -(10**9), 65536, 46341, "1e300", "1e9"]
ODD = ["nan", "inf", "1_0", "0x9", "é", "\x00", "=", ",", "many", "[x]"]
WORDS = ["leaky", "mish", "norm_chan", "softmax", "ciou", "relu", "per_channel", "per_feature", "greedynms"]

numbers = st.one_of(
    st.integers(1, 6), st.integers(-4, 12), st.sampled_from(LARGE), st.floats(-3, 3).map("{:.3g}".format)
)
values = st.one_of(
    numbers.map(str),
    st.lists(numbers, min_size=1, max_size=4).map(lambda n: ",".join(map(str, n))),
    st.sampled_from(WORDS),
    st.sampled_from(ODD),
)
small = st.integers(1, 6).map(str)
references = st.lists(st.integers(-4, 3), min_size=1, max_size=3).map(lambda n: ",".join(map(str, n)))
NEEDED = {"from": st.integers(-4, 3).map(str), "layers": references}  # options without a default
LIKELY = {"filters": small, "size": small, "stride": small, "groups": small, "pad": st.just("1")}


def keys_of(cls: Any) -> list[str]:
    return [field.metadata.get("key") or name for name, field in cls.__dataclass_fields__.items()]


@st.composite
def sections(draw: st.DrawFn) -> str:
    """A section with options of its own, of which most are possible."""
    name = draw(st.sampled_from(sorted(LAYERS)))
    keys = keys_of(LAYERS[name])
    options = {key: draw(value) for key, value in NEEDED.items() if key in keys}
    options |= {key: draw(value) for key, value in LIKELY.items() if key in keys and draw(st.booleans())}
    if draw(st.integers(0, 3)) == 0:
        options |= draw(st.dictionaries(st.sampled_from(keys), values, max_size=2))
    return " ".join([name, *(f"{key}={value}" for key, value in options.items())])


nets = st.builds(
    lambda w, h, c, rest: " ".join([f"width={w} height={h} channels={c}", *(f"{k}={v}" for k, v in rest.items())]),
    *[st.integers(1, 9)] * 3,
    st.dictionaries(st.sampled_from(keys_of(NetOptions)[4:]), values, max_size=1),
)


def built(text: str, allocate: bool = False) -> Network | None:
    """The network of `text`; None where it is refused as it should be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of repeated options
        try:
            parts = parse(text)
            return build(parts, OPS, allocate=allocate) if parts else None
        except CfgError as error:
            said = str(error)
    assert said.startswith("<cfg>:")
    assert "\n" not in said
    return None


def is_small(net: Network) -> bool:
    sizes = [node.shape.size for node in net.nodes]
    taps = [getattr(node.layer, key, 0) for node in net.nodes for key in ("padding", "size", "dilation", "stride")]
    return max(*sizes, net.parameter_count()) < 20_000 and max(taps, default=0) < 20


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(net=nets, layers=st.lists(sections(), min_size=1, max_size=5))
def test_any_options(net: str, layers: list[str]) -> None:
    """What is accepted also runs."""
    text = chain(*layers, net=net)
    shapes = built(text)
    if shapes is None or not is_small(shapes):
        return
    runs = built(text, allocate=True)
    assert runs is not None
    x = OPS.array(np.random.default_rng(0).random((2, *runs.input)))
    with np.errstate(all="ignore"):
        y = runs.forward(x, Context(OPS)).outputs[len(runs.nodes) - 1]
    assert y.shape == (2, *runs.nodes[-1].shape)


@settings(max_examples=60, deadline=None)
@given(text=st.text("[]=#;,\n\r\t \x00\x0b\x1c\x85\u2028\ufeff\U0001f600é-.0123netwidhconv", max_size=60))
@example("[net]\nwidth=\x00\n")
@example("[net]\nwidth\u2028=3")
@example("[net]\x85width=3\n[x]")
def test_any_text(text: str) -> None:
    built(text)


@settings(max_examples=150, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(YOLO)), st.integers(0, 20), st.text("0123456789-=,.[]\n #ex\x00é", max_size=6)),
        min_size=1,
        max_size=4,
    )
)
def test_a_cfg_with_some_characters_changed(changes: list[tuple[int, int, str]]) -> None:
    text = YOLO
    for at, length, put in changes:
        text = text[:at] + put + text[at + length :]
    built(text)


@pytest.mark.parametrize("length", [1, 100_000])
def test_names_and_values_of_any_length(length: int) -> None:
    for line in (f"{'w' * length}x=3", f"width={'9' * length}x", f"[{'n' * length}x]", "[x]\n" * min(length, 99)):
        assert built(f"[net]\n{line}\n") is None


def test_building_takes_little_memory() -> None:
    """Nothing is made before all that is asked for is known to be possible."""
    tracemalloc.start()
    for size in (2**31 - 1, 46341, 10**6):
        for key in ("filters", "size", "stride", "padding", "dilation", "groups"):
            built(chain("convolutional filters=3 size=3 pad=1", f"convolutional {key}={size}"))
            built(chain(f"maxpool {key}={size}"))
        for option in ("upsample stride", "yolo num", "yolo classes", "yolo max", "region num", "route groups"):
            built(chain(f"{option}={size}"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6


# --- weights ---------------------------------------------------------------------------------------------------------
NET = network(chain("convolutional filters=2 batch_normalize=1", "convolutional filters=1"), OPS)
COUNT = NET.parameter_count()
headers = st.builds(lambda *parts: Header(*parts).pack(), *[st.integers(0, 3)] * 3, st.integers(0, 2**32 - 1))
bodies = st.one_of(
    st.binary(max_size=4 * COUNT + 9), st.binary(min_size=4 * COUNT, max_size=4 * COUNT), st.just(b"\xff" * 4 * COUNT)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    header=st.one_of(st.binary(max_size=24), headers),
    body=bodies,
    cutoff=st.one_of(st.none(), st.integers(0, 3)),
    partial=st.booleans(),
)
def test_any_weights(header: bytes, body: bytes, cutoff: int | None, partial: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    path.write_bytes(header + body)
    before = [param.value.copy() for _, param in NET.parameters()]
    try:
        load_weights(NET, path, cutoff, partial)
        return
    except WeightsError as error:
        said = str(error)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    for old, (_, param) in zip(before, NET.parameters(), strict=True):
        np.testing.assert_array_equal(old, param.value)
