"""Files of the command line -> a classifier that is ready to run, with everything checked that can be told before."""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np

from darknet_py.classifier import Array, Classifier
from darknet_py.cli.backend import ops_of
from darknet_py.cli.loading import finite_for_inference
from darknet_py.config.datafile import DataFile, read_data, read_names
from darknet_py.errors import CfgError
from darknet_py.network import load_network, load_weights


class LoadedClassifier(NamedTuple):
    """A trained classifier and the file that tells its data. words: a name or label for each class."""

    classifier: Classifier
    data: DataFile
    words: tuple[str, ...]

    @property
    def channels(self) -> int:
        """Channels of the pictures that the network takes."""
        return self.classifier.net.input.c

    @property
    def size(self) -> tuple[int, int]:
        """(w, h) of the network's input."""
        return self.classifier.net.size

    def top(self, asked: int, default: int = 1) -> int:
        """How many of the likeliest classes count: as asked for, else as the data file says; no more than there are."""
        return min(asked or self.data.top or default, self.classifier.classes)


def load_classifier(args: argparse.Namespace, *keys: str) -> LoadedClassifier:
    """The classifier of ``args.data``, ``cfg``, ``weights``, ``threads``; its words from the first of `keys` given.

    DarknetError where a file can't be read or the files don't belong together.
    """
    data = read_data(args.data)
    net = load_network(args.cfg, ops_of(args), allocate=False)
    classes = Classifier(net).classes
    words = read_words(data, classes, args.cfg, *keys)
    load_weights(net, args.weights)
    net = finite_for_inference(net, args.weights)
    return LoadedClassifier(Classifier(net), data, words)


def read_words(data: DataFile, classes: int, cfg: str, *keys: str) -> tuple[str, ...]:
    """Names or labels of the classes, from the file that the first of `keys` in the data file names.

    As in Darknet the file may have more lines than the network has classes: ImageNet's has. CfgError for fewer.
    """
    if data.classes not in (0, classes):
        raise CfgError(f"{data.path}: classes={data.classes}, but {cfg} gives {classes} numbers, one a class")
    given = [key for key in keys if getattr(data, key)]
    if not given:
        raise CfgError(f"{data.path}: needs {' or '.join(f'{key}=' for key in keys)}")
    path = data.file(given[0])
    words = read_names(path)
    if len(words) < classes:
        raise CfgError(f"{path}: has {len(words)} lines, but {cfg} gives {classes} numbers, one a class")
    return words[:classes]


def leaves(loaded: LoadedClassifier) -> Array | None:
    """1 for the classes of a tree that have nothing below them, or that the list `leaves` names; None: no tree."""
    tree, data = loaded.classifier.tree, loaded.data
    if tree is None:
        return None
    if not data.leaves:
        return tree.leaves.astype(np.float32)
    chosen = set(read_names(data.file("leaves")))
    return np.array([name in chosen for name in tree.names], np.float32)
