"""``darknet_py yolo`` and ``darknet_py coco``: the commands of `detector` with a data file, names and thresholds given.

They are Darknet's for its first detectors, and take those of any kind.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from darknet_py.cli.arguments import Parser

BUILT_IN = Path(__file__).parent / "builtin"
HELP = {"-h", "-help", "--help"}
RESUME = ("-resume", "--resume")  # goes on with a command line that has all


class Group(NamedTuple):
    """What a group of commands takes for granted. flags: by command (yolo.c:342, coco.c:177)."""

    data: str
    flags: dict[str, tuple[str, ...]]


EXAMPLES = {
    "train": "cfg/yolov1.cfg extraction.conv.weights",
    "test": "cfg/yolov1.cfg yolov1.weights dog.jpg",
    "valid": "cfg/yolov1.cfg yolov1.weights",
    "recall": "cfg/yolov1.cfg yolov1.weights",
    "demo": "cfg/yolov1.cfg yolov1.weights street.mp4",
}
TEST = ("-thresh", "0.2", "-nms", "0.4")
GROUPS = {
    "yolo": Group("voc.data", {"test": TEST, "demo": TEST, "valid": ("-thresh", "0.001", "-nms", "0.5")}),
    "coco": Group("coco.data", {"test": TEST, "demo": TEST, "valid": ("-thresh", "0.01", "-nms", "0.5")}),
}


class Short:
    """The parser of `detector COMMAND`, to which the words before the given ones are known."""

    def __init__(self, group: str, command: str) -> None:
        self.module = importlib.import_module(f"darknet_py.cli.detector_{command}")
        self.parser: Parser = self.module.parser()
        self.name, self.command = f"darknet_py {group} {command}", command
        self.data = GROUPS[group].data
        self.flags = GROUPS[group].flags.get(command, ())

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """As `Parser.parse`."""
        if HELP & set(words):
            print(self._help())
        given = () if any(word.startswith(RESUME) for word in words) else (str(BUILT_IN / self.data), *self.flags)
        args = self.parser.parse([*given, *words])
        args.module = self.module
        return args

    def _help(self) -> str:
        built_in = (f"  {line}" for line in (BUILT_IN / self.data).read_text().splitlines())
        return "\n".join(
            [
                f"usage: {self.name} ...",
                "",
                f"Is `{' '.join([self.parser.prog, self.data, *self.flags])} ...`, where {self.data} is built in:",
                "",
                *built_in,
                "",
                "example:",
                f"  {self.name} {EXAMPLES[self.command]}",
                "",
            ]
        )


def parser(group: str, command: str) -> Short:
    """Of one of the commands."""
    return Short(group, command)


def run(args: argparse.Namespace) -> int:
    """As that of `detector`."""
    return int(args.module.run(args))
