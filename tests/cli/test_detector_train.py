"""`detector train` from end to end: what it says and leaves, and that it can be stopped anywhere."""

from __future__ import annotations

import errno
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknet_py.network.weights import read_header
from darknet_py.train.loop import Trainer
from tests.cli.trainings import ONE_PROCESS, Run, change, clear, log, one_error, outcome, red_and_white, write_set

CFG = """
[net]
width=32
height=32
channels=3
batch=4
subdivisions=2
learning_rate=.01
max_batches=12
burn_in=2
resize_step=8
hue=.1
mosaic=1
ema_alpha=.5

[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky

[convolutional]
batch_normalize=1
filters=8
size=3
stride=4
pad=1
activation=mish

[dropout]

[convolutional]
filters=14
activation=linear

[yolo]
anchors=8,8, 16,16
classes=2
num=2
random=1
"""
DOWN_AND_UP = """[convolutional]
filters=8
stride=2
size=3
pad=1

[upsample]

[route]
layers=-1,-3
"""  # fits inputs that are multiples of 16, but not all that random=1 and resize_step=8 give


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with set.data, net.cfg and six labelled pictures."""
    write_set(tmp_path, red_and_white(), lambda i: f"{i % 2} .5 .5 .5 .5")
    (tmp_path / "set.names").write_text("red\nwhite\n")
    (tmp_path / "set.data").write_text("classes=2\ntrain=list.txt\nvalid=list.txt\nnames=set.names\nsavelast=5\n")
    (tmp_path / "net.cfg").write_text(CFG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*words: str) -> tuple[str, ...]:
    return "detector", "train", "set.data", "net.cfg", *words, *ONE_PROCESS


def test_a_training_from_end_to_end(work: Path, run: Run) -> None:
    result = run(*command("-map", "-dont_show", "-nogpu"))
    assert result.status == 0
    assert [path.name for path in sorted((work / "backup").iterdir())] == [
        "chart_net.png",
        "net_best.weights",
        "net_final.weights",
        "net_last.resume",
        "net_last.weights",
        "net_log.csv",
    ]
    assert (work / "chart.png").read_bytes() == (work / "backup/chart_net.png").read_bytes()
    for said in (
        "net.cfg: 982 parameters, input 32 x 32 x 3, multi-scale up to 56 x 56\n",
        "pictures: 6 with 6 boxes (red 3, white 3)\n",
        "batch 4 in 2 mini-batches; 12 iterations, 8.0 times all pictures\n",
        "Weights are saved after: 1000 iterations. Last weights (*_last.weight) are stored every 5 iterations. \n",
        "Learning Rate: 0.01, Momentum: 0.9, Decay: 0.0001\n",
        "start: random weights (seed 0)\n",
        "files go to backup/\n",
        "(next mAP calculation at 12 iterations)\n",
        "mean_average_precision = ",
        "trained: backup/net_final.weights\n",
    ):
        assert said in result.out
    lines = re.findall(r"^ (\d+): [\d.]+, [\d.]+ avg loss, .* hours left$", result.out, re.MULTILINE)
    assert [int(number) for number in lines] == list(range(1, 13))
    rows = log(work / "backup")
    assert [int(row["iteration"]) for row in rows] == list(range(1, 13))
    assert rows[-1]["mAP"] and not rows[0]["mAP"]
    with (work / "backup/net_final.weights").open("rb") as file:
        assert read_header(file, "").seen == 48


def test_the_same_seed_gives_the_same_weights_whatever_the_workers(work: Path, run: Run) -> None:
    run(*command())
    expected = outcome(work / "backup")
    clear(work / "backup")
    run("detector", "train", "set.data", "net.cfg", "-workers", "2", "-threads", "1", "-seed", "0")
    assert outcome(work / "backup") == expected
    clear(work / "backup")
    run(*command("-seed", "1"))
    assert outcome(work / "backup")["final"] != expected["final"]


def stop_at(iteration: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while this iteration is computed."""
    step = Trainer.step

    def stopping(trainer: Trainer, *args: Any) -> Any:
        if trainer.progress.iteration == iteration:
            os.kill(os.getpid(), signal.SIGINT)
        return step(trainer, *args)

    monkeypatch.setattr(Trainer, "step", stopping)


