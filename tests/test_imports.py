"""Imports point one way, and nothing heavy is imported before it is needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import darknet_py

ROOT = Path(darknet_py.__file__).parent
ORDER = [  # each may import what stands before it, and its own part
    {"errors"},
    {"blas", "files", "boxes", "serve"},
    {"config", "runs"},
    {"ops"},
    {"layers"},
    {"network"},
    {"data", "export"},
    {"detector", "classifier"},
    {"check", "metrics", "inference", "track", "video"},
    {"train", "go", "text"},
    {"benchmark"},
    {"cli"},
    {"api", "__main__"},
]
LEVEL = {part: level for level, parts in enumerate(ORDER) for part in parts}
APART = [  # never see each other
    {"data", "export"},
    {"config", "ops"},
    {"config", "boxes"},
    {"train", "go"},
    {"train", "text"},
]
HEAVY = {"numpy", "cv2", "matplotlib", "cupy", "yaml", "tqdm", "threadpoolctl"}


def module_of(path: Path) -> str:
    parts = ("darknet_py", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path, tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """(what is imported, whether when the module is loaded). Names behind ``from x import`` may be modules."""
    lazy = {
        node
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(outer, ast.If) and "TYPE_CHECKING" in ast.unparse(outer.test))
        for node in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node not in lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from ((f"{node.module}.{alias.name}", node not in lazy) for alias in node.names)


MODULES = {module_of(path): path for path in sorted(ROOT.rglob("*.py"))}
IMPORTS = {name: list(imports_of(path, ast.parse(path.read_text()))) for name, path in MODULES.items()}


def existing(name: str) -> str:
    """The module that `name` is or lies in."""
    while name not in MODULES:
        name = name.rpartition(".")[0]
    return name


def inner(module: str) -> list[tuple[str, bool]]:
    return [(existing(name), at_load) for name, at_load in IMPORTS[module] if name.split(".")[0] == "darknet_py"]


def part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_part_has_its_place() -> None:
    assert {part_of(module) for module in MODULES} - {""} == set(LEVEL)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_one_way(module: str) -> None:
    part = part_of(module)
    for imported, _ in inner(module):
        other = part_of(imported)
        if other and part and other != part:
            assert LEVEL[other] < LEVEL[part], f"{module} imports {imported}"
            assert {part, other} not in APART, f"{module} imports {imported}"


def test_the_package_itself_imports_nothing_before_it_is_used() -> None:
    assert [module for module, at_load in inner("darknet_py") if at_load] == []


def test_no_module_is_loaded_in_a_circle() -> None:
    """Counting the packages that an import runs first: ``import a.b`` runs a/__init__.py."""
    needs: dict[str, set[str]] = {}
    for module in MODULES:
        loaded = {imported for imported, at_load in inner(module) if at_load}
        needs[module] = {m for m in loaded if m != module and not module.startswith(f"{m}.")}
    done: set[str] = set()
    while len(done) < len(MODULES):
        ready = {m for m in MODULES if m not in done and needs[m] <= done}
        assert ready, f"in a circle: {sorted(set(MODULES) - done)}"
        done |= ready


def test_only_ops_knows_a_backend() -> None:
    outside = [
        m for m in MODULES if any(name.split(".")[0] == "cupy" for name, _ in IMPORTS[m]) and part_of(m) != "ops"
    ]
    assert outside == []


def loaded_by(code: str) -> set[str]:
    """Top-level modules that are loaded after `code` has run in a fresh interpreter."""
    tell = "import sys; print('\\n'.join(sys.modules), file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", f"{code}\n{tell}"], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in result.stderr.split()}


@pytest.mark.parametrize(
    "code",
    [
        "import darknet_py",
        "from darknet_py.cli.main import main; main(['--help'])",
        "from darknet_py.cli.main import main; main(['detector', '-help'])",
    ],
)
def test_nothing_heavy_is_loaded_for_a_help_text(code: str) -> None:
    assert loaded_by(code) & HEAVY == set()


def test_networks_need_neither_pictures_nor_charts() -> None:
    assert loaded_by("import darknet_py.network") & {"cv2", "matplotlib", "cupy", "tqdm"} == set()


def test_a_detection_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    (tmp_path / "a.data").write_text("names=a.names\n")
    (tmp_path / "a.names").write_text("a\n")
    words = ["detector", "test", "a.data", "none.cfg", "none.weights", "none.jpg", "-no_run", "-dont_show"]
    code = f"from darknet_py.cli import main, prediction, runs; import darknet_py.ops.native_ops; main.main({words})"
    rare = {"tqdm", "matplotlib", "yaml", "threadpoolctl", "multiprocessing", "concurrent", "csv"}
    assert (
        loaded_by(f"import os; os.chdir({str(tmp_path)!r}); from darknet_py import blas; blas.hold(); {code}") & rare
        == set()
    )
