"""GTP: the protocol's syntax, and every command of the engine."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.errors import CfgError, DarknetError
from darknet_py.go.engine import Clock, Engine
from darknet_py.go.gtp import GtpError, answer, parse, serve
from darknet_py.go.handicap import fixed_points, free_points, most_stones
from darknet_py.go.player import Choice, RandomPlayer
from darknet_py.go.rules import BLACK, WHITE, Board
from darknet_py.go.sgf import parse as parse_sgf
from darknet_py.go.vertex import vertex


class Scripted:
    """Plays the moves it was given, then passes; remembers how much time it had."""

    def __init__(self, *points: int, value: float | None = None) -> None:
        self.points, self.value = list(points), value
        self.seconds: list[float] = []

    def choose(self, board: Board, seconds: float = 0, cleanup: bool = False) -> Choice:
        self.seconds.append(seconds)
        return Choice(self.points.pop(0) if self.points else -1, self.value)


def make(size: int = 9, player: object | None = None, **options: object) -> Engine:
    def player_for(wanted: int) -> object:
        if wanted == 7:
            raise CfgError("the network is bound to one size")
        return player or RandomPlayer(np.random.default_rng(1))

    return Engine(player_for, size, **options)  # type: ignore[arg-type]


@pytest.fixture
def engine() -> Engine:
    return make()


def ask(engine: Engine, line: str) -> str:
    """The answer as on the wire, without its number and the empty line."""
    sign, text = answer(engine.commands, parse(line)[1])
    return f"{sign} {text}".rstrip(" ")


Ask = Callable[[str], str]


# --- the protocol ----------------------------------------------------------------------------------------------------
def test_answers_on_the_wire() -> None:
    commands = {
        "echo": " ".join,
        "fail": lambda words: (_ for _ in ()).throw(GtpError("no luck")),
        "quit": lambda words: "",
        "lines": lambda words: "a\nb",
    }
    lines = ["echo hi\n", "12 echo  a\tb # comment\n", "\n", "# nothing\n", "3 fail\n", "what\n", "7\n", "lines\n"]
    output = io.StringIO()
    serve(commands, [*lines, "\x01echo c\r\n", "9 quit\n", "echo late\n"], output)
    assert output.getvalue() == (
        "= hi\n\n=12 a b\n\n?3 no luck\n\n? unknown command\n\n?7 syntax error\n\n= a\nb\n\n= c\n\n=9\n\n"
    )


def test_errors_of_the_user_are_answers_too() -> None:
    def fails(words: object) -> str:
        raise DarknetError("two\nlines")

    assert answer({"x": fails}, ["x"]) == ("?", "two lines")


@settings(max_examples=100, deadline=None)
@given(line=st.text(max_size=30))
def test_any_line_is_parsed(line: str) -> None:
    number, words = parse(line)
    assert number == "" or number.isdecimal()
    assert all(word.strip() for word in words)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_arguments_get_an_answer(data: st.DataObject) -> None:
    engine = make(5, Scripted(12))
    names = sorted(set(engine.commands) - {"final_score", "final_status_list"})
    words = st.sampled_from(["b", "white", "pass", "C3", "A6", "Z9", "5", "19", "-1", "1e9", "nan", "x", "é", "0.5"])
    for _ in range(4):
        name, arguments = data.draw(st.sampled_from(names)), data.draw(st.lists(words, max_size=3))
        assert ask(engine, " ".join([name, *arguments]))[0] in "=?"


# --- the engine ------------------------------------------------------------------------------------------------------
WANTED = (
    "protocol_version name version known_command list_commands quit boardsize clear_board komi play undo genmove "
    "showboard final_score time_settings time_left fixed_handicap place_free_handicap set_free_handicap loadsgf "
    "kgs-genmove_cleanup"
)


def test_administration(engine: Engine) -> None:
    assert ask(engine, "protocol_version") == "= 2"
    assert ask(engine, "name") == "= DarkGo"
    assert ask(engine, "version").startswith("= ")
    listed = ask(engine, "list_commands")[2:].split("\n")
    assert set(WANTED.split()) <= set(listed)
    for name in listed:
        assert ask(engine, f"known_command {name}") == "= true"
    assert ask(engine, "known_command dance") == "= false"
    assert ask(engine, "known_command") == "? syntax error"
    assert ask(engine, "dance") == "? unknown command"
    assert ask(engine, "quit") == "="


def test_sizes(engine: Engine) -> None:
    assert ask(engine, "boardsize 13") == "="
    assert engine.game.board.size == 13
    assert ask(engine, "boardsize 20") == "? unacceptable size"
    assert ask(engine, "boardsize 7") == "? unacceptable size"
    assert ask(engine, "boardsize many") == "? syntax error"
    assert engine.game.board.size == 13
    assert ask(engine, "play b N13") == "="


def test_playing_and_taking_back(engine: Engine) -> None:
    assert ask(engine, "play black D4") == "="
    assert ask(engine, "play W d5") == "="
    assert ask(engine, "play b D4") == "? illegal move"
    assert ask(engine, "play b K10") == "? invalid coordinate"
    assert ask(engine, "play red D6") == "? invalid color"
    assert ask(engine, "play b") == "? syntax error"
    assert ask(engine, "play b pass") == "="
    assert [ask(engine, "undo") for _ in range(4)] == ["=", "=", "=", "? cannot undo"]
    assert not any(engine.game.board.stones)
    assert ask(engine, "black A1") == ask(engine, "white B1") == "="


def test_ko_and_suicide_are_illegal(engine: Engine) -> None:
    for move in ("b B9", "w C9", "b A8", "w B8", "b B7", "w D8", "b H1", "w C7", "b C8"):
        assert ask(engine, f"play {move}") == "="
    assert ask(engine, "play w B8") == "? illegal move"
    assert ask(engine, "play w A9") == "? illegal move"


def test_komi_and_clear_board(engine: Engine) -> None:
    assert ask(engine, "komi 5.5") == "="
    assert ask(engine, "komi lots") == ask(engine, "komi nan") == "? syntax error"
    ask(engine, "play b E5")
    assert ask(engine, "clear_board") == "="
    assert engine.game.board.komi == 5.5
    assert not any(engine.game.board.stones)
    ask(engine, "play b E5")
    ask(engine, "komi 1")
    ask(engine, "undo")
    assert engine.game.board.komi == 1


def test_showboard(engine: Engine) -> None:
    ask(engine, "boardsize 3")
    ask(engine, "play b A1")
    ask(engine, "play w B2")
    text = ask(engine, "showboard")
    assert text == "= \n   A B C\n 3 . . . 3\n 2 . O . 2\n 1 X . . 1\n   A B C\nX has captured 0, O 0"
    assert "\n\n" not in text


def test_moves_of_the_engine() -> None:
    engine = make(9, Scripted(40, 41, 42))
    assert ask(engine, "genmove b") == "= E5"
    assert ask(engine, "reg_genmove w") == "= F5"
    assert engine.game.board.stones[41] == 0
    assert ask(engine, "genmove_white") == "= G5"
    assert ask(engine, "genmove black") == "= pass"
    assert ask(engine, "kgs-genmove_cleanup w") == "= pass"
    assert engine.game.board.over
    assert ask(engine, "genmove") == "? syntax error"
    assert ask(engine, "genmove x") == "? invalid color"


def test_a_colour_may_move_twice(engine: Engine) -> None:
    for _ in range(5):
        assert ask(engine, "genmove w")[2:] != "pass"
    assert list(engine.game.board.stones).count(WHITE) == 5


def test_resigning() -> None:
    engine = make(9, Scripted(1, 2, value=0.05), resign_after=2)
    assert ask(engine, "genmove b") == "= B9"
    assert ask(engine, "genmove w") == "= C9"
    assert ask(engine, "genmove b") == "= resign"
    assert "RE[W+R]" in ask(engine, "printsgf")
    assert ask(make(9, Scripted(1, value=0.05)), "genmove b") == "= B9"
    assert ask(make(9, Scripted(1, value=None), resign_after=0), "genmove b") == "= B9"
    assert ask(make(9, Scripted(1, value=0.05), resign_after=0), "kgs-genmove_cleanup b") == "= B9"


def test_time() -> None:
    player = Scripted(1, 2, 3, 4, 5)
    engine = make(9, player, seconds=7)
    ask(engine, "genmove b")
    assert ask(engine, "time_settings 100 0 0") == "="
    ask(engine, "genmove b")
    assert ask(engine, "time_left w 10 5") == "="
    ask(engine, "genmove w")
    assert ask(engine, "time_settings 0 10 0") == "="  # no limit
    ask(engine, "genmove w")
    assert player.seconds == [7, Clock(100, 0).share(), pytest.approx(1.8), 7]
    assert ask(engine, "time_left b soon 1") == ask(engine, "time_settings 1") == "? syntax error"
    assert ask(engine, "time_left q 1 1") == "? invalid color"


def test_fixed_handicap(engine: Engine) -> None:
    assert ask(engine, "boardsize 19") == "="
    assert ask(engine, "fixed_handicap 9") == "= D4 Q16 D16 Q4 D10 Q10 K16 K4 K10"
    assert engine.game.board.to_play == WHITE
    assert ask(engine, "fixed_handicap 2") == "? board not empty"
    ask(engine, "clear_board")
    for wrong in ("0", "1", "10", "-2"):
        assert ask(engine, f"fixed_handicap {wrong}") == "? invalid number of stones"
    assert ask(engine, "fixed_handicap") == ask(engine, "fixed_handicap x") == "? syntax error"
    assert ask(engine, "fixed_handicap 5") == "= D4 Q16 D16 Q4 K10"
    assert "HA[5]" in ask(engine, "printsgf")
    ask(engine, "clear_board")
    ask(engine, "play b pass")
    assert ask(engine, "fixed_handicap 2") == "? board not empty"


def test_free_handicap(engine: Engine) -> None:
    assert ask(engine, "place_free_handicap 3") == "= C3 G7 C7"
    ask(engine, "clear_board")
    assert ask(engine, "set_free_handicap A1 B2 C3") == "="
    assert list(engine.game.board.stones).count(BLACK) == 3
    ask(engine, "clear_board")
    assert ask(engine, "set_free_handicap A1 A1") == ask(engine, "set_free_handicap A1 pass") == "? bad vertex list"
    assert ask(engine, "set_free_handicap A1 Z1") == "? invalid coordinate"
    assert ask(engine, "set_free_handicap A1") == "? invalid number of stones"


def test_places_of_handicap_stones() -> None:
    for size in range(2, 20):
        for count in range(2, most_stones(size) + 1):
            assert len(set(fixed_points(count, size))) == count
        assert len(set(free_points(20, size))) >= 2
    assert [vertex(p, 9) for p in fixed_points(6, 9)] == ["C3", "G7", "C7", "G3", "C5", "G5"]
    assert most_stones(6) == 0 and most_stones(7) == 4 and most_stones(8) == 4 and most_stones(9) == 9


def test_scoring_and_dead_stones(engine: Engine) -> None:
    ask(engine, "boardsize 5")
    ask(engine, "komi 0.5")
    for row in range(1, 6):
        ask(engine, f"play b C{row}")
        ask(engine, f"play w D{row}")
    ask(engine, "play b E3")
    assert ask(engine, "final_status_list dead") == "= E3"
    assert ask(engine, "final_score") == "= B+4.5"
    assert ask(engine, "final_status_list alive") == "= C5 C4 C3 C2 C1\nD5 D4 D3 D2 D1"
    assert ask(engine, "final_status_list seki") == "="
    assert ask(engine, "final_status_list odd") == ask(engine, "final_status_list") == "? syntax error"


def test_loading_a_record(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "game.sgf"
    file.write_text("(;SZ[5]KM[3.5]AB[aa];W[bb];B[cc];W[dd])")
    assert ask(engine, f"loadsgf {file}") == "="
    assert engine.game.board.size == 5
    assert engine.game.board.komi == 3.5
    assert list(engine.game.board.stones).count(WHITE) == 2
    assert engine.game.board.to_play == BLACK
    assert ask(engine, f"loadsgf {file} 2") == "="
    assert list(engine.game.board.stones).count(WHITE) == 1
    assert engine.game.board.to_play == BLACK
    assert ask(engine, f"loadsgf {file} 1") == "="
    assert engine.game.board.to_play == WHITE
    assert ask(engine, "loadsgf") == "? syntax error"
    assert ask(engine, f"loadsgf {tmp_path / 'none.sgf'}").startswith("? cannot load file: ")
    file.write_text("(;SZ[5];B[zz])")
    assert ask(engine, f"loadsgf {file}").startswith("? cannot load file: ")
    file.write_text("(;SZ[7];B[aa])")
    assert ask(engine, f"loadsgf {file}").startswith("? cannot load file: ")
    assert engine.game.board.size == 5


def test_the_game_as_a_record(engine: Engine) -> None:
    for line in ("komi 6.5", "play b E5", "play w C3", "play b pass", "play w pass"):
        ask(engine, line)
    (record,) = parse_sgf(ask(engine, "printsgf")[2:])
    assert (record.size, record.komi, record.result) == (9, 6.5, "W+6.5")
    assert [vertex(move.point, 9) for move in record.moves] == ["E5", "C3", "pass", "pass"]
