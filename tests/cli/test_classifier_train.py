"""`classifier train` from end to end on pictures of three colours."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from darknet_py.cli.arguments import Parser
from darknet_py.cli.class_training import augment_options, prepare
from darknet_py.cli.classifier_train import parser
from darknet_py.data.class_augment import ClassAugmentOptions
from darknet_py.network import NetOptions
from tests.cli.trainings import ONE_PROCESS, Run, change, clear, log, one_error, outcome

CFG = """
[net]
width=12
height=12
channels=3
batch=12
subdivisions=2
learning_rate=.1
max_batches=40
burn_in=2
angle=5
label_smooth_eps=.05
policy=sgdr

[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky

[convolutional]
filters=3
size=1
activation=linear

[avgpool]

[dropout]
probability=.1

[softmax]
"""
COLOURS = ((255, 40, 40), (40, 255, 40), (40, 40, 255))


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with set.data, net.cfg and thirty noisy pictures whose names tell their colour."""
    rng = np.random.default_rng(0)
    names = [f"{i}_{('red', 'green', 'blue')[i % 3]}.png" for i in range(30)]
    for i, name in enumerate(names):
        picture = np.clip(np.array(COLOURS[i % 3]) + rng.normal(0, 60, (16, 14, 3)), 0, 255).astype(np.uint8)
        cv2.imwrite(str(tmp_path / name), picture[..., ::-1])
    (tmp_path / "train.txt").write_text("\n".join(names[:24]))
    (tmp_path / "valid.txt").write_text("\n".join(names[24:]))
    (tmp_path / "labels.txt").write_text("red\ngreen\nblue\n")
    (tmp_path / "set.data").write_text(
        "classes=3\ntrain=train.txt\nvalid=valid.txt\nlabels=labels.txt\nsavelast=10\ntop=1\n"
    )
    (tmp_path / "net.cfg").write_text(CFG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def command(*words: str) -> tuple[str, ...]:
    return "classifier", "train", "set.data", "net.cfg", *words, *ONE_PROCESS


def test_a_training_from_end_to_end(work: Path, run: Run) -> None:
    result = run(*command("-topk", "-dont_show", "-show_imgs"))
    assert result.status == 0, result.err
    assert [path.name for path in sorted((work / "backup").iterdir())] == [
        "chart_net.png",
        "net_best.weights",
        "net_final.weights",
        "net_last.resume",
        "net_last.weights",
        "net_log.csv",
    ]
    for said in (
        "net.cfg: 275 parameters, input 12 x 12 x 3\n",
        "pictures: 24 (red 8, green 8, blue 8)\n",
        "batch 12 in 2 mini-batches; 40 iterations, 20.0 times all pictures\n",
        "start: random weights (seed 0)\n",
        "(next top1 calculation at 40 iterations)\n",
        " accuracy top1 = 1.000000 New best top1!\n",
        "best top1 100.00 %: backup/net_best.weights\n",
    ):
        assert said in result.out
    assert "no effect" not in result.out
    pattern = r"^(\d+), ([\d.]+): [\d.]+, [\d.]+ avg, [\d.]+ rate, [\d.]+ seconds, (\d+) images, [\d.]+ hours left$"
    lines = re.findall(pattern, result.out, re.MULTILINE)
    assert len(lines) == 40 and lines[2] == ("3", "1.500", "36")
    rows = log(work / "backup")
    assert float(rows[-1]["top1"]) == 1.0 and float(rows[-1]["avg_loss"]) < float(rows[0]["loss"]) / 2
    assert len(list(work.glob("aug_*.jpg"))) == 100
    measured = run("classifier", "valid", "set.data", "net.cfg", "backup/net_final.weights")
    assert measured.out.endswith("5: top 1: 1.000000, top 1: 1.000000\n")


def test_a_training_that_is_taken_up_goes_on_as_if_it_had_not_stopped(work: Path, run: Run) -> None:
    change(work / "net.cfg", "policy=sgdr", "policy=constant\nmixup=4")
    run(*command())
    expected = outcome(work / "backup")
    clear(work / "backup")
    change(work / "net.cfg", "max_batches=40", "max_batches=13")
    run(*command())
    change(work / "net.cfg", "max_batches=13", "max_batches=40")
    result = run(*command("backup/net_last.weights"))
    assert "goes on behind iteration 13 as if it had not stopped" in result.out
    assert outcome(work / "backup") == expected


def test_an_old_cfg_that_ends_in_cost_and_one_channel(work: Path, run: Run) -> None:
    change(work / "net.cfg", "[softmax]", "[softmax]\n\n[cost]\ntype=sse")
    change(work / "net.cfg", "channels=3", "channels=1")
    change(work / "net.cfg", "burn_in=2", "mosaic_bound=1\ngaussian_noise=3")
    result = run(*command("-topk", "-crop", "pjreddie"))
    assert result.status == 0
    assert "have no effect on this training: mosaic_bound, gaussian_noise\n" in result.out


def test_a_tree_of_classes(work: Path, run: Run) -> None:
    (work / "net.tree").write_text("red -1\ngreen -1\nblue 1\n")
    change(work / "net.cfg", "[softmax]", "[softmax]\ntree=net.tree")
    assert run(*command("-topk")).status == 0


def test_chart_goes_on_from_an_earlier_log(work: Path, run: Run) -> None:
    run(*command("-topk"))
    (work / "backup/net_log.csv").rename(work / "old.csv")
    assert run(*command("-chart", "old.csv")).status == 0


def test_bad_pictures_and_paths_are_told_and_training_goes_on(work: Path, run: Run) -> None:
    (work / "0_red.png").write_bytes(b"")
    (work / "1_green.png").rename(work / "1.png")
    change(work / "train.txt", "1_green.png\n", "1.png\n")
    change(work / "train.txt", "2_blue.png\n", "2_blue.png\n2_blue.png/../2_blue.png red\n")
    result = run(*command())
    assert result.status == 0
    assert "1 have no label in their path and 1 have several" in result.out
    assert "0_red.png: the picture file is empty" in result.out


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("net.cfg", "[softmax]", "", "has no layer with a loss"),
        ("net.cfg", "max_batches=40", "", "needs max_batches"),
        ("net.cfg", "filters=3", "filters=2", "classes=3, but net.cfg gives 2 numbers"),
        ("net.cfg", "angle=5", "mixup=9", "mixup=9: valid are 0 to 4"),
        ("set.data", "labels=labels.txt", "", "needs labels= or names="),
        ("labels.txt", "red\ngreen\nblue", "x1\nx2\nx3", "has a label in its path"),
        ("train.txt", "png", "gif", "can be read"),
    ],
)
def test_what_cannot_be_trained_is_told_in_one_line(
    work: Path, run: Run, file: str, old: str, new: str, message: str
) -> None:
    change(work / file, old, new)
    assert message in one_error(run(*command()))


