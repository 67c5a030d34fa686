"""The command line: finds the command that the first words name, and lets it parse the rest.

A command is a module with ``parser() -> Parser`` and ``run(args) -> int``, imported when it is called. Its top level
and its parser import nothing heavy, so that a help text comes at once.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

from darknet_py import __version__
from darknet_py.blas import hold
from darknet_py.cli.arguments import suggestion
from darknet_py.cli.guard import guarded
from darknet_py.cli.output import silenced
from darknet_py.errors import DarknetError


class Command(NamedTuple):
    """Where a command lives, and what it is for."""

    module: str
    summary: str
    variant: tuple[str, ...] = ()
    """for the parser, where a module has several commands"""


COMMANDS = {
    "detector train": Command("darknet_py.cli.detector_train", "train a detector"),
    "detector test": Command("darknet_py.cli.detector_test", "find the objects in pictures"),
    "detector demo": Command("darknet_py.cli.detector_demo", "find the objects in a video or a camera's frames"),
    "detector map": Command("darknet_py.cli.detector_map", "measure a detector's mean average precision"),
    "detector valid": Command("darknet_py.cli.detector_valid", "write detections for VOC's, COCO's ... evaluation"),
    "detector recall": Command("darknet_py.cli.detector_recall", "measure how many objects a detector has boxes for"),
    "detector calc_anchors": Command("darknet_py.cli.detector_anchors", "find the anchors that fit labelled boxes"),
    "detect": Command("darknet_py.cli.detect", "detector test with COCO's classes"),
    "yolo train": Command("darknet_py.cli.yolo", "detector train for VOC's classes", ("yolo", "train")),
    "yolo test": Command("darknet_py.cli.yolo", "detector test for VOC's classes", ("yolo", "test")),
    "yolo valid": Command("darknet_py.cli.yolo", "detector valid for VOC's classes", ("yolo", "valid")),
    "yolo recall": Command("darknet_py.cli.yolo", "detector recall for VOC's classes", ("yolo", "recall")),
    "yolo demo": Command("darknet_py.cli.yolo", "detector demo for VOC's classes", ("yolo", "demo")),
    "coco train": Command("darknet_py.cli.yolo", "detector train for COCO's classes", ("coco", "train")),
    "coco test": Command("darknet_py.cli.yolo", "detector test for COCO's classes", ("coco", "test")),
    "coco valid": Command("darknet_py.cli.yolo", "detector valid for COCO's classes", ("coco", "valid")),
    "coco recall": Command("darknet_py.cli.yolo", "detector recall for COCO's classes", ("coco", "recall")),
    "coco demo": Command("darknet_py.cli.yolo", "detector demo for COCO's classes", ("coco", "demo")),
    "classify": Command("darknet_py.cli.classify", "classifier predict with ImageNet's classes"),
    "classifier train": Command("darknet_py.cli.classifier_train", "train a classifier"),
    "classifier predict": Command("darknet_py.cli.classifier_predict", "tell the classes of pictures"),
    "classifier valid": Command("darknet_py.cli.classifier_valid", "measure a classifier's accuracy", ("valid",)),
    "classifier validcrop": Command("darknet_py.cli.classifier_valid", "the same, squeezed", ("validcrop",)),
    "classifier validfull": Command("darknet_py.cli.classifier_valid", "the same, whole pictures", ("validfull",)),
    "classifier valid10": Command("darknet_py.cli.classifier_valid", "the same, ten crops", ("valid10",)),
    "classifier validmulti": Command("darknet_py.cli.classifier_valid", "the same, ten sizes", ("validmulti",)),
    "classifier label": Command("darknet_py.cli.classifier_label", "print the classes of listed pictures", ("label",)),
    "classifier test": Command("darknet_py.cli.classifier_label", "print all probabilities of these", ("test",)),
    "classifier try": Command("darknet_py.cli.classifier_try", "print what comes out of a layer for a picture"),
    "classifier demo": Command("darknet_py.cli.classifier_demo", "tell the classes of a video's frames"),
    "cifar train": Command("darknet_py.cli.cifar_train", "train a classifier on CIFAR-10's own files"),
    "cifar test": Command("darknet_py.cli.cifar_test", "measure a classifier's accuracy on CIFAR-10"),
    "go train": Command("darknet_py.cli.go_train", "train a network to foretell the moves of Go games"),
    "go valid": Command("darknet_py.cli.go_valid", "measure how often a network foretells the moves of games"),
    "go test": Command("darknet_py.cli.go_test", "show a Go board with a network's suggestions, and ask for moves"),
    "go self": Command("darknet_py.cli.go_self", "let networks play Go against each other"),
    "go engine": Command("darknet_py.cli.go_engine", "play Go over GTP, with other programs"),
    "rnn train": Command("darknet_py.cli.rnn_train", "train a network to foretell the next character of a text"),
    "rnn valid": Command("darknet_py.cli.rnn_valid", "measure the perplexity of a text"),
    "rnn generate": Command("darknet_py.cli.rnn_generate", "let a network write on"),
    "check": Command("darknet_py.cli.check", "look for what is wrong with a data set and its cfg, before training"),
    "data from_coco": Command("darknet_py.cli.data", "make a Darknet set of COCO's annotations", ("from_coco",)),
    "data from_voc": Command("darknet_py.cli.data", "make a Darknet set of a VOC set", ("from_voc",)),
    "data from_yolo": Command("darknet_py.cli.data", "make a Darknet set of Ultralytics' data.yaml", ("from_yolo",)),
    "data to_coco": Command("darknet_py.cli.data", "write a Darknet set as COCO's annotations", ("to_coco",)),
    "data to_voc": Command("darknet_py.cli.data", "write a Darknet set as a VOC set", ("to_voc",)),
    "data to_yolo": Command("darknet_py.cli.data", "write a Darknet set as Ultralytics' data.yaml", ("to_yolo",)),
    "export onnx": Command("darknet_py.cli.export", "write a network as an ONNX file", ("export onnx",)),
    "export npz": Command("darknet_py.cli.export", "write weights as named NumPy arrays", ("export npz",)),
    "export safetensors": Command("darknet_py.cli.export", "write weights as safetensors", ("export safetensors",)),
    "import npz": Command("darknet_py.cli.export", "make weights of named NumPy arrays", ("import npz",)),
    "import safetensors": Command("darknet_py.cli.export", "make weights of safetensors", ("import safetensors",)),
    "net": Command("darknet_py.cli.net", "show a network's layers, operations and parameters"),
    "partial": Command("darknet_py.cli.tools.partial", "write the weights of the first layers"),
    "average": Command("darknet_py.cli.tools.average", "write the mean of weights files"),
    "rgbgr": Command("darknet_py.cli.tools.rgbgr", "write weights for pictures with red and blue exchanged"),
    "rescale": Command("darknet_py.cli.tools.rescale", "write weights for inputs from 0 to 1 instead of -1 to 1"),
    "normalize": Command("darknet_py.cli.tools.normalize", "write weights with neutral batch norms added"),
    "denormalize": Command("darknet_py.cli.tools.denormalize", "write weights with the batch norms folded in"),
    "reset": Command("darknet_py.cli.tools.reset", "write weights whose batch norms are neutral"),
    "oneoff": Command("darknet_py.cli.tools.oneoff", "make YOLO9000's first weights from a classifier's"),
    "statistics": Command("darknet_py.cli.tools.statistics", "show mean and variance of a network's parameters"),
    "visualize": Command("darknet_py.cli.tools.visualize", "draw the filters of a convolution"),
    "nightmare": Command("darknet_py.cli.tools.nightmare", "exaggerate what a network sees in a picture"),
    "ops": Command("darknet_py.cli.tools.ops", "show the floating point operations of a network"),
    "speed": Command("darknet_py.cli.tools.speed", "measure the time of a network's forward pass"),
    "benchmark": Command("darknet_py.cli.benchmark", "measure a network's speed, and the machine's limits beside it"),
    "completion": Command("darknet_py.cli.completion", "let bash, zsh or fish complete commands and flags"),
    "version": Command("darknet_py.cli.version", "show the versions of darknet_py and what it stands on"),
}
HELP_WORDS = ("help", "-h", "-help", "--help")
VERSION_WORDS = ("-version", "--version")


def entry() -> int:
    """The program: `main`, in a process that ends with it."""
    hold()
    status = main()
    gc.freeze()  # or else the interpreter looks for garbage once more
    return status


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command in `argv` (the process's own arguments if None). The process's exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    return guarded(lambda: run(words))


def run(words: list[str]) -> int:
    """Runs a command, or prints what commands there are."""
    if words and words[0] in VERSION_WORDS:
        words = ["version"]
    if words and words[0] in HELP_WORDS:  # `help detector test` is `detector test -help`
        words = [*words[1:], "-help"]
    name, rest = find_command(words)
    if name not in COMMANDS:
        print(overview(name), end="")
        return 0
    command = importlib.import_module(COMMANDS[name].module)
    try:
        args = command.parser(*COMMANDS[name].variant).parse(rest)
    except SystemExit:  # -help has been printed
        return 0
    with silenced(args):
        return int(command.run(args))


def find_command(words: list[str]) -> tuple[str, list[str]]:
    """The command's name and the words behind it; or the name of a group of commands ("" for all), to be listed.

    DarknetError for words that name no command.
    """
    name = ""
    for count, word in enumerate(words):
        valid = _next_words(name)
        if word in HELP_WORDS:
            break
        if word not in valid:
            what = f"{name}: unknown command" if name else "unknown command"
            raise DarknetError(f"{what} {word!r}{suggestion(word, valid)}")
        name = f"{name} {word}".strip()
        if name in COMMANDS:
            return name, words[count + 1 :]
    return name, []


def _next_words(name: str) -> list[str]:
    """The words that may follow `name`, the beginning of commands."""
    taken = len(name.split())
    matching = (key.split() for key in COMMANDS if f"{key} ".startswith(f"{name} ".lstrip()))
    return list(dict.fromkeys(words[taken] for words in matching))


def overview(group: str) -> str:
    """The commands of a group ("" for all), a line each."""
    listed = {name: command for name, command in COMMANDS.items() if f"{name} ".startswith(f"{group} ".lstrip())}
    width = max(map(len, listed))
    usage = f"darknet_py {group} ".replace("  ", " ")
    lines = [
        f"darknet_py {__version__}: Darknet in Python",
        "",
        f"usage: {usage}command ...",
        "",
        "commands:",
        *(f"  {name:{width}}  {command.summary}" for name, command in listed.items()),
        "",
        "`darknet_py command -help` (or `darknet_py help command`) tells its arguments and options. An example:",
        "  darknet_py detector test data/coco.data cfg/yolov3.cfg yolov3.weights dog.jpg",
        "",
        "exit status: 0 done, 1 something is wrong and told on standard error, 130 Ctrl-C, 141 the reader of a pipe is",
        "gone, 143 SIGTERM",
    ]
    return "\n".join(lines) + "\n"
