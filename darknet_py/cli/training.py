"""Command line of `detector train` -> everything that a training needs, checked, and what to say about it first."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from darknet_py.check.dataset import Checked, check_dataset
from darknet_py.cli.backend import ops_of
from darknet_py.cli.check_report import problem_lines, verdict
from darknet_py.config.datafile import DataFile, read_data, read_names
from darknet_py.data.lists import read_list
from darknet_py.data.recipe import AugmentOptions
from darknet_py.data.samples import Series
from darknet_py.errors import CfgError, WeightsError
from darknet_py.layers import Head
from darknet_py.network import NetOptions, Network, load_network, load_weights
from darknet_py.train.checkpoint import SUFFIX, read_resume
from darknet_py.train.loop import Progress, Trainer
from darknet_py.train.loss_scale import first
from darknet_py.train.memory import largest_size, memory_line, with_fitting_batch
from darknet_py.train.saving import numbered_period
from darknet_py.train.schedule import possible_sizes

NO_EFFECT = (  # of other trainings, of GPUs, or not needed here
    *("sequential_subdivisions", "dynamic_minibatch", "seq_scales"),
    *("cutmix", "angle", "aspect", "label_smooth_eps", "unsupervised", "contrastive", "contrastive_jit_flip"),
    *("contrastive_color", "adversarial_lr", "attention", "equidistant_point", "badlabels_rejection_percentage"),
    *("num_sigmas_reject_badlabels", "weights_reject_freq", "loss_scale", "try_fix_nan"),
)
CUTMIX, MOSAIC, BOTH = 2, 3, 4  # values of mixup= in Darknet
SHOWN = 10  # classes that are told one by one
BRIEFLY = 3  # problems of a kind that are told
TOLD = ("names", "backup", "same-list")  # kinds of problems that the training itself tells where they matter
SMALL_BATCH = 8  # below it Darknet warns (detector.c:92)


@dataclass(frozen=True)
class Setup:
    """What a training is made of, before its first iteration."""

    data: DataFile
    names: tuple[str, ...]
    trainer: Trainer
    paths: list[Path]
    start: str
    """one line on where the parameters come from"""

    @property
    def net(self) -> Network:
        """The network."""
        return self.trainer.net

    @property
    def head(self) -> Head:
        """The last detection layer, whose augmentation options count, as in Darknet (detector.c:104)."""
        return self.net.heads[-1][1]

    @property
    def folder(self) -> Path:
        """Where files go."""
        return Path(self.data.backup)


def prepare(args: argparse.Namespace) -> Setup:
    """Reads all files; DarknetError where they are no training."""
    data = read_data(args.data)
    net = load_network(args.cfg, ops_of(args), args.seed or 0)
    check_trainable(net, args.cfg)
    net = with_fitting_batch(net) if args.auto_batch else net
    names = _names(data, net.heads[-1][1].classes, args.cfg)
    trainer = Trainer(net, Progress(args.seed or 0))
    start = start_of(trainer, args)
    return Setup(data, names, trainer, read_list(data.file("train")), start)


def check_trainable(net: Network, cfg: str) -> None:
    """CfgError where the network of the file `cfg` can't be trained as a detector."""
    options = net.options
    if not net.heads:
        raise CfgError(f"{cfg}: has no detection layer ([yolo] or [region]) to train")
    if len({head.classes for _, head in net.heads}) > 1:
        raise CfgError(f"{cfg}: its detection layers have different classes=")
    if not options.max_batches:
        raise CfgError(f"{cfg}: [net] needs max_batches, the number of iterations to train")
    if options.batch == 1:
        raise CfgError(
            f"{cfg}: [net] Error: You set incorrect value batch=1 for Training! You should set batch=64 subdivision=64"
        )
    _check_sizes(net)
    if options.batch < SMALL_BATCH:
        warnings.warn(f"{cfg}: batch={options.batch} is small: batch=64 is recommended", stacklevel=2)


def _check_sizes(net: Network) -> None:
    """CfgError for a size of multi-scale training that the layers can't take: better now than when it comes."""
    heads = [head for _, head in net.heads]
    for w, h in sorted(possible_sizes(net.options, heads)):
        try:
            net.resized(w, h)
        except CfgError as error:
            raise CfgError(f"{error}, with an input of {w} x {h} (random={heads[-1].multi_scale:g})") from None


def _names(data: DataFile, classes: int, cfg: str) -> tuple[str, ...]:
    """Names of the classes; their numbers where there are no fitting names, since training needs none."""
    names = read_names(data.file("names")) if data.names else ()
    if data.classes not in (0, classes):
        warnings.warn(f"{data.path}: classes={data.classes}, but {cfg} has {classes}, which count", stacklevel=2)
    if names and len(names) != classes:
        warnings.warn(f"{data.names}: has {len(names)} names, but {cfg} has classes={classes}", stacklevel=2)
    return names if len(names) == classes else tuple(map(str, range(classes)))


