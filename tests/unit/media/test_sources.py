from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cnntasks.errors import InputError
from cnntasks.media.sources import expand_sources, sources_from_values
from cnntasks.task import Source

SUFFIXES = (".jpg", ".png")


def expand(*arguments: str | Path, **options: Any) -> list[Source]:
    return list(expand_sources([str(a) for a in arguments], suffixes=SUFFIXES, **options))


def relatives(sources: list[Source]) -> list[str]:
    return [str(source.relative) for source in sources]


def failure(source: Source) -> str:
    with pytest.raises(InputError) as caught:
        source.read_bytes()
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


class TestFiles:
    def test_a_file_is_named_by_its_argument_and_read_when_asked(self, here: Path) -> None:
        make(here, "sub/a.jpg")
        (source,) = expand("sub/a.jpg")
        assert (source.name, source.relative) == ("sub/a.jpg", PurePosixPath("a.jpg"))
        assert source.path == Path("sub/a.jpg")
        assert source.read_bytes() == b"sub/a.jpg"

    def test_a_file_that_is_named_needs_no_known_suffix(self, here: Path) -> None:
        make(here, "scan", ".hidden.jpg", "a.detect.jpg")
        assert relatives(expand("scan", ".hidden.jpg", "a.detect.jpg", verb="detect")) == [
            "scan",
            ".hidden.jpg",
            "a.detect.jpg",
        ]

    def test_a_missing_file_stays_in_the_stream_and_names_itself(self, here: Path) -> None:
        make(here, "a.jpg", "b.jpg")
        first, missing, last = expand("a.jpg", "gone/x.jpg", "b.jpg")
        assert failure(missing).startswith("gone/x.jpg: no such file")
        assert first.read_bytes() == b"a.jpg"
        assert last.read_bytes() == b"b.jpg"

    def test_a_file_that_vanishes_after_listing_names_itself(self, here: Path) -> None:
        make(here, "a.jpg")
        (source,) = expand("a.jpg")
        Path("a.jpg").unlink()
        assert failure(source).startswith("a.jpg: no such file")

    def test_a_file_that_becomes_a_folder_names_itself(self, here: Path) -> None:
        make(here, "a.jpg")
        (source,) = expand("a.jpg")
        Path("a.jpg").unlink()
        Path("a.jpg").mkdir()
        assert failure(source).startswith("a.jpg: is a folder")

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (PermissionError(13, "Permission denied"), "no permission"),
            (OSError(5, "Input/output error"), "Input/output error"),
        ],
    )
    def test_what_the_system_refuses_is_told_with_the_name(
        self, here: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, words: str
    ) -> None:
        make(here, "a.jpg")
        (source,) = expand("a.jpg")

        def refuse(path: Path) -> bytes:
            raise error

        monkeypatch.setattr(Path, "read_bytes", refuse)
        message = failure(source)
        assert message.startswith("a.jpg: ")
        assert words in message

    def test_names_that_no_system_takes_fail_politely(self, here: Path) -> None:
        for name in ("a\0b.jpg", "x" * 5000, "a\0b*.jpg"):
            (source,) = expand(name)
            failure(source)

    def test_an_empty_argument_does_not_search_the_current_folder(self, here: Path) -> None:
        make(here, "a.jpg")
        (source,) = expand("")
        assert "empty argument" in failure(source)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_a_named_pipe_is_read_as_bytes_only(self, here: Path) -> None:
        os.mkfifo("pipe.jpg")
        (source,) = expand("pipe.jpg")
        assert source.path is None

    def test_nothing_is_listed_before_it_is_needed(self, here: Path) -> None:
        stream = expand_sources(["a.jpg", "later"], suffixes=SUFFIXES)
        next(stream)
        make(here, "later/b.jpg")
        assert str(next(stream).relative) == "b.jpg"


