"""New anchors in a cfg."""

from __future__ import annotations

import numpy as np
import pytest

from darknet_py.config.edit import edited
from darknet_py.config.section import parse
from darknet_py.errors import CfgError
from darknet_py.network import Network, build
from darknet_py.network.anchors import anchor_changes, pairs
from darknet_py.ops import NumpyOps
from tests.network.cfgs import YOLO, chain, network

REGION = chain(
    "convolutional filters=12 size=1 stride=2",
    "region anchors=1,1,2,2 num=2 classes=1",
    net="width=8 height=6 channels=3",
)


def changed(text: str, count: int) -> Network:
    """The network of `text` with `count` anchors of rising size."""
    side = np.linspace(0.1, 0.9, count)
    net = network(text, allocate=False)
    return build(parse(edited(text, anchor_changes(net, np.stack([side, side / 2], axis=1)))), NumpyOps())


def masks(net: Network) -> list[tuple[int, ...]]:
    return [head.used for _, head in net.heads]


def test_the_finest_grid_gets_the_smallest() -> None:
    net = changed(YOLO, 3)
    assert masks(net) == [(1, 2), (0,)]
    heads = [head for _, head in net.heads]
    np.testing.assert_allclose(heads[0].anchors, [3.2, 1.2, 16, 6, 28.8, 10.8])
    assert heads[0].anchors == heads[1].anchors and heads[0].num == 3


@pytest.mark.parametrize(
    ("count", "wanted"), [(2, [(1,), (0,)]), (5, [(3, 4), (0, 1, 2)]), (6, [(3, 4, 5), (0, 1, 2)])]
)
def test_other_counts_change_num_masks_and_filters(count: int, wanted: list[tuple[int, ...]]) -> None:
    net = changed(YOLO, count)
    assert masks(net) == wanted
    for index, head in net.heads:
        assert head.num == count
        assert net.nodes[index].shape.c == len(head.used) * 7


def test_a_region_has_them_in_cells() -> None:
    net = changed(REGION, 3)
    head = net.heads[0][1]
    np.testing.assert_allclose(head.anchors, [0.4, 0.15, 2, 0.75, 3.6, 1.35])
    assert head.num == 3 and net.nodes[0].shape.c == 18


def test_what_cant_be_done_is_told() -> None:
    sizes = np.full((1, 2), 0.5)
    with pytest.raises(CfgError, match="1 clusters are too few for 2 detection layers"):
        anchor_changes(network(YOLO, allocate=False), sizes)
    with pytest.raises(CfgError, match="has no detection layer"):
        anchor_changes(network(chain("avgpool"), allocate=False), sizes)
    text = chain(
        "convolutional filters=6 size=1", "activation activation=leaky", "yolo anchors=1,2 mask=0 num=1 classes=1"
    )
    assert len(anchor_changes(network(text, allocate=False), sizes)) == 2
    with pytest.raises(CfgError, match=r":\d+: \[yolo\] would need 2 anchors instead of 1"):
        anchor_changes(network(text, allocate=False), np.full((2, 2), 0.5))


def test_pairs_are_printed_as_darknet_does() -> None:
    sizes = np.array([[5.4, 10.6], [100.0, 7]])
    assert pairs(sizes, 416) == "  5, 11, 100,  7"
    assert pairs(sizes, 13) == "5.4000,10.6000, 100.0000,7.0000"


def test_no_anchor_is_rounded_to_nothing() -> None:
    text = YOLO.replace("width=32", "width=64")
    changes = anchor_changes(network(text, allocate=False), np.full((3, 2), 0.001))
    assert {change.value for change in changes if change.key == "anchors"} == {"1,  1,   1,  1,   1,  1"}
