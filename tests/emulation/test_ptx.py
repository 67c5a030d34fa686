"""PTX by hand, translated and run: each family of instructions against what NVIDIA's manual says of it."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable

import numpy as np
import pytest

from tests.emulation.compile_kernels import library_of
from tests.emulation.ptx import PtxError, read
from tests.emulation.ptx_to_cpp import translated

HEAD = ".version 9.0\n.target sm_80\n.address_size 64\n"
LANES = 32


def program(code: str, name: str = "kernel") -> str:
    """A kernel whose thread t has x[t] in %x and its bits in %b, and stores %y."""
    return f"""
.visible .entry {name}(.param .u64 .ptr .align 1 {name}_param_0, .param .u64 {name}_param_1)
{{
    .reg .pred %p<4>;
    .reg .b16 %h<4>;
    .reg .b32 %b, %c, %r<8>;
    .reg .f32 %x, %y, %f<4>;
    .reg .f64 %d<4>;
    .reg .b64 %rd<8>;
    ld.param.u64 %rd1, [{name}_param_0];  // comments go
    ld.param.u64 %rd2, [{name}_param_1];
    cvta.to.global.u64 %rd1, %rd1;
    mov.u32 %r1, %tid.x;
    mul.wide.u32 %rd3, %r1, 4;
    add.s64 %rd1, %rd1, %rd3;
    add.s64 %rd2, %rd2, %rd3;
    ld.global.f32 %x, [%rd1];
    ld.global.nc.u32 %b, [%rd1+0];
    mov.b32 %y, %b;
    {code}
    st.global.f32 [%rd2], %y;
    ret;
}}
"""


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    """All programs below: one call of the compiler."""
    kernels = [program(code, f"kernel{number}") for number, code in enumerate(CODES)]
    made = ctypes.CDLL(str(library_of(translated("".join([HEAD, *ARRAYS, *kernels])))))
    made.emu_error.restype = ctypes.c_char_p
    return made


def run(library: ctypes.CDLL, code: str, x: np.ndarray) -> np.ndarray:
    """What the threads of one block store."""
    x, y = np.ascontiguousarray(x), np.zeros(len(x), np.float32)
    addresses = [np.array([a.ctypes.data], np.uint64) for a in (x, y)]
    values = (ctypes.c_void_p * 2)(*[a.ctypes.data for a in addresses])
    one, block = (ctypes.c_uint * 3)(1, 1, 1), (ctypes.c_uint * 3)(len(x), 1, 1)
    if library[f"emu_launch_kernel{CODES.index(code)}"](one, block, ctypes.c_size_t(0), values):
        raise RuntimeError(library.emu_error().decode())
    return y


X = np.array([-2.5, -1, -0.75, 0, 0.3, 1, 2.5, 7], np.float32)
NAN = np.array([np.nan, 1, -1], np.float32)

REAL: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # code, and the same with NumPy in float32
    "fma.rn.ftz.f32 %y, %x, 0f3E4CCCCD, 0f3F800000;": lambda x: np.float32(x.astype(float) * np.float32(0.2) + 1),
    "max.ftz.f32 %y, %x, 0f00000000; neg.ftz.f32 %y, %y;": lambda x: -np.maximum(x, 0),
    "abs.f32 %f1, %x; sqrt.rn.f32 %f1, %f1; copysign.f32 %y, %x, %f1;": lambda x: np.copysign(np.sqrt(np.abs(x)), x),
    "cvt.sat.f32.f32 %y, %x;": lambda x: np.clip(x, 0, 1),
    "ex2.approx.ftz.f32 %y, %x;": np.exp2,
    "rcp.rn.f32 %y, 0f40800000; sub.f32 %y, %x, %y;": lambda x: x - np.float32(0.25),
    "cvt.rmi.f32.f32 %y, %x;": np.floor,
    "cvt.rni.f32.f32 %y, %x;": np.rint,
    "cvt.rzi.s32.f32 %r2, %x; cvt.rn.f32.s32 %y, %r2;": np.trunc,
    "cvt.rzi.u32.f32 %r2, %x; cvt.rn.f32.u32 %y, %r2;": lambda x: np.trunc(np.maximum(x, 0)),
    "cvt.f64.f32 %d1, %x; mul.f64 %d1, %d1, 0d4000000000000000; cvt.rn.f32.f64 %y, %d1;": lambda x: 2 * x,
    "cvt.rn.f16.f32 %h1, %x; cvt.f32.f16 %y, %h1;": lambda x: x.astype(np.float16).astype(np.float32),
    "setp.gt.f32 %p1, %x, 0f00000000; selp.f32 %y, %x, 0fBF800000, %p1;": lambda x: np.where(x > 0, x, -1),
    "setp.lt.f32 %p1|%p2, %x, 0f3F800000; mov.f32 %y, 0f00000000; @!%p2 mov.f32 %y, %x;": lambda x: np.where(
        x < 1, x, 0
    ),
    "setp.gt.f32 %p1, %x, 0f00000000; setp.lt.and.f32 %p2, %x, 0f40000000, !%p1; selp.f32 %y, 0f3F800000, %x, %p2;": (
        lambda x: np.where((x < 2) & ~(x > 0), 1, x)
    ),
    "add.rm.f32 %y, %x, 0f2EDBE6FF;": lambda x: np.where(x == 0, np.float32(1e-10), x),  # towards minus infinity
    "mov.f32 %y, 0f00000000;\n$L1:\nadd.f32 %y, %y, 0f3F800000;\nsetp.lt.f32 %p1, %y, %x;\n@%p1 bra $L1;": (
        lambda x: np.maximum(np.ceil(x), 1)
    ),
}


@pytest.mark.parametrize("code", REAL)
def test_real_numbers(code: str, library: ctypes.CDLL) -> None:
    np.testing.assert_array_equal(run(library, code, X), REAL[code](X).astype(np.float32))


def _bits(x: np.ndarray) -> np.ndarray:
    return x.view(np.int32).astype(np.int64)


WHOLE: dict[
    str, Callable[[np.ndarray], np.ndarray]
] = {  # code that leaves a number in %r2, and the same with numbers of 64 bits
    "mul.hi.s32 %r2, %b, 1717986919;": lambda b: b * 1717986919 >> 32,
    "mul.hi.u32 %r2, %b, -858993459;": lambda b: (b % 2**32) * 3435973837 >> 32,
    "mad.lo.s32 %r2, %b, 7, -3;": lambda b: b * 7 - 3,
    "mul.wide.s32 %rd4, %b, -9; shr.u64 %rd4, %rd4, 32; cvt.u32.u64 %r2, %rd4;": lambda b: b * -9 >> 32,
    "shr.s32 %r2, %b, 40;": lambda b: np.where(b < 0, -1, 0),
    "shr.u32 %r2, %b, 4;": lambda b: b % 2**32 >> 4,
    "shl.b32 %r2, %b, 32;": lambda b: 0 * b,
    "rem.u32 %r2, %b, 10;": lambda b: b % 2**32 % 10,
    "div.s32 %r2, %b, -10;": lambda b: np.trunc(b / -10).astype(np.int64),
    "and.b32 %r2, %b, 255; xor.b32 %r2, %r2, 15; not.b32 %r2, %r2;": lambda b: ~((b & 255) ^ 15),
    "min.s32 %r2, %b, 5; sub.s32 %r2, %r2, %b;": lambda b: np.minimum(b, 5) - b,
    "mov.b32 {%h1, %h2}, %b; mov.b32 %r2, {%h2, %h1};": lambda b: (b << 16) | (b >> 16 & 0xFFFF),
    "clz.b32 %r2, %b;": lambda b: np.array([32 - int(v % 2**32).bit_length() for v in b]),
    "popc.b32 %r2, %b;": lambda b: np.array([bin(v % 2**32).count("1") for v in b]),
    "setp.lt.u32 %p1, %b, 65536; selp.b32 %r2, 1, %b, %p1;": lambda b: np.where(b % 2**32 < 65536, 1, b),
}


@pytest.mark.parametrize("code", WHOLE)
def test_whole_numbers(code: str, library: ctypes.CDLL) -> None:
    found = run(library, shown(code), X).view(np.uint32)
    np.testing.assert_array_equal(found, (WHOLE[code](_bits(X)) % 2**32).astype(np.uint32))


def shown(code: str) -> str:
    return f"{code} mov.b32 %y, %r2;"


COMPARISONS = {"lt": [0, 0, 1], "ltu": [1, 0, 1], "ne": [0, 0, 1], "neu": [1, 0, 1], "nan": [1, 0, 0]}


def compared(name: str) -> str:
    return f"setp.{name}.f32 %p1, %x, 0f3F800000; selp.f32 %y, 0f3F800000, 0f00000000, %p1;"


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_with_what_is_no_number(name: str, library: ctypes.CDLL) -> None:
    np.testing.assert_array_equal(run(library, compared(name), NAN), COMPARISONS[name])


EXCHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # from which lane
    "bfly.b32 %r2|%p1, %b, 1, 31": lambda t: t ^ 1,
    "up.b32 %r2, %b, 3, 0": lambda t: np.where(t < 3, t, t - 3),
    "down.b32 %r2, %b, 3, 31": lambda t: np.where(t > 28, t, t + 3),
    "idx.b32 %r2, %b, 5, 31": lambda t: 0 * t + 5,
    "idx.b32 %r2, %b, 5, 0x181F": lambda t: t // 8 * 8 + 5,
}


def exchanged(way: str) -> str:
    return f"shfl.sync.{way}, -1; mov.b32 %y, %r2;"


@pytest.mark.parametrize("way", EXCHANGES)
def test_exchanges_of_a_warp(way: str, library: ctypes.CDLL) -> None:
    x = np.arange(LANES).astype(np.float32)
    found = run(library, exchanged(way), x)
    np.testing.assert_array_equal(found, x[EXCHANGES[way](np.arange(LANES))])


UNFLUSHED, FLUSHED = "add.f32 %y, %x, 0f00000000;", "add.ftz.f32 %y, %x, 0f80000000;"


def test_denormals_are_zero_where_it_says_so(library: ctypes.CDLL) -> None:
    small = np.array([1e-40, -1e-40], np.float32)
    np.testing.assert_array_equal(run(library, UNFLUSHED, small), small)
    flushed = run(library, FLUSHED, small)
    assert (flushed == 0).all() and math.copysign(1, flushed[1]) == -1


ARRAYS = [
    ".shared .align 16 .b8 many[128];\n",
    ".global .align 4 .b32 table[2] = {0, 1077936128};\n",  # the second one is the float 3
]
REVERSED = """
    .shared .align 4 .b8 other[128];
    shl.b32 %r2, %r1, 2;
    mov.u32 %r3, many;
    add.s32 %r3, %r3, %r2;
    st.shared.f32 [%r3], %x;
    mov.u32 %r4, other;
    add.s32 %r4, %r4, %r2;
    st.shared.u32 [%r4], %r1;
    bar.sync 0;
    sub.s32 %r3, %r3, %r2;
    mov.u32 %r5, 124;
    sub.s32 %r5, %r5, %r2;
    add.s32 %r3, %r3, %r5;
    ld.shared.f32 %y, [%r3];