class TestFolders:
    def test_natural_order_at_every_depth(self, here: Path) -> None:
        make(here, "d/img10.jpg", "d/img2.jpg", "d/IMG1.JPG", "d/b/2.png", "d/b/1/x.jpg")
        assert relatives(expand("d")) == [
            "b/1/x.jpg",
            "b/2.png",
            "IMG1.JPG",
            "img2.jpg",
            "img10.jpg",
        ]

    def test_members_are_named_by_their_path_and_placed_below_the_folder(self, here: Path) -> None:
        make(here, "d/b/2.png")
        (source,) = expand("d/")
        assert source.name == str(Path("d/b/2.png"))
        assert source.relative == PurePosixPath("b/2.png")

    def test_only_matching_suffixes_and_nothing_hidden(self, here: Path) -> None:
        make(here, "d/a.jpg", "d/a.txt", "d/jpg", "d/.b.jpg", "d/.git/c.jpg")
        assert relatives(expand("d")) == ["a.jpg"]

    def test_a_hidden_folder_that_is_named_is_searched(self, here: Path) -> None:
        make(here, ".hidden/a.jpg")
        assert relatives(expand(".hidden", ".")) == ["a.jpg", "unreadable"]

    def test_our_own_outputs_are_passed_over_for_their_verb_only(self, here: Path) -> None:
        make(here, "d/a.jpg", "d/a.detect.jpg", "d/b.Detect.PNG", "d/detect.jpg")
        assert relatives(expand("d", verb="detect")) == ["a.jpg", "detect.jpg"]
        assert len(expand("d", verb="style")) == 4
        assert len(expand("d")) == 4

    def test_an_empty_folder_says_what_was_looked_for(self, here: Path) -> None:
        make(here, "d/a.txt")
        (source,) = expand("d", noun="photos")
        assert failure(source) == "d: no photos in this folder (looked for .jpg .png)"

    def test_symbolic_links_that_lead_back_are_followed_once(self, here: Path) -> None:
        make(here, "d/a.jpg", "d/sub/b.jpg")
        (here / "d/sub/up").symlink_to(here / "d", target_is_directory=True)
        (here / "d/twin").symlink_to(here / "d/sub", target_is_directory=True)
        assert relatives(expand("d")) == ["a.jpg", "sub/b.jpg"]

    def test_a_link_to_nothing_fails_by_name_and_the_rest_comes_out(self, here: Path) -> None:
        make(here, "d/b.jpg")
        (here / "d/a.jpg").symlink_to("nowhere")
        dangling, good = expand("d")
        assert failure(dangling).startswith(str(Path("d/a.jpg")))
        assert good.read_bytes() == b"d/b.jpg"

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_a_pipe_in_a_folder_is_passed_over(self, here: Path) -> None:
        make(here, "d/b.jpg")
        os.mkfifo("d/a.jpg")
        assert relatives(expand("d")) == ["b.jpg"]

    def test_a_folder_that_cannot_be_listed_is_one_failure(
        self, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make(here, "d/a/x.jpg", "d/b.jpg")
        real = os.listdir

        def refuse(path: Path) -> list[str]:
            if Path(path).name == "a":
                raise PermissionError(13, "Permission denied")
            return real(path)

        monkeypatch.setattr(os, "listdir", refuse)
        locked, good = expand("d")
        assert "no permission" in failure(locked)
        assert str(Path("d/a")) in failure(locked)
        assert good.relative == PurePosixPath("b.jpg")


class TestGlobs:
    def test_left_alone_by_the_shell(self, here: Path) -> None:
        make(here, "a10.jpg", "a2.jpg", "b.jpg", "sub/c.jpg")
        assert relatives(expand("a*.jpg")) == ["a2.jpg", "a10.jpg"]
        assert relatives(expand("?.jpg")) == ["b.jpg"]
        assert relatives(expand("[bc].jpg")) == ["b.jpg"]
        assert relatives(expand(here / "*b*")) == ["b.jpg", "c.jpg"]  # a folder is searched

    def test_two_stars_descend_and_give_each_file_once(self, here: Path) -> None:
        make(here, "d/a.jpg", "d/sub/b.jpg")
        assert relatives(expand("d/**/*.jpg")) == ["a.jpg", "b.jpg"]
        assert relatives(expand("d/**")) == ["a.jpg", "b.jpg"]

    def test_a_file_of_that_very_name_comes_first(self, here: Path) -> None:
        make(here, "a[1].jpg", "a1.jpg")
        assert [source.read_bytes() for source in expand("a[1].jpg")] == [b"a[1].jpg"]

    def test_no_match_is_a_failure_that_names_the_pattern(self, here: Path) -> None:
        (source,) = expand("nothing*.jpg")
        assert failure(source).startswith("nothing*.jpg: no file matches")


class TestStandardInput:
    def test_is_read_once_and_only_when_asked(self) -> None:
        stream = io.BytesIO(b"picture")
        (source,) = expand("-", stdin=stream)
        assert stream.tell() == 0
        assert (source.name, str(source.relative)) == ("-", "stdin")
        assert source.read_bytes() == b"picture"
        assert source.read_bytes() == b"picture"

    def test_twice_is_an_error_for_the_second(self) -> None:
        first, second = expand("-", "-", stdin=io.BytesIO(b"picture"))
        assert first.read_bytes() == b"picture"
        assert "only once" in failure(second)

    def test_empty(self) -> None:
        (source,) = expand("-", stdin=io.BytesIO())
        assert failure(source).startswith("-: standard input is empty")

    def test_the_process_stdin_is_the_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"from the process")))
        (source,) = expand("-")
        assert source.read_bytes() == b"from the process"


