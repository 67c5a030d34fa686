"""The live view of a training on the command line: the flags, the servers, and the hooks that feed them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, whole
from darknet_py.serve.server import LOOPBACK

if TYPE_CHECKING:
    from darknet_py.train.loop import Hook

NO_PORT = -1  # Darknet's default


def add_streams(p: Parser, pictures: str, figures: str) -> None:
    """Darknet's streams, of what the texts say."""
    p.add_argument(
        "-mjpeg_port", type=whole(NO_PORT), default=NO_PORT, metavar="PORT", help=f"stream {pictures} (-1: no)"
    )
    p.add_argument(
        "-json_port", type=whole(NO_PORT), default=NO_PORT, metavar="PORT", help=f"stream {figures} as JSON (-1: no)"
    )
    p.add_argument(
        "-http_host",
        default=LOOPBACK,
        metavar="ADDRESS",
        help="who may connect to these ports: %(default)s is this machine alone, 0.0.0.0 everybody (%(default)s)",
    )


def add_live(p: Parser) -> None:
    """All views of a training."""
    p.add_argument(
        "-http_port",
        type=whole(NO_PORT),
        default=NO_PORT,
        metavar="PORT",
        help="serve a page with curves, progress and the last pictures to a browser (0: any free port; -1: none)",
    )
    add_streams(p, "the chart, to be watched in a browser", "each iteration's figures")


@contextmanager
def live_hooks(args: argparse.Namespace, title: str, measure: str, names: Sequence[str]) -> Iterator[list[Hook]]:
    """The hooks that the flags ask for; their servers run within. Says where to look."""
    from darknet_py.serve.documents import Documents
    from darknet_py.serve.streams import JsonStream, MjpegStream
    from darknet_py.train.live import ChartStream, FigureStream, LivePage

    hooks: list[Hook] = []
    with ExitStack() as stack:
        if args.http_port != NO_PORT:
            documents = stack.enter_context(Documents(args.http_port, args.http_host))
            hooks.append(LivePage(documents, title, measure, names))
            print(f"live view: {documents.url}", flush=True)
        if args.mjpeg_port != NO_PORT:
            charts = stack.enter_context(MjpegStream(args.mjpeg_port, args.http_host))
            hooks.append(ChartStream(charts, title, measure))
            print(f"stream of the chart: {charts.url}", flush=True)
        if args.json_port != NO_PORT:
            figures = stack.enter_context(JsonStream(args.json_port, args.http_host))
            hooks.append(FigureStream(figures, measure))
            print(f"stream of the figures: {figures.url}", flush=True)
        yield hooks
