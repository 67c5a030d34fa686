"""Darknet's streams: pictures (-mjpeg_port), which a browser shows as they come, and JSON (-json_port).

`send` returns at once, however slow the clients are. A client begins with the last item that was sent; one that can't
keep up with pictures gets the newest.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Iterator
from threading import Condition

from darknet_py.serve.server import LOOPBACK, Handler, Server, Service

BOUNDARY = "mjpegstream"  # http_stream.cpp:484
KEPT = 1000  # entries of JSON that a slow client may be behind
LAST_WORDS = 1.0  # seconds for clients to get the end of a stream


class Feed:
    """Items from one thread to any number of readers, which wait for them; the last `keep` are kept for the slow."""

    def __init__(self, keep: int) -> None:
        self._items: deque[bytes] = deque(maxlen=keep)
        self._sent, self._readers, self._closed = 0, 0, False
        self._changed = Condition()

    def send(self, item: bytes) -> None:
        """Another item."""
        with self._changed:
            self._items.append(item)
            self._sent += 1
            self._changed.notify_all()

    def close(self) -> None:
        """The end for all readers; waits a moment for them to notice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._readers, LAST_WORDS)

    @property
    def watched(self) -> bool:
        """Whether there is a reader now."""
        return self._readers > 0

    def read(self) -> Iterator[bytes]:
        """The last item, then each new one until `close`."""
        with self._changed:
            self._readers += 1
            seen = max(self._sent - 1, 0)
        try:
            while True:
                fresh, seen = self._after(seen)
                if not fresh:
                    return
                yield from fresh
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    def _after(self, seen: int) -> tuple[list[bytes], int]:
        """(what was sent behind the first `seen` items and is kept, or nothing at the end; how many were sent)."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._sent > seen)
            new = min(self._sent - seen, len(self._items))
            return list(self._items)[len(self._items) - new :], self._sent


class _Stream(Service):
    """A feed that is served at every path of a port."""

    def __init__(self, keep: int, port: int, host: str) -> None:
        self.feed = Feed(keep)
        self.server = Server(port, host, self._answer)

    @property
    def url(self) -> str:
        """Where clients find it."""
        return self.server.url

    @property
    def watched(self) -> bool:
        """Whether a client looks on, for whom it is worth making the next item."""
        return self.feed.watched

    def close(self) -> None:
        """Ends the stream for all clients."""
        self.feed.close()
        self.server.close()

    @abstractmethod
    def _answer(self, client: Handler) -> None:
        """Sends the feed to a client."""


class MjpegStream(_Stream):
    """Pictures, each in the place of the one before."""

    def __init__(self, port: int, host: str = LOOPBACK) -> None:
        super().__init__(1, port, host)

    def send(self, jpeg: bytes) -> None:
        """The next picture, encoded."""
        self.feed.send(jpeg)

    def _answer(self, client: Handler) -> None:
        client.head(f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        client.wfile.write(f"--{BOUNDARY}\r\n".encode())
        for jpeg in self.feed.read():
            client.wfile.write(f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode())
            client.wfile.write(jpeg + f"\r\n--{BOUNDARY}\r\n".encode())  # browsers show a picture when it has ended


class JsonStream(_Stream):
    """A JSON list that grows until the stream's end."""

    def __init__(self, port: int, host: str = LOOPBACK) -> None:
        super().__init__(KEPT, port, host)

    def send(self, entry: str) -> None:
        """The next entry of the list, as JSON."""
        self.feed.send(entry.encode("utf-8", "backslashreplace"))

    def _answer(self, client: Handler) -> None:
        client.head("application/json")
        client.wfile.write(b"[\n")
        separator = b""
        for entry in self.feed.read():
            client.wfile.write(separator + entry)
            separator = b", \n"
        client.wfile.write(b"\n]")
