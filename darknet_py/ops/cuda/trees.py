"""Trees of classes on a GPU, each brought there once."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from darknet_py.ops.base import Array
from darknet_py.ops.cuda.arrays import CudaArrays
from darknet_py.ops.heads.region import Hierarchy


class TreeArrays(NamedTuple):
    """What kernels/region.cu and found.cu ask of a tree; groups are (first, behind the last)."""

    hierarchy: Hierarchy
    parents: Array
    """(classes,) -1: of the root"""
    siblings: Array
    """(classes, 2) the group of a class"""
    children: Array
    """(1 + classes, 2) the group below the root, and below each class: (0, 0) where there is none"""


class CudaTrees(CudaArrays):
    """A tree is known by its identity: those of some networks have thousands of classes."""

    @cached_property
    def _trees(self) -> dict[int, TreeArrays]:
        return {}

    def tree(self, hierarchy: Hierarchy) -> TreeArrays:
        """Its arrays."""
        known = self._trees.get(id(hierarchy))
        if known is None:
            classes = range(len(hierarchy.parents))
            known = self._trees[id(hierarchy)] = TreeArrays(
                hierarchy,
                self.whole_numbers([hierarchy.parents]),
                self.whole_numbers([hierarchy.siblings(c) for c in classes]),
                self.whole_numbers([hierarchy.children.get(c, (0, 0)) for c in (-1, *classes)]),
            )
        return known
