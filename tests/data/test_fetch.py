"""Downloads that go on where they stopped, against a server on this machine; zip files."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from darknet_py.data import fetch
from darknet_py.errors import DataError

CONTENT = bytes(range(256)) * 20_000  # 5 MB: several blocks


def part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


@pytest.fixture(autouse=True)
def _content(server: Any) -> None:
    server.files["/big.bin"] = CONTENT


def get(server: Any, path: Path, name: str = "big.bin", patience: int = 3) -> None:
    fetch.download(f"{server.url}/{name}", path, patience=patience, pause=0.001)


def test_downloads_a_file(server: Any, tmp_path: Path) -> None:
    path = tmp_path / "new" / "big.bin"
    get(server, path)
    assert path.read_bytes() == CONTENT
    assert [p.name for p in path.parent.iterdir()] == ["big.bin"]


def test_goes_on_with_what_another_call_left(server: Any, tmp_path: Path) -> None:
    path = tmp_path / "big.bin"
    part(path).write_bytes(CONTENT[:3_000_000])
    get(server, path)
    assert path.read_bytes() == CONTENT
    assert server.requests == ["bytes=3000000-"]


@pytest.mark.parametrize("ranges", [True, False])
def test_goes_on_after_a_broken_connection(server: Any, tmp_path: Path, ranges: bool) -> None:
    server.ranges = ranges
    server.drops, server.drop_after = 2, 2_000_000
    path = tmp_path / "big.bin"
    get(server, path)
    assert path.read_bytes() == CONTENT
    assert server.requests == [None, "bytes=2000000-", "bytes=4000000-" if ranges else "bytes=2000000-"]


def test_a_part_that_is_whole_already(server: Any, tmp_path: Path) -> None:
    path = tmp_path / "big.bin"
    part(path).write_bytes(CONTENT)
    get(server, path)
    assert path.read_bytes() == CONTENT


def test_a_part_of_another_longer_file_is_fetched_anew(server: Any, tmp_path: Path) -> None:
    path = tmp_path / "big.bin"
    part(path).write_bytes(CONTENT + b"more")
    get(server, path)
    assert path.read_bytes() == CONTENT


def test_a_busy_site_is_asked_again(server: Any, tmp_path: Path) -> None:
    server.busy = 2
    get(server, tmp_path / "big.bin")
    assert len(server.requests) == 3


def test_gives_up_after_tries_without_progress_and_keeps_the_part(server: Any, tmp_path: Path) -> None:
    server.drops, server.drop_after = 9, 0
    path = tmp_path / "big.bin"
    part(path).write_bytes(CONTENT[:1000])
    with pytest.raises(DataError, match=r"big\.bin: the connection broke after 1,000 of 5,120,000 bytes; run"):
        get(server, path)
    assert len(server.requests) == 3
    assert not path.exists()
    assert part(path).read_bytes() == CONTENT[:1000]


def test_a_missing_file_is_an_error_at_once(server: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: the site answers 404"):
        get(server, tmp_path / "none", "none")
    assert len(server.requests) == 1
    assert list(tmp_path.iterdir()) == []


def test_no_server(server: Any, tmp_path: Path) -> None:
    server.server_close()
    with pytest.raises(DataError, match=r"no connection .*refused"):
        get(server, tmp_path / "big.bin", patience=2)


@pytest.mark.parametrize("url", ["nothing", "http://[::1/x", "http://127.0.0.1:99999999/x"])
def test_an_address_that_is_none(tmp_path: Path, url: str) -> None:
    with pytest.raises(DataError):
        fetch.download(url, tmp_path / "x", patience=1)


def test_another_part_than_asked_for(server: Any, tmp_path: Path) -> None:
    server.shift = 7
    path = tmp_path / "big.bin"
    part(path).write_bytes(CONTENT[:1000])
    with pytest.raises(DataError, match="another part"):
        get(server, path)
    assert part(path).read_bytes() == CONTENT[:1000]


def test_too_small_a_disk_is_said_before(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 1000))
    with pytest.raises(DataError, match=r"0\.0 GB more are needed"):
        get(server, tmp_path / "big.bin")


def test_a_folder_that_cannot_be_made(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="can't be written"):
        get(server, tmp_path / "file" / "big.bin")


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return path


def test_unpacks_only_what_is_wanted(tmp_path: Path) -> None:
    source = archive(tmp_path / "a.zip", {"in/one": b"1" * 5000, "in/two": b"2", "../evil": b"3"})
    fetch.unpack(source, {"in/one": tmp_path / "deep" / "1", "in/two": tmp_path / "2"})
    assert (tmp_path / "deep" / "1").read_bytes() == b"1" * 5000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2", "a.zip", "deep"]


def test_a_member_that_is_not_there(tmp_path: Path) -> None:
    source = archive(tmp_path / "a.zip", {"one": b"1"})
    with pytest.raises(DataError, match=r"a\.zip: lacks 2 of the files, the first is three"):
        fetch.unpack(source, {"one": tmp_path / "1", "two": tmp_path / "2", "three": tmp_path / "3"})


def test_a_damaged_archive_is_an_error_or_harmless_and_leaves_no_half_file(tmp_path: Path) -> None:
    content = bytes(range(64)) * 50
    source = archive(tmp_path / "a.zip", {"one": content})
    whole = source.read_bytes()
    target = tmp_path / "1"
    refused = 0
    for position in range(len(whole)):
        source.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        try:
            fetch.unpack(source, {"one": target})
        except DataError:
            refused += 1
            assert [p.name for p in tmp_path.iterdir()] == ["a.zip"]
        else:
            assert target.read_bytes() == content
            target.unlink()
    assert refused > len(whole) / 2


def test_an_archive_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("<html>")
    with pytest.raises(DataError, match="damaged"):
        fetch.unpack(tmp_path / "a.zip", {"one": tmp_path / "1"})
    with pytest.raises(DataError, match=r"b\.zip"):
        fetch.unpack(tmp_path / "b.zip", {"one": tmp_path / "1"})
