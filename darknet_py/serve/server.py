"""A small HTTP server in threads of its own, which never holds up the command that it belongs to."""

from __future__ import annotations

import socketserver
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import TypeVar

from darknet_py.errors import DarknetError

LOOPBACK = "127.0.0.1"  # only programs of this machine can connect
SLOWEST = 5  # seconds that a client may hold up its thread

S = TypeVar("S", bound="Service")


class Handler(BaseHTTPRequestHandler):
    """One request; what it is answered with is the server's affair."""

    timeout = SLOWEST
    server: _Http

    def do_GET(self) -> None:
        """Answers; a client that has gone away isn't worth a word."""
        with suppress(OSError):
            self.server.answer(self)

    def log_message(self, format: str, *args: object) -> None:
        """Standard error belongs to the command."""

    def head(self, kind: str, length: int | None = None) -> None:
        """Begins an answer with content of the MIME type `kind`, that no cache keeps."""
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_port = False  # two commands on one port would share its clients

    def __init__(self, address: tuple[str, int], answer: Callable[[Handler], None]) -> None:
        self.answer = answer
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Without looking up the host's name, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that breaks off says nothing to the user."""


class Service(ABC):
    """What listens on a port until `close`, or to the end of a ``with`` block."""

    @abstractmethod
    def close(self) -> None:
        """Takes no more requests."""

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Server(Service):
    """Answers GET requests at http://host:port/ until `close`; `answer` is called in a thread for each request.

    port: 0 takes a free one. DarknetError where the port can't be had.
    """

    def __init__(self, port: int, host: str, answer: Callable[[Handler], None]) -> None:
        try:
            self._http = _Http((host, port), answer)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DarknetError(f"port {port} of {host}: can't be listened on: {reason}: choose another") from error
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._http.server_port

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        name = self._http.server_name
        return f"http://{'localhost' if name in ('0.0.0.0', '') else name}:{self.port}/"

    def close(self) -> None:
        """Takes no more requests."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()
