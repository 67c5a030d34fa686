"""Files: written so that a reader never sees half of one, read and found with errors of one line."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from darknet_py.errors import CfgError, DarknetError


@contextmanager
def atomic_write(path: str | Path) -> Iterator[IO[bytes]]:
    """A binary file that appears under `path` only when the block ends well; the old file stays until then.

    The data is flushed to the disk before the rename, so that a crash leaves the old or the new file, whole.
    A full disk or a missing right is a DarknetError that names the file; the temporary file is removed.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise DarknetError(f"{path}: can't be written: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()


def write_text(path: str | Path, text: str) -> None:
    """`text` as UTF-8 under `path`, whole or not at all."""
    with atomic_write(path) as file:
        file.write(text.encode())


def read_text(path: str | Path, error: type[DarknetError]) -> str:
    """The file's text; `error` in one line where it can't be read. A byte-order mark is dropped."""
    try:
        return Path(path).read_text(encoding="utf-8-sig", errors="replace")
    except OSError as reason:
        raise error(f"{path}: can't be read: {reason.strerror or reason}") from reason


def find_file(name: str | Path, beside: str | Path, what: str = "") -> Path:
    """`name` in the working directory, or else beside the file `beside` or in the folder above it.

    The last is where ``data/coco.data`` finds ``data/coco.names`` from any working directory.
    """
    here = Path(name).expanduser()
    folder = Path(beside).resolve().parent
    candidates = [here] if here.is_absolute() else [here, folder / here, folder.parent / here]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise CfgError(f"{what or beside}: {name} isn't found (looked for {', '.join(str(c) for c in candidates)})")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
