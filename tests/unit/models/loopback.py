"""A loopback server with the faults of real ones, and a cache of a test's own.

The fixtures are imported by the `conftest.py` of the folders that pull models.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cnntasks.models import download


@dataclass
class Site:
    """What the loopback server serves, and how it misbehaves.

    Attributes:
        body: the published file.
        etag: its entity tag; changes with the file.
        ranges: whether it answers 206 to a Range.
        cuts: for each coming request, after how many bytes of the answer to hang up.
        status: answer this to everything.
        length: whether it announces the length.
        requests: the headers of each request so far.
    """

    url: str
    body: bytes = bytes(range(256)) * 4000
    etag: str | None = '"v1"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    status: int | None = None
    length: bool = True
    requests: list[dict[str, str]] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append({key.lower(): value for key, value in handler.headers.items()})
        if self.status is not None:
            handler.send_error(self.status)
            return
        start = self._start(handler)
        if start is not None and start >= len(self.body):
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(self.body)}")
            handler.end_headers()
            return
        handler.send_response(200 if start is None else 206)
        rest = self.body[start or 0 :]
        if start is not None:
            last = len(self.body) - 1
            handler.send_header("Content-Range", f"bytes {start}-{last}/{len(self.body)}")
        if self.length:
            handler.send_header("Content-Length", str(len(rest)))
        if self.etag:
            handler.send_header("ETag", self.etag)
        handler.end_headers()
        handler.wfile.write(rest[: self.cuts.pop(0)] if self.cuts else rest)

    def _start(self, handler: BaseHTTPRequestHandler) -> int | None:
        wanted = handler.headers.get("Range")
        if wanted is None or not self.ranges:
            return None
        if handler.headers.get("If-Range", self.etag) != self.etag:
            return None
        return int(wanted.removeprefix("bytes=").rstrip("-"))


@pytest.fixture
def serve() -> Iterator[Callable[[], Site]]:
    """Start loopback servers; each call returns the `Site` of a new one."""
    servers = []

    def start() -> Site:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        site = Site(url=f"http://127.0.0.1:{server.server_port}/tiny.pth")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        servers.append((server, thread))
        return site

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site(serve: Callable[[], Site], monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return serve()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("CNNTASKS_CACHE", str(folder))
    return folder
