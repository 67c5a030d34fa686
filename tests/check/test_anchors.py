"""How well anchors fit."""

from __future__ import annotations

import numpy as np
import pytest

from darknet_py.check.anchors import badly_fitting, fit, used_anchors
from darknet_py.config.section import parse
from darknet_py.network import Network, build
from darknet_py.ops import NumpyOps

CONV = "[net]\nwidth=64\nheight=32\nchannels=3\n[convolutional]\nfilters={}\nsize=1\nstride=8\n"
ROWS = np.array([[0, 0.5, 0.5, w, h] for w, h in ((0.25, 0.5), (0.25, 0.5), (0.5, 1.0))])


def network(filters: int, *heads: str) -> Network:
    text = CONV.format(filters) + "[route]\nlayers=0\n".join(heads)
    return build(parse(text), NumpyOps(), allocate=False)


YOLO = "[yolo]\nclasses=1\nnum=3\nanchors=16,16, 32,32, 8,8\nmask={}\n"
REGION = "[region]\nclasses=1\nnum=2\nanchors=2,2, 4,4\n"


@pytest.mark.parametrize("net", [network(12, YOLO.format("0,1")), network(12, REGION)])
def test_pixels_and_cells_become_parts_of_the_picture(net: Network):
    np.testing.assert_allclose(used_anchors(net), [[0.25, 0.5], [0.5, 1.0]])
    found = fit(net, ROWS)
    assert found is not None and found.average == found.possible == 1


def test_anchors_that_are_shared_count_once_and_unused_ones_are_told():
    net = network(12, YOLO.format("0,1"), YOLO.format("1,0"))
    assert len(used_anchors(net)) == 2
    assert [problem.what for problem in badly_fitting(net, None)] == ["anchor 2 (8,8) is in no mask="]


def test_bad_anchors_and_better_ones_are_told():
    net = network(6, "[yolo]\nclasses=1\nnum=1\nanchors=1,1\n")
    (problem,) = badly_fitting(net, fit(net, ROWS))
    assert problem.kind == "anchors-fit" and "with anchors = 16, 16" in problem.what


def test_where_there_is_nothing_to_say():
    net = network(12, YOLO.format("0,1"))
    assert fit(net, ROWS[:0]) is None
    assert fit(net, ROWS[:2]) is None  # one size is too few for two anchors
    text = CONV.format(8) + "[connected]\noutput=44\n[detection]\nclasses=1\nside=2\nnum=2\ncoords=4\n"
    old = build(parse(text), NumpyOps(), allocate=False)
    assert old.heads and fit(old, ROWS) is None and list(badly_fitting(old, None)) == []
