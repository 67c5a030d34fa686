"""`detector test` from end to end."""

from __future__ import annotations

import io
import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

FILES = ("detector", "test", "tiny.data", "tiny.cfg", "tiny.weights")


def without_times(text: str) -> str:
    return re.sub(r"in \d+\.\d{6} milli", "in MS milli", text)


def assert_same_json(path: Path, expected: Path) -> None:
    """The same text but for the last digits of numbers."""
    number = r"-?\d+\.\d{6}"
    text, wanted = path.read_text(), expected.read_text()
    assert re.sub(number, "F", text) == re.sub(number, "F", wanted)
    numbers = [[float(n) for n in re.findall(number, t)] for t in (text, wanted)]
    np.testing.assert_allclose(*numbers, rtol=2e-6, atol=2e-6)
    json.loads(text)


def test_several_pictures_give_darknets_lines(run, tiny, expected):
    result = run(*FILES, "pictures.txt", "-ext_output", "-out", "objects.json", "-dont_show")
    assert result.status == 0
    assert without_times(result.out) == (expected / "test.txt").read_text().replace("Enter Image Path: ", "")
    assert_same_json(tiny / "objects.json", expected / "test.json")
    assert sorted(path.name for path in (tiny / "predictions").iterdir()) == ["0.png", "1.png", "2.png"]
    assert "22 objects in 3 pictures" in result.err and "drawn into predictions/" in result.err


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_the_batch_changes_nothing(run, tiny, expected, batch):
    result = run(*FILES, "pictures.txt", "-ext_output", "-batch", batch, "-threads", 1, "-nogpu")
    assert without_times(result.out) == (expected / "test.txt").read_text().replace("Enter Image Path: ", "")


def test_asked_for_pictures_give_darknets_lines(run, tiny, expected, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("0.png\n1.png\n2.png\n"))
    result = run(*FILES, "-ext_output", "-out", "objects.json")
    assert result.status == 0
    assert without_times(result.out) == (expected / "test.txt").read_text()
    assert_same_json(tiny / "objects.json", expected / "test.json")
    assert Path("predictions.jpg").exists() and not Path("predictions").exists()


def test_letter_box(run, tiny, expected):
    run(*FILES, "-letter_box", "pictures.txt", "-out", "flag.json")
    assert_same_json(tiny / "flag.json", expected / "letter_box.json")
    cfg = Path("tiny.cfg")
    cfg.write_text(cfg.read_text().replace("[net]", "[net]\nletter_box=1"))
    run(*FILES, "pictures.txt", "-out", "cfg.json")
    assert Path("cfg.json").read_text() == Path("flag.json").read_text()


def test_one_picture_is_drawn_into_predictions_jpg(run, tiny):
    before = cv2.imread("0.png")
    result = run(*FILES, "0.png")
    assert result.status == 0
    assert result.out.startswith("0.png: Predicted in ") and result.out.count("\n") == 14
    assert "\t" not in result.out
    assert re.fullmatch(r"darknet_py: 8 objects in 1 picture, [\d.]+ s; drawn into predictions.jpg\n", result.err)
    drawn = cv2.imread("predictions.jpg")
    assert drawn.shape == before.shape and (drawn != before).any()
    assert not Path("predictions").exists()


def test_thresh_and_nms(run, tiny):
    def lines(*flags: object) -> int:
        return run(*FILES, "0.png", *flags).out.count("%")

    assert lines("-thresh", 0.35) == 4
    assert lines("-thresh", 0.99) == 0
    assert lines("-nms", 0) > lines("-nms", 0.45) > lines("-nms", 0.1)


@pytest.mark.parametrize(
    "arguments", [["shots"], ["shots/*.png"], ["shots/0.png", "shots/1.png", "shots/2.png"], ["list.txt"]]
)
def test_folders_globs_files_and_lists(run, tiny, arguments):
    Path("shots").mkdir()
    for i in range(3):
        shutil.copy(f"{i}.png", "shots")
    Path("list.txt").write_text("shots/0.png\nshots/1.png\n\nshots/2.png\n")
    result = run(*FILES, *arguments, "-output", "drawn")
    assert result.status == 0
    assert re.findall("^(.*): Predicted", result.out, re.MULTILINE) == [f"shots/{i}.png" for i in range(3)]
    assert len(list(Path("drawn").iterdir())) == 3 and not Path("predictions.jpg").exists()


def test_pictures_of_one_name_dont_overwrite_each_other(run, tiny):
    for folder in ("a", "b"):
        Path(folder).mkdir()
        shutil.copy("0.png", folder)
    assert run(*FILES, "a", "b").status == 0
    assert sorted(path.name for path in Path("predictions").iterdir()) == ["0.png", "b_0.png"]


