"""Files of the command line -> a detector that is ready to run, with everything checked that can be told before."""

from __future__ import annotations

import argparse
import warnings
from typing import NamedTuple

import numpy as np

from darknet_py.cli.backend import ops_of
from darknet_py.config.datafile import DataFile, read_data, read_names
from darknet_py.detector import Detector
from darknet_py.errors import CfgError, WeightsError
from darknet_py.network import Network, for_inference, load_network, load_weights


class Loaded(NamedTuple):
    """A trained detector and what belongs to it."""

    detector: Detector
    data: DataFile
    names: tuple[str, ...]

    @property
    def channels(self) -> int:
        """Channels of the pictures that the network takes."""
        return self.detector.net.input.c


def load_detector(args: argparse.Namespace, mapped: bool = False) -> Loaded:
    """The detector of ``args.data``, ``cfg``, ``weights``, ``threads``.

    mapped: of a tree of classes only those that the file `map` of the .data file lists are told (detector.c:646).

    DarknetError where a file can't be read or the files don't belong together.
    """
    data = read_data(args.data)
    names_path = data.file("names")
    names = read_names(names_path)
    net = load_network(args.cfg, ops_of(args), allocate=False)
    detector = Detector(net)
    classes = detector.head.classes
    if len(names) != classes:
        raise CfgError(
            f"{names_path}: has {len(names)} class names where {args.cfg} has classes={classes}: "
            f"names= in {args.data} must be the list that the network was trained with"
        )
    if data.classes not in (0, classes):
        warnings.warn(f"{args.data}: classes={data.classes}, but {args.cfg} has {classes}, which count", stacklevel=2)
    load_weights(net, args.weights)
    net = finite_for_inference(net, args.weights)
    reported = mapped_classes(data, detector) if mapped else ()
    return Loaded(Detector(net, reported), data, tuple(names[i] for i in reported) or names)


def mapped_classes(data: DataFile, detector: Detector) -> tuple[int, ...]:
    """The classes that the file `map` lists; () for all, where there is no such file or no tree."""
    if not data.map:
        return ()
    from darknet_py.layers.region import Region
    from darknet_py.layers.tree import read_map

    if not (isinstance(detector.head, Region) and detector.head.tree):
        warnings.warn(f"{data.path}: map={data.map} counts with a [region] that has a tree of classes", stacklevel=2)
        return ()
    return read_map(data.file("map"), detector.head.classes)


def finite_for_inference(net: Network, path: str) -> Network:
    """The network with the weights of `path`, rewritten for inference.

    WeightsError where parameters are no numbers, as after a training that went wrong; nothing would be detected.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # a negative variance: told below
        net = for_inference(net)
    for node, param in net.parameters():
        if not np.isfinite(net.ops.to_host(param.value)).all():
            raise WeightsError(
                f"{path}: {node.name} has weights that aren't finite numbers: the training went wrong there, "
                "or it is no file of this network"
            )
    return net
