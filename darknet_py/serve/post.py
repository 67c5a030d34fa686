"""Darknet's notices (-http_post_host): a POST for each frame with objects, to a server that wants to know."""

from __future__ import annotations

import urllib.request
import warnings
from collections.abc import Callable
from http.client import HTTPException
from queue import Full, Queue
from threading import Thread
from urllib.parse import urlsplit

from darknet_py.errors import DarknetError
from darknet_py.serve.server import Service

TIMEOUT = 3.0  # seconds for the server to answer (demo.c:312)
KEPT = 100  # notices that a slow server may be behind
LAST_WORDS = 5.0  # seconds at the end for what is still to be sent


class Poster(Service):
    """Sends texts to HOST/PATH, one after the other, in a thread of its own; the first that fails is told.

    where: a URL of http or https; http where it names neither. once: only the first text is sent. problem: is told, in
    that thread, that the server takes none. DarknetError where it is no URL.
    """

    def __init__(self, where: str, once: bool = False, problem: Callable[[str], object] = warnings.warn) -> None:
        self.url = where if "://" in where else f"http://{where}"
        self.once, self.problem = once, problem
        self.sent = self.lost = 0
        _check(self.url)
        self._waiting: Queue[str | None] = Queue(KEPT)
        self._thread = Thread(target=self._work, daemon=True)
        self._thread.start()

    def send(self, text: str) -> None:
        """The next text, if it isn't empty; returns at once. One too many for a slow server is lost."""
        if not text or (self.once and self.sent + self.lost):
            return
        try:
            self._waiting.put_nowait(text)
            self.sent += 1
        except Full:
            self.lost += 1

    def close(self) -> None:
        """Waits a moment for what is still to be sent."""
        try:
            self._waiting.put(None, timeout=LAST_WORDS)
        except Full:
            return
        self._thread.join(LAST_WORDS)

    def _work(self) -> None:
        told = False
        while (text := self._waiting.get()) is not None:
            data = text.encode("utf-8", "backslashreplace")
            request = urllib.request.Request(self.url, data, {"Content-Type": "text/plain"})
            try:
                urllib.request.urlopen(request, timeout=TIMEOUT).close()
            except (OSError, HTTPException) as error:
                if not told:
                    self.problem(f"{self.url}: takes no notices: {error}")
                told = True


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise DarknetError(f"{url}: no address of a server: HOST/PATH, or a URL of http or https")
