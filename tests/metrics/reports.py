"""An evaluation with mistakes of all kinds, its pictures, and what a page shows: for the tests of the report."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from darknet_py.boxes import Detections
from darknet_py.data.images import Picture
from darknet_py.metrics.evaluate import Sample, examine
from darknet_py.metrics.evaluation import Evaluation


class Pictures:
    """Grey pictures of 120 x 80 pixels, by name; each has its true boxes and what is found: rows with the class."""

    def __init__(self, pictures: dict[str, tuple[list[tuple[float, ...]], list[tuple[float, ...]]]]) -> None:
        self.paths = [Path(name) for name in pictures]
        self.boxes = list(pictures.values())

    def __len__(self) -> int:
        return len(self.paths)

    def picture(self, index: int) -> Picture:
        return np.full((80, 120, 3), 60 + index, np.uint8)

    def __getitem__(self, index: int) -> Sample:
        truth = np.array(self.boxes[index][0], np.float32).reshape(-1, 5)
        return self.picture(index), truth, None

    def detect(self, pictures: list[Picture], classes: int) -> list[Detections]:
        """Rows [class, prob, x, y, w, h] as detections."""
        found = []
        for picture in pictures:
            rows = np.array(self.boxes[int(picture[0, 0, 0]) - 60][1], np.float32).reshape(-1, 6)
            probs = np.zeros((len(rows), classes), np.float32)
            probs[np.arange(len(rows)), rows[:, 0].astype(int)] = rows[:, 1]
            found.append(Detections(rows[:, 2:], rows[:, 1], probs))
        return found

    def evaluation(self, classes: int, batch: int = 8) -> Evaluation:
        return examine(lambda pictures: self.detect(pictures, classes), self, classes, batch=batch)


LEFT, RIGHT = (0.25, 0.5, 0.3, 0.5), (0.75, 0.5, 0.3, 0.5)
SHIFTED = (0.35, 0.5, 0.3, 0.5)  # overlaps LEFT by a half of the union
MIXED = {
    "good.jpg": ([(0, *LEFT), (1, *RIGHT)], [(0, 0.9, *LEFT), (1, 0.8, *RIGHT)]),
    "missed.jpg": ([(0, *LEFT), (2, *RIGHT)], []),
    "wrong class.jpg": ([(0, *LEFT)], [(1, 0.7, *LEFT)]),
    "bad <box>.jpg": ([(0, 0.2, 0.5, 0.3, 0.5)], [(0, 0.6, *SHIFTED)]),
    "worst.jpg": ([(0, *LEFT)], [(0, 0.9, *LEFT), (0, 0.5, *LEFT), (1, 0.3, *RIGHT), (2, 0.28, *RIGHT)]),
}
NAMES = ("cat", "<b>&dog</b>", "$a$ very long name of a class that has no end")


class Tables(HTMLParser):
    """The cells of each table of a page, by the table's id; and the sources of its pictures."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: dict[str, list[list[str]]] = {}
        self.pictures: list[str] = []
        self._table, self._cell = "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "img":
            self.pictures.append(values["src"] or "")
        elif tag == "table":
            self._table = values["id"] or ""
            self.rows[self._table] = []
        elif tag == "tr":
            self.rows[self._table].append([])
        elif tag in ("td", "th"):
            self.rows[self._table][-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.rows[self._table][-1][-1] += data


def with_script(page: Path, script: str, path: Path) -> Path:
    """A copy of `page` at `path` in which `script` runs at the end."""
    html = page.read_text()
    assert html.count("</body>") == 1
    path.write_text(html.replace("</body>", f"<script>{script}</script></body>"))
    return path
