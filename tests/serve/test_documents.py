"""Documents over HTTP."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.client import HTTPMessage
from pathlib import Path

import pytest

from darknet_py.serve.documents import Documents
from tests.browser import open_page


def get(url: str) -> tuple[bytes, HTTPMessage]:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read(), answer.headers


def test_the_last_content_counts():
    with Documents(0) as documents:
        documents.put("/", b"old", "text/plain")
        documents.put("/", b"<p>new", "text/html; charset=utf-8")
        documents.put("/a.json", b"[]", "application/json")
        content, headers = get(documents.url)
        assert content == b"<p>new"
        assert headers["Content-Type"] == "text/html; charset=utf-8" and headers["Cache-Control"] == "no-store"
        assert get(f"{documents.url}a.json?at=3")[0] == b"[]"


@pytest.mark.parametrize("path", ["b.json", "../etc/passwd", "%2e%2e/", "a.json/"])
def test_nothing_else_is_served(path: str):
    with Documents(0) as documents:
        documents.put("/a.json", b"[]", "application/json")
        with pytest.raises(urllib.error.HTTPError, match="404") as error:
            get(documents.url + path)
        error.value.close()


def test_nothing_is_served_behind_the_end():
    with Documents(0) as documents:
        url = documents.url
    with pytest.raises(urllib.error.URLError):
        get(url)


def test_the_browser_tells_what_a_page_says_on_its_console(tmp_path: Path):
    with Documents(0) as documents:
        documents.put(
            "/", b"<link rel=icon href='data:,'><p id=a><script>a.append(1 + 1); nonsense()</script>", "text/html"
        )
        page = open_page(documents.url, tmp_path)
    assert "</script>2</p>" in page.html
    assert page.console == ["Uncaught ReferenceError: nonsense is not defined"]
