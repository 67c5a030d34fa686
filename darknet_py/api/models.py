"""Loaded networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from darknet_py.api.exporting import export
from darknet_py.api.measuring import Measured, Measuring, measure
from darknet_py.api.pictures import Source, in_batches
from darknet_py.api.results import Classification, Detections
from darknet_py.api.training import Callbacks, Training, train
from darknet_py.classifier import Classifier
from darknet_py.cli.loading import finite_for_inference
from darknet_py.config.datafile import read_data, read_names
from darknet_py.data.crops import VIEWS
from darknet_py.detector import Detector
from darknet_py.errors import DarknetError
from darknet_py.network import Network, load_network, load_weights
from darknet_py.ops import Ops
from darknet_py.ops.backend import choose

AUTO = "auto"


class Model:
    """A network with its files. network: with the parameters of `weights`, or random ones where there are none.

    names: of the classes; None for their numbers, until a training tells them.
    """

    kind = ""

    def __init__(
        self, network: Network, cfg: Path, weights: Path | None, names: Sequence[str] | None, device: str = AUTO
    ) -> None:
        self.network = network
        self.cfg = cfg
        self.weights = weights
        self.device = device
        self.named = names is not None
        self.names = tuple(names or map(str, range(self.classes)))

    @property
    def classes(self) -> int:
        """How many there are."""
        return _classes(self.network)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.cfg}, {self.weights}, {len(self.names)} classes, input {self.network.input})"
        )

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the network's input."""
        return self.network.size

    def train(self, data: str | Path, *, callbacks: Callbacks | None = None, **options: Any) -> Training:
        """Trains on the sets of a .data file or data.yaml, from the weights that were loaded, if any.

        options: the flags of the command, such as ``map=True, seed=1, clear=True, quiet=True, no_run=True`` for
        ``-map -seed 1 -clear -quiet -no_run``; files go where the command writes them.
        Pictures are loaded by this process unless workers=N asks for N others, each of which imports the script anew.
        The model then has the weights that came of it. DarknetError for what the command would refuse.
        """
        files = [data, self.cfg, *([self.weights] if self.weights else [])]
        result = train(
            self.kind, files, callbacks or Callbacks(), {"workers": 0, **_device_flags(self.device), **options}
        )
        self.network.ops.attach()
        load_weights(self.network, result.weights)
        self.weights = result.weights
        self.__dict__.pop("_ready", None)
        if not self.named:
            self.names, self.named = tuple(_names(data, self.classes, self.cfg)), True
        return result

    def export(self, path: str | Path, *, decode: bool = False) -> Path:
        """Writes the network as .onnx, or its weights as .npz or .safetensors, which the suffix names; the path.

        decode: boxes and scores instead of the detection layers' outputs (`export onnx -decode`).
        DarknetError where the package that it takes isn't there, or the network has no such form.
        """
        if self.weights is None:
            raise DarknetError(f"{self.cfg}: has no weights yet: load it with a weights file, or train it")
        return export(self.cfg, self.weights, Path(path), decode, self.names if self.named else ())

    def _for_inference(self) -> Network:
        if self.weights is None:
            raise DarknetError(f"{self.cfg}: has no weights yet: load it with a weights file, or train it")
        return finite_for_inference(self.network, str(self.weights))


class DetectorModel(Model):
    """A network that finds objects."""

    kind = "detector"

    @cached_property
    def _ready(self) -> Detector:
        return Detector(self._for_inference())

    def predict(
        self,
        images: Source | Iterable[Source],
        thresh: float = 0.25,
        *,
        nms: float = 0.45,
        letter_box: bool | None = None,
        batch: int = 4,
    ) -> list[Detections]:
        """The objects in each picture that is likelier than `thresh`, one `Detections` a picture.

        images: files, folders, globs, .txt lists, or arrays (h, w, 3) of uint8, RGB; or several of these.
        nms: overlap above which the likelier one of two boxes of a class stays; 0: both stay. letter_box: keep the
        pictures' aspect; None: as the cfg says. batch: pictures that go through the network at once.
        DataError for a picture that can't be used.
        """
        self.network.ops.attach()
        detector = self._ready
        letter_box = detector.net.options.letter_box if letter_box is None else letter_box
        results = []
        for part in in_batches(images, detector.net.input.c, batch):
            found = detector.detect([one.picture for one in part], thresh, nms, letter_box)
            results += [
                Detections.of(one.picture, one.path, self.names, one_found)
                for one, one_found in zip(part, found, strict=True)
            ]
        return results

    def measure(
        self,
        data: str | Path,
        thresh: float = 0.25,
        *,
        iou_thresh: float = 0.5,
        points: int = 0,
        letter_box: bool | None = None,
        batch: int = 8,
    ) -> Measured:
        """How good it is on the labelled pictures of `valid` of a .data file or data.yaml: `detector map`.

        thresh: confidence above which detections count for precision, recall and F1. iou_thresh: overlap above which
        one is right. points: of recall, 101 as COCO, 11 as VOC 2007, 0 for the area under the curve.
        letter_box, batch: as of `predict`. Pictures that can't be read are left out: `Measured.unreadable`.
        """
        self.network.ops.attach()
        detector = self._ready
        names = self.names if self.named else _names(data, self.classes, self.cfg)
        letter_box = detector.net.options.letter_box if letter_box is None else letter_box
        facts = {"cfg": str(self.cfg), "weights": str(self.weights)}
        return measure(detector, data, names, Measuring(thresh, iou_thresh, points, letter_box, batch), facts)