class TestLists:
    def test_one_argument_a_line_of_any_kind(self, here: Path) -> None:
        make(here, "a.jpg", "d/b.jpg", "name with space.jpg", "c1.jpg")
        text = (
            "\ufeff# what to read\r\n\r\n  a.jpg \r\nd\r\nname with space.jpg\r\nc?.jpg\r\nno.jpg"
        )
        Path("list.txt").write_bytes(text.encode())
        sources = expand("@list.txt")
        assert relatives(sources) == [
            "a.jpg",
            "b.jpg",
            "name with space.jpg",
            "c1.jpg",
            "no.jpg",
        ]
        assert failure(sources[-1]).startswith("no.jpg: no such file")

    def test_from_standard_input_as_it_arrives(self, here: Path) -> None:
        make(here, "a.jpg", "b.jpg")

        def lines() -> Iterator[bytes]:
            yield b"a.jpg\n"
            raise AssertionError("the second line is not needed yet")

        stream: Any = lines()
        assert next(expand_sources(["@-"], suffixes=SUFFIXES, stdin=stream)).name == "a.jpg"
        assert relatives(expand("@-", stdin=io.BytesIO(b"a.jpg\nb.jpg\n"))) == ["a.jpg", "b.jpg"]

    @pytest.mark.parametrize("second", ["-", "@-"])
    def test_standard_input_cannot_be_list_and_picture(self, here: Path, second: str) -> None:
        make(here, "a.jpg")
        first, again = expand("@-", second, stdin=io.BytesIO(b"a.jpg\n"))
        assert first.name == "a.jpg"
        assert "only once" in failure(again)

    @pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
    def test_names_that_are_not_utf8(self, here: Path) -> None:
        (here / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"latin")
        Path("list.txt").write_bytes(b"caf\xe9.jpg\n")
        (source,) = expand("@list.txt")
        assert source.read_bytes() == b"latin"

    def test_lists_in_lists_to_a_depth(self, here: Path) -> None:
        make(here, "a.jpg")
        for depth in range(1, 6):
            Path(f"{depth}.txt").write_text(f"@{depth + 1}.txt\n")
        Path("6.txt").write_text("a.jpg\n")
        assert relatives(expand("@2.txt")) == ["a.jpg"]
        (source,) = expand("@1.txt")
        assert failure(source).startswith("@6.txt: lists are nested more than 5 deep")

    def test_a_list_that_includes_itself(self, here: Path) -> None:
        Path("loop.txt").write_text("@loop.txt\n")
        (source,) = expand("@loop.txt")
        assert "includes itself" in failure(source)

    def test_a_missing_list(self, here: Path) -> None:
        (source,) = expand("@none.txt")
        assert failure(source).startswith("@none.txt: no such file")


