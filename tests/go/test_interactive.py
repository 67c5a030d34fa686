"""The board of `go test`: what is drawn, and what each input does."""

from __future__ import annotations

from pathlib import Path

import pytest

from darknet_py.errors import DarknetError
from darknet_py.go.game import Game
from darknet_py.go.interactive import HELP, Interactive
from darknet_py.go.rules import BLACK, PASS, WHITE
from darknet_py.go.sgf import to_text
from tests.go.boards import text_of
from tests.go.networks import tiny
from tests.go.test_players import Stub


def interactive(size: int = 5, **stub: object) -> Interactive:
    return Interactive(Stub(**stub), Game(size, 0.5))  # type: ignore[arg-type]


def test_the_view() -> None:
    board = interactive(liked={7: 0.5, 12: 0.3, PASS: 0.2}, value=0.625)
    board.answer("A5")
    board.game.board.to_play = BLACK
    assert board.view().splitlines() == [
        "",
        "62.50% Win Chance",
        "   A B C D E",
        " 5 X 4 5 . . 5",
        " 4 . . 1 . . 4",
        " 3 . . 2 . . 3",
        " 2 . . . . . 2",
        " 1 . . . . . 1",
        "   A B C D E",
        "X has captured 0, O 0",
        "1: C 4, 40.65%",
        "2: C 3, 24.39%",
        "3: Pass, 16.26%",
        "4: B 5, 0.81%",
        "5: C 5, 0.81%",
    ]
    assert "Win Chance" not in interactive(value=None).view()


def test_playing(tmp_path: Path) -> None:
    board = Interactive(tiny(tmp_path, 9, 1, 0), Game(9))
    board.view()
    first, second = board.suggestions[:2]
    assert board.prompt == "X Enter move: "
    assert board.answer("") == ""
    assert board.game.moves == ((BLACK, first),)
    assert board.prompt == "O Enter move: "
    board.view()
    board.answer("2")
    assert len(board.game.moves) == 2
    assert second not in (first, PASS)
    free = [p for p, stone in enumerate(board.game.board.stones) if not stone]
    column, row = "ABCDEFGHJ"[free[0] % 9], 9 - free[0] // 9
    board.answer(f" {column.lower()} {row} ")
    assert board.game.moves[2] == (BLACK, free[0])
    board.answer("p")
    assert board.game.moves[3] == (WHITE, PASS)
    for _ in range(4):
        board.answer("u")
    assert board.game.moves == ()


def test_points_of_columns_that_are_also_commands() -> None:
    board = interactive(19)
    for text, point in (("b 4", 286), ("C4", 287), ("c 5", 268), ("B5", 267), ("p 4", 299), ("Q 4", 300), ("h4", 292)):
        board.answer(text)
        assert board.game.moves[-1].point == point


def test_setting_up() -> None:
    board = interactive()
    board.answer("b C 3")
    board.answer("w D3")
    board.answer("B A1")
    assert board.prompt == "X Enter move: "
    assert text_of(board.game.board).split("\n")[2:] == [". . X O .", ". . . . .", "X . . . ."]
    board.answer("c C 3")
    assert board.game.board.stones[12] == 0
    board.answer("u")
    assert board.game.board.stones[12] == BLACK
    assert to_text(board.game.record()).startswith("(;GM[1]FF[4]CA[UTF-8]SZ[5]KM[0.5]AB[cc][ae]AW[dc])")


def test_help_and_the_end() -> None:
    board = interactive()
    assert board.answer("h") == HELP
    board.answer("P")
    board.answer("p")
    assert "Both have passed: W+0.5 by area" in board.view()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hello", "isn't understood: expected a point such as D 4"),
        ("6", "there is no suggestion 6"),
        ("0", "there is no suggestion 0"),
        ("99999999999999999999", "there is no suggestion"),
        ("²", "isn't understood"),
        ("F 9", "columns are A to E"),
        ("A 0", "rows 1 to 5"),
        ("C 3 3", "is no point"),
        ("C 3", "C 3 is illegal: there is a stone already"),
        ("b Z 9", "isn't understood|is no point"),
        ("c", "isn't understood"),
        ("u u", "isn't understood"),
        ("-1", "isn't understood"),
        ("\x00", "isn't understood"),
    ],
)
def test_wrong_input_is_answered(text: str, message: str) -> None:
    board = interactive()
    board.view()
    board.answer("C3")
    board.view()
    with pytest.raises(DarknetError, match=message):
        board.answer(text)
    assert len(board.game.moves) == 1


def test_nothing_to_take_back() -> None:
    with pytest.raises(DarknetError, match="nothing to take back"):
        interactive().answer("u")


def test_stones_without_a_liberty_can_not_be_put() -> None:
    board = interactive(2)
    for where in ("A1", "B2", "A2"):
        board.answer(f"b {where}")
    with pytest.raises(DarknetError, match="without a liberty"):
        board.answer("b B1")
