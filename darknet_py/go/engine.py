"""The engine's side of GTP: a game, a player, and the commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from darknet_py import __version__
from darknet_py.errors import CfgError, DarknetError
from darknet_py.go.diagram import captures, diagram
from darknet_py.go.game import Game
from darknet_py.go.gtp import QUIT, Command, GtpError, at_least, first, number, whole
from darknet_py.go.handicap import fixed_points, free_points, most_stones
from darknet_py.go.player import Choice, Player
from darknet_py.go.playout import dead_stones, final_score
from darknet_py.go.rules import BLACK, NONE, PASS, SIZES, WHITE, IllegalMove
from darknet_py.go.sgf import Move, read_games, to_text
from darknet_py.go.vertex import parse_colour, parse_vertex, result_text, vertex

NAME = "DarkGo"
HOPELESS = 0.1  # chance to win below which the engine resigns
MOVES_LEFT = 40  # that the rest of a player's time is meant for, where the time control doesn't say


class Clock(NamedTuple):
    """Seconds that are left for so many stones; 0 stones: for the rest of the game."""

    seconds: float
    stones: int

    def share(self) -> float:
        """Seconds for the next move, with something kept for the way there and back."""
        return max(0.1, 0.9 * self.seconds / (self.stones or MOVES_LEFT))


class Engine:
    """Commands by name are in `commands`.

    player_for: the player for boards of a size; CfgError if it can't play there. resign_after: the move from which on
    hopeless games are resigned; None for never. seconds: for each move, 0 for any.
    """

    def __init__(
        self, player_for: Callable[[int], Player], size: int = 19, resign_after: int | None = None, seconds: float = 0
    ) -> None:
        self.player_for, self.resign_after, self.seconds = player_for, resign_after, seconds
        self.player, self.game = player_for(size), Game(size)
        self.clocks: dict[int, Clock] = {}
        plain = {
            "protocol_version": lambda: "2",
            "name": lambda: NAME,
            "version": lambda: __version__,
            "list_commands": lambda: "\n".join(self.commands),
            QUIT: lambda: "",
            "clear_board": self.clear_board,
            "undo": self.undo,
            "showboard": self.showboard,
            "final_score": lambda: result_text(final_score(self.game.board)),
            "printsgf": lambda: to_text(self.game.record()).rstrip(),
        }
        self.commands: dict[str, Command] = {name: _without_arguments(do) for name, do in plain.items()}
        self.commands |= {
            "known_command": lambda words: str(first(words) in self.commands).lower(),
            "boardsize": self.boardsize,
            "komi": self.komi,
            "play": self.play,
            "black": lambda words: self.play(["black", *words]),
            "white": lambda words: self.play(["white", *words]),
            "genmove": self.genmove,
            "genmove_black": lambda words: self.genmove(["black", *words]),
            "genmove_white": lambda words: self.genmove(["white", *words]),
            "reg_genmove": self.reg_genmove,
            "kgs-genmove_cleanup": lambda words: self.genmove(words, cleanup=True),
            "final_status_list": self.final_status_list,
            "time_settings": self.time_settings,
            "time_left": self.time_left,
            "fixed_handicap": self.fixed_handicap,
            "place_free_handicap": self.place_free_handicap,
            "set_free_handicap": self.set_free_handicap,
            "loadsgf": self.loadsgf,
        }

    # --- the board ----------------------------------------------------------------------------------------------------
    def boardsize(self, words: Sequence[str]) -> str:
        """A new, empty board."""
        size = whole(first(words))
        if size not in SIZES:
            raise GtpError("unacceptable size")
        if size != self.game.board.size:
            try:
                self.player = self.player_for(size)
            except CfgError:
                raise GtpError("unacceptable size") from None
        self._begin(size)
        return ""

    def clear_board(self) -> str:
        """The same size and komi."""
        self._begin(self.game.board.size)
        return ""

    def _begin(self, size: int) -> None:
        self.game = Game(size, self.game.board.komi)

    def komi(self, words: Sequence[str]) -> str:
        """Counts from now on."""
        self.game.board.komi = number(first(words))
        return ""

    def play(self, words: Sequence[str]) -> str:
        """A stone or a pass of either colour."""
        colour, where = at_least(words, 2)
        try:
            self.game.play(self._vertex(where), _colour(colour))
        except IllegalMove:
            raise GtpError("illegal move") from None
        return ""

    def undo(self) -> str:
        """Takes the last step back."""
        if not self.game.undo():
            raise GtpError("cannot undo")
        return ""

    def showboard(self) -> str:
        """Darknet's drawing."""
        return f"\n{diagram(self.game.board)}\n{captures(self.game.board)}"

    def loadsgf(self, words: Sequence[str]) -> str:
        """The position before a move of a record, or its last one."""
        path, before = first(words), whole(words[1]) if len(words) > 1 else None
        try:
            record = next(read_games(path))
            komi = self.game.board.komi if record.komi is None else record.komi
            start = record.start()
            game = Game(record.size, komi, record.setup, start.to_play, superko=False)  # real games know simple ko only
            for colour, point in record.moves[: None if before is None else max(before - 1, 0)]:
                game.play(point, colour)
            player = self.player_for(record.size)
        except (DarknetError, StopIteration) as error:
            raise GtpError(f"cannot load file: {error}") from None
        game.board.superko = True
        self.player, self.game = player, game
        return ""

    # --- handicap -----------------------------------------------------------------------------------------------------
    def fixed_handicap(self, words: Sequence[str]) -> str:
        """Stones on the usual points."""
        count, size = self._handicap(words), self.game.board.size
        if count > most_stones(size):
            raise GtpError("invalid number of stones")
        return self._give(fixed_points(count, size))

    def place_free_handicap(self, words: Sequence[str]) -> str:
        """Stones where the engine likes them, perhaps fewer than asked for."""
        return self._give(free_points(self._handicap(words), self.game.board.size))

    def set_free_handicap(self, words: Sequence[str]) -> str:
        """Stones where the user likes them."""
        points = [self._vertex(word) for word in words]
        self._handicap([str(len(points))])
        if PASS in points or len(set(points)) < len(points):
            raise GtpError("bad vertex list")
        self._give(points)
        return ""

    def _handicap(self, words: Sequence[str]) -> int:
        count = whole(first(words))
        if any(self.game.board.stones) or self.game.moves:
            raise GtpError("board not empty")
        if not 2 <= count < len(self.game.board.stones):
            raise GtpError("invalid number of stones")
        return count

    def _give(self, points: Sequence[int]) -> str:
        board = self.game.board
        self.game = Game(board.size, board.komi, [Move(BLACK, point) for point in points], WHITE)
        return " ".join(vertex(point, board.size) for point in points)

    # --- moves of the engine ------------------------------------------------------------------------------------------
    def genmove(self, words: Sequence[str], cleanup: bool = False) -> str:
        """Chooses a move and plays it; or resigns."""
        colour = _colour(first(words))
        choice = self._choose(colour, cleanup)
        if self._hopeless(choice) and not cleanup:
            self.game.result = f"{'W' if colour == BLACK else 'B'}+R"
            return "resign"
        self.game.play(choice.point, colour)
        return vertex(choice.point, self.game.board.size)

    def reg_genmove(self, words: Sequence[str]) -> str:
        """Chooses a move without playing it."""
        return vertex(self._choose(_colour(first(words)), False).point, self.game.board.size)

    def _choose(self, colour: int, cleanup: bool) -> Choice:
        board = self.game.board
        if colour != board.to_play:
            board = board.copy()
            board.to_play, board.ko = colour, NONE
        clock = self.clocks.get(colour)
        limits = [limit for limit in (self.seconds, clock.share() if clock else 0) if limit]
        return self.player.choose(board, min(limits, default=0), cleanup)

    def _hopeless(self, choice: Choice) -> bool:
        if self.resign_after is None or choice.value is None:
            return False
        return len(self.game.moves) >= self.resign_after and choice.value < HOPELESS

    # --- time ---------------------------------------------------------------------------------------------------------
    def time_settings(self, words: Sequence[str]) -> str:
        """Main time, byo-yomi time and stones; byo-yomi time without stones: none."""
        main, overtime, stones = (whole(word) for word in at_least(words, 3))
        none = overtime > 0 and stones == 0
        clock = Clock(main, 0) if main or not overtime else Clock(overtime, stones)
        self.clocks = {} if none else dict.fromkeys((BLACK, WHITE), clock)
        return ""

    def time_left(self, words: Sequence[str]) -> str:
        """What a player has left."""
        colour, seconds, stones = at_least(words, 3)
        self.clocks[_colour(colour)] = Clock(whole(seconds), whole(stones))
        return ""

    # --- the end ------------------------------------------------------------------------------------------------------
    def final_status_list(self, words: Sequence[str]) -> str:
        """Stones that are alive or dead; seki isn't told from life."""
        status, board = first(words), self.game.board
        if status not in ("alive", "dead", "seki"):
            raise GtpError("syntax error")
        dead = set(dead_stones(board))
        alive = {p for p, stone in enumerate(board.stones) if stone} - dead
        points = {"alive": alive, "dead": dead, "seki": set()}[status]
        return "\n".join(" ".join(vertex(p, board.size) for p in chain) for chain in self._chains(points))

    def _chains(self, points: set[int]) -> list[list[int]]:
        chains = []
        while points:
            chain = sorted(self.game.board.chain(min(points))[0])
            points = points - set(chain)
            chains.append(chain)
        return chains

    def _vertex(self, text: str) -> int:
        try:
            return parse_vertex(text, self.game.board.size)
        except DarknetError:
            raise GtpError("invalid coordinate") from None


def _without_arguments(command: Callable[[], str]) -> Command:
    return lambda words: command()


def _colour(text: str) -> int:
    try:
        return parse_colour(text)
    except DarknetError:
        raise GtpError("invalid color") from None
