"""Where numbers come from the device to the host: each place is known, and none lies on the way of activations.

Such a copy waits for all that the GPU still has to do. Adding a place to `KNOWN` is a decision.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import darknet_py

ROOT = Path(darknet_py.__file__).parent
PARTS = (
    "layers",
    "network/graph.py",
    "network/passes.py",
    "train/optimizer.py",
    "train/ema.py",
    "train/loop.py",
    "train/gradients.py",
    "train/replicas.py",
    "train/finite.py",
)
OPS = tuple(f"ops/cuda/{path.name}" for path in sorted((ROOT / "ops/cuda").glob("*.py")))
COPIES = {"to_host", "asnumpy", "item", "tolist"}  # methods
REDUCTIONS = {"sum", "mean", "max", "min", "any", "all"}

KNOWN = {
    # losses, once for each mini-batch and loss layer
    "ops/cuda/heads.py _summed",
    "ops/cuda/costs.py _cost",
    "ops/cuda/contrast.py contrast_cost",
    "ops/cuda/heads.py sure_cells",  # only if [contrastive] asks what was learned, with truth_thresh below 1
    "ops/cuda/arithmetic.py sums",  # whether the gradients of a batch are finite
    "ops/cuda/found.py found",  # counts and rows of what was found
    # asked for by the caller, or about host arrays
    "train/gradients.py __call__",
    "ops/cuda/cupy_ops.py to_host",
    "ops/cuda/half_ops.py works",
}


def copies(path: Path) -> Iterator[str]:
    """Functions of the file that bring something to the host."""
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef) and any(map(_copies, ast.walk(function))):
            yield f"{path.relative_to(ROOT).as_posix()} {function.name}"


def _copies(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        return node.func.attr in COPIES or (node.func.attr == "get" and not node.args)
    reads = isinstance(node.func, ast.Name) and node.func.id in ("float", "int", "bool")
    inside = (n.func.attr for a in node.args for n in ast.walk(a) if _is_method(n))
    return reads and any(name in REDUCTIONS for name in inside)


def _is_method(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)


def test_only_known_places_copy_to_the_host() -> None:
    files = [
        p for part in PARTS for p in ([ROOT / part] if part.endswith(".py") else sorted((ROOT / part).glob("*.py")))
    ]
    found = {place for path in [*files, *(ROOT / name for name in OPS)] for place in copies(path)}
    on_the_host = {place for place in found if place.split()[0] in HOST_FILES}
    assert found - on_the_host == KNOWN


HOST_FILES = {  # work on host arrays only: what a head's loss was given, and files
    f"layers/{name}.py" for name in ("gaussian_yolo", "region", "detection", "tree", "deform", "mask_head")
}
