"""The rules of Go once more, slowly: dicts by (column, row), all positions kept. The fast board must agree with it."""

from __future__ import annotations

Point = tuple[int, int]


class SlowBoard:
    """stones: {(column, row): "X" or "O"}. history: all positions so far."""

    def __init__(self, size: int, superko: bool) -> None:
        self.size, self.superko = size, superko
        self.stones: dict[Point, str] = {}
        self.history = [{}]
        self.turn = "X"
        self.before_last: dict[Point, str] | None = None

    def around(self, point: Point) -> list[Point]:
        x, y = point
        places = [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]
        return [(a, b) for a, b in places if 0 <= a < self.size and 0 <= b < self.size]

    def chain(self, stones: dict[Point, str], point: Point, chain: set[Point]) -> set[Point]:
        chain.add(point)
        for q in self.around(point):
            if stones.get(q) == stones[point] and q not in chain:
                self.chain(stones, q, chain)
        return chain

    def liberties(self, stones: dict[Point, str], chain: set[Point]) -> set[Point]:
        return {q for p in chain for q in self.around(p) if q not in stones}

    def after(self, point: Point, colour: str) -> dict[Point, str] | None:
        """The position behind a move; None if the rules forbid it."""
        if point in self.stones:
            return None
        stones = {**self.stones, point: colour}
        for p in list(stones):
            if p in stones and stones[p] != colour:
                chain = self.chain(stones, p, set())
                if not self.liberties(stones, chain):
                    stones = {q: c for q, c in stones.items() if q not in chain}
        if not self.liberties(stones, self.chain(stones, point, set())):
            return None
        if self.superko and stones in self.history:
            return None
        if colour == self.turn and stones == self.before_last:
            return None
        return stones

    def play(self, point: Point | None, colour: str) -> None:
        if point is None:
            self.before_last = None
        else:
            stones = self.after(point, colour)
            assert stones is not None
            self.before_last, self.stones = self.stones, stones
            self.history.append(stones)
        self.turn = "O" if colour == "X" else "X"

    def area(self) -> int:
        """Black's area less White's."""
        total = 0
        for x in range(self.size):
            for y in range(self.size):
                total += self.owner((x, y))
        return total

    def owner(self, point: Point) -> int:
        colours = self.reach(point, set()) if point not in self.stones else {self.stones[point]}
        return 0 if len(colours) != 1 else 1 if "X" in colours else -1

    def reach(self, point: Point, met: set[Point]) -> set[str]:
        met.add(point)
        found = set()
        for q in self.around(point):
            if q in self.stones:
                found.add(self.stones[q])
            elif q not in met:
                found |= self.reach(q, met)
        return found
