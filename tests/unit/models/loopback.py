"""A loopback server with the faults of real ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler


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
