"""Ten training iterations against both C references; see tests/golden/README.md for the runs and what they do oddly."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from darknet_py import boxes
from darknet_py.config.section import parse
from darknet_py.layers import Context, Layer
from darknet_py.layers.convolutional import Convolutional
from darknet_py.network import Network, build, load_weights
from darknet_py.network.graph import Pass
from darknet_py.ops import Array, NumpyOps
from darknet_py.ops.heads import masked, yolo
from darknet_py.ops.heads.masked import Assignment
from darknet_py.ops.numpy_ops import from_rows, rows
from darknet_py.train.gradients import OneDevice
from darknet_py.train.loop import Progress, Trainer

GOLDEN = Path(__file__).parents[1] / "golden"
RUNS = (
    "pjreddie_mse_nobn",
    "pjreddie_mse_nobn_steps_burnin",
    "pjreddie_mse_bn",
    "alexey_mse_nobn",
    "alexey_iou_nobn",
    "alexey_giou_nobn",
    "alexey_diou_nobn",
    "alexey_ciou_nobn",
    "alexey_mse_bn",
    "alexey_mse_bn_mish",
    "alexey_mse_bn_steps_burnin",
    "alexey_ciou_bn",
    "alexey_csp_bn",
    "asis_alexey_ciou_nobn_straight",
)
TOLERANCE = 1e-5
HEADER = np.array([0, 2, 5, 0, 0], "<i4").tobytes()
HostArray = npt.NDArray[Any]
yolo_box_deltas = yolo._box_deltas
similarity_and_gradient = boxes.similarity_and_gradient


class ReferenceOps(NumpyOps):
    """Batch norm as the references' CPU code has it: variance over N - 1, and backward as if it were over N.

    AlexeyAB: forward eps under the root (blas.c:292), the direct term of backward with eps outside
    (batchnorm_layer.c:143). pjreddie: forward eps 1e-6 outside the root (blas.c:154).
    """

    def __init__(self, reference: str) -> None:
        super().__init__(threads=1)
        self.pjreddie = reference == "pjreddie"

    def batch_norm_train(self, x: Array, scale: Array, bias: Array, eps: float) -> tuple[Array, Array, Array]:
        matrix = rows(x).astype(float)
        mean, var = matrix.mean(axis=0), matrix.var(axis=0, ddof=1)
        root = np.sqrt(var) + 1e-6 if self.pjreddie else np.sqrt(var + eps)
        y = scale * (matrix - mean) / root + bias
        return from_rows(y.astype(x.dtype), x.shape), mean.astype(x.dtype), var.astype(x.dtype)

    def batch_norm_train_backward(
        self, dy: Array, x: Array, scale: Array, mean: Array, var: Array, eps: float
    ) -> tuple[Array, Array, Array]:
        matrix, grad, var = rows(x).astype(float), rows(dy).astype(float), var.astype(float)
        centred, count = matrix - mean, len(matrix)
        root = np.sqrt(var + eps)
        normalised = centred / (np.sqrt(var) + 1e-6 if self.pjreddie else root)
        dscale, dbias = (grad * normalised).sum(axis=0), grad.sum(axis=0)
        dxn = grad * scale
        dmean = -dxn.sum(axis=0) / root
        dvar = (dxn * centred).sum(axis=0) * -0.5 * (var + eps) ** -1.5
        direct = 1 / root if self.pjreddie else 1 / (np.sqrt(var) + eps)
        dx = dxn * direct + dvar * 2 * centred / count + dmean / count
        return from_rows(dx.astype(x.dtype), x.shape), dscale.astype(x.dtype), dbias.astype(x.dtype)


@dataclass(frozen=True)
class ReferenceNetwork(Network):
    """Backward as in the references' CPU code: a convolution overwrites what its input has got from other layers, such
    as routes and shortcuts. AlexeyAB's always, since col2im_cpu_ext clears its target (col2im.c:65); pjreddie's if it
    is 1x1, since the product goes there with beta 0 (convolutional_layer.c:528). Their GPU code adds."""

    overwrites: Callable[[Layer], bool] = lambda layer: True

    def backward(self, result: Pass, grads: dict[int, Array] | None = None) -> Array | None:
        waiting: dict[int, Array] = {}
        for node in reversed(self.nodes):
            dy = waiting.pop(node.index, None)
            for i, dx in zip(node.inputs, result.backwards[node.index](dy), strict=True):
                waiting[i] = dx if i not in waiting or self.overwrites(node.layer) else waiting[i] + dx
        return None


class ReferencePasses(OneDevice):
    """Rolling statistics without our correction for the first batches."""

    def context(self, *args: Any) -> Context:
        return replace(super().context(*args), batches=10**9)


def reference_gradient(kind: str, pred: HostArray, truth: HostArray) -> tuple[HostArray, HostArray]:
    """dx_box_iou (box.c:258) for diou and ciou: the distance's share has a wrong sign in x, y, only half of w, h, which
    the loss doubles, and the aspect's share lacks 1 / (w^2 + h^2)."""
    _, grad = similarity_and_gradient("iou", pred, truth)
    similarity = boxes.SIMILARITIES[kind](pred, truth)
    grad = grad.astype(float) * (1, 1, 2, 2)
    (low, high), (truth_low, truth_high) = (np.split(boxes.corners(b).astype(float), 2, axis=-1) for b in (pred, truth))
    before, behind = low < truth_low, high > truth_high
    sides = np.maximum(high, truth_high) - np.minimum(low, truth_low)
    diagonal = (sides**2).sum(axis=-1, keepdims=True)
    offset = (truth - pred)[..., :2].astype(float)
    distance = (offset**2).sum(axis=-1, keepdims=True)
    d_centre = behind * 1.0 - before
    d_size = 0.5 * (behind * 1.0 + before)
    grad[..., :2] += (2 * offset * diagonal - 2 * sides * d_centre * distance) / diagonal**2
    grad[..., 2:] += 2 * sides * d_size * distance / diagonal**2
    if kind == "ciou":
        angle = np.arctan(truth[..., 2] / truth[..., 3]) - np.arctan(pred[..., 2] / pred[..., 3])
        v = 4 / math.pi**2 * angle**2
        slope = 8 / math.pi**2 * angle * v / (1 - boxes.iou(pred, truth) + v + 1e-6)
        grad[..., 2] += slope * pred[..., 3]
        grad[..., 3] -= slope * pred[..., 2]
    grad[..., 2:] /= 2
    return similarity, grad.astype(pred.dtype)


