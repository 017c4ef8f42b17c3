"""Download one http(s) address into memory, with a limit on its size and on the whole time."""

from __future__ import annotations

import http.client
import queue
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import PurePosixPath
from typing import IO

from cnntasks.errors import InputError

_CHUNK = 1 << 16
_SAFE_IN_URL = "%/:=&?~#+!$,;'@()*[]"


def fetch(url: str, *, limit: int, timeout: float) -> bytes:
    """Return the body behind `url`.

    Args:
        url: an http or https address; redirects are followed to such addresses only.
        limit: the largest body in bytes.
        timeout: seconds for everything together, name look-up and redirects included.

    Raises:
        InputError: too large, too slow, cut off, refused, or not there; the message names `url`.
    """
    # A worker thread, because a socket's time limit covers one read only and a name look-up
    # has none at all: a server that sends one byte now and then would hold us for ever.
    answers: queue.Queue[bytes | Exception] = queue.Queue()
    deadline = time.monotonic() + timeout

    def work() -> None:
        try:
            answers.put(_download(url, limit, timeout, deadline))
        except Exception as error:  # raised again below, in the caller's thread
            answers.put(error)

    threading.Thread(target=work, name="cnntasks-fetch", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        raise _too_slow(url, timeout) from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def name_for_url(url: str) -> PurePosixPath:
    """A file name for what `url` gives: the last part of its path, or else its host."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError:  # reading it will tell
        return PurePosixPath("download")
    last = urllib.parse.unquote(parts.path.rstrip("/").rpartition("/")[2])
    for candidate in (last, parts.hostname or ""):
        cleaned = re.sub(r"[^\w.-]+", "_", candidate).strip("._")
        if cleaned:
            # From the end, so that a suffix survives; file systems allow 255 bytes.
            return PurePosixPath(cleaned[-60:].lstrip("."))
    return PurePosixPath("download")


class _WebRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https only (urllib's own handler would also allow ftp)."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urllib.parse.urlsplit(newurl).scheme not in ("http", "https"):
            raise urllib.error.HTTPError(
                req.full_url, code, f"redirect to {newurl!r} is not allowed", headers, fp
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _download(url: str, limit: int, timeout: float, deadline: float) -> bytes:
    from cnntasks import __version__

    opener = urllib.request.build_opener(_WebRedirects)
    try:
        request = urllib.request.Request(
            urllib.parse.quote(url, safe=_SAFE_IN_URL),
            headers={"User-Agent": f"cnntasks/{__version__}"},
        )
        with opener.open(request, timeout=timeout) as response:
            return _read_body(response, url, limit, timeout, deadline)
    except urllib.error.HTTPError as error:
        with error:
            reason = " ".join(str(error.reason).split())
            raise InputError(
                f"{url}: the server answered {error.code} ({reason}); check the address"
            ) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        cause = getattr(error, "reason", error)
        if isinstance(cause, TimeoutError):
            raise _too_slow(url, timeout) from error
        reason = " ".join(str(cause).split()) or type(cause).__name__
        raise InputError(
            f"{url}: cannot be downloaded ({reason}); check the address and the connection"
        ) from error


def _read_body(
    response: http.client.HTTPResponse, url: str, limit: int, timeout: float, deadline: float
) -> bytes:
    announced = response.headers.get("Content-Length", "")
    expected = int(announced) if announced.isdecimal() else None
    if expected is not None and expected > limit:
        raise _too_large(url, limit)
    body = bytearray()
    # `read1` returns after one receive; `read` would wait for a whole chunk past the deadline.
    while chunk := response.read1(_CHUNK):
        body += chunk
        if len(body) > limit:
            raise _too_large(url, limit)
        if time.monotonic() > deadline:
            raise _too_slow(url, timeout)
    if expected is not None and len(body) < expected:
        raise InputError(
            f"{url}: the connection was cut after {len(body)} of {expected} bytes; try again"
        )
    return bytes(body)


def _too_large(url: str, limit: int) -> InputError:
    return InputError(
        f"{url}: larger than the download limit of {limit / 2**20:.4g} MiB; "
        "download it by hand and give the file"
    )


def _too_slow(url: str, timeout: float) -> InputError:
    return InputError(
        f"{url}: not downloaded within {timeout:g} seconds; "
        "try again, or download it by hand and give the file"
    )
