"""Getting big archives: downloads that go on where they stopped, and zip files unpacked into chosen places."""

from __future__ import annotations

import http.client
import re
import shutil
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from tqdm import tqdm

from darknet_py.errors import DataError
from darknet_py.files import atomic_write

BLOCK = 1 << 20  # bytes moved at a time
TIMEOUT = 60.0  # seconds without a byte


class _Interrupted(Exception):
    """The connection failed in a way that another try may mend."""


def download(url: str, path: Path, patience: int = 5, pause: float = 2.0) -> None:
    """The file behind `url` under `path`, which appears only when it is whole.

    What has arrived lies beside it as ``<name>.part``; a later call, also of another process, goes on from there. A
    broken connection is tried again until `patience` tries in a row brought nothing, `pause` seconds apart at first
    and twice as long each time. DataError when that didn't help, when the site hasn't the file or the disk is full.
    """
    part = path.with_name(path.name + ".part")
    failures = 0
    while True:
        before = _size(part)
        try:
            _receive(url, part)
            part.replace(path)
            return
        except _Interrupted as reason:
            failures = 1 if _size(part) > before else failures + 1
            if failures >= patience:
                raise DataError(f"{url}: {reason}; run the same command again to go on from here") from reason
            time.sleep(pause * 2 ** (failures - 1))
        except OSError as reason:
            raise DataError(f"{path}: can't be written: {reason.strerror or reason}") from reason


def unpack(archive: Path, targets: Mapping[str, Path]) -> None:
    """Members of a zip file (keys) written to the paths given for them; each appears whole or not at all."""
    try:
        with ZipFile(archive) as zipped:
            lacking = sorted(targets.keys() - set(zipped.namelist()))
            if lacking:
                raise DataError(f"{archive}: lacks {len(lacking):,} of the files, the first is {lacking[0]}")
            for member, path in tqdm(targets.items(), desc=f"unpack {archive.name}", unit=" files", leave=False):
                with zipped.open(member) as source, atomic_write(path, sync=False) as file:
                    shutil.copyfileobj(source, file, BLOCK)
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as reason:
        raise DataError(f"{archive}: is damaged ({reason}): delete it and run the same command again") from reason
    except OSError as reason:
        raise DataError(f"{archive}: can't be unpacked: {reason.strerror or reason}") from reason


def _receive(url: str, part: Path) -> None:
    """Appends to `part` what it lacks of `url`. _Interrupted for the network's faults, OSError for the disk's."""
    part.parent.mkdir(parents=True, exist_ok=True)
    have = _size(part)
    response = _open(url, have)
    if response is None:  # the server has nothing behind what we have: complete, or not the same file
        return
    with response:
        if response.status != http.client.PARTIAL_CONTENT:
            have = 0  # the server begins anew
        length = response.headers.get("Content-Length")
        total = have + int(length) if length and length.isdigit() else None
        _check_space(part, (total or 0) - have)
        with (
            part.open("r+b" if have else "wb") as file,
            tqdm(desc=url.rsplit("/", 1)[-1], total=total, initial=have, unit="B", unit_scale=True, leave=False) as bar,
        ):
            file.seek(have)
            while block := _read(response):
                file.write(block)
                bar.update(len(block))
    if total is not None and _size(part) != total:
        raise _Interrupted(f"the connection broke after {_size(part):,} of {total:,} bytes")


def _open(url: str, have: int) -> http.client.HTTPResponse | None:
    """The answer from byte `have` on; None where the server says that these are all. DataError when it refuses."""
    try:
        request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
        response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as answer:
        answer.close()
        if answer.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            total = re.fullmatch(r"bytes \*/(\d+)", answer.headers.get("Content-Range", ""))
            if total and int(total[1]) == have:
                return None
            return _open(url, 0)
        if answer.code < http.client.INTERNAL_SERVER_ERROR:
            raise DataError(f"{url}: the site answers {answer.code} {answer.reason}") from answer
        raise _Interrupted(f"the site answers {answer.code} {answer.reason}") from answer
    except (OSError, http.client.HTTPException) as reason:
        raise _Interrupted(f"no connection ({getattr(reason, 'reason', None) or reason})") from reason
    except ValueError as reason:
        raise DataError(f"{url}: isn't the address of a file ({reason})") from reason
    first = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    if response.status == http.client.PARTIAL_CONTENT and (first is None or int(first[1]) != have):
        response.close()
        raise DataError(f"{url}: the site sends another part of the file than was asked for")
    return response


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(BLOCK)
    except (OSError, http.client.HTTPException) as reason:
        raise _Interrupted(f"the connection broke ({reason})") from reason


def _check_space(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        raise DataError(f"{part.parent}: {needed / 1e9:.1f} GB more are needed, {free / 1e9:.1f} GB are free")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