def pjreddie_box_deltas(options: Any, y: Any, pred: Any, learns: Assignment, delta: Any) -> Any:
    """Of several objects in a cell the last one sets the box (pjreddie yolo_layer.c:103); AlexeyAB adds up."""
    last = {tuple(cell): k for k, cell in enumerate(learns.cell)}.values()
    kept = Assignment(*(getattr(learns, name)[list(last)] for name in ("cell", "truth", "positive")), learns.anchors)
    return yolo_box_deltas(options, y, pred, kept, delta)


def golden(name: str) -> tuple[Any, dict[str, Any]]:
    run = np.load(GOLDEN / f"train_{name}.npz")
    return run, json.loads(str(run["meta_json"]))


def network(name: str, tmp_path: Path, ops: NumpyOps) -> Network:
    _, meta = golden(name)
    cfg = meta["cfg"]
    if meta["reference"] == "pjreddie":  # has no iou_normalizer
        cfg = cfg.replace("[yolo]", "[yolo]\niou_normalizer=1")
    momentum = 0.99 if meta["reference"] == "pjreddie" else 0.9
    net = build(parse(cfg.replace("[net]", f"[net]\nbn_momentum={momentum}")), ops)
    start = "init_" + "straight_" * name.endswith("straight") + ("bn" if "batch_normalize=1" in cfg else "nobn")
    path = tmp_path / "start.weights"
    path.write_bytes(HEADER + np.load(GOLDEN / "train_data.npz")[start].astype("<f4").tobytes())
    load_weights(net, path)
    pjreddie = meta["reference"] == "pjreddie"
    return ReferenceNetwork(
        **vars(net),
        overwrites=lambda layer: isinstance(layer, Convolutional) and not (pjreddie and layer.size > 1),
    )


def train(name: str, tmp_path: Path, ops: NumpyOps, passes: type[OneDevice] = OneDevice) -> dict[str, HostArray]:
    """Losses, rates and the weights after iterations 1 and 10, named as in the golden file."""
    data = np.load(GOLDEN / "train_data.npz")
    net = network(name, tmp_path, ops)
    trainer = Trainer(net, Progress(seed=0), passes(net))
    result: dict[str, Any] = {"loss": [], "rate": []}
    for order in data["order"]:
        images = data["images"][order].astype(np.float32) / np.float32(255)
        batch = SimpleNamespace(images=images, truth=data["truths"][order], paths=list(order), wait_seconds=0.0)
        report = trainer.step(batch)
        result["loss"].append(report.loss)
        result["rate"].append(report.rate)
        result[f"weights_iter{report.iteration}"] = weights(trainer.net)
    return {key: np.asarray(value) for key, value in result.items()}


def weights(net: Network) -> HostArray:
    return np.concatenate([net.ops.to_host(param.value).reshape(-1) for _, param in net.parameters()])


def distance(ours: HostArray, theirs: HostArray) -> float:
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


@pytest.fixture(params=RUNS)
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run, with what its reference does differently in the yolo loss."""
    _, meta = golden(request.param)
    if meta["reference"] == "pjreddie":
        monkeypatch.setattr(yolo, "_box_deltas", pjreddie_box_deltas)
        monkeypatch.setattr(masked, "CLASS_THRESH", -1)  # a cell needs no likely class to be ignored
    if "iou_loss=diou" in meta["cfg"] or "iou_loss=ciou" in meta["cfg"]:
        monkeypatch.setattr(boxes, "similarity_and_gradient", reference_gradient)
    return str(request.param)


def test_ten_iterations_are_the_references(name: str, tmp_path: Path) -> None:
    run, meta = golden(name)
    if "batch_normalize=1" in meta["cfg"]:
        ours = train(name, tmp_path, ReferenceOps(meta["reference"]), ReferencePasses)
    else:
        ours = train(name, tmp_path, NumpyOps())
    for key in ("rate", "loss", "weights_iter1", "weights_iter10"):
        assert distance(ours[key], run[key]) < TOLERANCE, key
