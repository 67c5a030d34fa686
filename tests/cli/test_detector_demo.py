"""`detector demo` from end to end, on moving shapes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest

from darknet_py.cli import shots
from darknet_py.video import source as source_module
from darknet_py.video.source import open_source
from tests.cli import moving

FILES = ("detector", "demo", *moving.NETWORK, "-nogpu", "-threads", 1)
ALL = range(1, moving.FRAMES + 1)


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with clip.avi and no display."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    return moving.video(Path("clip.avi"))


def objects(path: str) -> list[dict[str, dict]]:
    """The objects of each frame by name."""
    entries = json.loads(Path(path).read_text())
    assert [entry["frame_id"] for entry in entries] == list(range(1, len(entries) + 1))
    return [{thing["name"]: thing for thing in entry["objects"]} for entry in entries]


def frames(path: str) -> list[np.ndarray]:
    return list(open_source([path]).frames)


@pytest.mark.parametrize("options", [(), ("-batch", 3, "-skip", 1)])
def test_any_number_of_threads_finds_the_same(run, clip, options):
    results = []
    for threads in (1, 2, 5):
        arguments = (*FILES[:-1], threads, clip, *options, "-dont_show", "-track", "-json_file_output", "out.json")
        assert run(*arguments).status == 0
        results.append(Path("out.json").read_text())
    assert results[0] == results[1] == results[2]


def test_a_video_is_found_tracked_and_written(run, clip):
    result = run(*FILES, clip, "-track", "-out_filename", "out.mp4", "-json_file_output", "out.json")
    assert result.status == 0
    found = objects("out.json")
    assert len(found) == moving.FRAMES and len({frame["circle"]["track_id"] for frame in found}) == 1
    assert {frame["star"]["track_id"] for frame in found} ^ {frame["circle"]["track_id"] for frame in found} == {1, 2}
    for t, frame in enumerate(found):
        place = frame["circle"]["relative_coordinates"]
        assert (place["center_x"], place["center_y"]) == pytest.approx(((35 + 4 * t) / 160, 45 / 160), abs=0.04)
    written = frames("out.mp4")
    assert open_source(["out.mp4"]).fps == 12.5 and len(written) == moving.FRAMES
    for t in (0, moving.FRAMES - 1):  # the boxes are where the shapes are, in their frames
        changed = np.abs(written[t].astype(int) - moving.frame(t)).max(axis=2) > 90
        assert changed[12:26, 15 + 4 * t : 55 + 4 * t].any()
    assert re.search(r"24 frames in [\d.]+ s, [\d.]+ a second \(the network alone: [\d.]+ looks a second\)", result.err)
    assert "2 objects followed" in result.err and "out.mp4: the video" in result.err


def test_standard_output_is_darknets(run, clip):
    out = run(*FILES, clip, "-ext_output").out.splitlines()
    assert out[:5] == ["Demo", "video file: clip.avi", "Objects:", "", out[4]]
    assert re.fullmatch(r"(star|circle): \d+% \t\(left_x: +\d+   top_y: +\d+   width: +\d+   height: +\d+\)", out[4])
    assert sum(bool(re.fullmatch(r"FPS:\d+\.\d \t AVG_FPS:\d+\.\d", line)) for line in out) == moving.FRAMES


def test_no_display_is_told_in_one_line(run, clip):
    assert run(*FILES, clip).err.count("\n") == 2
    assert "no display: no window is opened" in run(*FILES, clip).err
    assert "window" not in run(*FILES, clip, "-dont_show").err


def test_an_object_that_is_hidden_keeps_its_number(run, clip):
    moving.video(clip, hidden=range(9, 14))
    run(*FILES, clip, "-track", "-json_file_output", "out.json")
    found = objects("out.json")
    assert all("circle" not in frame for frame in found[9:14])
    assert {frame["circle"]["track_id"] for frame in found[:9] + found[14:]} == {found[0]["circle"]["track_id"]}
    run(*FILES, clip, "-track", "-track_buffer", 3, "-json_file_output", "out.json")
    assert objects("out.json")[-1]["circle"]["track_id"] == 3


def test_skipped_frames_have_the_last_boxes_or_those_of_the_tracker(run, clip):
    results = {}
    for name, flags in (("all", []), ("held", ["-s", 2]), ("tracked", ["-skip", 2, "-track"])):
        result = run(*FILES, clip, "-json_file_output", "out.json", "-out_filename", "out.avi", *flags)
        assert "24 frames" in result.err and len(frames("out.avi")) == moving.FRAMES
        results[name] = [frame["circle"]["relative_coordinates"]["center_x"] for frame in objects("out.json")]
    for start in range(0, moving.FRAMES, 3):
        assert results["held"][start : start + 3] == [results["all"][start]] * 3
    assert results["tracked"][::3] == results["all"][::3]
    np.testing.assert_allclose(results["tracked"][12:], results["all"][12:], atol=0.02)


@pytest.mark.parametrize("batch", [2, 5])
def test_the_batch_changes_nothing(run, clip, batch):
    run(*FILES, clip, "-json_file_output", "one.json")
    run(*FILES, clip, "-json_file_output", "more.json", "-batch", batch)
    for one, more in zip(objects("one.json"), objects("more.json"), strict=True):
        assert one.keys() == more.keys()
        for name in one:
            assert one[name]["confidence"] == pytest.approx(more[name]["confidence"], abs=1e-5)


def test_pictures_in_a_row(run, clip):
    Path("shots").mkdir()
    for t in range(4):
        cv2.imwrite(f"shots/{t}.png", moving.frame(t)[..., ::-1])
    Path("shots/2.png").write_bytes(b"")
    result = run(*FILES, "shots", "-prefix", "found/f", "-out_filename", "out.avi", "-fps", 5, "-track")
    assert result.status == 1 and "shots/2.png: the picture file is empty" in result.err
    assert sorted(path.name for path in Path("found").iterdir()) == [f"f_{i:08d}.jpg" for i in (1, 2, 3)]
    assert cv2.imread("found/f_00000001.jpg").shape == (160, 160, 3)
    assert len(frames("out.avi")) == 3 and open_source(["out.avi"]).fps == 5
    assert "3 frames" in result.err and "found/f_*.jpg: the frames" in result.err


def test_without_boxes_the_video_stays_as_it_was(run, clip):
    run(*FILES, clip, "-out_filename", "out.avi", "-dontdraw_bbox")
    for before, after in zip(frames(str(clip)), frames("out.avi"), strict=True):
        assert np.abs(before.astype(int) - after).mean() < 4


def test_letter_box(run, clip):
    run(*FILES, clip, "-json_file_output", "a.json")
    run(*FILES, clip, "-letter_box", "-json_file_output", "b.json")  # of square pictures: nearly the same
    assert [set(frame) for frame in objects("a.json")] == [set(frame) for frame in objects("b.json")]


class Camera:
    """cv2's capture of a camera that gives the clip, or as many frames as are asked for."""

    opened: ClassVar[list[object]] = []
    frames = moving.FRAMES

    def __init__(self, what: object) -> None:
        Camera.opened.append(what)
        self.t = 0

    def isOpened(self) -> bool:
        return True

    def get(self, what: int) -> float:
        return 0.0

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.t += 1
        time.sleep(0.002)
        return (True, moving.frame(self.t % moving.FRAMES)[..., ::-1]) if self.t <= Camera.frames else (False, None)

    def release(self) -> None:
        Camera.opened.append("released")