class ClassifierModel(Model):
    """A network that tells what a picture shows."""

    kind = "classifier"

    @cached_property
    def _ready(self) -> Classifier:
        return Classifier(self._for_inference())

    def predict(
        self, images: Source | Iterable[Source], *, crop: Literal["alexey", "pjreddie"] = "alexey", batch: int = 16
    ) -> list[Classification]:
        """The probabilities of the classes, one `Classification` a picture.

        images, batch: as of `DetectorModel.predict`. crop: whose way of cutting the network's input out of a picture.
        """
        self.network.ops.attach()
        classifier, views = self._ready, VIEWS["predict", crop]
        results = []
        for part in in_batches(images, classifier.net.input.c, batch):
            (*inputs,) = (image for one in part for image in views(one.picture, *classifier.net.size))
            probs = classifier.probabilities(inputs, batch)
            results += [Classification(one.path, self.names, row) for one, row in zip(part, probs, strict=True)]
        return results


def load(
    cfg: str | Path,
    weights: str | Path | None = None,
    *,
    names: str | Path | Sequence[str] | None = None,
    device: str = AUTO,
) -> DetectorModel | ClassifierModel:
    """The network of a cfg file, with the parameters of a weights file if there is one yet.

    names: of the classes, or the file that has them: .names, .data or data.yaml; without it their numbers.
    device: "cpu", "cuda", "cuda:1" for the second GPU, or "auto": a GPU where one can be used.
    DarknetError in one line where a file can't be used.
    """
    network = load_network(cfg, _ops(device), allocate=weights is None)
    kind: type[DetectorModel | ClassifierModel] = DetectorModel if network.heads else ClassifierModel
    if weights is not None:
        load_weights(network, weights)
    told = None if names is None else _names(names, _classes(network), cfg)
    return kind(network, Path(cfg), None if weights is None else Path(weights), told, device)


def _classes(network: Network) -> int:
    return Detector(network).head.classes if network.heads else Classifier(network).classes


def _names(names: str | Path | Sequence[str], classes: int, cfg: str | Path) -> Sequence[str]:
    """As in Darknet a classifier's file may have more lines than there are classes."""
    if isinstance(names, (str, Path)):
        where, names = names, _read(Path(names))
    else:
        where = "names"
    if len(names) < classes:
        raise DarknetError(f"{where}: has {len(names)} names where {cfg} has {classes} classes")
    return names[:classes]


def _read(path: Path) -> tuple[str, ...]:
    if path.suffix != ".data":
        return read_names(path)
    data = read_data(path)
    return read_names(data.file("names" if data.names or not data.labels else "labels"))


def _ops(device: str) -> Ops:
    flags = _device_flags(device)
    return choose("cpu" if flags.get("nogpu") else flags.get("backend", AUTO), [flags.get("i", 0)]).ops


def _device_flags(device: str) -> dict[str, Any]:
    """The flags of the commands that mean a device."""
    name, colon, index = device.partition(":")
    if device in (AUTO, "cpu"):
        return {"nogpu": True} if device == "cpu" else {}
    if name != "cuda" or (colon and not index.isdigit()):
        raise DarknetError(f"device {device!r}: valid are auto, cpu, cuda and cuda:N")
    return {"backend": "cuda", **({"i": int(index)} if index else {})}
