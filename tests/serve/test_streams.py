"""Darknet's streams: what clients get, and that none of them holds up the sender."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.request
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknet_py.errors import DarknetError
from darknet_py.serve.streams import BOUNDARY, Feed, JsonStream, MjpegStream

ANY = 0  # a free port


def parts(stream: str) -> list[bytes]:
    """The pictures of a finished MJPEG stream."""
    with urllib.request.urlopen(stream, timeout=5) as answer:
        assert answer.headers["Content-Type"] == f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        _, *found, rest = answer.read().split(f"--{BOUNDARY}\r\n".encode())
    assert rest == b""
    heads, pictures = zip(*(part.split(b"\r\n\r\n", 1) for part in found), strict=True)
    for head, picture in zip(heads, pictures, strict=True):
        assert head == f"Content-Type: image/jpeg\r\nContent-Length: {len(picture) - 2}".encode()
    return [picture.removesuffix(b"\r\n") for picture in pictures]


def until_read(feed: Feed, clients: int = 1) -> None:
    """Waits until so many clients read."""
    end = time.monotonic() + 5
    while feed._readers < clients:
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_picture_replaces_the_one_before():
    with MjpegStream(ANY) as stream:
        stream.send(b"too early")
        stream.send(b"first")
        got: list[list[bytes]] = []
        reader = threading.Thread(target=lambda: got.append(parts(stream.url)))
        reader.start()
        until_read(stream.feed)
        stream.send(b"second \r\n\xff\xd8")
    reader.join(5)
    assert got[0] in ([b"first", b"second \r\n\xff\xd8"], [b"second \r\n\xff\xd8"])  # a slow reader misses one


def test_entries_become_a_list_of_json():
    with JsonStream(ANY) as stream:
        stream.send('{"frame": 1}')
        got: list[bytes] = []
        reader = threading.Thread(target=lambda: got.append(urllib.request.urlopen(stream.url, timeout=5).read()))
        reader.start()
        until_read(stream.feed)
        for i in range(2, 5):
            stream.send(f'{{"frame": {i}, "name": "\udcff"}}')
    reader.join(5)
    assert [entry["frame"] for entry in json.loads(got[0])] == [1, 2, 3, 4]


def test_a_stream_without_entries_is_an_empty_list():
    with JsonStream(ANY) as stream:
        got: list[bytes] = []
        reader = threading.Thread(target=lambda: got.append(urllib.request.urlopen(stream.url, timeout=5).read()))
        reader.start()
        until_read(stream.feed)
    reader.join(5)
    assert json.loads(got[0]) == []


def test_clients_that_dont_read_or_say_nothing_hold_nobody_up():
    with MjpegStream(ANY) as stream:
        port = stream.server.port
        with socket.create_connection(("127.0.0.1", port)) as deaf, socket.create_connection(("127.0.0.1", port)):
            deaf.sendall(b"GET / HTTP/1.0\r\n\r\n")
            until_read(stream.feed)
            start = time.monotonic()
            for _ in range(20):
                stream.send(bytes(2_000_000))
            assert time.monotonic() - start < 2
            stream.close()  # doesn't wait for them longer than a moment
            assert time.monotonic() - start < 4


def test_a_client_that_goes_away_is_forgotten():
    with JsonStream(ANY) as stream:
        with socket.create_connection(("127.0.0.1", stream.server.port)) as client:
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            until_read(stream.feed)
        end = time.monotonic() + 5
        while stream.feed._readers:
            stream.send("0")
            assert time.monotonic() < end
            time.sleep(0.01)


def test_only_this_machine_is_served_unless_told_otherwise():
    with MjpegStream(ANY) as stream:
        assert stream.url == f"http://127.0.0.1:{stream.server.port}/"
    with MjpegStream(ANY, "0.0.0.0") as stream:
        assert stream.url == f"http://localhost:{stream.server.port}/"


def test_a_port_that_is_taken_is_told():
    with (
        JsonStream(ANY) as stream,
        pytest.raises(DarknetError, match=r"port \d+ of 127.0.0.1: can't be .* in use: choose"),
    ):
        JsonStream(stream.server.port)
    with pytest.raises(DarknetError, match="port 70000"):
        JsonStream(70000)
    with pytest.raises(DarknetError, match="port 0 of no-such-host"):
        JsonStream(0, "no-such-host.invalid")


def test_a_feed_ends_readers_that_wait():
    feed = Feed(3)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.extend(feed.read()))
    reader.start()
    until_read(feed)
    feed.send(b"x")
    feed.close()
    reader.join(5)
    assert got == [b"x"] and not reader.is_alive()


@settings(deadline=None)
@given(st.integers(1, 5), st.lists(st.integers(1, 7), min_size=1, max_size=6))
def test_a_slow_reader_misses_the_oldest_and_gets_each_of_the_others_once(keep: int, bursts: list[int]):
    feed, sent = Feed(keep), 0
    feed.send(b"0")
    reader = feed.read()
    assert next(reader) == b"0"
    for burst in bursts:
        fresh = [str(sent + i + 1).encode() for i in range(burst)]
        sent += burst
        for item in fresh:
            feed.send(item)
        assert list(islice(reader, min(keep, burst))) == fresh[-keep:]
    reader.close()  # type: ignore[attr-defined]
    feed.close()
