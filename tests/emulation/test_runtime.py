"""What the emulator computes and what it reports, on kernels of a few lines."""

from __future__ import annotations

import numpy as np
import pytest

from tests.emulation import cupy
from tests.emulation.kernels import LaunchError, RawKernel

SOURCE = r"""
extern "C" __global__ void sums(const float *x, int n, float *y) {
    __shared__ float s[64];
    float v = 0;
    for (int i = threadIdx.x; i < n; i += blockDim.x) v += x[i];
    s[threadIdx.x] = v;
    __syncthreads();
    for (int k = 32; k > 0; k >>= 1) {
        if (threadIdx.x < k) s[threadIdx.x] += s[threadIdx.x + k];
        __syncthreads();
    }
    for (int k = 16; k > 0; k >>= 1) v += __shfl_xor_sync(0xffffffffu, v, k);
    if (threadIdx.x % 32 == 0) y[1 + threadIdx.x / 32] = v;
    if (threadIdx.x == 0) y[0] = s[0];
}
extern "C" __global__ void dynamic(float *y) {
    extern __shared__ float s[];
    s[threadIdx.x] = threadIdx.x;
    __syncthreads();
    y[threadIdx.x] = s[blockDim.x - 1 - threadIdx.x];
}
extern "C" __global__ void neighbours(const float *x, float *up, float *down, float *first) {
    float v = x[threadIdx.x];
    up[threadIdx.x] = __shfl_up_sync(0xffffffffu, v, 1);
    down[threadIdx.x] = __shfl_down_sync(0xffffffffu, v, 1);
    first[threadIdx.x] = __shfl_sync(0xffffffffu, v, 0);
}
extern "C" __global__ void count(int *n) { atomicAdd(n, 1); }
extern "C" __global__ void places(int *x) {
    int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
    x[block * blockDim.x + threadIdx.x] = threadIdx.x;
}
extern "C" __global__ void vectors(float4 *x) { float4 v = x[threadIdx.x]; v.y = v.x; x[threadIdx.x] = v; }
extern "C" __global__ void scaled(float *x, int n, long long m, float k) { if (threadIdx.x < n) x[threadIdx.x] *= k; }
extern "C" __global__ void fill(float *x) { x[threadIdx.x] = 1; }
extern "C" __global__ void no_barrier(float *x) {
    __shared__ float s[64];
    s[threadIdx.x] = x[threadIdx.x];
    x[threadIdx.x] = s[63 - threadIdx.x];
}
extern "C" __global__ void reused_too_soon(float *x) {
    __shared__ float s[64];
    s[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    float v = s[63 - threadIdx.x];
    s[threadIdx.x] = 2 * v;
    x[threadIdx.x] = v;
}
extern "C" __global__ void same_place(float *x) { x[0] = threadIdx.x; }
extern "C" __global__ void plain_sum(int *n) { *n += 1; }
extern "C" __global__ void divergent() {
    if (threadIdx.x < 32) __syncthreads();
    else
        __syncthreads();
}
extern "C" __global__ void returned() { if (threadIdx.x > 5) return; __syncthreads(); }
extern "C" __global__ void half_mask(float *x) { x[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, x[threadIdx.x], 1); }
extern "C" __global__ void waits_for_ever(float *x) {
    if (threadIdx.x < 16) x[threadIdx.x] = __shfl_xor_sync(0xffffffffu, x[threadIdx.x], 1);
    else __syncthreads();
}
"""


@pytest.fixture
def kernel() -> object:
    module = cupy.RawModule(code=SOURCE)
    return module.get_function


def floats(count: int) -> cupy.ndarray:
    return cupy.asarray(np.arange(count, dtype=np.float32))


@pytest.mark.usefixtures("order")
def test_threads_work_together(kernel: object) -> None:
    y = cupy.empty(3, np.float32)
    kernel("sums")((1,), (64,), (floats(100), np.int32(100), y))
    even = sum(i for i in range(100) if i % 64 < 32)
    assert y.get().tolist() == [4950, even, 4950 - even]
    y = cupy.empty(40, np.float32)
    kernel("dynamic")((1,), (40,), (y,), shared_mem=160)
    assert y.get().tolist() == list(range(40))[::-1]


