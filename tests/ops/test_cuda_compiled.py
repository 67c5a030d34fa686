"""NVIDIA's compiler takes every kernel for every architecture, without spilling, with no more registers than before."""

from __future__ import annotations

import json

import pytest

from tests.emulation import sass
from tests.emulation.nvcc import ARCHITECTURES, REGISTERS, STORED, Report, available, compiled, occupancy, variants

LEAST_FFMA = 0.7  # of the instructions of the convolution's hot loop
MORE_REGISTERS = 8  # than stored are still no regression: compilers differ

needs_nvcc = pytest.mark.skipif(not available(), reason="needs nvcc (NVIDIA's CUDA toolkit)")


@needs_nvcc
@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_kernels_compile_without_spilling(architecture: int) -> None:
    stored = json.loads(STORED.read_text()).get(str(architecture), {})
    for variant in variants():
        for report in compiled(variant, architecture):
            name = f"{variant}: {report.kernel}"
            assert report.spilled == report.stack == 0, name
            assert report.registers * report.block <= REGISTERS, name
            assert report.shared <= 48 << 10, name
            assert report.registers <= stored.get(name, report.registers) + MORE_REGISTERS, name


@needs_nvcc
def test_a_kernel_that_spills_is_seen() -> None:
    (report,) = (r for r in compiled(next(v for v in variants() if v.file == "elementwise"), 80) if r.kernel == "add")
    assert 0 < report.registers < 32 and report.spilled == 0


@pytest.mark.skipif(not sass.available(), reason="needs nvcc, and nvdisasm (pip install nvidia-cuda-nvdisasm)")
@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_convolutions_multiply_most_of_the_time(architecture: int) -> None:
    for what, (variant, gated) in sass.CONVOLUTIONS.items():
        if gated:
            for kernel, lines in sass.functions(variant, architecture).items():
                assert sass.ffma_share(lines) >= LEAST_FFMA, f"{what}: {kernel}: {sass.hot_loop(lines)}"


def test_the_hot_loop_is_that_with_most_multiplications() -> None:
    """Branches forwards are no loops; one loop may lie in another."""
    lines = """
        /*0000*/                   IMAD R1, R2, R3, R4 ;
.L_x_1:
        /*0010*/                   FFMA R1, R2, R3, R1 ;
        /*0020*/               @P0 BRA `(.L_x_3) ;
.L_x_2:
        /*0030*/              @!P1 FFMA.FTZ R1, R2, R3, R1 ;
        /*0040*/                   FFMA R5, R2, R3, R5 ;
        /*0050*/                   LDS.128 R8, [R2] ;
        /*0060*/               @P1 BRA `(.L_x_2) ;
.L_x_3:
        /*0070*/                   NOP ;
        /*0080*/                   EXIT ;
""".splitlines()
    assert sass.hot_loop(lines) == {"FFMA": 2, "LDS": 1, "BRA": 1}
    assert sass.ffma_share(lines) == 0.5


def test_occupancy_is_what_nvidias_tables_say() -> None:
    assert occupancy(Report("k", 32, 0, 0, 0), 80) == 1
    assert occupancy(Report("k", 128, 0, 0, 16896), 80) == 0.25
    assert occupancy(Report("k", 128, 0, 0, 16896), 75) == 0.5
    assert occupancy(Report("k", 64, 0, 0, 0), 86) == pytest.approx(2 / 3)
    assert occupancy(Report("k", 32, 0, 0, 48 << 10), 86) == pytest.approx(1 / 3)
