"""The planted bugs are those of the kernels as they are now."""

from __future__ import annotations

from darknet_py.ops.cuda.launch import kernel_dir
from tests.emulation.mutations import BUGS, rows


def test_every_bug_can_be_planted() -> None:
    """What is to be changed is in its file, and a row sees it."""
    texts = {bug.file: (kernel_dir() / bug.file).read_text() for bug in BUGS}
    assert [bug for bug in BUGS if bug.old not in texts[bug.file] or bug.old == bug.new] == []
    assert [bug for bug in BUGS if next(rows(bug), None) is None] == []
