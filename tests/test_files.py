"""Files that appear whole or not at all, and where files are looked for."""

from __future__ import annotations

import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.errors import CfgError, DarknetError, DataError, WeightsError
from darknet_py.files import atomic_write, find_file, read_npz, read_text, write_text


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def umask() -> object:
    old = os.umask(0o027)
    yield
    os.umask(old)


# --- atomic_write ----------------------------------------------------------------------------------------------------
def test_a_file_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.weights"
    with atomic_write(path) as file:
        file.write(b"some")
        assert not path.exists()
    assert path.read_bytes() == b"some"
    assert list(path.parent.iterdir()) == [path]


def test_the_old_file_stays_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    path.write_bytes(b"old")
    with atomic_write(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), DataError("x"), SystemExit(1)])
@pytest.mark.parametrize("old", [b"old", None])
def test_an_error_leaves_the_old_file_and_no_other(error: BaseException, old: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    if old:
        path.write_bytes(old)

    def write_half() -> None:
        with atomic_write(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([old] if old else [])


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace"])
def test_a_full_disk_leaves_the_old_file(call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.weights"
    path.write_bytes(b"old")
    monkeypatch.setattr(call, full)
    with pytest.raises(DarknetError, match=r"^/.*a\.weights: can't be written: No space left on device$"):
        write_text(path, "new")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_really_full_device(tmp_path: Path) -> None:
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(DarknetError, match="can't be written: not a regular file"):
        write_text(tmp_path / "full", "x")
    assert Path("/dev/full").is_char_device()


def test_permissions_are_those_of_any_new_file(tmp_path: Path, umask: object) -> None:
    write_text(tmp_path / "a", "x")
    assert mode(tmp_path / "a") == 0o640


def test_permissions_of_an_old_file_are_kept(tmp_path: Path, umask: object) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    path.chmod(0o600)
    write_text(path, "new")
    assert mode(path) == 0o600 and path.read_text() == "new"


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    target, link, dangling = tmp_path / "disk" / "a", tmp_path / "link", tmp_path / "dangling"
    target.write_text("old")
    link.symlink_to(target)
    dangling.symlink_to(tmp_path / "disk" / "b")
    write_text(link, "new")
    write_text(dangling, "b")
    assert link.is_symlink() and target.read_text() == "new"
    assert dangling.is_symlink() and (tmp_path / "disk" / "b").read_text() == "b"


@pytest.mark.parametrize("name", ["", ".", "folder", "circle", "file/a", "/", "/dev/null", "/proc/none/a"])
def test_places_that_cannot_be_written(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("file").write_text("x")
    Path("circle").symlink_to("circle")
    before = sorted(Path().iterdir())
    with pytest.raises(DarknetError, match="can't be written: ") as caught:
        write_text(name, "x")
    assert "\n" not in str(caught.value)
    assert sorted(Path().iterdir()) == before
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("name", ["ä" * 120, "a" * 250, " ", "-", "a\nb", "*.weights"])
def test_names_of_all_kinds(name: str, tmp_path: Path) -> None:
    write_text(tmp_path / name, "x")
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_writers_side_by_side(tmp_path: Path) -> None:
    """One of them wins; nobody sees a mixture or finds somebody else's rest."""
    path = tmp_path / "a"
    texts = [f"{k}" * 50_000 for k in range(8)]
    seen: set[str] = set()
    writers = [threading.Thread(target=write_text, args=(path, text)) for text in texts]
    for writer in writers:
        writer.start()
        if path.exists():
            seen.add(path.read_text())
    for writer in writers:
        writer.join()
    seen.add(path.read_text())
    assert seen <= set(texts)
    assert list(tmp_path.iterdir()) == [path]


# --- read_text -------------------------------------------------------------------------------------------------------
def test_text_is_written_and_read(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "été 犬\n")
    assert read_text(tmp_path / "a", CfgError) == "été 犬\n"
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfcaf\xe9\r\n")
    assert read_text(tmp_path / "a", CfgError) == "caf\ufffd\n"


def test_names_that_are_no_utf8_keep_their_bytes(tmp_path: Path) -> None:
    write_text(tmp_path / "list.txt", os.fsdecode(b"caf\xe9.jpg\n"))
    assert (tmp_path / "list.txt").read_bytes() == b"caf\xe9.jpg\n"


@pytest.mark.parametrize("error", [CfgError, DataError])
def test_what_cannot_be_read(error: type[DarknetError], tmp_path: Path) -> None:
    with pytest.raises(error, match=r"none: can't be read: No such file or directory$"):
        read_text(tmp_path / "none", error)
    with pytest.raises(error, match=r"can't be read: Is a directory$"):
        read_text(tmp_path, error)


# --- find_file -------------------------------------------------------------------------------------------------------
@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """work/ (the working directory), and project/data/coco.data"""
    for folder in ("work", "project/data"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def found(tree: Path, name: str) -> Path:
    return find_file(name, tree / "project" / "data" / "coco.data").resolve()


def test_the_working_directory_comes_first_then_beside_then_the_folder_above(tree: Path) -> None:
    above, beside, here = tree / "project" / "x.names", tree / "project" / "data" / "x.names", tree / "work" / "x.names"
    with pytest.raises(CfgError, match=r"coco\.data: x\.names isn't found \(looked for x\.names, .*\)$"):
        found(tree, "x.names")
    for place in (above, beside, here):
        place.write_text("a")
        assert found(tree, "x.names") == place


def test_a_path_as_in_darknets_own_data_files(tree: Path) -> None:
    """data/coco.data says ``names = data/coco.names``, wherever it is called from."""
    (tree / "project" / "data" / "coco.names").write_text("a")
    assert found(tree, "data/coco.names") == tree / "project" / "data" / "coco.names"


def test_absolute_paths_and_homes(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tree))
    (tree / "x").write_text("a")
    (tree / "project" / "y").write_text("a")
    assert found(tree, str(tree / "x")) == found(tree, "~/x") == tree / "x"
    with pytest.raises(CfgError, match=r"/y isn't found \(looked for /y\)$"):
        found(tree, "/y")


@pytest.mark.parametrize("name", ["~nobody-of-this-name/x", "x" * 5000, "a/" * 3000, "x\0y", "work/../none"])
def test_odd_names_are_just_not_found(name: str, tree: Path) -> None:
    with pytest.raises(CfgError, match="isn't found"):
        found(tree, name)


def test_the_message_says_whose_file_it_is(tree: Path) -> None:
    with pytest.raises(CfgError, match=r"^x\.data: train: t\.txt isn't found"):
        find_file("t.txt", "x.data", "x.data: train")


@settings(max_examples=300, deadline=None)
@given(place=st.integers(0, 2**12), damage=st.integers(1, 255))
def test_a_damaged_npz_is_told_in_one_line(tmp_path_factory: pytest.TempPathFactory, place: int, damage: int) -> None:
    path = tmp_path_factory.mktemp("npz") / "x.npz"
    np.savez(path, a=np.arange(12.0).reshape(3, 4), text=np.array("{}"))
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= damage
    path.write_bytes(content)
    with suppress(WeightsError):
        read_npz(path, "an .npz file")


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04"])
def test_what_is_no_npz_is_told_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=f"^{path}: isn't an .npz file: [^\n]+$"):
        read_npz(path, "an .npz file")


def test_no_npz_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="can't be read: No such file"):
        read_npz(tmp_path / "a.npz", "an .npz file")
