"""`cnntasks explore` from the arguments to the page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from explorable import LENET, picture, write_folder
from PIL import Image, ImageDraw

import cnntasks
from cnntasks.cli.root import main


def payload_of(page: Path) -> Any:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'id="payload">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a browser would be sent to."""
    visited: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda address: visited.append(address) or True)
    return visited


@pytest.fixture
def seven(tmp_path: Path) -> Path:
    """A seven, ink on paper."""
    image = Image.new("L", (112, 112), 255)
    ImageDraw.Draw(image).line([(32, 28), (80, 26), (52, 88)], fill=0, width=10, joint="curve")
    image.save(tmp_path / "seven.png")
    return tmp_path / "seven.png"


def test_a_page_to_keep(
    tmp_path: Path, browser: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "new" / "lenet.html"
    assert main(["explore", "-o", str(page)]) == 0
    assert capsys.readouterr().out == f"{page}\n"
    assert browser == []
    assert payload_of(page)["mode"] == "live"
    assert page.stat().st_size < 600_000
    assert [it.name for it in page.parent.iterdir()] == ["lenet.html"]


def test_without_a_place_it_is_shown_at_once(
    browser: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["explore"]) == 0
    page = Path(capsys.readouterr().out.strip())
    assert page.is_relative_to(tmp_path)
    assert browser == [page.as_uri()]
    assert payload_of(page)["mode"] == "live"


def test_no_browser_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert main(["explore", "-o", str(tmp_path / "a.html"), "--open"]) == 0
    shown = capsys.readouterr()
    assert "no browser was found; open that file yourself" in shown.err


def test_a_picture_to_begin_with_is_prepared_as_for_classify(
    tmp_path: Path, seven: Path, browser: list[str]
) -> None:
    page = tmp_path / "seven.html"
    assert main(["explore", str(seven), "-o", str(page)]) == 0
    payload = payload_of(page)
    assert payload["source"] == "seven.png"
    predictor = cnntasks.load("classify", LENET).predictor
    source = next(cnntasks.expand_sources([str(seven)], suffixes=predictor.suffixes))
    pixels = predictor.preprocess(predictor.decode(source))["pixels"]
    assert payload == {**payload, "picture": _base64(pixels.tobytes())}
    assert pixels[0, 0, 0] == 0  # paper became ground


def _base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


def test_a_model_of_ones_own_is_recorded(tmp_path: Path, browser: list[str]) -> None:
    """A LeNet-5 of colours is none that the page computes."""
    folder = tmp_path / "mine"
    model = write_folder(folder)
    Image.fromarray(picture()).save(tmp_path / "noise.png")
    page = tmp_path / "noise.html"
    arguments = ["explore", "--model", str(folder), str(tmp_path / "noise.png"), "-o", str(page)]
    assert main(arguments) == 0
    payload = payload_of(page)
    assert (payload["mode"], payload["source"]) == ("recorded", "noise.png")
    names = [layer["name"] for layer in payload["layers"]]
    assert names == ["c1.0", "s2.0", "c3.0", "s4.0", "c5.0", "embed.0", "embed.1", "output.0"]
    scores = model.network(**model.feeds([picture()]))["scores"][0]
    assert payload["classes"][0]["class"] == model.card.classes[scores.argmax()]
    assert page.stat().st_size < 5_000_000


def test_the_live_page_needs_no_torch(tmp_path: Path, seven: Path) -> None:
    code = (
        "import sys; from cnntasks.cli.root import main; status = main(sys.argv[1:]); "
        "print(status, 'torch' in sys.modules)"
    )
    arguments = ["explore", str(seven), "-o", str(tmp_path / "a.html")]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 False"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["-o", "page.pdf"], 2, "page.pdf: names the page; let it end in .html"),
        (["missing.png"], 1, "missing.png: "),
        (["."], 2, ".: explore shows one picture"),
        (["--model", "detect-lite0"], 1, "is a model for `cnntasks detect`"),
        (["--model", "mnist-lenet"], 1, "did you mean mnist-lenet5"),
        (["-o", "seven.png/a.html"], 1, "seven.png/a.html: cannot be written"),
    ],
)
def test_wrong_usage_is_one_line(
    arguments: list[str], status: int, message: str, seven: Path, browser: list[str],
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(seven.parent)
    Image.new("L", (9, 9)).save("other.png")
    assert main(["explore", *arguments]) == status
    shown = capsys.readouterr()
    assert (shown.out, browser) == ("", [])
    (line,) = shown.err.splitlines()
    assert line.startswith("cnntasks: error: ")
    assert message in line


def test_a_model_that_must_be_recorded_asks_for_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine"
    write_folder(folder)
    assert main(["explore", "--model", str(folder)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"cnntasks explore --model {folder} IMAGE" in line
