"""Trees of classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknet_py.errors import CfgError
from darknet_py.layers.tree import Tree, read_map, read_tree

TEXT = "animal -1\nvehicle -1\ncat 0\ndog 0\ncar 1\npersian 2\nsiamese 2\n"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "a.tree").write_text(TEXT)
    return read_tree(tmp_path / "a.tree")


def test_groups(tree: Tree) -> None:
    assert tree.names[2] == "cat" and len(tree) == 7
    assert tree.spans == ((0, 2), (2, 4), (4, 5), (5, 7))
    assert tree.children == {-1: (0, 2), 0: (2, 4), 1: (4, 5), 2: (5, 7)}
    assert tree.leaves.tolist() == [False, False, False, True, True, True, True]
    assert tree.path(6) == [6, 2, 0] and tree.siblings(3) == (2, 4)


def test_absolute_probabilities(tree: Tree) -> None:
    given = np.array([0.6, 0.4, 0.5, 0.5, 1.0, 0.1, 0.9])
    whole = tree.absolute(given)
    np.testing.assert_allclose(whole, [0.6, 0.4, 0.3, 0.3, 0.4, 0.03, 0.27])
    np.testing.assert_allclose(whole[tree.leaves].sum(), 1)
    np.testing.assert_allclose(tree.absolute(np.stack([given] * 2, axis=1), axis=0)[:, 1], whole)
    assert given[2] == 0.5


@pytest.mark.parametrize(("thresh", "top"), [(0.2, 6), (0.28, 2), (0.5, 0), (0.7, 0)])
def test_top_is_as_deep_as_is_likely(tree: Tree, thresh: float, top: int) -> None:
    assert tree.top(np.array([0.6, 0.4, 0.31, 0.29, 0.4, 0.03, 0.27]), thresh) == top


def test_targets_hold_the_ancestors(tree: Tree) -> None:
    targets = tree.targets(np.eye(7)[[6, 1]])
    np.testing.assert_array_equal(targets, [[1, 0, 1, 0, 0, 0, 1], [0, 1, 0, 0, 0, 0, 0]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a -1\nb", "a.tree:2: expected 'name parent', got 'b'"),
        ("a -1\n\nb 0", "a.tree:2: expected 'name parent'"),
        ("a -1\nb x", "a.tree:2: expected 'name parent'"),
        ("a -1\nb 1", "a.tree:2: the parent 1 must be a line above, 0 to 0, or -1"),
        ("a -2", "a.tree:1: the parent -2 must be"),
        ("a -1\nb 0\nc -1", "a.tree:3: stands apart from the other children of -1"),
        ("", "a.tree: has no line"),
    ],
)
def test_errors_say_where(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.tree").write_text(text)
    with pytest.raises(CfgError) as caught:
        read_tree(tmp_path / "a.tree")
    assert message in str(caught.value)


def test_a_missing_tree(tmp_path: Path) -> None:
    with pytest.raises(CfgError, match="can't be read"):
        read_tree(tmp_path / "none.tree")


def test_map(tmp_path: Path) -> None:
    (tmp_path / "a.map").write_text("3\n0\n2\n")
    assert read_map(tmp_path / "a.map", 4) == (3, 0, 2)
    for text, message in (
        ("3\n4\n", "a.map:2: expected a class, 0 to 3, got '4'"),
        ("x", "a.map:1"),
        ("", "no number"),
    ):
        (tmp_path / "a.map").write_text(text)
        with pytest.raises(CfgError, match=message):
            read_map(tmp_path / "a.map", 4)
