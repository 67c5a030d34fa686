"""Which of two sets belong together: the assignment of the greatest total weight, exactly."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def assign(weights: Array) -> tuple[Array, Array]:
    """Rows and columns, in pairs, of an assignment with the greatest total weight; (n, m) -> (k,), (k,).

    Each row and each column is in one pair at most, and only positive weights make pairs. Where tracks cross, taking
    the best pair first can leave the second track without its box, so the sum is what counts.
    """
    positive = weights > 0
    partners, suitors = positive.sum(axis=1), positive.sum(axis=0)
    if partners.max(initial=0) <= 1 and suitors.max(initial=0) <= 1:  # as in most frames: nothing to choose
        i, j = positive.nonzero()
        return i, j
    rows, columns = partners.nonzero()[0], suitors.nonzero()[0]
    cost = -np.maximum(weights[np.ix_(rows, columns)], 0)
    if len(rows) <= len(columns):
        i, j = np.arange(len(rows)), _cheapest(cost)
    else:
        i, j = _cheapest(cost.T), np.arange(len(columns))
    chosen = cost[i, j] < 0
    return rows[i[chosen]], columns[j[chosen]]


def _cheapest(cost: Array) -> Array:
    """The column of each row in the cheapest assignment of all rows; (n, m) with n <= m -> (n,).

    The Hungarian method by shortest augmenting paths (Jonker and Volgenant, Computing 38, 1987): rows are added one
    by one, each by the cheapest chain of changes to what was assigned before. O(n² m).
    """
    n, m = cost.shape
    column_of, row_of = np.full(n, -1), np.full(m, -1)
    row_price, column_price = np.zeros(n), np.zeros(m)
    for start in range(n):
        distance, came_from, done = np.full(m, np.inf), np.full(m, -1), np.zeros(m, bool)
        row, length, column = start, 0.0, -1
        while row >= 0:  # until a free column is reached
            through = length + cost[row] - row_price[row] - column_price
            nearer = ~done & (through < distance)
            distance[nearer], came_from[nearer] = through[nearer], row
            column = int(np.where(done, np.inf, distance).argmin())
            done[column] = True
            row, length = row_of[column], distance[column]
        passed = done & (row_of >= 0)
        row_price[start] += length
        row_price[row_of[passed]] += length - distance[passed]
        column_price[done] -= length - distance[done]
        while row != start:
            row = came_from[column]
            row_of[column], column_of[row], column = row, column, column_of[row]
    return column_of