@pytest.fixture
def camera(monkeypatch: pytest.MonkeyPatch) -> type[Camera]:
    monkeypatch.setattr(source_module.cv2, "VideoCapture", Camera)
    monkeypatch.setattr(Camera, "opened", [])
    return Camera


def test_a_camera_loses_frames_rather_than_time(run, clip, camera):
    result = run(*FILES, "-c", 3, "-json_file_output", "out.json")
    assert result.status == 0 and "Webcam index: 3" in result.out
    assert camera.opened == [3, "released"]
    assert 0 < len(objects("out.json")) <= moving.FRAMES


def test_a_time_limit(run, clip, camera, monkeypatch):
    monkeypatch.setattr(camera, "frames", 10**9)
    assert run(*FILES, "-time_limit_sec", 0.2, "-json_file_output", "out.json").status == 0
    assert objects("out.json") and camera.opened[-1] == "released"


def test_benchmark_looks_at_one_frame_and_writes_nothing(run, clip):
    result = run(*FILES, clip, "-benchmark", "-time_limit_sec", 0.3, "-out_filename", "out.avi")
    assert result.status == 0 and not Path("out.avi").exists()
    assert int(re.search(r"(\d+) frames? in", result.err).group(1)) > 1


def test_streams(clip, run):
    """The pictures and the JSON that a client gets while the clip is played."""
    got: dict[str, bytes] = {}

    def client(url: str, name: str) -> None:
        with urllib.request.urlopen(url, timeout=20) as answer:
            got[name] = answer.read()

    readers = []

    def listen(message: str) -> None:
        url, _, what = message.rpartition(": ")
        readers.append(threading.Thread(target=client, args=(url, what)))
        readers[-1].start()

    original = shots.tell
    shots.tell = listen
    try:
        ports = [_free_port() for _ in range(2)]
        assert run(*FILES, clip, "-mjpeg_port", ports[0], "-json_port", ports[1], "-dont_show").status == 0
    finally:
        shots.tell = original
    for reader in readers:
        reader.join(20)
    parts = got["the frames"].split(b"\r\n\r\n")
    picture = cv2.imdecode(np.frombuffer(parts[-2], np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (160, 160, 3)
    entries = json.loads(got["the objects as JSON"])
    assert entries[-1]["frame_id"] == moving.FRAMES
    assert {thing["name"] for thing in entries[-1]["objects"]} == {"star", "circle"}


def test_a_server_is_told_of_the_frames_with_objects(run, clip, monkeypatch):
    sent: list[str] = []
    monkeypatch.setattr("darknet_py.serve.post.Poster.send", lambda poster, text: sent.append(text))
    assert run(*FILES, clip, "-http_post_host", "127.0.0.1/objects", "-dont_show").status == 0
    assert len(sent) == moving.FRAMES and {"star", "circle"} <= {line.split(",")[0] for line in sent[-1].split("\n")}
    assert sent[-1].endswith(f"videosource:\n{clip}")


def _free_port() -> int:
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def test_darknets_port_of_minus_one_is_none(run, clip):
    assert "http" not in run(*FILES, clip, "-mjpeg_port", "-1", "-json_port", "-1").err


def _spoil_third(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, error: BaseException) -> None:
    """The third call of a function fails."""
    original: Callable = getattr(owner, name)
    calls = []

    def spoilt(*args: object, **options: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise error
        return original(*args, **options)

    monkeypatch.setattr(owner, name, spoilt)


@pytest.mark.parametrize("stage", ["read", "detect", "draw"])
def test_an_error_in_any_stage_ends_all_with_one_line_and_whole_files(run, clip, monkeypatch, stage):
    from darknet_py.cli import shots as drawing
    from darknet_py.detector import Detector
    from darknet_py.errors import DataError

    owner, name = {
        "read": (source_module, "_rgb"),
        "detect": (Detector, "detect"),
        "draw": (drawing, "draw_detections"),
    }[stage]
    _spoil_third(monkeypatch, owner, name, DataError(f"the {stage} went wrong"))
    result = run(*FILES, clip, "-dont_show", "-out_filename", "out.avi", "-json_file_output", "out.json")
    assert result.status == 1 and f"darknet_py: error: the {stage} went wrong\n" in result.err
    assert "Traceback" not in result.err and result.err.count("error") == 1
    assert len(frames("out.avi")) == 2 and len(objects("out.json")) == (3 if stage == "draw" else 2)
    assert not [thread for thread in threading.enumerate() if thread.name == "stage"]
    assert not list(Path().glob(".*"))


def test_ctrl_c_finishes_the_files(clip):
    """In a process of its own, on a source without an end."""
    code = (
        "import sys, itertools\n"
        "from darknet_py.video import source\n"
        "play = source._read_all\n"
        "def forever(capture, *rest):\n"
        "    for frame in play(capture, *rest):\n"
        "        yield from itertools.repeat(frame)\n"
        "source._read_all = forever\n"
        "from darknet_py.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    words = [*map(str, FILES), str(clip), "-dont_show", "-out_filename", "out.mp4", "-json_file_output", "out.json"]
    environment = {**os.environ, "PYTHONPATH": str(moving.ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("FPS"):
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith("darknet_py: interrupted\n") and "out.mp4: the video" in err and "Traceback" not in err
    count = len(objects("out.json"))
    assert count >= 1 and len(frames("out.mp4")) == count and f"{count} frame" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["missing.avi"], "missing.avi: there is no such video, picture or folder"),
        (["clip.avi", "-out_filename", "out.xyz"], "out.xyz: no kind of video: the name must end in .avi"),
        (["clip.avi", "-out_filename", "file/out.avi"], "file/out.avi: can't be written"),
        (["clip.avi", "-json_file_output", "file/out.json"], "file/out.json: can't be written"),
        (["clip.avi", "-out_filename", "../{folder}/clip.avi"], "would be overwritten by its own result"),
        (["clip.avi", "-prefix", "file/f"], "can't be written"),
        (["clip.avi", "-track_buffer", "x"], "'x' isn't a whole number from 0 on"),
        (["clip.avi", "-mjpeg_port", "99999"], "port 99999"),
        (["clip.avi", "-http_post_host", "ftp://a/"], "ftp://a/: no address of a server"),
        (["clip.avi", "-trakc"], "did you mean -track?"),
        (["clip.avi", "clip.avi"], "one video, or any number of pictures"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(run, clip, words, told):
    Path("file").touch()
    words = [word.format(folder=Path.cwd().name) for word in words]
    result = run(*FILES, *words, "-dont_show")
    assert result.status == 1 and told in result.err and result.err.count("\n") == 1


def test_a_window_shows_the_frames_until_escape(run, clip, monkeypatch):
    shown: list[tuple[int, ...]] = []
    monkeypatch.setattr("darknet_py.cli.window.has_display", lambda: True)
    monkeypatch.setattr("cv2.imshow", lambda name, picture: shown.append(picture.shape))
    monkeypatch.setattr("cv2.waitKey", lambda delay: 27 if len(shown) == 5 else -1)
    monkeypatch.setattr("cv2.getWindowProperty", lambda name, which: 1.0)
    monkeypatch.setattr("cv2.destroyAllWindows", lambda: shown.append(()))
    result = run(*FILES, clip, "-out_filename", "out.avi")
    assert result.status == 0 and shown == [(160, 160, 3)] * 5 + [()]
    assert len(frames("out.avi")) == 5
    run(*FILES, clip, "-prefix", "f")
    run(*FILES, clip, "-dont_show")
    assert len(shown) == 6


def test_an_opencv_without_windows_is_told_once(run, clip, monkeypatch):
    def no_window(*_: object) -> None:
        raise cv2.error("The function is not implemented")

    monkeypatch.setattr("darknet_py.cli.window.has_display", lambda: True)
    monkeypatch.setattr("cv2.imshow", no_window)
    result = run(*FILES, clip)
    assert result.status == 0 and result.err.count("this OpenCV opens no windows") == 1


def test_a_display_that_isnt_there(monkeypatch):
    from darknet_py.cli.window import has_display

    monkeypatch.setattr(sys, "platform", "linux")
    for value in ("", ":4711", ":4711.0"):
        monkeypatch.setenv("DISPLAY", value)
        assert not has_display()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert has_display()


def test_rates():
    now = [0.0]
    rate = shots.Rate(lambda: now[0])
    for _ in range(100):
        now[0] += 0.05
        rate.count()
    assert rate.now == pytest.approx(20, rel=1e-3) and rate.average == pytest.approx(20)


def test_the_clip_of_a_car(run, clip, shared_data):
    """Real pictures: as many frames out as in."""
    weights = shared_data / "weights/mbv2-yolov3-nano-voc/mbv2-yolov3-nano-voc"
    Path("voc.data").write_text(f"classes=20\nnames={weights}.names\n")
    files = ("detector", "demo", "voc.data", f"{weights}.cfg", f"{weights}.weights", "-threads", 1)
    result = run(
        *files, shared_data / "videos/person_bicycle_car_480.mp4", "-skip", 7, "-track", "-out_filename", "o.mp4"
    )
    assert result.status == 0 and len(frames("o.mp4")) == 41