def test_pictures_that_cant_be_read_are_left_out_and_counted(run, tiny):
    Path("empty.png").touch()
    Path("cut.png").write_bytes(Path("0.png").read_bytes()[:40])
    Path("text.jpg").write_text("hello")
    bad = ["missing.png", "empty.png", "cut.png", "text.jpg"]
    result = run(*FILES, bad[0], "0.png", *bad[1:], "1.png", "-out", "objects.json", "-batch", 2)
    assert result.status == 1
    assert re.findall("^(.*): Predicted", result.out, re.MULTILINE) == ["0.png", "1.png"]
    errors = [line for line in result.err.splitlines() if "error" in line]
    assert len(errors) == 4 and all(sum(name in line for line in errors) == 1 for name in bad)
    assert result.err.endswith("darknet_py: 4 pictures couldn't be read\n")
    assert [entry["frame_id"] for entry in json.loads(Path("objects.json").read_text())] == [1, 2]


def test_asked_for_pictures_that_cant_be_read(run, tiny, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("missing.png\n0.png\n"))
    result = run(*FILES)
    assert result.status == 1
    assert "missing.png" in result.err and "0.png: Predicted" in result.out


def test_nothing_but_pictures_that_cant_be_read(run, tiny):
    Path("empty.png").touch()
    result = run(*FILES, "empty.png", "-out", "objects.json")
    assert result.status == 1 and not result.out
    assert json.loads(Path("objects.json").read_text()) == []
    assert not Path("predictions.jpg").exists()


def test_a_one_channel_picture_is_fine(run, tiny):
    cv2.imwrite("grey.png", np.full((20, 30), 99, np.uint8))
    assert run(*FILES, "grey.png").status == 0


def test_a_network_for_one_channel(run, tiny):
    cfg, weights = Path("tiny.cfg"), Path("tiny.weights")
    cfg.write_text(cfg.read_text().replace("channels=3", "channels=1"))
    data = weights.read_bytes()
    head, first = 20 + 4 * 4 * 8, 4 * 8 * 3 * 9  # bytes before and of the first layer's filters
    kernels = np.frombuffer(data[head : head + first], "<f4").reshape(8, 3, 9)[:, 0]
    weights.write_bytes(data[:head] + kernels.tobytes() + data[head + first :])
    result = run(*FILES, "0.png", "-thresh", 0.1)
    assert result.status == 0 and "%" in result.out
    assert cv2.imread("predictions.jpg").shape == (36, 48, 3)


def test_names_and_paths_of_any_kind_give_valid_json(run, tiny):
    names = ['ro"und', "back\\slash\ttab", "三角形 'é'"]
    Path("tiny.names").write_text("\n".join(names) + "\n", encoding="utf-8")
    odd = ['quo"te.png', "back\\slash.png", "Ünï 猫.png"]
    for name in odd:
        shutil.copy("0.png", name)
    assert run(*FILES, *odd, "-out", "objects.json", "-thresh", 0.1).status == 0
    entries = json.loads(Path("objects.json").read_text(encoding="utf-8"))
    assert [entry["filename"] for entry in entries] == odd
    assert {o["name"] for o in entries[0]["objects"]} == set(names)
    assert sorted(path.name for path in Path("predictions").iterdir()) == sorted(odd)


def test_labels_are_saved_beside_the_pictures(run, tiny, expected):
    for i in range(3):
        Path(f"{i}.txt").unlink()
    result = run(*FILES, "pictures.txt", "-save_labels")
    assert result.status == 0 and "3 label files in ." in result.err
    for i in range(3):
        assert Path(f"{i}.txt").read_text() == (expected / f"{i}.txt").read_text()


def test_labels_that_exist_are_kept(run, tiny, expected):
    truth = Path("1.txt").read_text()
    Path("2.txt").unlink()
    result = run(*FILES, "1.png", "2.png", "-save_labels")
    assert Path("1.txt").read_text() == truth
    assert Path("predictions/labels/1.txt").read_text() == (expected / "1.txt").read_text()
    assert Path("2.txt").read_text() == (expected / "2.txt").read_text()
    assert "2 label files in ., predictions/labels" in result.err
    assert "1 picture had a label file already, which is unchanged" in result.err


def test_a_result_doesnt_overwrite_its_picture(run, tiny):
    cv2.imwrite("predictions.jpg", np.zeros((9, 9, 3), np.uint8))
    before = Path("predictions.jpg").read_bytes()
    result = run(*FILES, "predictions.jpg")
    assert result.status == 1 and "overwritten by its own result" in result.err
    assert Path("predictions.jpg").read_bytes() == before


