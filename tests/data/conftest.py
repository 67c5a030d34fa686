"""A web server on this machine for the tests of downloads."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest


class Server(http.server.ThreadingHTTPServer):
    """Serves `files` by path; the switches make it a bad one. `requests` are the Range headers that it saw."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.requests: list[str | None] = []
        self.ranges = True  # False: always the whole file
        self.drop_after: int | None = None  # bytes of an answer's body before the line goes dead
        self.drops = 0  # answers that still go dead
        self.busy = 0  # answers that are still "503"
        self.shift = 0  # bytes by which a part begins too late

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none of the server's business."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers["Range"]
        self.server.requests.append(wanted)
        content = self.server.files.get(self.path)
        if self.server.busy or content is None:
            self.server.busy = max(self.server.busy - 1, 0)
            self.send_error(404 if content is None else 503)
            return
        first = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.ranges else 0
        if first >= len(content) and first:
            self.answer(416, b"", f"bytes */{len(content)}")
        elif first:
            first += self.server.shift
            self.answer(206, content[first:], f"bytes {first}-{len(content) - 1}/{len(content)}")
        else:
            self.answer(200, content, None)

    def answer(self, status: int, body: bytes, content_range: str | None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        if self.server.drops and self.server.drop_after is not None:
            self.server.drops -= 1
            body = body[: self.server.drop_after]
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
