"""`detector calc_anchors` from end to end."""

from __future__ import annotations

from pathlib import Path

import pytest

PRINTED = (
    "\n num_of_clusters = 2, width = 416, height = 208 \n read labels from 3 images \n"
    "\r loaded \t image: 3 \t box: 9\n all loaded. \n\n calculating k-means++ ...\n"
    "\n\ncounters_per_class = 1, 5, 3\n\n avg IoU = 85.99 % \n"
    "\nSaving anchors to the file: anchors.txt \nanchors = {anchors}\n"
)


def test_printout_and_files(run, tiny):
    result = run("detector", "calc_anchors", "tiny.data", "-num_of_clusters", 2, "-width", 416, "-height", 208)
    anchors = Path("anchors.txt").read_text()
    assert result.status == 0 and not result.err
    assert result.out == PRINTED.format(anchors=anchors)
    assert anchors.count(",") == 3 and Path("counters_per_class.txt").read_text() == "counters_per_class = 1, 5, 3"
    assert not Path("anchors.png").exists()


def test_the_seed_decides(run, tiny):
    words = ("detector", "calc_anchors", "tiny.data", "tiny.cfg", "-seed")
    assert run(*words, 7).out == run(*words, 7).out


def test_a_copy_of_the_cfg_has_them(run, tiny):
    cfg = Path("tiny.cfg")
    cfg.write_text("# mine\n" + cfg.read_text().replace("num=4", "num = 4  # of anchors"))
    before = cfg.read_text()
    result = run("detector", "calc_anchors", "tiny.data", cfg, "-num_of_clusters", 5, "-show")
    assert result.status == 0 and cfg.read_text() == before
    text = Path("tiny_anchors.cfg").read_text()
    assert text.startswith("# mine\n") and text.count("num = 5  # of anchors") == 2
    assert text.count(f"anchors={Path('anchors.txt').read_text()}\n") == 2
    assert "filters=24" in text and "mask=3,4" in text and "mask=0,1,2" in text
    assert run("net", "tiny_anchors.cfg").status == 0
    assert Path("anchors.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_number_the_cfgs_counts(run, tiny):
    result = run("detector", "calc_anchors", "tiny.data", "tiny.cfg", "-out", "new/my.cfg")
    assert " num_of_clusters = 4, width = 32, height = 32 \n" in result.out
    assert "filters=16" in Path("new/my.cfg").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("tiny.data",), "set -width and -height"),
        (("tiny.data", "-width", 32, "-height", 32, "-out", "x.cfg"), "-out needs a cfg"),
        (("tiny.data", "tiny.cfg", "-num_of_clusters", 50), "8 different sizes, too few for 50 clusters"),
        (("tiny.data", "tiny.cfg", "-num_of_clusters", 1), "1 clusters are too few for 2 detection layers"),
        (("tiny.data", "tiny.cfg", "-out", "tiny.cfg"), "is the cfg itself"),
        (("tiny.data", "-num_of_clusters", 0), "isn't a whole number from 1 on"),
        (("none.data", "tiny.cfg"), "none.data: can't be read"),
    ],
)
def test_errors_are_one_line(run, tiny, words, told):
    result = run("detector", "calc_anchors", *words)
    assert result.status == 1
    assert told in result.err and result.err.count("\n") == 1


def test_labels_that_cant_be_used_are_told(run, tiny):
    Path("1.txt").write_text("9 .5 .5 .2 .2\n" * 20 + "1 .5 .5 .2 .2\n")
    result = run("detector", "calc_anchors", "tiny.data", "-num_of_clusters", 2, "-width", 64, "-height", 64)
    assert result.status == 0
    assert "1.txt:1: class 9" in result.err and "and 10 more problems" in result.err