def test_a_training_that_was_stopped_goes_on_as_if_it_had_not(
    work: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*command("-map"))
    expected, best = outcome(work / "backup"), (work / "backup/net_best.weights").read_bytes()
    clear(work / "backup")
    with monkeypatch.context() as patch:
        stop_at(7, patch)
        stopped = run(*command("-map"))
    assert stopped.status == 130
    assert "saved backup/net_last.weights at iteration 7: give it to go on" in stopped.err
    result = run(*command("backup/net_last.weights", "-map"))
    assert "goes on behind iteration 7 as if it had not stopped" in result.out
    assert outcome(work / "backup") == expected and (work / "backup/net_best.weights").read_bytes() == best


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "darknet_py", *command(*words)]
    return subprocess.Popen(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for_iteration(process: subprocess.Popen[str]) -> str:
    """Reads on to the next log line; all that was said."""
    said = ""
    assert process.stdout is not None
    for line in process.stdout:
        said += line
        if " avg loss, " in line:
            break
    return said


def last_if_any(folder: Path) -> tuple[str, ...]:
    pair = [folder / "backup" / f"net_last{suffix}" for suffix in (".weights", ".resume")]
    return ("backup/net_last.weights",) if any(path.exists() for path in pair) else ()


def kill_again_and_again(folder: Path, run: Run, kills: int) -> None:
    change(folder / "net.cfg", "max_batches=12", f"max_batches={10 * kills}")
    change(folder / "set.data", "savelast=5", "savelast=1")
    run(*command())
    expected = outcome(folder / "backup")
    clear(folder / "backup")
    rng = random.Random(1)
    for _ in range(kills):
        with start(folder, *last_if_any(folder)) as process:
            said = wait_for_iteration(process)
            assert " avg loss, " in said, said
            time.sleep(rng.uniform(0, 0.2))
            process.kill()
    assert run(*command(*last_if_any(folder))).status == 0
    assert outcome(folder / "backup") == expected
    assert not list((folder / "backup").glob(".*"))


def test_killed_three_times_it_ends_with_the_same_bits(work: Path, run: Run) -> None:
    kill_again_and_again(work, run, 3)


@pytest.mark.slow
def test_killed_twenty_times_it_ends_with_the_same_bits(work: Path, run: Run) -> None:
    kill_again_and_again(work, run, 20)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_save_and_end_with_their_status(work: Path, number: int, status: int) -> None:
    change(work / "net.cfg", "max_batches=12", "max_batches=100000")
    with start(work) as process:
        wait_for_iteration(process)
        process.send_signal(number)
        said = process.stdout.read() if process.stdout else ""
    assert process.returncode == status, said
    saved = re.search(r"saved backup/net_last.weights at iteration (\d+)", said)
    assert saved and "Traceback" not in said
    with (work / "backup/net_last.weights").open("rb") as file:
        assert read_header(file, "").seen == 4 * int(saved[1])


def test_a_nan_ends_in_one_line_and_leaves_the_last_good_weights(work: Path, run: Run) -> None:
    change(work / "net.cfg", "learning_rate=.01", "learning_rate=1e18")
    result = run(*command())
    assert re.search(r"net.cfg: iteration \d+: .*layer \d.* isn't finite \(pictures: \d.png", one_error(result))
    assert "Warning" not in result.err
    body = (work / "backup/net_last.weights").read_bytes()[20:]
    assert np.isfinite(np.frombuffer(body, "<f4")).all()


def test_a_full_disk_loses_nothing(work: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run(*command())
    expected = outcome(work / "backup")
    clear(work / "backup")
    with monkeypatch.context() as patch:
        stop_at(7, patch)
        run(*command())
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
        result = run(*command("backup/net_last.weights"))
    assert result.status == 1
    assert re.search(r"warning: .*No space left on device; training goes on", result.err)
    assert re.search(r"error: .*net_final.weights: can't be written: No space left on device", result.err)
    assert run(*command("backup/net_last.weights")).status == 0
    assert outcome(work / "backup") == expected


def test_weights_without_a_resume_file_start_the_optimiser_afresh(work: Path, run: Run) -> None:
    run(*command())
    (work / "backup/net_last.resume").unlink()
    change(work / "net.cfg", "max_batches=12", "max_batches=14")
    result = run(*command("backup/net_last.weights"))
    assert "weights of backup/net_last.weights, iteration 12, the optimiser starts afresh" in result.out
    assert "net_last.resume is missing" in result.out
    assert [int(row["iteration"]) for row in log(work / "backup")] == list(range(1, 15))


def test_clear_counts_from_the_beginning(work: Path, run: Run) -> None:
    run(*command())
    again = run(*command("backup/net_last.weights"))
    assert again.status == 0 and "goes on behind iteration 12" in again.out and " 13: " not in again.out
    result = run(*command("backup/net_final.weights", "-clear"))
    assert result.status == 0 and "weights of backup/net_final.weights, iteration 0\n" in result.out
    assert [int(row["iteration"]) for row in log(work / "backup")] == list(range(1, 13))


def test_a_changed_cfg_is_told(work: Path, run: Run) -> None:
    run(*command())
    change(work / "net.cfg", "max_batches=12", "max_batches=13\ndecay=.01")
    result = run(*command("backup/net_last.weights", "-seed", "5"))
    assert result.status == 0
    assert "[net] max_batches 12 -> 13" in result.err and "[net] decay 0.0001 -> 0.01" in result.err
    assert "goes on with its own seed, 0, not 5" in result.err


def test_killed_before_the_first_weights_file_the_resume_file_is_enough(work: Path, run: Run) -> None:
    run(*command())
    (work / "backup/net_last.weights").unlink()
    change(work / "net.cfg", "max_batches=12", "max_batches=13")
    result = run(*command("backup/net_last.weights"))
    assert result.status == 0 and "goes on behind iteration 12" in result.out


def test_cutoff_takes_the_first_layers_of_a_weights_file(work: Path, run: Run) -> None:
    run(*command())
    change(work / "net.cfg", "classes=2", "classes=3")
    change(work / "net.cfg", "filters=14", "filters=16")
    change(work / "set.data", "classes=2", "classes=3")
    (work / "set.names").write_text("red\nwhite\nblue\n")
    result = run(*command("backup/net_final.weights", "-cutoff", "2", "-clear"))
    assert result.status == 0, result.err


def test_options_without_effect_and_flags_of_gpus_are_told(work: Path, run: Run) -> None:
    change(work / "net.cfg", "mosaic=1", "cutmix=1\nadversarial_lr=.1\nmixup=1")
    result = run(*command("-gpus", "0", "-show_imgs"))
    assert "have no effect on this training: cutmix, adversarial_lr\n" in result.out
    assert len(list(work.glob("aug_*.jpg"))) == 48


def test_stopbackward_freezes(work: Path, run: Run) -> None:
    change(work / "net.cfg", "activation=mish", "activation=mish\nstopbackward=1")
    run(*command())
    first = (work / "backup/net_final.weights").read_bytes()
    change(work / "net.cfg", "max_batches=12", "max_batches=16")
    run(*command("backup/net_last.weights"))
    second = (work / "backup/net_final.weights").read_bytes()
    frozen = 20 + 4 * (4 * 8 + 8 * 27 + 4 * 8 + 8 * 72)
    assert first[20:frozen] == second[20:frozen] and first[frozen:] != second[frozen:]


def test_chart_goes_on_from_an_earlier_log(work: Path, run: Run) -> None:
    run(*command())
    (work / "backup/net_log.csv").rename(work / "old.csv")
    assert run(*command("-chart", "old.csv")).status == 0
    assert run(*command("-chart", "set.data")).status == 1


def test_bad_labels_and_pictures_are_counted_and_training_goes_on(work: Path, run: Run) -> None:
    (work / "0.txt").write_text("7 .5 .5 .5 .5\n0 nan .5 .5 .5\n")
    (work / "1.png").write_bytes(b"no picture")
    result = run(*command())
    assert result.status == 0
    assert "0.txt:1: class 7" in result.out and "0.txt:2: " in result.out and "1.png" in result.out


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("net.cfg", "batch=4\nsubdivisions=2", "batch=1", "You set incorrect value batch=1 for Training!"),
        ("net.cfg", "max_batches=12", "max_batches=0", "needs max_batches"),
        ("net.cfg", "[dropout]", DOWN_AND_UP, "6 x 6 x 8 and 5 x 5 x 8, with an input of 40 x 40 (random=1)"),
        ("net.cfg", "filters=14", "filters=15", "needs filters=14"),
        ("set.data", "train=list.txt", "", "needs train="),
        ("set.data", "list.txt", "none.txt", "none.txt"),
        ("list.txt", "png", "gif", "can be read"),
        ("set.data", "classes=2", "backup=set.names", "set.names"),
    ],
)
def test_what_cannot_be_trained_is_told_in_one_line(
    work: Path, run: Run, file: str, old: str, new: str, message: str
) -> None:
    change(work / file, old, new)
    assert message in one_error(run(*command()))


def test_weights_of_another_network_are_refused(work: Path, run: Run) -> None:
    run(*command())
    change(work / "net.cfg", "filters=8\nsize=3\nstride=4", "filters=9\nsize=3\nstride=4")
    result = run(*command("backup/net_final.weights"))
    assert result.status == 1 and "net_final.weights" in result.err
    assert run(*command("none.weights")).status == 1


def test_weights_that_are_trained_already_are_told(work: Path, run: Run) -> None:
    run(*command())
    result = run(*command("backup/net_final.weights"))
    assert result.status == 1
    assert "is already trained to iteration 12" in result.err and "-clear" in result.err