@pytest.mark.usefixtures("order")
def test_warps_exchange(kernel: object) -> None:
    x, up, down, first = floats(64), *(cupy.empty(64, np.float32) for _ in range(3))
    kernel("neighbours")((1,), (64,), (x, up, down, first))
    lanes = np.arange(64)
    np.testing.assert_array_equal(up.get(), lanes - (lanes % 32 > 0))
    np.testing.assert_array_equal(down.get(), lanes + (lanes % 32 < 31))
    np.testing.assert_array_equal(first.get(), lanes // 32 * 32)


@pytest.mark.usefixtures("order")
def test_grids_vectors_and_atomics(kernel: object) -> None:
    x, n, v = cupy.empty(2 * 3 * 4 * 5, np.int32), cupy.zeros(1, np.int32), floats(8)
    kernel("places")((4, 3, 2), (5,), (x,))
    np.testing.assert_array_equal(x.get(), np.tile(np.arange(5), 24))
    kernel("count")((3,), (70,), (n,))
    assert n.get() == [210]
    kernel("vectors")((1,), (2,), (v,))
    assert v.get().tolist() == [0, 0, 2, 3, 4, 4, 6, 7]


def test_fresh_memory_is_garbage() -> None:
    assert np.isnan(cupy.empty(5, np.float32).get()).all()


FAULTS = {  # name: (threads, array, message)
    "fill": (64, np.zeros(60, np.float32), "illegal memory access"),
    "divergent": (64, None, "divergent __syncthreads"),
    "returned": (64, None, "have returned"),
    "half_mask": (32, np.zeros(32, np.float32), "not in the mask"),
    "waits_for_ever": (32, np.zeros(32, np.float32), "deadlock"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_told_with_their_place(kernel: object, name: str) -> None:
    threads, array, message = FAULTS[name]
    args = () if array is None else (cupy.asarray(array),)
    with pytest.raises(LaunchError, match=rf"{name}: .*{message}.*block \(0,0,0\) thread"):
        kernel(name)((1,), (threads,), args)


def test_writes_just_behind_an_array_are_seen(kernel: object) -> None:
    with pytest.raises(LaunchError, match="wrote behind the end of an array of 248 bytes"):
        kernel("fill")((1,), (64,), (cupy.zeros(62, np.float32),))


RACES = {
    "no_barrier": (np.zeros(64, np.float32), "read of shared memory that no thread has written"),
    "reused_too_soon": (np.zeros(64, np.float32), "race: (read|write) after a"),
    "same_place": (np.zeros(1, np.float32), "race: write after a write"),
    "plain_sum": (np.zeros(1, np.int32), "race: "),
    "fill": (np.zeros(62, np.float32), "out of bounds of an array of 248 bytes, at byte 248"),
}


@pytest.mark.usefixtures("check_mode")
@pytest.mark.parametrize("name", RACES)
def test_check_mode_sees(kernel: object, name: str) -> None:
    array, message = RACES[name]
    with pytest.raises(LaunchError, match=f"{name}: {message}"):
        kernel(name)((1,), (64,), (cupy.asarray(array),))


@pytest.mark.usefixtures("check_mode", "order")
def test_check_mode_finds_nothing_wrong_with_what_is_right(kernel: object) -> None:
    test_threads_work_together(kernel)
    test_warps_exchange(kernel)
    test_grids_vectors_and_atomics(kernel)


BAD_LAUNCHES = {
    "a Python float for a float": lambda k: k((1,), (8,), (floats(8), np.int32(8), np.int64(8), 0.5)),
    "a float64 for a float": lambda k: k((1,), (8,), (floats(8), np.int32(8), np.int64(8), np.float64(0.5))),
    "an int32 for a long long": lambda k: k((1,), (8,), (floats(8), np.int32(8), np.int32(8), np.float32(0.5))),
    "a Python int for an int": lambda k: k((1,), (8,), (floats(8), 8, np.int64(8), np.float32(0.5))),
    "an array of another type": lambda k: k(
        (1,), (8,), (cupy.zeros(8, np.float64), np.int32(8), np.int64(8), np.float32(0.5))
    ),
    "a host array": lambda k: k((1,), (8,), (np.zeros(8, np.float32), np.int32(8), np.int64(8), np.float32(0.5))),
    "a view with strides": lambda k: k((1,), (8,), (floats(16)[::2], np.int32(8), np.int64(8), np.float32(0.5))),
    "a missing argument": lambda k: k((1,), (8,), (floats(8), np.int32(8), np.int64(8))),
    "an array for a number": lambda k: k((1,), (8,), (floats(8), floats(8), np.int64(8), np.float32(0.5))),
    "a number for an array": lambda k: k((1,), (8,), (np.float32(1), np.int32(8), np.int64(8), np.float32(0.5))),
    "a block of 2048": lambda k: k((1,), (2048,), (floats(8), np.int32(8), np.int64(8), np.float32(0.5))),
    "a grid of 70000 in y": lambda k: k((1, 70000), (8,), (floats(8), np.int32(8), np.int64(8), np.float32(0.5))),
    "a grid that is no tuple": lambda k: k(1, (8,), (floats(8), np.int32(8), np.int64(8), np.float32(0.5))),
    "64 KiB of shared memory": lambda k: k(
        (1,), (8,), (floats(8), np.int32(8), np.int64(8), np.float32(0.5)), shared_mem=65536
    ),
}


@pytest.mark.parametrize("what", BAD_LAUNCHES)
def test_bad_launches_are_refused(kernel: object, what: str) -> None:
    scaled: RawKernel = kernel("scaled")
    with pytest.raises((LaunchError, TypeError)):
        BAD_LAUNCHES[what](scaled)


def test_a_good_launch_and_an_unknown_kernel(kernel: object) -> None:
    x = floats(8)
    kernel("scaled")((1,), (8,), (x, np.int32(4), np.int64(8), np.float32(0.5)))
    assert x.get().tolist() == [0, 0.5, 1, 1.5, 4, 5, 6, 7]
    with pytest.raises(LaunchError, match="not found: nothing"):
        kernel("nothing")
