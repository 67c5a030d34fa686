"""Where handicap stones stand (GTP 2, 4.1.1)."""

from __future__ import annotations


def most_stones(size: int) -> int:
    """That have a usual point: 0 below 7x7, 4 on even boards and 7x7, else 9."""
    if size < 7:
        return 0
    return 4 if size % 2 == 0 or size == 7 else 9


def fixed_points(count: int, size: int) -> list[int]:
    """The usual points of 2 to `most_stones` stones."""
    low = 2 if size < 13 else 3  # from the edge
    high, middle = size - 1 - low, size // 2
    corners = [(high, low), (low, high), (low, low), (high, high)]  # (row, column): D4, Q16, D16, Q4
    sides = [(middle, low), (middle, high), (low, middle), (high, middle)]  # D10, Q10, K16, K4
    places = corners[:count]
    if count >= 6:
        places += sides[: 4 if count >= 8 else 2]
    if count in (5, 7, 9):
        places.append((middle, middle))
    return [row * size + column for row, column in places]


def free_points(count: int, size: int) -> list[int]:
    """Up to `count` usual points; two at least: on small boards, opposite corners."""
    usual = fixed_points(min(count, most_stones(size)), size)
    return usual or [(size - 1) * size, size - 1][: min(count, 2)]
