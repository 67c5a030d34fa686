"""``darknet_py check``: what is wrong with a data set and the cfg that is to learn it, before hours of training."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, whole
from darknet_py.cli.output import add_json, add_quiet, write_json

if TYPE_CHECKING:
    from darknet_py.check.problems import Problem
    from darknet_py.config.datafile import DataFile
    from darknet_py.network import Network


def parser() -> Parser:
    """The files that `detector train` or `classifier train` will be given."""
    p = Parser(
        "check",
        "Looks for what is wrong with a data set: missing, empty, damaged, repeated pictures, pictures both to train\n"
        "and to measure on, labels that can't be right, names and classes that don't fit; with a cfg, anchors that\n"
        "fit badly, and memory. Exit status 1 if there are errors (with -strict: or warnings), 0 otherwise.",
        "data/coco.data cfg/yolov4.cfg",
    )
    p.add_argument("data", help=".data file: says where the class names and the lists of pictures are")
    p.add_argument("cfg", nargs="?", help="the network that is to be trained")
    p.add_argument("-quick", action="store_true", help="leave out reading and comparing the pictures")
    p.add_argument("-strict", action="store_true", help="exit status 1 for warnings, too")
    p.add_argument(
        "-show", type=whole(0), default=5, metavar="N", help="how many problems of a kind are told (%(default)s)"
    )
    add_json(p, "everything")
    add_quiet(p)
    return p


def run(args: argparse.Namespace) -> int:
    """Checks and tells. The exit status that the help text promises."""
    from tqdm import tqdm

    from darknet_py.check.dataset import check_dataset
    from darknet_py.check.problems import ERROR, count
    from darknet_py.cli.check_report import as_json, facts, problem_lines, verdict
    from darknet_py.config.datafile import read_data

    data = read_data(args.data)
    net, in_cfg = load_cfg(args.cfg)
    with tqdm(unit="file", disable=True if args.quiet else None, leave=False) as bar:
        checked = check_dataset(data, net, not args.quick, bar.update)
    problems = [*in_cfg, *checked.problems]
    if net is not None:
        problems += [*unfit_for_training(net, args.cfg, data), *too_little_memory(net)]
    if args.json:
        write_json(args, as_json(problems, checked, net))
    lines = [*facts(checked, net), "", *problem_lines(problems, args.show, sys.stdout), verdict(problems, sys.stdout)]
    print("\n".join(lines))
    return int(bool(problems if args.strict else count(problems, ERROR)))


def load_cfg(cfg: str | None) -> tuple[Network | None, list[Problem]]:
    """The network of the file `cfg` without its parameters, if there is one, and what keeps it from being built."""
    from darknet_py.check.problems import Problem
    from darknet_py.errors import CfgError
    from darknet_py.network import load_network
    from darknet_py.ops import NumpyOps

    try:
        return load_network(cfg, NumpyOps(), allocate=False) if cfg else None, []
    except CfgError as error:
        return None, [Problem("cfg", str(error))]


def unfit_for_training(net: Network, cfg: str, data: DataFile) -> list[Problem]:
    """What would end the training before it begins."""
    from darknet_py.check.dataset import is_classifier
    from darknet_py.check.problems import Problem
    from darknet_py.cli.class_training import check_trainable as check_classifier
    from darknet_py.cli.training import check_trainable as check_detector
    from darknet_py.errors import CfgError

    try:
        (check_classifier if is_classifier(data, net) else check_detector)(net, cfg)
    except CfgError as error:
        return [Problem("cfg", str(error))]
    return []


def too_little_memory(net: Network) -> list[Problem]:
    """Whether a training would take more memory than there is."""
    from darknet_py.check.problems import Problem
    from darknet_py.train.memory import available_memory, training_memory

    wanted, available = training_memory(net), available_memory()
    if available is None or wanted <= available:
        return []
    what = f"the training takes about {wanted / 2**20:,.0f} MiB, and {available / 2**20:,.0f} MiB are available: "
    return [Problem("memory", what + "more subdivisions= or a smaller input need less")]
