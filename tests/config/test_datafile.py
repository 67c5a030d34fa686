"""The .data and .names files."""

from __future__ import annotations

from pathlib import Path

import pytest

from darknet_py.config.datafile import DataFile, read_data, read_names
from darknet_py.errors import CfgError


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_options_and_defaults(tmp_path: Path) -> None:
    path = write(tmp_path / "coco.data", "classes= 80\ntrain  = a b/train.txt\n\n# x\nnames=coco.names # the names\n")
    data = read_data(path)
    assert data == DataFile(path=str(path), classes=80, train="a b/train.txt", names="coco.names")
    assert (data.backup, data.results, data.eval, data.valid) == ("backup", "results", "voc", "")


def test_signs_within_a_word_belong_to_it(tmp_path: Path) -> None:
    data = read_data(write(tmp_path / "x.data", "train = c#/a;b.txt\nvalid=d.txt ; rest\n;names=x\n#names=y\n"))
    assert (data.train, data.valid, data.names) == ("c#/a;b.txt", "d.txt", "")


@pytest.mark.parametrize("text", ["classes=2\r\nnames=a\r\n", "\ufeffclasses = 2\n  names =a", "classes=2\rnames=a"])
def test_forms_of_the_same(text: str, tmp_path: Path) -> None:
    data = read_data(write(tmp_path / "x.data", text))
    assert (data.classes, data.names) == (2, "a")


def test_a_repeated_key_takes_the_first_and_warns(tmp_path: Path) -> None:
    path = write(tmp_path / "x.data", "classes=2\nclasses=3\n")
    with pytest.warns(UserWarning, match=r"x\.data:2: \[data\] classes repeats line 1, which counts"):
        assert read_data(path).classes == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ": has no 'key = value' line: is it a Darknet .data file?"),
        ("[net]\nwidth=3\n", ":1: expected 'key = value', got '[net]'"),
        ("classes=1\ntrain\n", ":2: expected 'key = value', got 'train'"),
        ("classes=1\n=x\n", ":2: expected 'key = value', got '=x'"),
        ("classes=many\n", ":1: [data] classes=many: expected a whole number"),
        ("classes=0\n", ":1: [data] classes=0: must be >= 1"),
        ("clases=1\n", ":1: [data] unknown option 'clases'; did you mean 'classes'?"),
        ("path=1\n", ":1: expected 'key = value', got 'path=1'"),
        ("eval=pascal\n", ":1: [data] eval=pascal: valid are voc, coco, "),
    ],
)
def test_errors(text: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x.data", text)
    with pytest.raises(CfgError) as caught:
        read_data(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CfgError, match=r"none\.data: can't be read: No such file"):
        read_data(tmp_path / "none.data")


def test_files_of_the_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = read_data(write(tmp_path / "x.data", "names = x.names\nvalid=gone.txt\n"))
    write(tmp_path / "x.names", "a\n")
    monkeypatch.chdir("/")
    assert data.file("names") == tmp_path / "x.names"
    with pytest.raises(CfgError, match=r"x\.data: needs train="):
        data.file("train")
    with pytest.raises(CfgError, match=r"x\.data: valid: gone\.txt isn't found \(looked for gone\.txt, "):
        data.file("valid")


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"person\ntraffic light\n", ("person", "traffic light")),
        (b"a\r\n b \r\n\r\n\n", ("a", "b")),
        (b"\xef\xbb\xbfa\nb", ("a", "b")),
        ("été\n犬\n".encode(), ("été", "犬")),
        (b"a\n\nb\n", ("a", "", "b")),  # a blank line in between keeps the later classes in their places
        (b"caf\xe9\n", ("caf\ufffd",)),
        ("a\u2028b\x0c\n".encode(), ("a\u2028b",)),
    ],
)
def test_names(content: bytes, names: tuple[str, ...], tmp_path: Path) -> None:
    assert read_names(write(tmp_path / "x.names", content)) == names


def test_no_names(tmp_path: Path) -> None:
    with pytest.raises(CfgError, match=r"x\.names: has no class name"):
        read_names(write(tmp_path / "x.names", "\n \n"))
    with pytest.raises(CfgError, match="can't be read: Is a directory"):
        read_names(tmp_path)
