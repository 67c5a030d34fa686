"""Documents that change while a command runs, such as the live page of a training."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

from darknet_py.serve.server import LOOPBACK, Handler, Server, Service


class Document(NamedTuple):
    """The bytes and their MIME type."""

    content: bytes
    kind: str


class Documents(Service):
    """Serves what was last `put` under a path; 404 for all others."""

    def __init__(self, port: int, host: str = LOOPBACK) -> None:
        self._documents: dict[str, Document] = {}
        self._server = Server(port, host, self._answer)

    @property
    def url(self) -> str:
        """Where the document "/" is."""
        return self._server.url

    def put(self, path: str, content: bytes, kind: str) -> None:
        """Serves `content`, of the MIME type `kind`, under `path` from now on."""
        self._documents[path] = Document(content, kind)

    def close(self) -> None:
        """Serves no more."""
        self._server.close()

    def _answer(self, client: Handler) -> None:
        document = self._documents.get(client.path.partition("?")[0])
        if document is None:
            client.send_error(HTTPStatus.NOT_FOUND)
            return
        client.head(document.kind, len(document.content))
        client.wfile.write(document.content)
