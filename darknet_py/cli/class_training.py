"""Command line of `classifier train` -> everything that a training needs, checked, and what to say about it first."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from darknet_py.classifier import Classifier
from darknet_py.cli.backend import ops_of
from darknet_py.cli.class_loading import read_words
from darknet_py.cli.training import NO_EFFECT, SHOWN, Setup, facts, start_of, without_effect
from darknet_py.config.datafile import read_data
from darknet_py.data.class_augment import CUTMIX, CUTMIX_OR_MOSAIC, MOSAIC, ClassAugmentOptions
from darknet_py.data.class_labels import PathLabels
from darknet_py.data.class_samples import ClassSamples
from darknet_py.data.lists import read_list
from darknet_py.errors import CfgError, DataError
from darknet_py.layers.losses import Cost, Logistic, Softmax
from darknet_py.network import NetOptions, Network, load_network
from darknet_py.train.loop import Progress, Trainer
from darknet_py.train.memory import with_fitting_batch
from darknet_py.train.schedule import possible_sizes

HEEDED = ("cutmix", "angle", "aspect", "label_smooth_eps")  # by classifiers alone
IDLE = (*(name for name in NO_EFFECT if name not in HEEDED), "mosaic_bound", "gaussian_noise", "letter_box", "track")
NUMBERED = 1000  # iterations between numbered weights files (classifier.c:272)


def prepare(args: argparse.Namespace) -> Setup:
    """Reads all files; DarknetError where they are no training. The setup's names are the labels."""
    data = read_data(args.data)
    net = load_network(args.cfg, ops_of(args), args.seed or 0)
    check_trainable(net, args.cfg)
    net = with_fitting_batch(net) if args.auto_batch else net
    labels = read_words(data, Classifier(net).classes, args.cfg, "labels", "names")
    trainer = Trainer(net, Progress(args.seed or 0))
    start = start_of(trainer, args)
    data = replace(data, saveweights=data.saveweights or NUMBERED)
    return Setup(data, labels, trainer, read_list(data.file("train")), start)


def check_trainable(net: Network, cfg: str) -> None:
    """CfgError where the network of the file `cfg` can't be trained as a classifier."""
    if not any(isinstance(node.layer, Softmax | Logistic | Cost) for node in net.nodes):
        raise CfgError(f"{cfg}: has no layer with a loss to train: [softmax], [logistic] or [cost]")
    if not net.options.max_batches:
        raise CfgError(f"{cfg}: [net] needs max_batches, the number of iterations to train")
    for w, h in sorted(possible_sizes(net.options, [])) if net.options.random else ():
        net.resized(w, h)  # better now than when this size comes


def samples(setup: Setup) -> ClassSamples:
    """Where the loader gets its pictures. With a tree of classes labels aren't smoothed: all would have ancestors."""
    options = setup.net.options
    return ClassSamples(
        setup.paths,
        path_labels(setup),
        augment_options(options),
        batch=options.update_size,
        seed=setup.trainer.progress.seed,
        channels=setup.net.input.c,
        smoothing=0.0 if Classifier(setup.net).tree else options.label_smooth_eps,
    )


def path_labels(setup: Setup) -> PathLabels:
    """Tells the classes of the training pictures."""
    return PathLabels(setup.names, str(setup.data.file("train").parent))


def augment_options(options: NetOptions) -> ClassAugmentOptions:
    """Augmentation as [net] says, with Darknet's defaults for the crops (parser.c:1197)."""
    mixup = options.mixup
    if options.cutmix or options.mosaic:
        mixup = (CUTMIX_OR_MOSAIC if options.mosaic else CUTMIX) if options.cutmix else MOSAIC
    middle, size = options.center, max(options.width, options.height)
    return ClassAugmentOptions(
        min_crop=size if middle else int(options.min_ratio * options.width) or options.min_crop or options.width,
        max_crop=size if middle else int(options.max_ratio * options.width) or options.max_crop or 2 * options.width,
        angle=0 if middle else options.angle,
        aspect=1 if middle else options.aspect,
        center=middle,
        width=options.width,
        flip=options.flip,
        hue=options.hue,
        saturation=options.saturation,
        exposure=options.exposure,
        mixup=mixup,
        blur=options.blur,
    )


def summary(setup: Setup) -> list[str]:
    """What is about to be trained, a fact a line; looks at all paths. DataError where none of them tells a class."""
    net, paths = setup.net, setup.paths
    counts, problems = path_labels(setup).count(paths)
    if counts[-1] == len(paths):
        raise DataError(
            f"{setup.data.path}: no picture of train={setup.data.train} has a label in its path: {problems[0]}"
        )
    by_class = [f"{name} {counts[i]}" for i, name in enumerate(setup.names)]
    by_class = by_class if len(by_class) <= SHOWN else [*by_class[:SHOWN], "..."]
    lines = [
        f"{Path(net.nodes[0].section.path).name}: {net.parameter_count():,} parameters, input {net.input}",
        f"pictures: {len(paths)} ({', '.join(by_class)})",
    ]
    if problems:
        several = len(problems) - counts[-1]
        lines.append(f"{counts[-1]} have no label in their path and {several} have several, such as {problems[0]}")
    lines += facts(setup)
    idle = without_effect(net, IDLE)
    if idle:
        lines.append(f"options of [net] that have no effect on this training: {', '.join(idle)}")
    return lines
