"""Command lines as Darknet has them: flags with one dash (two will do) anywhere among the positional words."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from darknet_py.errors import DarknetError

_FLAG = re.compile(r"--?[A-Za-z_]")  # -1 and -.5 are numbers


class Parser(argparse.ArgumentParser):
    """The parser of one command; what can't be understood is a DarknetError of one line.

    command: the words that call it, such as ``detector test``. Flags are added with one dash.
    """

    def __init__(self, command: str, summary: str, example: str) -> None:
        super().__init__(
            prog=f"darknet_py {command}",
            description=summary,
            epilog=f"example:\n  darknet_py {command} {example}".rstrip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            add_help=False,
            allow_abbrev=False,
        )
        self.flags: list[str] = []
        self.add_argument("-h", "-help", action="help", help="this text")

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        """As argparse's; remembers the flags."""
        self.flags += [name for name in names if name.startswith("-")]
        return super().add_argument(*names, **options)

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments; -help prints and exits (SystemExit 0). `command` and `words` are what was called."""
        args = self.parse_intermixed_args([self._known(word) for word in words])
        args.command, args.words = self.prog.removeprefix("darknet_py "), list(words)
        return args

    def _known(self, word: str) -> str:
        """`word`, a flag with one dash; refused here if unknown, since argparse takes abbreviations of such flags."""
        if not _FLAG.match(word):
            return word
        name, equals, value = word.partition("=")
        flag = "-" + name.lstrip("-")
        if flag not in self.flags:
            self.error(f"unknown option {name}{suggestion(flag, self.flags)}")
        return flag + equals + value

    def error(self, message: str) -> NoReturn:
        """What argparse calls for everything that it can't parse."""
        raise DarknetError(f"{self.prog.removeprefix('darknet_py ')}: {message} (see {self.prog} -help)")


def suggestion(word: str, valid: Iterable[str]) -> str:
    """How an error message about `word` goes on: with the nearest valid word, or with all of them."""
    valid = list(valid)
    near = difflib.get_close_matches(word, valid, 1)
    return f"; did you mean {near[0]}?" if near else f"; valid are {', '.join(valid)}"


def number(low: float, high: float = float("inf")) -> Callable[[str], float]:
    """A type for `add_argument`: a number from `low` to `high`."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text!r} isn't a number {_range(low, high)}")
        return value

    return convert


def whole(low: int) -> Callable[[str], int]:
    """A type for `add_argument`: a whole number from `low` on."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if value < low:
            raise argparse.ArgumentTypeError(f"{text!r} isn't a whole number {_range(low, float('inf'))}")
        return value

    return convert


def _range(low: float, high: float) -> str:
    return f"from {low:g} on" if high == float("inf") else f"from {low:g} to {high:g}"


def add_network(parser: Parser) -> None:
    """The files that every command with a trained detector takes."""
    parser.add_argument("data", help=".data file: says where the class names and the lists of pictures are")
    add_cfg_and_weights(parser)


def add_cfg_and_weights(parser: Parser) -> None:
    """The network and its parameters."""
    parser.add_argument("cfg", help="the network")
    parser.add_argument("weights", help="its trained parameters")


def add_crop(parser: Parser) -> None:
    """Whose way of cutting a classifier's input out of a picture it is."""
    parser.add_argument(
        "-crop",
        choices=("alexey", "pjreddie"),
        default="alexey",
        help="whose sizes and crops: AlexeyAB's brings the shorter side to the network's width and cuts out the "
        "middle; pjreddie's cuts out the largest square and resizes that, and `predict` adds a border instead "
        "(%(default)s)",
    )


def add_inference(parser: Parser, batch: int) -> None:
    """The flags of all commands that run a network over pictures."""
    text = "pictures that go through the network at once (%(default)s)"
    parser.add_argument("-batch", type=whole(1), default=batch, metavar="N", help=text)
    add_computing(parser)
    add_plan(parser)


def add_computing(parser: Parser) -> None:
    """What computes, and with how many threads."""
    add_threads(parser)
    add_backend(parser)


def add_plan(parser: Parser) -> None:
    """What a GPU may do at inference, where it computes: see `darknet_py.ops.cuda.plan`."""
    parser.add_argument("-fp16", action="store_true", help="GPU: half precision, by tensor cores, with sums in float32")
    parser.add_argument("-cuda_graph", action="store_true", help="GPU: launch the whole network at once")
    add_products(parser)


def add_mixed(parser: Parser) -> None:
    """Whether a GPU trains in mixed precision."""
    text = "GPU: convolutions in half precision, by tensor cores; parameters, sums and losses in float32"
    parser.add_argument("-fp16", action="store_true", help=text)


def add_products(parser: Parser) -> None:
    """How a GPU may compute convolutions."""
    text = "GPU: cuBLAS for the convolutions that it computes faster, which is measured once for each shape"
    parser.add_argument("-cublas", action="store_true", help=text)
    parser.add_argument("-tf32", action="store_true", help="with -cublas: products with 10 bits of mantissa")


def add_threads(parser: Parser) -> None:
    """With how many threads the processor computes."""
    parser.add_argument("-threads", type=whole(1), metavar="N", help="threads of the computation (one a core)")


def add_backend(parser: Parser) -> None:
    """What computes: see `darknet_py.cli.backend.ops_of`."""
    parser.add_argument(
        "-backend",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="a GPU with CuPy (cuda), the processor (cpu), or a GPU where one can be used (%(default)s)",
    )
    parser.add_argument("-i", type=whole(0), metavar="N", help="which GPU (0)")
    parser.add_argument("-nogpu", action="store_true", help="compute on the processor: -backend cpu")
