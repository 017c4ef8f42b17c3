"""What `cnntasks style` refuses before the work, and what becomes of a run that is cut short."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cnntasks_style import run
from detect_runs import files
from PIL import Image
from style_runs import GIVEN, Style, size_of

HEAVY = ("numpy", "torch", "PIL", "rich", "onnxruntime", "matplotlib")
PAIR = ("castle.png", "night.png")


def refused(style: Style, *words: str | Path, status: int = 1) -> str:
    """The one line of a run that is refused before anything is loaded or written."""
    before = files(style.folder)
    shown = style(*words)
    assert (shown.status, shown.out) == (status, ""), shown.err
    [line] = shown.err.splitlines()
    assert line.startswith("cnntasks: error: ")
    assert style.toy.asked == {}
    assert files(style.folder) == before
    return line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no pictures given; name a content and a style picture"),
        (["castle.png"], "castle.png: is the content; name a style picture after it"),
        ([*PAIR, "--size", "5"], "--size is 5; a whole number from 32 to 16384 is expected"),
        ([*PAIR, "--size", "big"], "'--size': 'big' is not a valid integer"),
        ([*PAIR, "--iterations", "0"], "--iterations is 0; a whole number from 1 to 100000"),
        ([*PAIR, "--style-weight", "-1"], "--style-weight is -1.0; a number from 0"),
        ([*PAIR, "--style-scale", "99"], "--style-scale is 99.0; a number from 0.1 to 10"),
        ([*PAIR, "--style-blend", "1,2"], "--style-blend has 2 parts for 1 style pictures"),
        ([*PAIR, "--style-blend", "1;2"], "'1;2' is no list of numbers with commas"),
        ([*PAIR, "--layer-weights", "1,2,3"], "--layer-weights has 3 numbers for 2 style layers"),
        ([*PAIR, "--init", "photo"], "'--init': 'photo' is not one of"),
        ([*PAIR, "--style-layers", "b9"], "no layer 'b9'; the layers are stem, b0, b2"),
        ([*PAIR, "--content-mask", "sky.png", "--content-mask", "sky.png", "--style-mask",
          "swirl.png"], "1 --style-mask for 2 --content-mask"),
        ([*PAIR, "-o", "a.gif"], "a.gif: cannot write pictures as '.gif'; use one of .png"),
        ([*PAIR, "-o", "castle.png"], "castle.png: is an input, and would be overwritten"),
        ([*PAIR, "--nonsense"], "--nonsense"),
    ],
    ids=str,
)  # fmt: skip
def test_wrong_usage_is_status_2(style: Style, words: list[str], message: str) -> None:
    assert message in refused(style, *words, status=2)


def test_inputs_that_cannot_be_used_are_named(style: Style) -> None:
    Image.new("RGB", (1, 1)).save("dot.png")
    Image.new("RGB", (2000, 20)).save("strip.png")
    Path("cut.png").write_bytes(Path("castle.png").read_bytes()[:200])
    Path("text.jpg").write_text("no picture")
    Path("folder").mkdir()
    Image.new("L", (96, 96), 255).save("square.png")
    Image.new("L", (96, 64), 9).save("dark.png")
    for words, message in (
        (("missing.jpg", "night.png"), "missing.jpg: no such file; check the spelling"),
        (("castle.png", "missing.jpg"), "missing.jpg: no such file"),
        (("castle.png", "folder"), "folder: is a folder; name one picture in it"),
        (("cut.png", "night.png"), "cut.png: the picture is damaged or cut short"),
        (("castle.png", "text.jpg"), "text.jpg: not a picture in a known format"),
        (("dot.png", "night.png"), "dot.png: 1x1 pixels are too few for a style transfer"),
        (("strip.png", "night.png"), "strip.png: 2000x20 pixels would become 512x5"),
        (("castle.png", "strip.png"), "strip.png: 2000x20 pixels would become 512x5"),
        ((*PAIR, "--content-mask", "square.png"), "square.png: a mask of 96x96 pixels does not "
         "fit castle.png, which has 96x64"),
        ((*PAIR, "--content-mask", "dark.png"), "dark.png: no pixel of this mask is white"),
        ((*PAIR, "--content-mask", "sky.png", "--style-mask", "square.png"), "square.png: a mask "
         "of 96x96 pixels does not fit night.png, which has 80x60"),
        ((*PAIR, "--content-mask", "text.jpg"), "text.jpg: not a picture"),
    ):  # fmt: skip
        assert message in refused(style, *words)


def test_an_output_that_cannot_be_written_is_found_before_the_work(style: Style) -> None:
    Path("folder").mkdir()
    Path("castle.json").write_text('{"annotations": []}')
    for output, status, message in (
        ("none/a.png", 1, "none/a.png: there is no folder none; make it first"),
        ("folder", 1, "folder: is a folder; name the picture to write, folder/result.png"),
        ("castle.tif", 2, "castle.json: is there, where the settings go, and is no record"),
    ):
        assert message in refused(style, *PAIR, "-o", output, status=status)


def test_settings_that_are_none(style: Style) -> None:
    Path("a.json").write_text("{}")
    Path("b.json").write_text("[1")
    for words, message in (
        (("--settings", "none.json"), "none.json: no such file"),
        (("--settings", "a.json"), "a.json: is no record of a style transfer (it has no 'record')"),
        (("--settings", "b.json"), "b.json: is no record of a style transfer"),
    ):
        assert message in refused(style, *words)
    assert style(*PAIR, "--size", "48", "-o", "c.png").status == 0
    record = json.loads(Path("c.json").read_text())
    for changes, message, status in (
        ({"settings": {"size": 7}}, "d.json: --size is 7; a whole number", 2),
        ({"settings": {"prompt": 7}}, "d.json: there is no style setting 'prompt'", 2),
        ({"record_version": 9}, "version 9 is newer than 1; upgrade cnntasks", 1),
        ({"content": [], "styles": []}, "the record names no pictures", 2),
        ({"content": [{"name": "gone.png", "sha256": ""}]}, "gone.png: no such file", 1),
    ):
        style.toy.asked = {}
        Path("d.json").write_text(json.dumps({**record, **changes}))
        assert message in refused(style, "--settings", "d.json", status=status)


def interrupt(number: int, times: int = 1) -> object:
    """Press Ctrl-C in the iteration `number`, and again in each of the next."""

    def during(now: int) -> None:
        if number <= now < number + times:
            signal.raise_signal(signal.SIGINT)

    return during


@pytest.fixture(autouse=True)
def _usual_interrupt() -> object:
    """A process in a shell's background inherits an ignored SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_finishes_the_iteration_and_saves_the_picture(style: Style) -> None:
    style.toy.during = interrupt(7)  # type: ignore[assignment]
    shown = style(*PAIR, "--size", "48")
    assert shown.status == 130
    *_, told, ended = shown.err.splitlines()
    assert told == "stopping after this iteration; Ctrl-C again stops at once"
    assert ended == (
        "cnntasks: interrupted: castle.style.png has the picture after 7 of 10 iterations"
    )
    assert size_of("castle.style.png") == (48, 32)
    record = json.loads(Path("castle.style.json").read_text())
    assert (record["iterations_done"], record["interrupted"]) == (7, True)
    assert record["settings"]["iterations"] == 10
    style.toy.during = lambda number: None
    assert style("--settings", "castle.style.json", "-o", "a.png").status == 0
    whole = json.loads(Path("a.json").read_text())
    assert (whole["iterations_done"], whole["interrupted"]) == (10, False)


