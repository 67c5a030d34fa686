"""The board that `go test` draws, and what the user's input does to it. Reads and prints nothing itself."""

from __future__ import annotations

from collections.abc import Callable

from darknet_py.errors import DarknetError
from darknet_py.go.diagram import captures, diagram
from darknet_py.go.game import Game
from darknet_py.go.player import playable
from darknet_py.go.playout import final_score
from darknet_py.go.policy import Evaluation, GoNetwork
from darknet_py.go.rules import BLACK, EMPTY, PASS, WHITE, IllegalMove
from darknet_py.go.vertex import COLUMNS, parse_vertex, result_text, vertex

SUGGESTIONS = 5
QUIT = "q"
HELP = """Enter    plays the first suggestion, 1 to 5 that one
D 4      plays there (d4 will do)
p        passes
u        takes the last step back
c D 4    clears a point;  b D 4, w D 4  puts a black or white stone there: nothing is captured, the turn stays
q        quits;  h  shows this"""
HINT = "expected a point such as D 4, a suggestion's number, or p, u, b, w, c, q, h"
PUTS = {"b": BLACK, "w": WHITE, "c": EMPTY}


class Interactive:
    """A game and what the network thinks of it. Suggestions are those moves that the rules allow."""

    def __init__(self, network: GoNetwork, game: Game) -> None:
        self.network, self.game = network, game
        self.suggestions: list[int] = []

    @property
    def prompt(self) -> str:
        """Darknet's."""
        return f"{'X' if self.game.board.to_play == BLACK else 'O'} Enter move: "

    def view(self) -> str:
        """The chance to win if the network tells, the board with the suggestions' numbers, and their probabilities."""
        board = self.game.board
        (evaluation,) = self.network.evaluate([board])
        self.suggestions = suggest(self.game, evaluation)
        marks = {point: str(rank) for rank, point in enumerate(self.suggestions, 1) if point != PASS}
        win = [] if evaluation.value is None else [f"{100 * evaluation.value:.2f}% Win Chance"]
        over = [f"Both have passed: {result_text(final_score(board))} by area"] if board.over else []
        moves = [
            f"{rank}: {_name(point, board.size)}, {100 * evaluation.policy[point]:.2f}%"
            for rank, point in enumerate(self.suggestions, 1)
        ]
        return "\n".join(["", *win, diagram(board, marks), captures(board), *over, *moves])

    def answer(self, line: str) -> str:
        """Does what `line` says; what there is to say about it, if anything. DarknetError if it can't be done."""
        words = line.split()
        command = words[0].lower() if words else ""
        simple: dict[str, Callable[[], str]] = {"p": lambda: self._play(PASS), "u": self._undo, "h": lambda: HELP}
        if not words or (len(words) == 1 and command.isascii() and command.isdecimal()):
            return self._play(self._suggestion(int(command or 1)))
        if len(words) == 1 and command in simple:
            return simple[command]()
        if command in PUTS and len(words) > 1 and words[1][:1].isalpha():
            return self._put(self._point(words[1:]), PUTS[command])
        return self._play(self._point(words))

    def _suggestion(self, rank: int) -> int:
        if not 1 <= rank <= len(self.suggestions):
            raise DarknetError(f"there is no suggestion {rank}: {HINT}")
        return self.suggestions[rank - 1]

    def _point(self, words: list[str]) -> int:
        text = " ".join(words)
        if words[0][0].upper() not in COLUMNS or not any(c.isdigit() for c in text):
            raise DarknetError(f"{text!r} isn't understood: {HINT}")
        return parse_vertex(text, self.game.board.size)

    def _play(self, point: int) -> str:
        try:
            self.game.play(point)
        except IllegalMove as reason:
            raise IllegalMove(f"{_name(point, self.game.board.size)} is illegal: {reason}") from None
        return ""

    def _put(self, point: int, colour: int) -> str:
        self.game.put(point, colour)
        return ""

    def _undo(self) -> str:
        if not self.game.undo():
            raise DarknetError("there is nothing to take back")
        return ""


def suggest(game: Game, evaluation: Evaluation) -> list[int]:
    """The likeliest moves, the best first; a pass if the network knows one, or if nothing else is left."""
    policy, board = evaluation.policy, game.board
    points = []
    for point in playable(board, policy):
        points.append(point)
        if len(points) == SUGGESTIONS:
            break
    if policy[PASS] > 0 or not points:
        points = sorted([*points, PASS], key=lambda point: -policy[point])
    return points[:SUGGESTIONS]


def _name(point: int, size: int) -> str:
    return "Pass" if point == PASS else vertex(point, size, " ")
