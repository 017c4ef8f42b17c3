"""Downloads over a loopback server: whole, resumed, refused, cut, and onto a full disk."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loopback import Site

from cnntasks.errors import ModelError
from cnntasks.models import download as module
from cnntasks.models.download import ATTEMPTS, discard, download


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "tiny.part"


def test_a_file_arrives_whole_with_progress(site: Site, part: Path) -> None:
    seen: list[tuple[int, int]] = []
    download(site.url, part, progress=lambda done, total: seen.append((done, total)))
    assert part.read_bytes() == site.body
    assert seen[0] == (0, len(site.body))
    assert seen[-1] == (len(site.body), len(site.body))
    assert seen == sorted(seen)
    assert len(site.requests) == 1
    assert site.requests[0]["user-agent"].startswith("cnntasks/")
    assert "range" not in site.requests[0]


def test_a_cut_connection_is_resumed_within_the_call(site: Site, part: Path) -> None:
    site.cuts = [300_000, 200_000]
    lines: list[str] = []
    download(site.url, part, log=lines.append)
    assert part.read_bytes() == site.body
    ranges = [request.get("range") for request in site.requests]
    assert ranges == [None, "bytes=300000-", "bytes=500000-"]
    assert site.requests[1]["if-range"] == '"v1"'
    assert len(lines) == 2
    assert "after 300000 of 1024000 bytes" in lines[0]


def test_the_next_call_resumes_what_this_one_leaves(site: Site, part: Path) -> None:
    site.cuts = [100_000] * ATTEMPTS
    with pytest.raises(ModelError, match=r"cut 4 times .*run the command again"):
        download(site.url, part)
    assert part.read_bytes() == site.body[: 100_000 * ATTEMPTS]
    assert len(site.requests) == ATTEMPTS
    seen: list[tuple[int, int]] = []
    download(site.url, part, progress=lambda done, total: seen.append((done, total)))
    assert part.read_bytes() == site.body
    assert seen[0] == (400_000, len(site.body))
    assert site.requests[-1]["range"] == "bytes=400000-"


def test_a_server_without_ranges_starts_again(site: Site, part: Path) -> None:
    site.ranges = False
    site.cuts = [300_000, 900_000]
    download(site.url, part)
    assert part.read_bytes() == site.body
    assert len(site.requests) == 3
    assert "range" in site.requests[1]


def test_a_server_without_validators_is_resumed_too(site: Site, part: Path) -> None:
    site.etag = None
    site.cuts = [300_000]
    download(site.url, part)
    assert part.read_bytes() == site.body
    assert "if-range" not in site.requests[1]


def test_a_file_that_changed_meanwhile_comes_anew(site: Site, part: Path) -> None:
    site.cuts = [1000] * ATTEMPTS
    with pytest.raises(ModelError, match="cut"):
        download(site.url, part)
    site.body, site.etag = site.body[::-1], '"v2"'
    download(site.url, part)
    assert part.read_bytes() == site.body


def test_a_part_of_another_address_is_not_continued(
    site: Site, serve: Callable[[], Site], part: Path
) -> None:
    site.cuts = [1000] * ATTEMPTS
    with pytest.raises(ModelError, match="cut"):
        download(site.url, part)
    other = serve()
    download(other.url, part)
    assert "range" not in other.requests[0]
    assert part.read_bytes() == other.body


def test_a_part_that_is_whole_needs_no_more_bytes(site: Site, part: Path) -> None:
    download(site.url, part)
    download(site.url, part, size=len(site.body))
    assert len(site.requests) == 1
    download(site.url, part)
    assert len(site.requests) == 2
    assert part.read_bytes() == site.body


def test_a_part_that_is_too_long_comes_anew(site: Site, part: Path) -> None:
    download(site.url, part)
    site.body = site.body[:5000]
    download(site.url, part)
    assert part.read_bytes() == site.body
    part.write_bytes(bytes(9000))
    download(site.url, part, size=5000)
    assert part.read_bytes() == site.body


def test_a_size_other_than_published_is_refused_at_once(site: Site, part: Path) -> None:
    with pytest.raises(ModelError, match="1024000 bytes where 77 are published"):
        download(site.url, part, size=77)
    assert not part.exists()


def test_a_body_without_end_is_not_stored_without_end(site: Site, part: Path) -> None:
    site.length = False
    with pytest.raises(ModelError, match="more than the 300000 bytes"):
        download(site.url, part, size=300_000)
    assert list(part.parent.iterdir()) == []


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_is_one_line(site: Site, part: Path, status: int) -> None:
    site.status = status
    with pytest.raises(ModelError, match=f"tiny.pth: the server answered {status} ") as caught:
        download(site.url, part)
    assert "\n" not in str(caught.value)
    assert "--from FILE" in str(caught.value)
    assert len(site.requests) == 1


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a/b", "/etc/passwd", "data:,a"])
def test_other_addresses_are_refused(part: Path, url: str) -> None:
    with pytest.raises(ModelError, match="only http and https"):
        download(url, part)


def test_nobody_there_is_one_line(part: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ModelError, match=r"cannot be reached .*refused"):
            download(f"http://127.0.0.1:{unused.getsockname()[1]}/a", part)


@pytest.fixture
def silent_server() -> Iterator[Callable[[bytes], str]]:
    """Start servers that send the given bytes and then nothing, without hanging up."""
    opened: list[socket.socket] = []
    threads = []

    def start(first: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        opened.append(listener)

        def serve() -> None:
            connection, _ = listener.accept()
            opened.append(connection)
            connection.recv(65536)
            connection.sendall(first)

        thread = threading.Thread(target=serve)
        thread.start()
        threads.append(thread)
        return f"http://127.0.0.1:{listener.getsockname()[1]}/a"

    yield start
    for thread in threads:
        thread.join()
    for each in opened:
        each.close()


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"])
def test_a_silent_server_is_one_line(
    part: Path,
    first: bytes,
    silent_server: Callable[[bytes], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.3)
    with pytest.raises(ModelError, match=r"silent for 0\.3 s"):
        download(silent_server(first), part)


def test_a_full_disk_says_how_much_is_needed_and_where(
    site: Site, part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_path = Path.open

    class FullFile:
        def __init__(self, file: Any) -> None:
            self.file = file

        def __enter__(self) -> FullFile:
            return self

        def __exit__(self, *details: object) -> None:
            self.file.close()

        def write(self, chunk: bytes) -> int:
            if self.file.tell() > 500_000:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return int(self.file.write(chunk))

    def open_full(self: Path, mode: str = "r", **options: Any) -> Any:
        file = open_path(self, mode, **options)
        return FullFile(file) if self == part else file

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", open_full)
        with pytest.raises(ModelError, match=r"the disk is full; 1\.0 MB are needed in") as caught:
            download(site.url, part)
    assert str(part.parent) in str(caught.value)
    assert len(site.requests) == 1
    kept = part.read_bytes()
    assert len(kept) > 500_000
    assert kept == site.body[: len(kept)]
    download(site.url, part)
    assert part.read_bytes() == site.body
    assert site.requests[-1]["range"] == f"bytes={len(kept)}-"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 kB; only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("a tmpfs cannot be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_small_file_system_fills_up(site: Site, small_disk: Path) -> None:
    part = small_disk / "tiny.part"
    with pytest.raises(ModelError, match=r"the disk is full; 1\.0 MB are needed in .*/disk"):
        download(site.url, part)
    kept = part.read_bytes()
    assert 0 < len(kept) < 400 * 1024
    assert kept == site.body[: len(kept)]
    discard(part)
    assert list(small_disk.iterdir()) == []
