"""Source of kernels and options -> a shared library of emulated kernels, built once for each content."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.emulation.ptx_to_cpp import translated

HERE = Path(__file__).parent
KERNEL = re.compile(r"__global__\s+void\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\(")
DYNAMIC = re.compile(r"extern\s+__shared__\s+(?:__align__\(\d+\)\s+)?([\w ]+?)\s+(\w+)\s*\[\s*\]\s*;")
COMMON = ("-std=c++17", "-fPIC", "-fvisibility=hidden", "-fno-strict-aliasing", "-ffp-contract=off", "-w", f"-I{HERE}")
SOURCES = ("device.h", "cuda_fp16.h", "mma.h", "ptx.h", "runtime.h", "runtime.cpp", "checker.cpp")
FAST = ("-O2",)
# -O1, so that accesses stay what the source says; statics without locks, which the sanitizer would call for
CHECKED = ("-O1", "-fsanitize=thread", "-fno-threadsafe-statics")


def cache_folder() -> Path:
    """Where libraries are kept: EMULATION_CACHE, or a folder of the system's for temporary files."""
    folder = Path(
        os.environ.get("EMULATION_CACHE") or Path(tempfile.gettempdir()) / f"darknet_py-emulation-{os.getuid()}"
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def compiled(source: str, options: Sequence[str] = (), check: bool = False) -> Path:
    """The shared library of the kernels in `source`. `options`: of NVRTC; those for the preprocessor count."""
    text = DYNAMIC.sub(r"\1 *\2 = (\1 *)emu::dynamic_shared;", source)
    text += "\n" + "".join(f"EMU_EXPORT({name})\n" for name in dict.fromkeys(KERNEL.findall(source)))
    return library_of(text, [*_defines(options), "-include", str(HERE / "device.h")], check)


def compiled_ptx(source: str, options: Sequence[str], architecture: int, check: bool = False) -> Path:
    """The same of what nvcc makes of the source for an architecture, which has no `emu_signature_NAME`."""
    return library_of(translated(ptx(source, options, architecture)), ["-O1"], check)  # -O2 takes twice as long


def ptx(source: str, options: Sequence[str], architecture: int) -> str:
    """PTX by nvcc, with the options that CuPy compiles with."""
    flags = ["-std=c++17", "-ftz=true", f"-arch=compute_{architecture}", *_defines(options)]
    made = cache_folder() / f"{_key(source, flags)}.ptx"
    if not made.exists():
        with tempfile.TemporaryDirectory(dir=cache_folder()) as folder:
            Path(folder, "kernels.cu").write_text(source)
            _run(["nvcc", "-ptx", *flags, "-o", f"{folder}/kernels.ptx", f"{folder}/kernels.cu"])
            Path(folder, "kernels.ptx").replace(made)
    return made.read_text()


def _defines(options: Sequence[str]) -> list[str]:
    return [option for option in options if option.startswith(("-D", "-U"))]


def library_of(text: str, options: Sequence[str] = (), check: bool = False) -> Path:
    """The shared library of C++ for the emulator."""
    flags = [*COMMON, *(CHECKED if check else FAST), *options, "-x", "c++", "-"]
    library = cache_folder() / f"{_key(text, flags)}.so"
    if not library.exists():
        made = Path(f"{library}.{os.getpid()}")
        code = Path(f"{made}.o")
        _run(["g++", "-c", *flags, "-o", str(code)], text)
        _run(["g++", "-shared", str(code), *map(str, _runtime(check)), "-o", str(made)])
        code.unlink()
        made.replace(library)  # another process may build the same one
    return library


@cache
def _runtime(check: bool) -> tuple[Path, ...]:
    """The emulator's own object files."""
    return tuple(_object(HERE / name) for name in ("runtime.cpp", "checker.cpp" if check else "unchecked.cpp"))


def _object(source: Path) -> Path:
    flags = [*COMMON, "-O2"]
    target = cache_folder() / f"{source.stem}-{_key(source.read_text(), flags)}.o"
    if not target.exists():
        made = Path(f"{target}.{os.getpid()}")
        _run(["g++", "-c", *flags, str(source), "-o", str(made)])
        made.replace(target)
    return target


def _key(text: str, flags: Sequence[str]) -> str:
    """Of everything that the result depends on."""
    headers = [(HERE / name).read_text() for name in SOURCES]
    return hashlib.sha256(repr((text, flags, headers, _compiler())).encode()).hexdigest()[:24]


@cache
def _compiler() -> str:
    return subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True).stdout


def _run(command: list[str], text: str | None = None) -> None:
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"emulator: {' '.join(command[:3])} ... failed:\n{done.stderr[:4000]}")
