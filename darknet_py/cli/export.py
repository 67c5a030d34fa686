"""``darknet_py export`` and ``import``: networks as ONNX, weights as .npz or safetensors and back."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from darknet_py.cli.arguments import Parser, add_cfg_and_weights, whole
from darknet_py.errors import DarknetError

if TYPE_CHECKING:
    from darknet_py.network import Network

CHECKED = 2  # pictures of -check
CLOSE = 1e-4  # largest difference that passes


def parser(kind: str) -> Parser:
    """The arguments of ``export onnx``, ``export npz``, ``import npz`` and the like."""
    verb, form = kind.split()
    p = {"onnx": _onnx_parser, "npz": _arrays_parser, "safetensors": _arrays_parser}[form](verb, form)
    p.set_defaults(kind=kind)
    return p


def _onnx_parser(verb: str, form: str) -> Parser:
    p = Parser(
        "export onnx",
        "Writes a network as an ONNX file (opset 13) for pictures of its size in batches of any size. The input\n"
        "`images` is (batch, channels, height, width), RGB from 0 to 1. Outputs are those of the detection layers, or\n"
        "with -decode `boxes` (batch, n, 4: x, y, w, h relative to the picture) and `scores` (batch, n, classes),\n"
        "to which NMS is still to be applied; a classifier has one, `output`. Needs the package onnx\n"
        "(pip install darknet_py[export]).",
        "cfg/yolov4-tiny.cfg yolov4-tiny.weights yolov4-tiny.onnx -decode -check",
    )
    add_cfg_and_weights(p)
    p.add_argument("out", help="the file to write")
    p.add_argument("-decode", action="store_true", help="boxes and scores instead of the detection layers' outputs")
    p.add_argument("-width", type=whole(1), metavar="W", help="of the input, in pixels (as in the cfg)")
    p.add_argument("-height", type=whole(1), metavar="H", help="of the input, in pixels (as in the cfg)")
    p.add_argument("-names", metavar="FILE", help="class names, which become metadata")
    p.add_argument(
        "-check",
        action="store_true",
        help="run the file in ONNX Runtime (package onnxruntime) and compare its outputs with ours",
    )
    return p


def _arrays_parser(verb: str, form: str) -> Parser:
    if verb == "export":
        summary = (
            f"Writes weights as a .{form} file, an array for each parameter, named such as\n012.convolutional.weight."
        )
        p = Parser(f"export {form}", summary, f"cfg/yolov4.cfg yolov4.weights yolov4.{form}")
        add_cfg_and_weights(p)
        p.add_argument("out", help=f"the .{form} file to write")
    else:
        summary = f"Writes a .weights file of the arrays in a .{form} file that has the names of `export {form}`."
        p = Parser(f"import {form}", summary, f"cfg/yolov4.cfg yolov4.{form} yolov4.weights")
        p.add_argument("cfg", help="the network")
        p.add_argument("arrays", help=f"the .{form} file")
        p.add_argument("out", help="the .weights file to write")
    return p


def run(args: argparse.Namespace) -> int:
    """Writes, and says what was written."""
    verb, form = args.kind.split()
    if form == "onnx":
        return _export_onnx(args)
    name = args.out if verb == "export" else args.arrays
    if not name.endswith(f".{form}"):
        raise DarknetError(f"{args.kind}: {name}: the name must end in .{form}")
    return _export_arrays(args) if verb == "export" else _import_arrays(args)


def _export_onnx(args: argparse.Namespace) -> int:
    from darknet_py.export import need_onnx

    need_onnx()
    from darknet_py.cli.tools.common import load
    from darknet_py.config.datafile import read_names
    from darknet_py.export.graph import OPSET
    from darknet_py.export.onnx_file import write_onnx

    net, _ = load(args.cfg, args.weights)
    net = net.resized(args.width or net.size[0], args.height or net.size[1])
    model = write_onnx(net, args.out, args.decode, read_names(args.names) if args.names else ())
    outputs = ", ".join(f"{o.name} {_shape(o)}" for o in model.graph.output)
    print(f"{args.out}: written, opset {OPSET}; images {_shape(model.graph.input[0])} -> {outputs}")
    return _check(net, args) if args.check else 0


def _shape(value: object) -> str:
    dimensions = value.type.tensor_type.shape.dim  # type: ignore[attr-defined]
    return "(" + ", ".join(d.dim_param or str(d.dim_value) for d in dimensions) + ")"


def _check(net: Network, args: argparse.Namespace) -> int:
    """Compares on pictures of random numbers. The exit status: 1 where they differ."""
    import numpy as np

    from darknet_py.export.check import differences

    images = np.random.default_rng(0).random((CHECKED, *net.input), np.float32)
    found = differences(net, args.out, args.decode, images)
    for name, value in found.items():
        print(f"{name}: differs from ours by {value:.1e} at most")
    bad = [name for name, value in found.items() if not value <= CLOSE]
    if bad:
        raise DarknetError(f"{args.out}: {', '.join(bad)} differ by more than {CLOSE:g}")
    return 0


def _export_arrays(args: argparse.Namespace) -> int:
    from darknet_py.cli.tools.common import load
    from darknet_py.export.arrays import write_arrays

    net, header = load(args.cfg, args.weights)
    count = write_arrays(net, args.out, header)
    print(f"{args.out}: written, {count} arrays, {header.seen} pictures seen")
    return 0


def _import_arrays(args: argparse.Namespace) -> int:
    from darknet_py.cli.tools.common import save
    from darknet_py.export.arrays import read_arrays
    from darknet_py.network import load_network
    from darknet_py.ops import cpu_ops

    net = load_network(args.cfg, cpu_ops())
    save(net, args.out, read_arrays(net, args.arrays))
    return 0
