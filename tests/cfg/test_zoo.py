"""The networks in cfg/: they parse, build, and are the published ones by their sizes and costs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import cv2
import pytest

from darknet_py.config import section
from darknet_py.layers import Shape
from darknet_py.layers.mask_head import MaskHead
from darknet_py.network import build
from darknet_py.ops import NumpyOps
from tests.cfg.files import CFG, COUNTED, README, shape_only

YOLO_PAGE = "https://pjreddie.com/darknet/yolo"
VOC_PAGE = "https://pjreddie.com/darknet/yolov2"
PAPER = "https://arxiv.org/abs/2207.02696"
FASTEST = "https://github.com/dog-qiuqiu/Yolo-Fastest"


class Published(NamedTuple):
    """Facts about a published network.

    parameters: numbers in its .weights file (biases, scales, rolling means and variances, weights); the file has 4
    bytes for each behind its header. megabytes: size of the published file in units of 2**20 bytes. bflops: 1e9
    operations for a picture of size x size, and where it was published. heads: cells of a side, by the index of the
    layer. planes: numbers for each cell.
    """

    parameters: int
    megabytes: float | None
    bflops: float
    source: str
    size: int
    heads: dict[int, int]
    planes: int = 255
    classes: int = 80


ZOO = {
    "yolov1": Published(197_328_243, 753, 40.190, COUNTED, 448, {31: 7}, 35, 20),
    "yolov1-tiny": Published(27_099_950, 103, 3.216, COUNTED, 448, {15: 7}, 30, 20),
    "yolov2": Published(50_983_561, 194, 62.94, YOLO_PAGE, 608, {31: 19}, 425),
    "yolov2-voc": Published(50_676_061, 194, 29.360, COUNTED, 416, {31: 13}, 125, 20),
    "yolov2-tiny": Published(11_237_145, 43, 5.41, YOLO_PAGE, 416, {15: 13}, 425),
    "yolov2-tiny-voc": Published(15_867_885, 60, 6.97, VOC_PAGE, 416, {15: 13}, 125, 20),
    "yolo9000": Published(48_807_501, 186, 49.062, COUNTED, 544, {24: 17}, 28269, 9418),
    "yolov3": Published(62_001_757, 236, 65.86, YOLO_PAGE, 416, {82: 13, 94: 26, 106: 52}),
    "yolov3-tiny": Published(8_858_734, 33.7, 5.56, YOLO_PAGE, 416, {16: 13, 23: 26}),
    "yolov3-spp": Published(63_052_381, 240, 141.45, YOLO_PAGE, 608, {89: 19, 101: 38, 113: 76}),
    "yolov3-voc": Published(61_678_657, None, 65.443, COUNTED, 416, {82: 13, 94: 26, 106: 52}, 75, 20),
    "yolov3-openimages": Published(
        64_807_342, 247, 148.812, COUNTED, 608, {82: 19, 94: 38, 106: 76}, planes=1818, classes=601
    ),
    "yolov3-5l": Published(62_399_771, None, 79.427, COUNTED, 416, {82: 13, 94: 26, 106: 52, 118: 104, 130: 208}),
    "Gaussian_yolov3_BDD": Published(61_646_347, None, 99.066, COUNTED, 512, {82: 16, 94: 32, 106: 64}, 57, 10),
    "yolov4": Published(64_429_405, 245, 128.5, README, 608, {139: 76, 150: 38, 161: 19}),
    "yolov4-tiny": Published(6_062_814, 23.1, 6.9, README, 416, {30: 13, 37: 26}),
    "yolov4-tiny-3l": Published(6_334_045, None, 17.735, COUNTED, 608, {30: 19, 37: 38, 44: 76}),
    "yolov4-csp": Published(52_986_205, 202, 77.0, README, 512, {144: 64, 159: 32, 174: 16}),
    "yolov4x-mish": Published(99_847_037, 381, 221, README, 640, {168: 80, 185: 40, 202: 20}),
    "yolov4-p5": Published(70_917_468, 271, 326.698, COUNTED, 896, {235: 112, 239: 56, 243: 28}, 340),
    "yolov4-p6": Published(127_717_040, 487, 717.133, COUNTED, 1280, {292: 160, 296: 80, 300: 40, 304: 20}, 340),
    "yolov7-tiny": Published(6_241_885, None, 5.8, PAPER, 416, {90: 52, 94: 26, 98: 13}),
    "yolov7": Published(36_974_557, None, 104.7, PAPER, 640, {134: 80, 138: 40, 142: 20}),
    "yolov7x": Published(71_409_685, None, 189.9, PAPER, 640, {150: 80, 154: 40, 158: 20}),
    "yolo-fastest-1.1": Published(346_062, 1.3, 0.252, FASTEST, 320, {121: 10, 130: 20}),
    "yolov4-nano": Published(1_271_416, None, 1.098, "as it is", 416, {70: 52, 79: 26, 88: 13}, 24, 3),
}
TINY = {"yolov3-tiny", "yolov4-tiny"}  # leave an anchor out
UNKNOWN_TO_OPENCV = {"yolov1", "yolov1-tiny", "Gaussian_yolov3_BDD"}
MASKED = [name for name in ZOO if not name.startswith(("yolov1", "yolov2", "yolo9000"))]  # [yolo] or [Gaussian_yolo]


@pytest.mark.parametrize("name", ZOO)
def test_published_sizes_and_costs(name: str) -> None:
    net, published = shape_only(name), ZOO[name]
    assert net.parameter_count() == published.parameters
    assert published.megabytes in (None, pytest.approx(4 * published.parameters / 2**20, abs=0.05, rel=0.01))
    assert net.flops() / 1e9 == pytest.approx(published.bflops, abs=0.01, rel=0.005)
    assert net.input == Shape(3, published.size, published.size)
    assert {index: net.nodes[index].shape.size for index, _ in net.heads} == {
        index: published.planes * cells**2 for index, cells in published.heads.items()
    }


def test_costs_at_another_size() -> None:
    assert shape_only("yolov4").resized(416, 416).flops() / 1e9 == pytest.approx(60.1, abs=0.1)
    assert shape_only("yolov4-csp").resized(640, 640).flops() / 1e9 == pytest.approx(120, abs=0.5)


@pytest.mark.parametrize("name", ZOO)
def test_can_be_trained_as_it_is(name: str) -> None:
    options = shape_only(name).options
    assert options.batch == 64
    assert options.mini_batch > 1
    assert options.max_batches > options.steps[-1]


@pytest.mark.parametrize("name", ZOO)
def test_heads_have_the_classes_of_the_data(name: str) -> None:
    for _, head in shape_only(name).heads:
        assert head.classes == ZOO[name].classes


@pytest.mark.parametrize("name", MASKED)
def test_coarse_grids_have_the_large_anchors(name: str) -> None:
    net = shape_only(name)
    areas, used = {}, []
    for index, head in net.heads:
        assert isinstance(head, MaskHead)
        assert len(head.anchors) == 2 * head.num
        areas[net.nodes[index].shape.w] = head.used_anchors().prod(axis=1).mean()
        used += head.used
    cells = sorted(areas)
    assert [areas[c] for c in cells] == sorted(areas.values(), reverse=True)
    if name not in TINY:
        assert sorted(used) == list(range(head.num))


def test_yolo9000_with_the_tree_of_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines that its head comment tells to take the # off; here with a tree that is a list."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/9k.tree").write_text("".join(f"n{i:08} -1\n" for i in range(9418)))
    (tmp_path / "data/coco9k.map").write_text("".join(f"{i}\n" for i in range(80)))
    text, taken = re.subn(r"(?m)^# (tree|map)=", r"\1=", (CFG / "yolo9000.cfg").read_text())
    assert taken == 2
    net = build(section.parse(text, "yolo9000.cfg"), NumpyOps(), allocate=False)
    ((_, head),) = net.heads
    assert head.class_map == tuple(range(80))
    assert net.parameter_count() == ZOO["yolo9000"].parameters


def test_nano_fits_its_budget() -> None:
    """1 TFLOP per second of which a twentieth is used: tens of pictures a second."""
    net = shape_only("yolov4-nano")
    assert 0.05 * 1e12 / net.flops() > 40
    assert 4 * net.parameter_count() < 6e6


@pytest.mark.skipif(not hasattr(cv2.dnn, "readNetFromDarknet"), reason="OpenCV 5 no longer reads Darknet's files")
@pytest.mark.parametrize("name", sorted(ZOO.keys() - UNKNOWN_TO_OPENCV))
def test_other_readers_understand_it(name: str) -> None:
    net = cv2.dnn.readNetFromDarknet(str(CFG / f"{name}.cfg"))
    assert sorted(net.getUnconnectedOutLayersNames()) == sorted(
        f"yolo_{index}" if isinstance(head, MaskHead) else "detection_out" for index, head in shape_only(name).heads
    )