class TestUniqueNames:
    def test_later_ones_get_a_number_before_the_suffix(self, here: Path) -> None:
        make(here, "x/a.jpg", "y/a.jpg", "z/a.jpg", "a-2.jpg")
        assert relatives(expand("x", "y/a.jpg", "a-2.jpg", "z", "none", "nil*")) == [
            "a.jpg",
            "a-2.jpg",
            "a-2-2.jpg",
            "a-3.jpg",
            "none",
            "unreadable",
        ]

    def test_failures_are_told_apart_too(self, here: Path) -> None:
        assert relatives(expand("nil*", "nix*")) == ["unreadable", "unreadable-2"]

    def test_case_alone_does_not_tell_names_apart(self, here: Path) -> None:
        make(here, "x/a.jpg", "y/A.jpg")
        assert relatives(expand("x", "y")) == ["a.jpg", "A-2.jpg"]


class TestValues:
    def values(self, value: Any) -> list[Source]:
        return list(sources_from_values(value, suffixes=SUFFIXES))

    def test_a_string_is_taken_like_an_argument(self, here: Path) -> None:
        make(here, "d/1.jpg", "d/2.jpg")
        assert relatives(self.values("d")) == ["1.jpg", "2.jpg"]
        assert relatives(self.values("d/*.jpg")) == ["1.jpg", "2.jpg"]

    def test_a_path_is_taken_literally(self, here: Path) -> None:
        make(here, "d/1.jpg")
        assert relatives(self.values(Path("d"))) == ["1.jpg"]
        (source,) = self.values(Path("*.jpg"))
        assert failure(source).startswith("*.jpg: no such file")

    def test_bytes(self) -> None:
        for value in (b"data", bytearray(b"data"), memoryview(b"data")):
            (source,) = self.values(value)
            assert (source.name, source.read_bytes()) == ("bytes", b"data")

    def test_an_array_and_a_picture_keep_their_value(self) -> None:
        array, picture = np.zeros((2, 2), np.uint8), Image.new("RGB", (2, 2))
        first, second, third = self.values([array, picture, array])
        assert [s.name for s in (first, second, third)] == ["array", "picture", "array-2"]
        assert first.value is array
        assert second.value is picture
        assert "in memory" in failure(first)

    def test_a_binary_file_object(self, here: Path) -> None:
        make(here, "d/a.jpg")
        with Path("d/a.jpg").open("rb") as file:
            (source,) = self.values(file)
            assert source.read_bytes() == b"d/a.jpg"
        assert (source.name, str(source.relative)) == ("d/a.jpg", "a.jpg")
        (source,) = self.values(io.BytesIO(b"data"))
        assert (source.name, source.read_bytes()) == ("stream", b"data")

    def test_a_text_file_object_is_refused(self) -> None:
        (source,) = self.values(io.StringIO("text"))
        assert "binary mode" in failure(source)

    def test_a_file_object_that_cannot_be_read(self) -> None:
        class Failing(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                raise OSError(5, "Input/output error")

        (source,) = self.values(Failing())
        assert failure(source).startswith("stream: cannot be read")

    def test_anything_else_is_named_by_its_type(self) -> None:
        (source,) = self.values(3.5)
        assert failure(source).startswith("float: cannot be read; give a path")

    def test_offline_and_noun_reach_the_rules(self, here: Path) -> None:
        Path("d").mkdir()
        (source,) = sources_from_values("d", suffixes=SUFFIXES, noun="sounds")
        assert "no sounds" in failure(source)
        (source,) = sources_from_values("http://x.org/a", suffixes=SUFFIXES, offline=True)
        assert "--offline" in failure(source)