"""


def test_shared_memory_and_barriers(library: ctypes.CDLL) -> None:
    """Each thread reads what the one across the block has written; two arrays don't touch."""
    x = np.random.default_rng(0).random(LANES, dtype=np.float32)
    np.testing.assert_array_equal(run(library, REVERSED, x), x[::-1])


VECTORS = """
    .local .align 16 .b8 place[16];
    mov.u64 %rd5, place;
    st.local.v2.f32 [%rd5+8], {%x, 0f40000000};
    ld.local.v2.f32 {%f1, %f2}, [%rd5+8];
    mov.u64 %rd6, table;
    ld.global.f32 %f3, [%rd6+4];
    fma.rn.f32 %y, %f1, %f2, %f3;
"""


def test_vectors_local_memory_and_constants(library: ctypes.CDLL) -> None:
    np.testing.assert_array_equal(run(library, VECTORS, X), X * 2 + 3)


MISALIGNED = "add.s64 %rd1, %rd1, 4; ld.global.v2.f32 {%f1, %f2}, [%rd1];"
DIVERGENT = "setp.lt.u32 %p1, %r1, 3; @%p1 bra $L1; bar.sync 0;\n$L1:\nbar.sync 0;"


def test_faults_are_seen(library: ctypes.CDLL) -> None:
    with pytest.raises(RuntimeError, match="misaligned access of 8 bytes"):
        run(library, MISALIGNED, X)
    with pytest.raises(RuntimeError, match="divergent"):
        run(library, DIVERGENT, X)


CODES = [
    *REAL,
    *map(shown, WHOLE),
    *map(compared, COMPARISONS),
    *map(exchanged, EXCHANGES),
    *(UNFLUSHED, FLUSHED, REVERSED, VECTORS, MISALIGNED, DIVERGENT),
]


def test_what_isnt_known_is_refused() -> None:
    with pytest.raises(PtxError, match=r"instruction tex\.2d"):
        translated(program("tex.2d.v4.f32 %y, %x;"))
    with pytest.raises(PtxError, match="function helper"):
        read(f"{HEAD}.func helper(.param .b32 a)\n{{\n ret;\n}}\n")
    with pytest.raises(PtxError, match="comparison"):
        translated(program("setp.foo.s32 %p1, %b, 1;"))
