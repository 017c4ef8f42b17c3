from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import cnntasks
from cnntasks.errors import InputError
from cnntasks.media.fetch import fetch, name_for_url
from cnntasks.media.sources import expand_sources
from cnntasks.task import Source

BODY = bytes(range(256)) * 40


class Handler(BaseHTTPRequestHandler):
    """One path for each way in which a server can behave."""

    requests: list[tuple[str, str | None]]
    leave: threading.Event

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.requests.append((self.path, self.headers["User-Agent"]))
        name = self.path.split("?")[0].strip("/").replace("%20", "_").replace(".jpg", "")
        getattr(self, f"get_{name}", self.get_missing)()

    def start(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()

    def get_good(self) -> None:
        self.start(Content_Length=str(len(BODY)))
        self.wfile.write(BODY)

    def get_two_words(self) -> None:
        self.get_good()

    def get_no_length(self) -> None:
        self.start()
        self.wfile.write(BODY)

    def get_huge(self) -> None:
        self.start(Content_Length=str(10**12))

    def get_cut(self) -> None:
        self.start(Content_Length=str(len(BODY)))
        self.wfile.write(BODY[:100])

    def get_silent(self) -> None:
        self.leave.wait(10)

    def get_drip(self) -> None:
        self.start()
        while not self.leave.wait(0.02):
            self.wfile.write(b"x")
            self.wfile.flush()

    def get_slow_head(self) -> None:
        while not self.leave.wait(0.02):
            self.wfile.write(b"HTTP/1.0 200 OK\r\n" if not hasattr(self, "begun") else b"X: y\r\n")
            self.begun = True

    def get_moved(self) -> None:
        self.start(302, Location="/good.jpg")

    def get_to_file(self) -> None:
        self.start(302, Location="file:///etc/hostname")

    def get_to_ftp(self) -> None:
        self.start(302, Location="ftp://127.0.0.1/good.jpg")

    def get_endless(self) -> None:
        self.start(302, Location="/endless")

    def get_missing(self) -> None:
        self.send_error(404)

    def get_garbage(self) -> None:
        self.wfile.write(b"this is not HTTP\r\n\r\n")


class Quiet(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that leave early are what these tests are about."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")
    handler = type("OneTest", (Handler,), {"requests": [], "leave": threading.Event()})
    with Quiet(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        monkeypatch.setattr(Handler, "requests", handler.requests, raising=False)  # type: ignore[attr-defined]
        yield f"http://127.0.0.1:{httpd.server_port}"
        handler.leave.set()  # type: ignore[attr-defined]
        httpd.shutdown()
        thread.join()


def failure(url: str, *, limit: int = 10**6, timeout: float = 5.0) -> str:
    with pytest.raises(InputError) as caught:
        fetch(url, limit=limit, timeout=timeout)
    message = str(caught.value)
    assert message.startswith(f"{url}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("path", ["good.jpg", "no_length.jpg", "moved.jpg", "two words.jpg"])
def test_what_comes_back_is_the_body(server: str, path: str) -> None:
    assert fetch(f"{server}/{path}", limit=len(BODY), timeout=5) == BODY


def test_the_server_is_told_who_asks(server: str) -> None:
    fetch(f"{server}/good.jpg?x=1", limit=10**6, timeout=5)
    assert Handler.requests == [("/good.jpg?x=1", f"cnntasks/{cnntasks.__version__}")]


def test_a_large_body_is_refused_by_its_announced_length(server: str) -> None:
    assert "download limit of 0.9537 MiB" in failure(f"{server}/huge")


def test_a_large_body_is_refused_while_it_arrives(server: str) -> None:
    assert "larger than the download limit" in failure(f"{server}/no_length", limit=len(BODY) - 1)


@pytest.mark.parametrize("path", ["silent", "drip", "slow_head"])
def test_the_time_limit_is_for_everything_together(server: str, path: str) -> None:
    begin = time.monotonic()
    assert "not downloaded within 0.3 seconds" in failure(f"{server}/{path}", timeout=0.3)
    assert time.monotonic() - begin < 2


def test_a_cut_connection_is_not_taken_for_the_end(server: str) -> None:
    assert f"cut after 100 of {len(BODY)} bytes" in failure(f"{server}/cut")


@pytest.mark.parametrize("path", ["to_file", "to_ftp"])
def test_redirects_stay_on_the_web(server: str, path: str) -> None:
    message = failure(f"{server}/{path}")
    assert "302" in message
    assert "not allowed" in message


def test_endless_redirects_end(server: str) -> None:
    failure(f"{server}/endless")


def test_not_there(server: str) -> None:
    assert "the server answered 404" in failure(f"{server}/nothing.jpg")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/a.jpg", "http://[bad/a", "http:///a", "http://a b/"]
)
def test_nobody_there(server: str, url: str) -> None:
    failure(url)


def test_not_http(server: str) -> None:
    failure(f"{server}/garbage")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://example.org/a/photo.jpg?size=2#top", "photo.jpg"),
        ("http://example.org/a/", "a"),
        ("http://example.org:8080/", "example.org"),
        ("http://example.org", "example.org"),
        ("http://example.org/..%2F..%2Fetc%2Fpasswd", "etc_passwd"),
        ("http://example.org/%2e%2e", "example.org"),
        ("http://example.org/.hidden.jpg", "hidden.jpg"),
        ("http://example.org/a%20b%3A%22c%22.jpg", "a_b_c_.jpg"),
        ("http://example.org/na%C3%AFve.jpg", "naïve.jpg"),
        ("http://example.org/" + "x" * 300 + ".jpg", "x" * 56 + ".jpg"),
        ("http://", "download"),
        ("http://[bad/a.jpg", "download"),
    ],
)
def test_names_from_addresses_are_safe(url: str, name: str) -> None:
    assert str(name_for_url(url)) == name


class TestAsSources:
    def expand(self, *urls: str, offline: bool = False) -> list[Source]:
        return list(
            expand_sources(
                urls, suffixes=(".jpg",), url_limit=10**5, url_timeout=5, offline=offline
            )
        )

    def test_nothing_is_asked_before_it_is_read(self, server: str) -> None:
        first, second = self.expand(f"{server}/good.jpg", f"{server}/good.jpg?2")
        assert Handler.requests == []
        assert first.name == f"{server}/good.jpg"
        assert [str(first.relative), str(second.relative)] == ["good.jpg", "good-2.jpg"]
        assert first.read_bytes() == BODY
        assert len(Handler.requests) == 1

    def test_the_limit_is_passed_on(self, server: str) -> None:
        (source,) = self.expand(f"{server}/huge")
        with pytest.raises(InputError, match="larger than the download limit"):
            source.read_bytes()

    def test_offline_fails_without_asking(self, server: str) -> None:
        (source,) = self.expand(f"{server}/good.jpg", offline=True)
        with pytest.raises(InputError, match=r"good.jpg: not downloaded because of --offline"):
            source.read_bytes()
        assert Handler.requests == []

    def test_other_schemes_are_refused(self, tmp_path: Path) -> None:
        for url in ((tmp_path / "a.jpg").as_uri(), "ftp://example.org/a.jpg", "s3://bucket/a.jpg"):
            (source,) = self.expand(url)
            with pytest.raises(InputError, match="no plugin reads"):
                source.read_bytes()

    def test_upper_case_schemes_are_addresses_too(self, server: str) -> None:
        (source,) = self.expand(server.replace("http", "HTTP") + "/good.jpg")
        assert source.read_bytes() == BODY
