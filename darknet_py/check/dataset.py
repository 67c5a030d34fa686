"""A data set as its .data file describes it, with the network that is to learn it: all that is wrong with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from darknet_py.check.anchors import Fit, badly_fitting, fit
from darknet_py.check.labels import LabelledList, doubtful_boxes, read_list_of_labels, too_many_boxes, unseen_classes
from darknet_py.check.pictures import copies, damaged, files, leaks
from darknet_py.check.problems import Problem
from darknet_py.config.datafile import DataFile, read_names
from darknet_py.data.anchors import ANY_CLASS
from darknet_py.data.class_labels import PathLabels
from darknet_py.data.lists import read_list
from darknet_py.errors import DarknetError
from darknet_py.network import Network

Progress = Callable[[], object]


@dataclass(frozen=True)
class Checked:
    """What was looked at, and what was found. train, valid: None where there is no such list.

    names: of the classes, their numbers where there are none. A classifier's lists have no boxes. fit: None where
    nothing can be said.
    """

    problems: list[Problem]
    names: tuple[str, ...]
    train: LabelledList | None
    valid: LabelledList | None
    fit: Fit | None = None


def check_dataset(
    data: DataFile, net: Network | None, thorough: bool = True, progress: Progress = lambda: None
) -> Checked:
    """Looks at everything that `data` names. thorough: reads and compares the pictures, not only their labels.

    `progress` is called for each picture and label file. Nothing that is wrong with the set raises.
    """
    problems: list[Problem] = []
    names = _names(data, net, problems)
    lists = {key: paths for key in ("train", "valid") if (paths := _list(data, key, problems)) is not None}
    same = _same_list(data, lists)
    if same:
        problems.append(Problem("same-list", f"{data.path}: valid={data.valid}"))
        del lists["valid"]
    problems += _pictures(lists, _channels(net), thorough, progress)
    problems += _backup(data)
    if is_classifier(data, net):
        problems += _path_labels(data, lists, names)
        return Checked(problems, names, _without_labels("train", lists), _without_labels("valid", lists))
    classes = _classes(net) or len(names) or ANY_CLASS
    labelled = {key: read_list_of_labels(key, paths, classes, progress) for key, paths in lists.items()}
    train, valid = labelled.get("train"), labelled.get("valid")
    for listed in labelled.values():
        problems += [*listed.problems, *doubtful_boxes(listed, net.size if net else None)]
    if train is None:
        return Checked(problems, names, train, valid)
    names = names or tuple(map(str, range(len(train.counts(0)))))
    problems += unseen_classes(train, valid, names)
    if net is None:
        return Checked(problems, names, train, valid)
    problems += too_many_boxes(train, max(head.max for _, head in net.heads))
    anchors = fit(net, train.rows)
    problems += badly_fitting(net, anchors)
    return Checked(problems, names, train, valid, anchors)


def is_classifier(data: DataFile, net: Network | None) -> bool:
    """Whether paths, not label files, say what the pictures show."""
    return not net.heads if net is not None else bool(data.labels)


def _pictures(lists: dict[str, list[Path]], channels: int, thorough: bool, progress: Progress) -> Iterator[Problem]:
    for key, paths in lists.items():
        yield from files(key, paths)
    everything = list(dict.fromkeys(path for paths in lists.values() for path in paths))
    train, valid = lists.get("train", []), lists.get("valid", [])
    yield from leaks(train, valid)
    if thorough:
        yield from damaged(everything, channels, progress)
        yield from copies(train)
        yield from copies(valid)
        if train and valid:
            yield from copies(valid, train)


def _names(data: DataFile, net: Network | None, problems: list[Problem]) -> tuple[str, ...]:
    """The names, where they are as many as there are classes; else the classes' numbers."""
    classifier = is_classifier(data, net)
    key = "labels" if classifier and data.labels else "names"
    classes = _classes(net) or data.classes
    if data.classes not in (0, classes):
        problems.append(Problem("names", f"{data.path}: classes={data.classes}, but the cfg has classes={classes}"))
    numbers = tuple(map(str, range(classes)))
    try:
        names = read_names(data.file(key))
    except DarknetError as error:
        problems.append(Problem("names", str(error)))
        return numbers
    for i, name in enumerate(names):
        if not name or name in names[:i]:
            problems.append(Problem("names-twice", f"{data.file(key)}:{i + 1}: {name or 'is empty'}"))
    if classes and len(names) != classes:
        where = "the cfg has" if net else f"{data.path} says"
        problems.append(Problem("names", f"{data.file(key)}: has {len(names)} names where {where} classes={classes}"))
        return numbers
    return names


def _classes(net: Network | None) -> int:
    """Of the labels, as the network takes them; 0 if that isn't known."""
    if net is None:
        return 0
    if net.heads:
        head = net.heads[-1][1]
        return len(head.class_map) if head.class_map else head.classes
    return net.nodes[-1].shape.size


def _channels(net: Network | None) -> int:
    return net.input.c if net is not None else 3


def _list(data: DataFile, key: str, problems: list[Problem]) -> list[Path] | None:
    if key == "valid" and not data.valid:
        problems.append(Problem("same-list", f"{data.path}: has no valid=, so that train= is measured on"))
        return None
    try:
        return read_list(data.file(key))
    except DarknetError as error:
        problems.append(Problem("list", str(error)))
        return None


def _same_list(data: DataFile, lists: dict[str, list[Path]]) -> bool:
    return {"train", "valid"} <= set(lists) and data.file("train").samefile(data.file("valid"))


def _backup(data: DataFile) -> Iterator[Problem]:
    """The folder of the weights, or the nearest one above it that exists, must take files."""
    folder = Path(data.backup)
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        yield Problem("backup", f"{data.path}: backup={data.backup}: no files can be written there")


def _path_labels(data: DataFile, lists: dict[str, list[Path]], names: tuple[str, ...]) -> Iterator[Problem]:
    for key, paths in lists.items():
        labels = PathLabels(names, str(data.file(key).parent))
        counts, _ = labels.count(paths)
        for found in map(labels.find, paths):
            if found.problem:
                yield Problem("class-none" if found.class_id < 0 else "class-several", found.problem)
        for i, name in enumerate(names):
            if not counts[i]:
                yield Problem("class-unseen", f"{key}: {name}")


def _without_labels(key: str, lists: dict[str, list[Path]]) -> LabelledList | None:
    return LabelledList(key, lists[key], []) if key in lists else None
