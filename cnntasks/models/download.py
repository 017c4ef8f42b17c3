"""Fetch one published file over HTTP into a partial file that the next try resumes.

Ranges and validators after RFC 9110: a resumed request carries `If-Range` with the validator of
the first answer, so that a file that has changed meanwhile comes anew from its first byte.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from cnntasks import __version__
from cnntasks.errors import ModelError
from cnntasks.models.disk import disk_errors

#: Called with the bytes that are here and the bytes of the whole file, 0 where unknown.
Progress = Callable[[int, int], None]
#: Called with one line for the person.
Log = Callable[[str], None]

ATTEMPTS = 4
PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 30.0
_CHUNK = 1 << 18


class _CutError(Exception):
    """The connection ended before the file did."""


def download(
    url: str,
    part: Path,
    *,
    size: int = 0,
    progress: Progress | None = None,
    log: Log | None = None,
) -> None:
    """Fetch `url` into `part`, going on where an earlier call was cut off.

    On a cut connection it tries again, a few times. Beside `part` lies `part` + `.origin`, the
    URL and the validator of what has arrived, until `discard` removes both.

    Args:
        url: http or https.
        part: the partial file; complete when this returns, but not yet verified.
        size: of the published file in bytes; 0 where unknown.

    Raises:
        ModelError: the server refuses, is silent or offers another size; the connection is cut
            too often; the disk is full. What has arrived stays for the next call.
    """
    if not url.startswith(("http://", "https://")):
        raise ModelError(f"{url}: only http and https addresses can be downloaded")
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _fetch(url, part, size, progress or _no_progress)
            break
        except _CutError as cut:
            if attempt == ATTEMPTS:
                raise ModelError(
                    f"{url}: the connection was cut {ATTEMPTS} times ({cut}); what has arrived "
                    "is kept: run the command again to go on from there"
                ) from cut
            if log:
                log(f"the connection was cut ({cut}); trying again")
            time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))


def discard(part: Path) -> None:
    """Remove a partial file and its record."""
    part.unlink(missing_ok=True)
    _origin_file(part).unlink(missing_ok=True)


def _fetch(url: str, part: Path, size: int, progress: Progress) -> None:
    have, validator = _resumable(url, part)
    if size and have > size:
        discard(part)
        have, validator = 0, ""
    if have and have == size:
        return
    headers = {"User-Agent": f"cnntasks/{__version__}"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if validator:
            headers["If-Range"] = validator
    try:
        response = _open(Request(url, headers=headers))
    except HTTPError as error:
        error.close()
        if error.code == 416 and have:
            if error.headers.get("Content-Range") == f"bytes */{have}":
                return
            discard(part)
            raise _CutError("the server cannot go on from where it was") from error
        raise ModelError(
            f"{url}: the server answered {error.code} {error.reason}; where the file can be had "
            "otherwise, give it with --from FILE"
        ) from error
    with response:
        _store(url, response, part, have, size, progress)


def _store(
    url: str, response: HTTPResponse, part: Path, have: int, size: int, progress: Progress
) -> None:
    """Write the body of an answer to `part`, from byte `have` on if the server resumes there."""
    resumed = have > 0 and response.status == 206
    if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        discard(part)
        raise _CutError("the server went on from a wrong place")
    have = have if resumed else 0
    length = response.headers.get("Content-Length")
    total = have + int(length) if length and length.isdecimal() else size
    if size and total != size:
        discard(part)
        raise ModelError(
            f"{url}: the server has a file of {total} bytes where {size} are published; "
            "it is not the model that was asked for"
        )
    with disk_errors(part, max(total - have, 0)):
        if not resumed:
            discard(part)
            _origin_file(part).write_text(f"{url}\n{_validator(response.headers)}\n")
        with part.open("ab") as file:
            progress(have, total)
            for chunk in _chunks(response):
                file.write(chunk)
                have += len(chunk)
                progress(have, total)
                if size and have > size:
                    break
    if have < total:
        raise _CutError(f"after {have} of {total} bytes")
    if size and have > size:
        discard(part)
        raise ModelError(f"{url}: the server sends more than the {size} bytes that are published")


def _open(request: Request) -> HTTPResponse:
    try:
        response = urlopen(request, timeout=TIMEOUT_SECONDS)
    except HTTPError:
        raise
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise _silent(request.full_url) from error
        raise ModelError(f"{request.full_url}: cannot be reached ({error.reason})") from error
    except TimeoutError as error:
        raise _silent(request.full_url) from error
    except (HTTPException, ConnectionError) as error:
        raise _CutError(str(error)) from error
    assert isinstance(response, HTTPResponse)  # what urlopen returns for http and https
    return response


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    """The body in pieces; what goes wrong on the network is no `OSError`, as the disk's is."""
    while True:
        try:
            chunk = response.read(_CHUNK)
        except TimeoutError as error:
            raise _silent(response.url) from error
        except (HTTPException, OSError) as error:
            raise _CutError(str(error) or type(error).__name__) from error
        if not chunk:
            return
        yield chunk


def _silent(url: str) -> ModelError:
    return ModelError(
        f"{url}: the server was silent for {TIMEOUT_SECONDS:g} s; what has arrived is kept: run "
        "the command again to go on from there"
    )


def _origin_file(part: Path) -> Path:
    return part.with_name(part.name + ".origin")


def _resumable(url: str, part: Path) -> tuple[int, str]:
    """How many bytes of `url` are in `part`, and the validator that they came with."""
    try:
        origin, validator = _origin_file(part).read_text().splitlines()
        have = part.stat().st_size
    except (OSError, ValueError):
        return 0, ""
    return (have, validator) if origin == url else (0, "")


def _validator(headers: HTTPMessage) -> str:
    """What `If-Range` may carry: a strong entity tag, else the date of the last change."""
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _no_progress(done: int, total: int) -> None:
    """Show nothing."""