def test_ctrl_c_keeps_the_json_of_the_pictures_until_then(run, tiny, monkeypatch):
    from darknet_py.cli import prediction

    save, saved = prediction.save_picture, []

    def interrupted(path: Path, picture: np.ndarray) -> None:
        save(path, picture)
        saved.append(path)
        if len(saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(prediction, "save_picture", interrupted)
    result = run(*FILES, "pictures.txt", "-out", "objects.json")
    assert result.status == 130 and "Traceback" not in result.err
    assert [entry["filename"] for entry in json.loads(Path("objects.json").read_text())] == ["0.png", "1.png"]


@pytest.mark.parametrize("target", ["file/objects.json", "."])
def test_a_place_that_cant_be_written(run, tiny, target):
    Path("file").touch()
    result = run(*FILES, "0.png", "-out", target)
    assert result.status == 1 and "can't be written" in result.err
    assert "Traceback" not in result.err


def test_a_full_disk(run, tiny):
    if not Path("/dev/full").is_char_device():
        pytest.skip("needs /dev/full")
    result = run(*FILES, "0.png", "-out", "/dev/full")
    assert result.status == 1 and "/dev/full: can't be written: No space left on device" in result.err
    assert Path("/dev/full").is_char_device()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


def _lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0" * 8)


def _odd(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def _nan(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4] + np.float32(np.nan).tobytes())


def _negative_variance(path: Path) -> None:
    data = np.frombuffer(path.read_bytes()[20:], "<f4").copy()
    data[24:32] = -1
    path.write_bytes(path.read_bytes()[:20] + data.tobytes())


@pytest.mark.parametrize("command", ["test", "map"])
@pytest.mark.parametrize(
    ("name", "spoil", "told"),
    [
        ("tiny.weights", _cut, "tiny.weights: ends in layer 5 [convolutional]"),
        ("tiny.weights", _lengthen, "the cfg needs 3112"),
        ("tiny.weights", _odd, "isn't whole"),
        ("tiny.weights", lambda path: path.write_bytes(b""), "too few for the header"),
        (
            "tiny.weights",
            lambda path: path.write_bytes(Path("0.png").read_bytes()),
            "tiny.weights: isn't a Darknet weights file",
        ),
        ("tiny.weights", Path.unlink, "tiny.weights: can't be read: No such file"),
        ("tiny.weights", _nan, "layer 5 [convolutional] has weights that aren't finite"),
        ("tiny.weights", _negative_variance, "layer 0 [convolutional] has weights that aren't finite"),
        (
            "tiny.names",
            lambda path: path.write_text("a\nb\n"),
            "tiny.names: has 2 class names where tiny.cfg has classes=3",
        ),
        ("tiny.names", lambda path: path.write_text("\n"), "tiny.names: has no class name"),
        ("tiny.names", Path.unlink, "tiny.data: names: tiny.names isn't found"),
        ("tiny.data", lambda path: path.write_text("name=tiny.names\n"), "did you mean 'names'?"),
        (
            "tiny.data",
            lambda path: path.write_bytes(Path("tiny.weights").read_bytes()),
            "tiny.data:1: expected 'key = value'",
        ),
        (
            "tiny.cfg",
            lambda path: path.write_text("[net]\nwidth=8\nheight=8\nchannels=3\n[dropout]\n"),
            "no detection layer",
        ),
        ("tiny.cfg", lambda path: path.write_text("[net]\nwidth=8\nheight=x\n"), "tiny.cfg:3: [net] height=x"),
        (
            "tiny.cfg",
            lambda path: path.write_text(path.read_text().replace("filters=16", "filters=17")),
            "needs filters=16",
        ),
    ],
)
def test_files_that_are_wrong_or_dont_fit_are_told_in_one_line(run, tiny, command, name, spoil, told):
    spoil(tiny / name)
    pictures = ["0.png"] if command == "test" else []
    result = run("detector", command, *FILES[2:], *pictures)
    assert result.status == 1 and not result.out
    assert told in result.err
    assert result.err.startswith("darknet_py: error: ") and result.err.count("\n") == 1


def test_classes_of_the_data_file_that_differ_are_a_warning(run, tiny):
    Path("tiny.data").write_text("classes=7\nnames=tiny.names\n")
    result = run(*FILES, "0.png")
    assert result.status == 0
    assert "darknet_py: warning: tiny.data: classes=7, but tiny.cfg has 3" in result.err


def test_a_window_opens_for_one_picture_on_a_display(run, tiny, monkeypatch):
    shown = []
    monkeypatch.setattr("cv2.imshow", lambda name, picture: shown.append(name))
    monkeypatch.setattr("cv2.waitKey", lambda delay: 0)
    monkeypatch.setattr("cv2.destroyAllWindows", lambda: None)
    run(*FILES, "0.png")
    assert not shown
    monkeypatch.setattr("darknet_py.cli.window.has_display", lambda: True)
    run(*FILES, "0.png", "-dont_show")
    run(*FILES, "pictures.txt")
    assert not shown
    run(*FILES, "0.png")
    assert shown == ["predictions"]


def test_detect_takes_its_data_file_for_granted(run, tiny):
    result = run("detect", "tiny.cfg", "tiny.weights", "0.png")
    assert result.status == 1 and "no cfg/coco.data" in result.err and result.err.count("\n") == 1
    Path("data").mkdir()
    shutil.copy("tiny.data", "data/coco.data")
    result = run("detect", "tiny.cfg", "tiny.weights", "0.png")
    assert result.status == 0
    assert result.out.count("%") == run(*FILES, "0.png", "-thresh", 0.24).out.count("%")