def start_of(trainer: Trainer, args: argparse.Namespace) -> str:
    """Loads the weights, and all else of the training that wrote them if its resume file lies beside them."""
    net, progress = trainer.net, trainer.progress
    if not args.weights:
        return f"random weights (seed {progress.seed})"
    weights = Path(args.weights)
    resume_path = weights.with_suffix(SUFFIX)
    wanted = resume_path.exists() and not args.clear and args.cutoff is None
    if wanted and not weights.exists():  # killed before the first weights file was written
        read_resume(resume_path).restore(trainer)
        return _resumed(trainer, args, resume_path)
    header = load_weights(net, weights, args.cutoff)
    if wanted:
        resume = read_resume(resume_path)
        if resume.belongs_to(net, weights):
            for change in resume.changes(net):
                warnings.warn(f"{args.cfg}: since {resume_path} was written: {change}", stacklevel=2)
            resume.restore(trainer)
            return _resumed(trainer, args, resume_path)
    progress.iteration = progress.map_iteration = 0 if args.clear else header.seen // net.options.update_size
    if progress.iteration >= net.options.max_batches:
        raise WeightsError(
            f"{weights}: is already trained to iteration {progress.iteration}, and {args.cfg} has "
            f"max_batches={net.options.max_batches}: raise that, or count from 0 with -clear"
        )
    why = ""
    if progress.iteration:
        why = f", the optimiser starts afresh ({resume_path} {'is of other weights' if wanted else 'is missing'})"
    return f"weights of {weights}, iteration {progress.iteration}{why}"


def _resumed(trainer: Trainer, args: argparse.Namespace, path: Path) -> str:
    if args.seed is not None and args.seed != trainer.progress.seed:
        warnings.warn(f"{path}: goes on with its own seed, {trainer.progress.seed}, not {args.seed}", stacklevel=2)
    return f"{path}: goes on behind iteration {trainer.progress.iteration} as if it had not stopped"


def augment_options(options: NetOptions, head: Head) -> AugmentOptions:
    """Augmentation as [net] and the last detection layer say. In Darknet cutmix is no detector's, mosaic wins."""
    return AugmentOptions(
        jitter=head.jitter,
        resize=head.resize,
        flip=options.flip,
        hue=options.hue,
        saturation=options.saturation,
        exposure=options.exposure,
        letter_box=options.letter_box,
        mosaic=options.mosaic or options.mixup in (MOSAIC, BOTH),
        mosaic_bound=options.mosaic_bound,
        mixup=options.mixup == 1 and not options.cutmix,
        blur=options.blur,
        gaussian_noise=options.gaussian_noise,
    )


def series_of(options: NetOptions) -> Series | None:
    """Consecutive pictures for networks with a memory, where the cfg asks for them."""
    if not options.track:
        return None
    return Series(options.time_steps, options.batch // options.subdivisions, options.augment_speed)


def check_briefly(setup: Setup) -> Checked:
    """What `check` finds in the lists and labels; reads all labels, and no pictures."""
    checked = check_dataset(setup.data, setup.net, thorough=False)
    told = [problem for problem in checked.problems if problem.kind not in TOLD]
    return replace(checked, problems=told)


def summary(setup: Setup, checked: Checked) -> list[str]:
    """What is about to be trained, a fact a line, and what `check_briefly` found."""
    net, options, paths = setup.net, setup.net.options, setup.paths
    boxes = checked.train.counts(len(setup.names)) if checked.train else [0] * len(setup.names)
    by_class = [f"{name} {boxes[i]}" for i, name in enumerate(setup.names)]
    by_class = by_class if len(by_class) <= SHOWN else [*by_class[:SHOWN], "..."]
    largest = largest_size(net)
    lines = [
        f"{Path(net.nodes[0].section.path).name}: {net.parameter_count():,} parameters, input {net.input}"
        + (f", multi-scale up to {largest[0]} x {largest[1]}" if setup.head.multi_scale else ""),
        f"pictures: {len(paths)} with {sum(boxes)} boxes ({', '.join(by_class)})",
        *_brief(setup, checked),
        *facts(setup),
    ]
    idle = without_effect(net)
    if options.mixup == CUTMIX:
        idle.append("mixup=2 (cutmix)")
    if idle:
        lines.append(f"options of [net] that have no effect on this training: {', '.join(idle)}")
    return lines


def _brief(setup: Setup, checked: Checked) -> list[str]:
    if not checked.problems:
        return []
    command = f"darknet_py check {setup.data.path} {setup.net.nodes[0].section.path}"
    lines = [f"  {line}" for line in problem_lines(checked.problems, BRIEFLY, sys.stdout)]
    return [f"check: {verdict(checked.problems, sys.stdout)} in the data set (`{command}` looks at all of it):", *lines]


def facts(setup: Setup) -> list[str]:
    """What is to be said of any training."""
    options = setup.net.options
    return [
        f"batch {options.update_size} in {options.subdivisions} mini-batches; {options.max_batches} iterations, "
        f"{options.max_batches * options.update_size / len(setup.paths):.1f} times all pictures",
        memory_line(setup.net),
        *precision(setup.trainer),
        f"Weights are saved after: {numbered_period(setup.data, options)} iterations. "
        f"Last weights (*_last.weight) are stored every {setup.data.savelast} iterations. ",
        f"Learning Rate: {options.learning_rate:g}, Momentum: {options.momentum:g}, Decay: {options.decay:g}",
        f"start: {setup.start}",
        f"files go to {setup.folder}{'/' if str(setup.folder) != '.' else ''}",
    ]


def precision(trainer: Trainer) -> list[str]:
    """A line on mixed precision, where that is what is trained in."""
    if trainer.net.ops.loss_scale is None:
        return []
    scale = trainer.progress.loss_scale or first(trainer.net.options)
    return [f"precision: convolutions and what they give in 16 bits, all else in 32; loss scale {scale:g}"]


def without_effect(net: Network, idle: Sequence[str] = NO_EFFECT) -> list[str]:
    """Options of `idle` that the cfg sets to something; other trainings of Darknet would heed them."""
    heeded = () if net.ops.loss_scale is None else ("loss_scale",)
    defaults = {f.name: f.default for f in fields(net.options)}
    return [name for name in idle if name not in heeded and getattr(net.options, name) != defaults[name]]