def test_ctrl_c_at_a_coarse_scale_saves_that(style: Style) -> None:
    Image.new("RGBA", (96, 64), (200, 0, 0, 100)).save("red.png")
    style.toy.during = interrupt(2)  # type: ignore[assignment]
    assert style("red.png", "night.png", "--size", "96").status == 130
    with Image.open("red.style.png") as image:
        assert (image.size, image.mode) == ((48, 32), "RGBA")


def test_a_second_ctrl_c_stops_at_once_and_saves_the_iteration_before(style: Style) -> None:
    def during(now: int) -> None:
        if now == 7:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    style.toy.during = during
    shown = style(*PAIR, "--size", "48")
    assert shown.status == 130
    assert "has the picture after 6 of 10 iterations" in shown.err
    assert size_of("castle.style.png") == (48, 32)


def test_ctrl_c_before_the_first_iteration_saves_nothing(style: Style) -> None:
    def during(now: int) -> None:
        raise KeyboardInterrupt

    style.toy.during = during
    shown = style(*PAIR, "--size", "48")
    assert shown.status == 130
    assert "cnntasks: interrupted: nothing is saved before the first iteration" in shown.err
    assert files(style.folder) == GIVEN


def test_ctrl_c_works_as_before_when_the_run_is_over(style: Style) -> None:
    assert style(*PAIR, "--size", "48").status == 0
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_too_large_a_picture_is_refused_with_the_size_that_fits(
    style: Style, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "available_memory", lambda: 100_000_000)
    style.toy.bytes_per_pixel = 1000
    shown = style(*PAIR, "--size", "2000")
    assert shown.status == 1
    assert shown.err.splitlines()[-1] == (
        "cnntasks: error: 2000x1333 needs about 2.7 GB of memory, and 100 MB are free; "
        "--size 384 should fit"
    )
    assert style.toy.asked == {}
    assert style(*PAIR, "--size", "384").status == 0
    style.toy.bytes_per_pixel = 1e6
    assert "not even a small picture would fit" in style(*PAIR, "--size", "384").err


class OutOfMemoryError(RuntimeError):
    """Called as torch calls its own."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_running_out_of_memory_is_one_line(style: Style, error: Exception) -> None:
    def during(now: int) -> None:
        raise error

    style.toy.during = during
    shown = style(*PAIR, "--size", "512", "-q")
    assert shown.status == 1
    [line] = shown.err.splitlines()
    assert line == "cnntasks: error: out of memory at 512x341; --size 416 should fit"
    assert files(style.folder) == GIVEN


def test_other_failures_are_not_taken_for_memory(style: Style) -> None:
    def during(now: int) -> None:
        raise RuntimeError("a bug")

    style.toy.during = during
    shown = style(*PAIR, "--size", "48", "-q")
    assert shown.err.startswith("cnntasks: error: unexpected RuntimeError: a bug")


def test_help_and_refusals_import_nothing_heavy() -> None:
    code = (
        "import sys; from cnntasks.cli.root import main; status = main(sys.argv[1:]); "
        f"print(sorted(set({HEAVY!r}) & set(sys.modules))); sys.exit(status)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code, "style", "--help"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines()[-1] == "[]"
    refused_one = subprocess.run(
        [sys.executable, "-c", code.replace('"numpy", ', ""), "style", "a.jpg", "b.jpg"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused_one.returncode == 1
    assert "torch" not in refused_one.stdout