@pytest.mark.parametrize(
    ("options", "mixup"),
    [({}, 0), ({"mixup": 1}, 1), ({"cutmix": True}, 2), ({"mosaic": True}, 3), ({"cutmix": True, "mosaic": True}, 4)],
)
def test_augmentation_has_darknets_defaults(options: dict[str, int], mixup: int) -> None:
    wanted = ClassAugmentOptions(min_crop=28, max_crop=56, mixup=mixup, width=28)
    assert augment_options(NetOptions(width=28, height=28, **options)) == wanted


def test_numbered_weights_come_as_often_as_darknets(work: Path) -> None:
    args = parser().parse(["set.data", "net.cfg", "-threads", "1"])
    assert isinstance(parser(), Parser)
    assert prepare(args).data.saveweights == 1000


def test_crops_as_ratios_and_the_middle() -> None:
    given = NetOptions(width=28, height=28, min_crop=5, min_ratio=0.5, max_ratio=1.5, angle=7, aspect=0.5)
    assert augment_options(given) == ClassAugmentOptions(min_crop=14, max_crop=42, angle=7, aspect=0.5, width=28)
    middle = NetOptions(width=28, height=30, center=True, angle=7, aspect=0.5, hue=0.1)
    wanted = ClassAugmentOptions(min_crop=30, max_crop=30, hue=0.1, center=True, width=28)
    assert augment_options(middle) == wanted


def test_random_sizes_are_those_the_network_can_take(work: Path, run: Run) -> None:
    change(work / "net.cfg", "max_batches=40", "max_batches=2\nrandom=1")
    result = run(*command())
    assert result.status == 0, result.err
    assert log(work / "backup")[0]["width"] in map(str, range(128, 449, 32))
    change(work / "net.cfg", "[avgpool]", "[connected]\noutput=3")
    assert "its parameters depend on the input size" in one_error(run(*command()))
