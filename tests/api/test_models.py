"""Networks from Python: loading, predicting, training, and what is refused."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import darknet_py
from darknet_py import Callbacks, DarknetError
from darknet_py.ops import backend
from darknet_py.ops.cuda.driver import Driver
from tests.emulation import array_module
from tests.network.cfgs import chain

NAMES = ["circle", "big square", "triangle"]


@pytest.fixture
def model(tiny: Path) -> darknet_py.DetectorModel:
    return darknet_py.load("tiny.cfg", "tiny.weights", names="tiny.names", device="cpu")


def test_what_is_found_is_what_the_command_finds(run, model):
    run("detector", "test", "tiny.data", "tiny.cfg", "tiny.weights", "pictures.txt", "-save_csv", "r.csv", "-dont_show")
    rows = [line.split(",") for line in Path("r.csv").read_text().splitlines()[1:]]
    for i, found in enumerate(model.predict("pictures.txt")):
        own = sorted((row for row in rows if row[0] == f"{i}.png"), key=lambda row: -float(row[3]))
        assert found.path == Path(f"{i}.png") and len(found) == len(own)
        assert found.labels == [row[2] for row in own] and found.class_ids.tolist() == [int(row[1]) for row in own]
        np.testing.assert_allclose(found.scores, [float(row[3]) for row in own], atol=1e-6)
        boxes = np.array([row[4:] for row in own], float)
        np.testing.assert_allclose(found.boxes[:, :2], boxes[:, :2], atol=0.01)
        np.testing.assert_allclose(found.boxes[:, 2:] - found.boxes[:, :2], boxes[:, 2:], atol=0.02)


def test_models_on_two_gpus_in_any_thread(tiny, model, monkeypatch):
    monkeypatch.setattr(backend, "find_driver", lambda: Driver(13000, ("one", "two")))
    monkeypatch.setitem(sys.modules, "cupy", array_module())
    first, second = (darknet_py.load("tiny.cfg", "tiny.weights", device=f"cuda:{i}") for i in (0, 1))
    (expected,) = model.predict("0.png")
    for use in (first, second, first):
        np.testing.assert_allclose(use.predict("0.png")[0].boxes, expected.boxes, rtol=1e-3)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(second.predict, "0.png").result()
    array_module().cuda.Device(0).use()


def test_all_kinds_of_pictures(model):
    array = cv2.imread("1.png")[:, :, ::-1]
    by_file = model.predict(Path("1.png"))[0]
    for source in ("1.png", ["1.png"], array, [array], "1.*g", (one for one in [array])):
        (found,) = model.predict(source)
        np.testing.assert_array_equal(found.boxes, by_file.boxes)
    assert len(model.predict(".")) == 3 and len(model.predict([".", array], batch=3)) == 4
    assert model.predict([]) == []


def test_detections(model):
    (found,) = model.predict("0.png", thresh=0.1)
    h, w, _ = found.picture.shape
    assert list(found.scores) == sorted(found.scores, reverse=True)
    assert (found.boxes >= 0).all() and (found.boxes <= [w, h, w, h]).all()
    first = next(iter(found))
    assert first.name == found.labels[0] and first.box == tuple(found.boxes[0].tolist())
    x, y, box_w, box_h = found.xywh[0] * (w, h, w, h)
    assert found.boxes[0] == pytest.approx((x - box_w / 2, y - box_h / 2, x + box_w / 2, y + box_h / 2), abs=1e-3)
    told = json.loads(found.to_json())
    assert (told["file"], told["width"], told["height"], len(told["objects"])) == ("0.png", w, h, len(found))
    assert told["objects"][0]["name"] == first.name
    assert told["objects"][0]["confidence"] == pytest.approx(first.score, abs=1e-6)
    drawn = found.plot("drawn.png")
    assert (cv2.imread("drawn.png")[:, :, ::-1] == drawn).all() and (drawn != found.picture).any()
    assert "1.0" not in repr(found.picture.shape) and "picture" not in repr(found)


def test_measuring_is_the_command_map(run, model):
    result = run(
        "detector", "map", "tiny.data", "tiny.cfg", "tiny.weights", "-json", "m.json", "-no_run", "-points", 11
    )
    assert result.status == 0
    measured = model.measure("tiny.data", points=11)
    assert measured.figures == json.loads(Path("m.json").read_text())
    assert measured.map == measured.figures["map"] and len(measured.coco) == 12 and measured.unreadable == []
    assert [one["name"] for one in measured.classes] == NAMES
    assert measured.report("report") == Path("report/report.html")
    assert "tiny.weights" in Path("report/report.html").read_text()
    unnamed = darknet_py.load("tiny.cfg", "tiny.weights", device="cpu").measure("tiny.data")
    assert [one["name"] for one in unnamed.classes] == NAMES  # told by the data
    Path("0.png").write_bytes(b"")
    assert len(model.measure("tiny.data").unreadable) == 1


def test_exports(run, model):
    onnx = pytest.importorskip("onnx")
    assert model.export("t.onnx", decode=True) == Path("t.onnx")
    written = onnx.load("t.onnx")
    assert [output.name for output in written.graph.output] == ["boxes", "scores"]
    assert written.metadata_props[0].value.split("\n") == NAMES
    assert run("export", "npz", "tiny.cfg", "tiny.weights", "c.npz").status == 0
    ours, commands = np.load(model.export("t.npz")), np.load("c.npz")
    assert all((ours[name] == commands[name]).all() for name in commands) and len(ours) == len(commands)
    with pytest.raises(DarknetError, match=r"t.pt: the name must end in .onnx, .npz, .safetensors"):
        model.export("t.pt")
    with pytest.raises(DarknetError, match="has no weights yet"):
        darknet_py.load("tiny.cfg", device="cpu").export("t.npz")


def test_thresholds(model):
    assert len(model.predict("0.png", thresh=1)[0]) == 0
    assert json.loads(model.predict("0.png", thresh=1)[0].to_json())["objects"] == []
    assert len(model.predict("0.png", nms=0)[0]) > len(model.predict("0.png")[0])
    wide = model.predict("0.png", letter_box=True)[0]
    assert len(wide) != len(model.predict("0.png")[0]) or (wide.boxes != model.predict("0.png")[0].boxes).any()


def test_names(tiny):
    def names(value):
        return list(darknet_py.load("tiny.cfg", "tiny.weights", names=value, device="cpu").names)

    assert names(None) == ["0", "1", "2"]
    assert names("tiny.names") == names("tiny.data") == names(Path("tiny.data")) == names(NAMES) == NAMES


def classifier(folder: Path) -> darknet_py.ClassifierModel:
    cfg = chain(
        "convolutional filters=4 size=1 activation=linear", "avgpool", "softmax", net="width=8 height=8 channels=3"
    )
    (folder / "c.cfg").write_text(cfg.replace("[net]", "[net]\nmax_batches=3\nbatch=2\nlearning_rate=0.1"))
    return darknet_py.load("c.cfg", names=["0", "1", "2", "zebra"], device="cpu")


def test_a_classifier_is_trained_and_tells(run, tiny, capsys):
    model = classifier(tiny)
    assert isinstance(model, darknet_py.ClassifierModel)
    (tiny / "labels.txt").write_text("0.\n1.\n2.\nzebra\n")
    (tiny / "c.data").write_text("classes=4\ntrain=pictures.txt\nlabels=labels.txt\nbackup=b\n")
    training = model.train("c.data", workers=0, quiet=True, no_run=True)
    assert training.iteration == 3 and not training.stopped and training.weights == Path("b/c_final.weights")
    assert capsys.readouterr().out == ""
    results = model.predict(["0.png", "2.png"])
    result = run("classifier", "predict", "c.data", "c.cfg", "b/c_final.weights", "0.png", "2.png", "-t", 4)
    for found in results:
        assert found.probs.shape == (4,) and found.probs.sum() == pytest.approx(1)
        assert [p for _, p in found.top(2)] == sorted(found.probs.tolist(), reverse=True)[:2]
        assert all(f": {p:f}" in result.out for p in found.probs)
        assert json.loads(found.to_json(1))["classes"] == [
            {"name": found.top()[0][0], "probability": round(found.top()[0][1], 6)}
        ]


@pytest.fixture
def trainable(tiny: Path) -> darknet_py.DetectorModel:
    cfg = (tiny / "tiny.cfg").read_text()
    (tiny / "t.cfg").write_text(cfg.replace("[net]", "[net]\nbatch=2\nmax_batches=4\nlearning_rate=0.001\nburn_in=1"))
    return darknet_py.load("t.cfg", device="cpu")


OPTIONS = {"workers": 0, "quiet": True, "no_run": True}


@pytest.mark.filterwarnings("ignore:.*batch=2 is small")
def test_callbacks(trainable):
    events, measured, finished = [], [], []
    callbacks = Callbacks(iteration=events.append, measured=measured.append, finished=finished.append)
    with pytest.raises(DarknetError, match="has no weights yet"):
        trainable.predict("0.png")
    training = trainable.train("tiny.data", callbacks=callbacks, map=True, **OPTIONS)
    assert [event.iteration for event in events] == [1, 2, 3, 4]
    assert [event.iteration for event in measured] == [4]  # by the last iteration at the latest
    assert finished == events[-1:] and finished[0].best == training.best is not None
    assert all(np.isfinite(event.loss) and event.images == 2 * event.iteration for event in events)
    assert training.weights == trainable.weights == Path("backup/t_best.weights")
    assert trainable.names == tuple(NAMES)  # told by the data
    before = [found.scores for found in trainable.predict(".", thresh=0.01)]
    again = darknet_py.load("t.cfg", training.weights, device="cpu").predict(".", thresh=0.01)
    for ours, theirs in zip(before, again, strict=True):
        np.testing.assert_array_equal(ours, theirs.scores)


@pytest.mark.filterwarnings("ignore:.*batch=2 is small")
def test_the_start_and_what_is_saved_are_told(trainable):
    told = []
    callbacks = Callbacks(
        started=lambda event: told.append(("started", event)),
        iteration=lambda event: event.iteration < 3 or event.stop(),
        measured=lambda event: told.append(("measured", event)),
        saved=lambda event: told.append(("saved", event)),
        finished=lambda event: told.append(("finished", event)),
    )
    Path("saving.data").write_text(Path("tiny.data").read_text() + "\nsaveweights=2\n")
    trainable.train("saving.data", callbacks=callbacks, **OPTIONS)
    assert [(kind, event.iteration) for kind, event in told] == [
        ("started", 0), ("saved", 2), ("saved", 3), ("finished", 3)
    ]  # fmt: skip
    start, numbered, last, _ = (event for _, event in told)
    assert np.isnan([start.loss, start.avg_loss]).all() and (start.images, start.measure, start.files) == (0, None, ())
    assert start.rate == pytest.approx(0.001)
    assert numbered.files == (Path("backup/t_2.weights"), Path("backup/t_last.weights"))
    assert last.files == (Path("backup/t_last.weights"),)
    told.clear()
    trainable.train("saving.data", callbacks=replace(callbacks, iteration=None), map=True, **OPTIONS)
    assert [(kind, event.iteration) for kind, event in told[:2]] == [("started", 3), ("measured", 4)]
    assert told[0][1].avg_loss == pytest.approx(last.avg_loss)
    saved = [file for kind, event in told if kind == "saved" for file in event.files]
    assert {f"backup/t_{what}.weights" for what in ("best", "4", "last", "final")} == set(map(str, saved))
    assert all(file.exists() for file in saved)


@pytest.mark.filterwarnings("ignore:.*batch=2 is small")
@pytest.mark.parametrize("when", ["started", "measured", "saved", "finished"])
def test_each_callback_may_stop(trainable, when):
    callbacks = Callbacks(**{when: lambda event: event.stop()})
    if when == "started":
        with pytest.raises(DarknetError, match="nothing was trained: it was stopped before the first iteration"):
            trainable.train("tiny.data", callbacks=callbacks, **OPTIONS)
        assert trainable.weights is None
    else:
        training = trainable.train("tiny.data", callbacks=callbacks, map=True, **OPTIONS)
        assert training.iteration == 4 and training.weights.exists()


@pytest.mark.filterwarnings("ignore:.*batch=2 is small")
def test_a_training_can_be_stopped_and_gone_on_with(trainable):
    training = trainable.train("tiny.data", callbacks=Callbacks(iteration=lambda event: event.stop()), **OPTIONS)
    assert (training.iteration, training.stopped) == (1, True)
    assert training.weights == Path("backup/t_last.weights") and training.best is None
    training = trainable.train("tiny.data", **OPTIONS)
    assert (training.iteration, training.stopped) == (4, False)
    assert training.weights == Path("backup/t_final.weights")


@pytest.mark.filterwarnings("ignore:.*batch=2 is small")
def test_an_exception_of_a_callback_reaches_the_caller(trainable):
    with pytest.raises(ZeroDivisionError):
        trainable.train("tiny.data", callbacks=Callbacks(iteration=lambda event: 1 / 0), **OPTIONS)
    assert Path("backup/t_last.weights").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.cfg",), "none.cfg: can't be read"),
        (("tiny.cfg", "none.weights"), "none.weights: can't be read"),
        (("tiny.cfg", "0.png"), "0.png"),
    ],
)
def test_files_that_cannot_be_loaded(tiny, arguments, message):
    with pytest.raises(DarknetError, match=message) as caught:
        darknet_py.load(*arguments, device="cpu")
    assert len(str(caught.value).splitlines()) == 1


def test_spoilt_weights_are_named(model):
    model.network.nodes[0].params["var"].value[0] = -1
    with pytest.raises(DarknetError, match=r"tiny.weights: layer 0 \[convolutional\] has weights that aren't finite"):
        model.predict("0.png")


def test_what_does_not_fit_is_said_in_one_line(model):
    cases = [
        (lambda: darknet_py.load("tiny.cfg", names=["a"], device="cpu"), "names: has 1 names where tiny.cfg has 3"),
        (lambda: darknet_py.load("tiny.cfg", device="gpu"), "device 'gpu': valid are auto, cpu, cuda and cuda:N"),
        (lambda: model.predict("none.png"), "none.png"),
        (lambda: model.predict("tiny.cfg"), "tiny.cfg: not a picture"),
        (lambda: model.predict(np.zeros((4, 4, 3))), "of float64 is no picture for this network"),
        (lambda: model.predict(np.zeros((4, 4), np.uint8)), r"\(4, 4, 1\) of uint8 is no picture"),
        (lambda: model.train("none.data"), "none.data: can't be read"),
        (lambda: model.measure("none.data"), "none.data: can't be read"),
        (lambda: model.train("tiny.data", mapp=True), "unknown option -mapp; did you mean -map"),
        (lambda: model.train("tiny.data", seed="x"), "'x' isn't a whole number"),
    ]
    for call, message in cases:
        with pytest.raises(DarknetError, match=message) as caught:
            call()
        assert len(str(caught.value).splitlines()) == 1


def test_the_package_has_the_names_that_it_tells():
    assert all(hasattr(darknet_py, name) for name in darknet_py.__all__)
    assert set(darknet_py.__all__) <= set(dir(darknet_py))
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = darknet_py.lode
    assert "DetectorModel(tiny.cfg" not in repr(darknet_py)
