"""Files: written so that a reader never sees half of one, read and found with errors of one line."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from darknet_py.errors import CfgError, DarknetError, WeightsError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@contextmanager
def atomic_write(path: str | Path, sync: bool = True) -> Iterator[IO[bytes]]:
    """A binary file that appears under `path` only when the block ends well; the old file stays until then.

    With `sync` the data is flushed to the disk before the rename, so that even a crash of the machine leaves the old or
    the new file, whole; for a hundred thousand small files that would take longer than all the rest.
    A link is followed, and an old file's permissions are kept. A full disk, a missing right or a place that holds no
    regular file is a DarknetError that names the file; the temporary file is removed.
    """
    try:
        target = Path(path).resolve()
        if not target.name or target.is_symlink() or (target.exists() and not target.is_file()):
            raise OSError(errno.EINVAL, "not a regular file")
        target.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle; from Python 3.13 they stay links
        raise _cant_write(path, error) from error
    temporary = target.with_name(f".{target.name[:60]}.{os.urandom(4).hex()}.part")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except OSError as error:
        raise _cant_write(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _cant_write(path: str | Path, error: Exception) -> DarknetError:
    return DarknetError(f"{path}: can't be written: {getattr(error, 'strerror', None) or error}")


def write_text(path: str | Path, text: str, sync: bool = True) -> None:
    """`text` as UTF-8 under `path`, whole or not at all. File names in it keep the bytes that are no UTF-8."""
    with atomic_write(path, sync) as file:
        file.write(text.encode(errors="surrogateescape"))


def read_npz(path: str | Path, kind: str) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file. WeightsError where it can't be read, or isn't `kind`, as "a resume file"."""
    import numpy as np  # not everything that uses files needs it

    try:
        with Path(path).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise WeightsError(f"{path}: can't be read: {error.strerror or error}") from error
    except Exception as error:  # zipfile, zlib and NumPy's parser of headers raise a dozen kinds on damaged files
        raise WeightsError(f"{path}: isn't {kind}: {' '.join(str(error).split()) or type(error).__name__}") from error


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
    here = Path(os.path.expanduser(name))  # noqa: PTH111 - Path.expanduser fails for the name of an unknown user
    folder = Path(os.path.realpath(beside)).parent
    candidates = [here] if here.is_absolute() else [here, folder / here, folder.parent / here]
    for candidate in candidates:
        if os.path.exists(candidate):  # noqa: PTH110 - Path.exists fails for a name that is too long
            return candidate
    raise CfgError(f"{what or beside}: {name} isn't found (looked for {', '.join(str(c) for c in candidates)})")
