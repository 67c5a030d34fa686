"""Notices by POST: what a server gets, and that none holds up the sender."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread

import pytest

from darknet_py.errors import DarknetError
from darknet_py.serve.post import KEPT, Poster


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent in the server's list `got`."""

    def do_POST(self) -> None:
        self.server.may_answer.wait(5)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.got.append((self.path, self.headers["Content-Type"], body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.got, server.may_answer = [], Event()
        server.may_answer.set()
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def test_the_server_gets_the_texts_in_order(server):
    with Poster(f"127.0.0.1:{server.server_port}/a/b") as poster:
        for text in ("one", "", "zwölf"):
            poster.send(text)
    assert server.got == [("/a/b", "text/plain", "one"), ("/a/b", "text/plain", "zwölf")]


def test_only_the_first(server):
    with Poster(f"http://127.0.0.1:{server.server_port}/", once=True) as poster:
        for text in ("", "one", "two"):
            poster.send(text)
    assert [body for *_, body in server.got] == ["one"]


def test_a_slow_server_holds_up_nothing(server):
    server.may_answer.clear()
    with Poster(f"127.0.0.1:{server.server_port}/") as poster:
        start = time.perf_counter()
        for i in range(KEPT + 50):
            poster.send(str(i))
        assert time.perf_counter() - start < 1 and poster.lost >= 49
        server.may_answer.set()
    assert [body for *_, body in server.got] == [str(i) for i in range(poster.sent)]


def test_a_server_that_takes_none_is_told_once(server):
    port = server.server_port
    server.server_close()
    told: list[str] = []
    with Poster(f"127.0.0.1:{port}/", problem=told.append) as poster:
        poster.send("one")
        poster.send("two")
    assert len(told) == 1 and told[0].startswith(f"http://127.0.0.1:{port}/: takes no notices: ")


@pytest.mark.parametrize("where", ["", "/path", "ftp://host/", "host:port/", "http://", "host:99999/"])
def test_what_is_no_address(where):
    with pytest.raises(DarknetError, match="no address of a server"):
        Poster(where)
