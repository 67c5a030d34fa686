"""The flags of trainings."""

from __future__ import annotations

from darknet_py.cli.arguments import Parser, add_computing, whole
from darknet_py.cli.live import add_live
from darknet_py.cli.runs import add_patience, add_run


def add_start_flags(p: Parser) -> None:
    """The network and where its parameters come from."""
    p.add_argument("cfg", help="the network and how it is trained")
    p.add_argument("weights", nargs="?", help="parameters to start from, or to go on from; without them random ones")
    add_beginning(p)


def add_beginning(p: Parser) -> None:
    """How the training begins."""
    p.add_argument("-clear", action="store_true", help="count iterations from 0, whatever the weights file says")
    p.add_argument("-cutoff", type=whole(1), metavar="N", help="take only the first N layers of the weights file")
    p.add_argument("-seed", type=whole(0), metavar="N", help="of all random numbers (0)")


def add_course_flags(p: Parser, measure: str) -> None:
    """Where results go, what is shown, where it is computed. measure: the flag that has a figure measured."""
    p.add_argument("-backup", default="backup", metavar="FOLDER", help="where weights, log and chart go (%(default)s)")
    p.add_argument("-chart", metavar="LOG", help="CSV log of an earlier training, whose curves the chart begins with")
    add_patience(p, measure)
    add_computing(p)
    add_gpus(p)
    add_run(p)
    add_live(p)


def add_gpus(p: Parser) -> None:
    """Several GPUs: see `darknet_py.train.replicas`."""
    p.add_argument("-gpus", metavar="LIST", help="the GPUs to train on, such as 0,1: they share the mini-batches")
