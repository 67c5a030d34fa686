"""Products by cuBLAS, and which way is taken. Without a GPU cuBLAS is NumPy behind cuBLAS's own convention."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darknet_py.ops.cuda import cublas_ops
from darknet_py.ops.cuda.choices import Choices, choices_path
from darknet_py.ops.cuda.cublas import product
from darknet_py.ops.cuda.cublas_ops import CublasOps
from darknet_py.ops.cuda.plan import Plan
from tests.emulation import array_module, on_gpu
from tests.ops.cases import CASES, Case
from tests.ops.test_cases import by_loops, call
from tests.ops.test_cuda import assert_close

OPS = ("conv2d", "conv2d_fused", "conv2d_backward", "linear", "linear_backward")
SIDE = st.integers(1, 5)


class Always(Choices):
    """Takes one way wherever there is one, and knows where there was."""

    def __init__(self, way: str) -> None:
        self.way, self.asked = way, set[str]()

    def fastest(self, key: str, ways: Any) -> Any:
        self.asked.add(key)
        return ways[self.way]()


def ops(tf32: bool = False) -> tuple[CublasOps, Always]:
    always = Always("cublas")
    return CublasOps(array_module(), Plan(cublas=True, tf32=tf32), always), always


@given(st.integers(1, 3), SIDE, SIDE, SIDE, st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_products(batch: int, m: int, n: int, k: int, across_a: bool, across_b: bool, shared: bool, add: bool) -> None:
    xp, rng = array_module(), np.random.default_rng(m)
    a = rng.random((1 if shared else batch, m, k), np.float32)
    b, c = rng.random((batch, k, n), np.float32), rng.random((batch, m, n), np.float32)
    left, right = (x.swapaxes(1, 2) if across else x for x, across in ((a, across_a), (b, across_b)))
    result = xp.array(c)
    lying = (xp.array(np.ascontiguousarray(left)), xp.array(np.ascontiguousarray(right)))
    product(xp, *lying, result, a_across=across_a, b_across=across_b, add=add)
    np.testing.assert_allclose(xp.asnumpy(result), a @ b + c * add, rtol=1e-5)


@pytest.mark.parametrize("case", [case for case in CASES if case.op in OPS], ids=str)
def test_equals_the_loops(case: Case) -> None:
    by_cublas, always = ops()
    _, results, after = call(by_cublas, case)
    _, expected, expected_after = by_loops(case)
    assert_close([*results, *after], [*expected, *expected_after])
    suits = all(getattr(arg, "groups", 1) == 1 and getattr(arg, "size", 1) for arg in case.args())
    assert bool(always.asked) == suits or case.op.startswith("linear")


def test_tf32_is_rounded_and_no_worse() -> None:
    (exact, _), (rounded, always) = ops(), ops(tf32=True)
    x, weight = (np.random.default_rng(i).standard_normal((40, 60)) for i in range(2))
    y, z = (o.to_host(o.linear(o.array(x), o.array(weight))) for o in (exact, rounded))
    rounding = np.abs(y - z).max() / np.abs(y).max()
    assert rounding < 2e-3 and (on_gpu() or rounding > 1e-5)  # cards before sm_80 have no TF32
    assert always.asked == {"linear tf32 40x60 40x60"}


def test_what_takes_too_much_memory_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cublas_ops, "MOST_COLUMNS", 10)
    by_cublas, always = ops()
    for case in CASES:
        if case.op.startswith("conv2d"):
            call(by_cublas, case)
    assert not always.asked


# --- which way -------------------------------------------------------------------------------------------------------
def ways(done: list[str], slow: str) -> dict[str, Any]:
    """Two ways, of which one takes longer."""

    def way(name: str) -> str:
        done.append(name)
        if name == slow:
            sum(range(20000))
        return name

    return {name: lambda name=name: way(name) for name in ("own", "cublas")}


def test_the_fastest_is_measured_once_and_kept(tmp_path: Path) -> None:
    xp, path, done = array_module(), tmp_path / "cache" / "choices.json", []
    if not hasattr(xp, "cuda"):  # pragma: no cover
        pytest.skip("no device")
    choices = Choices(xp, path)
    first = choices.fastest("a", ways(done, "own"))
    assert set(done[:-1]) == {"own", "cublas"} and done[-1] == first
    done.clear()
    assert choices.fastest("a", ways(done, "own")) == Choices(xp, path).fastest("a", ways(done, "own")) == first
    assert done == [first, first]
    assert Choices(xp, path).fastest("a", {"other": lambda: "other"}) == "other"  # kept by another version


@pytest.mark.parametrize("text", ["", "[1]", "{broken", '{"a": 3}'])
def test_a_broken_file_is_measured_anew(text: str, tmp_path: Path) -> None:
    path, done = tmp_path / "choices.json", []
    path.write_text(text)
    assert Choices(array_module(), path).fastest("a", ways(done, "own")) in ("own", "cublas")
    assert len(done) == 9


def test_a_way_without_memory_isnt_taken() -> None:
    def full() -> None:
        raise MemoryError

    choices = Choices(array_module(), None)
    assert choices.fastest("a", {"own": lambda: "own", "cublas": full}) == "own"


def test_a_folder_that_cant_be_written_doesnt_matter(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert Choices(array_module(), tmp_path / "file" / "c.json").fastest("a", {"own": lambda: "own"}) == "own"


def test_the_file_is_of_the_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    path = choices_path(array_module())
    assert path.parent == Path("/caches/darknet_py")
    assert path.name.startswith("choices-") and path.suffix == ".json" and " " not in path.name
