"""Progress bars, where somebody looks on."""

from __future__ import annotations

import io
import sys

import pytest

from darknet_py.cli.progress import NoBar, beside_bar, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_a_bar_and_whole_lines_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress(3, "img") as bar:
        bar.update(2)
        with beside_bar():
            print("told", file=screen)
    assert "0/3" in screen.getvalue() and "told\n" in screen.getvalue()


@pytest.mark.parametrize("shown", [True, False])
def test_nobody_sees_a_bar_in_a_file(shown: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with progress(None, "img", shown) as bar:
        bar.update()
        with beside_bar():
            print("told")
    assert isinstance(bar, NoBar) and capsys.readouterr() == ("told\n", "")
