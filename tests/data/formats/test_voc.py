"""VOC's XML: what is read, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from darknet_py.data.formats import voc
from darknet_py.data.formats.dataset import EMPTY, Dataset, Picture, present
from darknet_py.errors import DataError
from tests.data.formats.sets import draw, make_split

OBJECT = """<object><name>dog</name><pose>Left</pose><difficult>{hard}</difficult>
<bndbox><xmax>31</xmax><xmin>11</xmin><ymin>6</ymin><ymax>16</ymax></bndbox>
<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox></part></object>"""
SIZE = "<size><width>40</width><height>20</height><depth>3</depth></size>"


def xml(*parts: str, filename: str = "a.png") -> str:
    return f"<annotation><filename>{filename}</filename>{''.join(parts)}</annotation>"


def a_set(folder: Path, content: str | bytes, pictures: str = "JPEGImages") -> Path:
    (folder / "Annotations").mkdir(parents=True)
    (folder / "Annotations" / "a.xml").write_bytes(content.encode() if isinstance(content, str) else content)
    draw(folder / pictures / "a.png", 40, 20)
    return folder


def test_a_box_is_what_darknets_own_script_makes_of_it(tmp_path: Path) -> None:
    dataset = voc.read(a_set(tmp_path, xml(SIZE, OBJECT.format(hard=0), OBJECT.format(hard=1))))
    assert dataset.classes == ("dog",)  # parts of objects are no objects
    (picture,) = dataset.splits[0].pictures
    assert (picture.name, picture.width, picture.height) == ("a.png", 40, 20)
    # x = ((xmin + xmax) / 2 - 1) / width, w = (xmax - xmin) / width
    assert list(map(str, picture.boxes)) == ["0 0.500000 0.500000 0.500000 0.500000"] * 2
    assert [box.difficult for box in picture.boxes] == [False, True]


@pytest.mark.parametrize("pictures", ["images", "Annotations"])
def test_pictures_may_be_elsewhere(tmp_path: Path, pictures: str) -> None:
    dataset = voc.read(a_set(tmp_path, xml(SIZE, OBJECT.format(hard=0)), pictures))
    assert dataset.splits[0].folder == tmp_path / pictures
    assert present(dataset).left_out == {}


@pytest.mark.parametrize("filename", ["", "C:\\photos\\a.png", "other.jpg"])
def test_a_wrong_file_name_gives_way_to_the_name_of_the_xml_file(tmp_path: Path, filename: str) -> None:
    dataset = voc.read(a_set(tmp_path, xml(SIZE, OBJECT.format(hard=0), filename=filename)))
    assert dataset.splits[0].pictures[0].name == "a.png"


@pytest.mark.parametrize("size", ["", "<size><width>0</width><height>0</height></size>"])
def test_without_a_size_the_picture_tells_it(tmp_path: Path, size: str) -> None:
    dataset = voc.read(a_set(tmp_path, xml(size, OBJECT.format(hard=0))))
    assert (dataset.splits[0].pictures[0].width, dataset.splits[0].pictures[0].height) == (40, 20)


def test_sets_of_pictures(tmp_path: Path) -> None:
    folder = a_set(tmp_path, xml(SIZE, OBJECT.format(hard=0)))
    (folder / voc.SETS).mkdir(parents=True)
    (folder / voc.SETS / "trainval.txt").write_text("a\n")
    (folder / voc.SETS / "dog_train.txt").write_text("b 1\n")
    assert [split.name for split in voc.read(folder).splits] == ["train"]
    (folder / voc.SETS / "val.txt").write_text("a  1\n\n")
    assert [split.name for split in voc.read(folder).splits] == ["train", "valid"]
    (folder / voc.SETS / "train.txt").write_text("b\n")
    with pytest.raises(DataError, match=r"b\.xml: can't be read"):
        voc.read(folder)
    (folder / voc.SETS / "train.txt").write_text("\n")
    with pytest.raises(DataError, match=r"train\.txt: the list is empty"):
        voc.read(folder)


def test_a_box_outside_its_picture_is_left_out(tmp_path: Path) -> None:
    outside = OBJECT.format(hard=0).replace("31", "11")
    assert voc.read(a_set(tmp_path, xml(SIZE, outside))).left_out == {EMPTY: 1}


GOOD = OBJECT.format(hard=0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ":1: isn't XML"),
        ("<annotation>\n<object>\n</annotation>", ":3: isn't XML"),
        (b"\xff\xfe\x00", ":1: isn't XML"),
        ("<?xml version='1.0' encoding='no-such'?><annotation/>", "isn't XML"),
        ("<html/>", "its root is <html>"),
        (xml(SIZE, GOOD.replace("<name>dog</name>", "", 1)), "needs a line of text as <name>, has ''"),
        (xml(SIZE, GOOD.replace("dog", "a\nb")), "needs a line of text as <name>"),
        (xml(SIZE, GOOD.replace("<xmin>11</xmin>", "")), "object 'dog': needs a number as <xmin>, has None"),
        (xml(SIZE, GOOD.replace("31", "wide")), "needs a number as <xmax>, has 'wide'"),
        (xml(SIZE, GOOD.replace("31", "nan")), "needs a number as <xmax>, has 'nan'"),
        (xml(SIZE.replace("40", "x"), GOOD), "annotation: needs a number as <width>, has 'x'"),
        (xml(SIZE), "has no object in any XML file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        voc.read(a_set(tmp_path, content))
    assert message in str(caught.value) and len(str(caught.value).splitlines()) == 1
    assert str(tmp_path / "Annotations") in str(caught.value)


def test_an_object_of_no_class_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has an object 'dog', which isn't a class: cat"):
        voc.read(a_set(tmp_path, xml(SIZE, GOOD)), ["cat"])


def test_a_folder_without_xml(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no XML files"):
        voc.read(tmp_path)


@pytest.mark.parametrize("name", ["\udcff.png", "a\nb.png"])
def test_a_name_that_xml_cannot_hold(tmp_path: Path, name: str) -> None:
    split = make_split(tmp_path / "source", "train", [Picture(name, 5, 5)])
    with pytest.raises(DataError, match="XML can't hold this name"):
        voc.write(Dataset(("cat",), [split]), tmp_path / "set")
