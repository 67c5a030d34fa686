"""Files with random damage: whatever that does to them, the user sees a result or an error, never a traceback."""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.cli.main import main

TINY = Path(__file__).parent / "tiny"
FILES = ("tiny.cfg", "tiny.data", "tiny.names", "tiny.weights", "pictures.txt", "0.png", "0.txt")
WORDS = [b"0", b"-1", b"1e9", b"99999999", b"nan", b"=", b"[", b"]\n[", b",", b"x", b"\n"]
DAMAGE = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 6), st.binary(max_size=5) | st.sampled_from(WORDS)),
    min_size=1,
    max_size=3,
)


def damaged(content: bytes, damage: list[tuple[float, int, bytes]]) -> bytes:
    """At relative positions, a number of bytes is replaced by others."""
    for position, count, others in damage:
        at = int(position * len(content))
        content = content[:at] + others + content[at + count :]
    return content


@pytest.mark.filterwarnings("default::RuntimeWarning")  # weights may become so large that numbers overflow
@given(st.sampled_from(["test", "map"]), st.sampled_from(FILES), DAMAGE)
@settings(max_examples=40, deadline=None)
def test_damaged_files(command: str, name: str, damage: Any) -> None:
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copytree(TINY, folder, dirs_exist_ok=True)
        (folder / name).write_bytes(damaged((folder / name).read_bytes(), damage))
        words = ["detector", command, *(str(folder / f"tiny.{kind}") for kind in ("data", "cfg", "weights"))]
        if command == "test":
            words += [str(folder / "pictures.txt"), "-output", str(folder / "out")]
        err = io.StringIO()
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
            status = main(words)
    assert "Traceback" not in err.getvalue()
    assert (status == 1) == ("darknet_py: error: " in err.getvalue())
