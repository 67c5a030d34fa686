"""SGF: what is read, what is refused and how, and that a written game comes back."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.errors import DataError
from darknet_py.go.rules import BLACK, PASS, WHITE
from darknet_py.go.sgf import Move, Record, find_games, parse, read_games, to_text
from tests.go.boards import text_of


def replayed(games: Iterable[Record]) -> list[str]:
    return [text_of(game.board()) for game in games]


def one(text: str) -> Record:
    (record,) = parse(text)
    return record


def test_a_game() -> None:
    game = one("(;GM[1]FF[4]SZ[9]KM[6.5]RE[W+0.5]PB[Ann]PW[Bob]HA[0];B[ee];W[cc];B[];W[tt])")
    assert (game.size, game.komi, game.result, game.winner) == (9, 6.5, "W+0.5", WHITE)
    assert (game.black, game.white, game.handicap) == ("Ann", "Bob", 0)
    assert game.moves == (Move(BLACK, 40), Move(WHITE, 20), Move(BLACK, PASS), Move(WHITE, PASS))
    assert game.place == "<sgf>:1"
    assert game.board().over


def test_defaults() -> None:
    game = one("(;)")
    assert game == Record(place="<sgf>:1")
    assert (game.size, game.komi, game.winner) == (19, None, 0)


def test_setup_stones_rectangles_and_who_begins() -> None:
    game = one("(;SZ[5]AB[aa:bb][ee]AW[cc];W[dd])")
    board = game.start()
    assert text_of(board) == "X X . . .\nX X . . .\n. . O . .\n. . . . .\n. . . . X"
    assert board.to_play == WHITE
    assert one("(;SZ[5]AB[aa])").start().to_play == WHITE


def test_the_main_line_of_variations() -> None:
    game = one("(;SZ[9];B[aa](;W[bb];B[cc](;W[dd])(;W[ee]))(;W[ff];B[gg]))")
    assert [move.point for move in game.moves] == [0, 10, 20, 30]


def test_collections_comments_and_old_names() -> None:
    text = "junk before\n(;SZ[9]C[a \\] bracket (;B[zz\\])]\n;B[aa])\n\n(\n;GaMe[1]SiZe[9]\n;Black[bb])\n"
    games = list(parse(text, "old.sgf", 5))
    assert [game.place for game in games] == ["old.sgf:6", "old.sgf:9"]
    assert [game.moves for game in games] == [(Move(BLACK, 0),), (Move(BLACK, 10),)]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "is empty"),
        ("hello", 1, "expected a game in SGF"),
        ("()", 1, "expected ';'"),
        ("(;B[aa]", 1, "the file ends within a game"),
        ("(;B[aa]\n;W[bb", 2, "expected a property"),
        ("(;\n;B[aa]\n;W[zz])", 1, r"W\[zz\] is no point of a 19x19 board"),
        ("(;B[aa])\n(;SZ[9];B[jj])", 2, r"B\[jj\] is no point of a 9x9 board"),
        ("(;SZ[9x])", 1, "valid are 2 to 19"),
        ("(;SZ[25])", 1, "valid are 2 to 19"),
        ("(;SZ[9:7])", 1, "valid are 2 to 19"),
        ("(;KM[six])", 1, "isn't a number"),
        ("(;KM[nan])", 1, "isn't a number"),
        ("(;GM[2])", 1, "another game"),
        ("(;B[aa];AW[bb])", 1, "before the first only"),
        ("(;AB[])", 1, "expected a point"),
        ("(;B[aa]])", 1, "expected a property"),
        ("(;B[aa])x", 1, r"expected '\('"),
        ("(;B[aa]W)", 1, "expected a property"),
        ("(;SZ[3]AB[ba][ab][cb][bc]AW[bb])", 1, "without a liberty"),
        ("(;B[aa];B[aa])", 1, "move 2, A19: there is a stone already"),
    ],
)
def test_malformed_games_are_refused_with_file_and_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    file = tmp_path / "bad.sgf"
    file.write_text(text)
    place = "" if "is empty" in message else f":{line}"
    with pytest.raises(DataError, match=f"^{file}{place}: .*{message}"):
        replayed(read_games(file))


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="();[]\\ABWSZabc19\n:", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(DataError):
        replayed(parse(text))


def test_games_a_line_go_on_behind_a_bad_one(tmp_path: Path) -> None:
    file = tmp_path / "games.sgfs"
    file.write_text("(;SZ[9];B[aa])\n(;SZ[9];B[zz])\n\n(;SZ[9];B[bb])\n")
    with pytest.raises(DataError, match=":2: "):
        list(read_games(file))
    problems: list[DataError] = []
    assert [game.place for game in read_games(file, problems.append)] == [f"{file}:1", f"{file}:4"]
    assert len(problems) == 1


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/2.sgf", "a/1.SGF", "b.sgfs", "other.txt"):
        (tmp_path / name).write_text("(;)")
    assert [p.name for p in find_games([tmp_path])] == ["1.SGF", "2.sgf", "b.sgfs"]
    assert find_games([tmp_path / "other.txt"]) == [tmp_path / "other.txt"]
    with pytest.raises(DataError, match="no such file or folder"):
        find_games([tmp_path / "c"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"has no \.sgf or \.sgfs files"):
        find_games([tmp_path / "empty"])
    with pytest.raises(DataError, match="can't be read"):
        list(read_games(tmp_path / "c"))


@settings(max_examples=50, deadline=None)
@given(
    size=st.integers(2, 19),
    points=st.lists(st.integers(PASS, 3), max_size=9),
    setup=st.sets(st.integers(0, 3), max_size=3),
    name=st.text(max_size=9),
    komi=st.sampled_from([None, 0.0, 6.5, -3.0]),
)
def test_a_written_game_comes_back(
    size: int, points: list[int], setup: set[int], name: str, komi: float | None
) -> None:
    moves = tuple(Move((BLACK, WHITE)[i % 2], p) for i, p in enumerate(points))
    record = Record(size, komi, tuple(Move(WHITE, p) for p in sorted(setup)), moves, "B+R", 2, " ".join(name.split()))
    text = to_text(record)
    assert text.count("\n") == 1
    assert one(text) == Record(**{**vars(record), "place": "<sgf>:1"})


@pytest.mark.shared
@pytest.mark.parametrize("name", ["pro_valid.sgfs", pytest.param("pro_train1.sgfs", marks=pytest.mark.slow)])
def test_real_games_replay_as_legal(shared_data: Path, name: str) -> None:
    games = list(read_games(shared_data / "go" / name))
    moves = sum(len(list(game.replay())) for game in games)
    assert (len(games), moves) == {"pro_valid.sgfs": (364, 72560), "pro_train1.sgfs": (1642, 325680)}[name]
