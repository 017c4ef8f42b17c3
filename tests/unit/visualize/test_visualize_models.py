"""The whole way with models: LeNet-5, a detector, and a network that takes spectrograms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from cnntasks_visualize.settings import EXPLAINING, Method
from cnntasks_visualize.targets import class_scores

import cnntasks
from cnntasks import InputError, ModelCard, ModelError, UsageError, plugins

SAMPLES = Path(__file__).parents[3] / "samples"


def digit() -> np.ndarray:
    """A seven."""
    picture = np.zeros((28, 28, 3), np.uint8)
    picture[5:8, 7:21] = 255
    for row in range(8, 24):
        column = 19 - (row - 8) // 2
        picture[row, column : column + 3] = 255
    return picture


@pytest.fixture(scope="module")
def lenet() -> object:
    return cnntasks.load("visualize", "mnist-lenet5", iterations=4, steps=16)


@pytest.mark.parametrize("method", get_args(Method))
def test_every_method_makes_a_picture_of_a_digit(lenet: object, method: str) -> None:
    options = {"classes": ("7",)} if method in EXPLAINING or method == "maximize" else {}
    found = lenet(digit(), method=method, **options)  # type: ignore[operator]
    assert found.picture.dtype == np.uint8
    assert found.picture.ndim == 3
    assert found.picture.std() > 1
    assert found.summary["model"] == "mnist-lenet5"
    assert found.summary["method"] == method
    assert found.arrays
    if method in EXPLAINING:
        assert found.summary["class"] == "7"
        assert found.summary["likeliest"][0]["class"] == "7"


def test_defaults_of_layers_and_units(lenet: object) -> None:
    assert lenet(digit(), method="gradcam").summary["layer"] == "s4"  # type: ignore[operator]
    assert lenet(digit(), method="activations").summary["layer"] == "c1"  # type: ignore[operator]
    assert lenet(method="filters").summary["layer"] == "c1.0"  # type: ignore[operator]
    shown = lenet(digit(), method="deconvnet").summary  # type: ignore[operator]
    assert shown["layer"] == "c3"
    assert len(shown["units"]) == 9
    maxima = lenet(method="maximize").summary["maximized"]  # type: ignore[operator]
    assert [it["name"] for it in maxima] == list("0123456789")
    part = lenet(method="maximize", layer="c3", units=(2, 5), place="center")  # type: ignore[operator]
    assert [it["name"] for it in part.summary["maximized"]] == ["c3 2 at 5,5", "c3 5 at 5,5"]
    one = lenet(digit(), method="activations", layer="embed.1")  # type: ignore[operator]
    assert one.arrays["maps"].shape == (84,)


def test_several_inputs_only_for_the_deconvnet(lenet: object) -> None:
    pictures = [digit(), np.roll(digit(), 3, axis=1), 255 - digit()]
    found = lenet(pictures, method="deconvnet", layer="s4", units=(3,))  # type: ignore[operator]
    assert found.summary["unit"] == 3
    values = [it["activation"] for it in found.summary["strongest"]]
    assert values == sorted(values, reverse=True)
    assert len(values) == 3
    with pytest.raises(UsageError, match="gradcam looks at one input at a time"):
        lenet(pictures, method="gradcam")  # type: ignore[operator]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "gradcam", "classes": ("cat",)}, "has no class 'cat'.*its classes are 0, 1, 2"),
        ({"method": "gradcam", "layer": "conv"}, "there is no layer 'conv'.* there are c1.0, c1.1"),
        ({"method": "activations", "units": (6,)}, "c1 has no unit 6; its units are 0 to 5"),
        ({"method": "gradcam", "units": (1,)}, r"gradcam explains a class \(--class\), not a unit"),
        ({"method": "filters", "classes": ("1",)}, "--class says what is explained"),
        ({"method": "filters", "layer": "s4.1"}, "the layer s4.1 has no filters"),
        ({"method": "maximize", "classes": ("1",), "layer": "c1"}, "not both in one run"),
        ({"method": "deconvnet", "place": (9, 10)}, "c3 have no place 9,10; they have 10×10"),
        ({"method": "occlusion", "window": 40}, "--window must lie between 1 and 32"),
        ({"method": "gradcam", "place": "center"}, "--place is for deconvnet and maximize"),
        ({"metod": "gradcam"}, "there is no option 'metod'"),
    ],
)
def test_what_is_not_there_is_told(lenet: object, options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        lenet(digit(), **options)  # type: ignore[operator]


def test_an_input_is_needed_and_must_be_one(lenet: object, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="occlusion needs an input"):
        lenet(method="occlusion")  # type: ignore[operator]
    with pytest.raises(InputError, match="no such file"):
        lenet(str(tmp_path / "gone.png"))  # type: ignore[operator]


def test_a_detector_explains_its_best_box() -> None:
    visualizer = cnntasks.load("visualize", "detect-lite0")
    picture = str(SAMPLES / "horses.webp")
    found = visualizer(picture, method="gradcam")
    detections = cnntasks.load("detect")(picture)
    assert found.summary["class"] == detections.names[0]
    probability = torch.tensor(found.summary["score"]).sigmoid()
    assert float(probability) == pytest.approx(float(detections.scores[0]), abs=0.01)
    heat = found.arrays["heat"]
    assert heat.max() == 1
    # What speaks for the horse lies in its box.
    x0, y0, x1, y1 = (detections.boxes[0] * heat.shape[1] / detections.width).astype(int)
    inside = heat[max(y0, 0) : y1, max(x0, 0) : x1].mean()
    assert inside > 1.5 * heat.mean()
    with pytest.raises(UsageError, match="has no class 'unicorn'"):
        visualizer(picture, classes=("unicorn",))


SPEECH = """
import numpy as np
import torch
from torch import nn
import cnntasks

class Sounds:
    suffixes, columns = (".npy",), ()

    def __init__(self, card):
        self.card = card

    def decode(self, source):
        return source.value

    def preprocess(self, item):
        return {"features": np.asarray(item, np.float32)}

class Spotter(nn.Module):
    def __init__(self, over_time):
        super().__init__()
        self.over_time = over_time
        self.first = nn.Conv1d(8, 6, 3) if over_time else nn.Conv2d(1, 6, 3)
        self.last = nn.Linear(6, 3)

    def forward(self, features):
        x = features if self.over_time else features[:, None]
        x = torch.relu(self.first(x)).flatten(2).amax(dim=2)
        return {"logits": self.last(x)}

class Transcriber(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv1d(8, 4, 3, padding=1)

    def forward(self, features, lengths):
        return {"log_probs": self.first(features).log_softmax(dim=1).transpose(1, 2)}

def build(card):
    kind = card.network["name"]
    return Transcriber() if kind == "ctc" else Spotter(kind == "time")

@cnntasks.hookimpl
def register_tasks():
    return [cnntasks.TaskSpec("speech", "Hear.", "m", "fake_hear:c", "fake_hear:Sounds",
                              network="fake_hear:build")]
"""


@pytest.fixture
def ear(
    install_plugin: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str], Path]:
    """`ear(kind)` is the folder of a tiny speech model: bands, time or ctc."""
    install_plugin("hear", SPEECH)
    monkeypatch.setenv("CNNTASKS_PLUGINS", "hear,visualize")
    plugins.reset()

    def make(kind: str) -> Path:
        import fake_hear  # type: ignore[import-not-found]

        card = ModelCard(
            f"ear-{kind}", "speech", {"name": kind}, ("yes", "no", "up"),
            preprocessing={"n_mels": 8, "frames": 20},
        )  # fmt: skip
        torch.manual_seed(0)
        weights = {
            name: value.numpy() for name, value in fake_hear.build(card).state_dict().items()
        }
        cnntasks.write_model_folder(tmp_path / kind, card, weights, None, half=False)
        return tmp_path / kind

    return make


@pytest.mark.parametrize("kind", ["bands", "time", "ctc"])
def test_a_spectrogram_is_as_good_as_a_picture(ear: Callable[[str], Path], kind: str) -> None:
    visualizer = cnntasks.load("visualize", ear(kind), iterations=3, steps=8)
    if kind == "ctc":
        visualizer.opened.predictor.preprocess = lambda item: {
            "features": np.asarray(item, np.float32),
            "lengths": np.array(20),
        }
    sound = np.random.default_rng(0).normal(-6, 2, (8, 20)).astype(np.float32)
    for method in get_args(Method):
        value = _Value(sound)
        layer = {"layer": "first"} if "cam" in method or method == "deconvnet" else {}
        found = visualizer.run([value.source], _settings(visualizer, method, **layer))
        assert found.picture.shape[2] == 3, method
        if method in EXPLAINING:
            assert found.arrays["heat"].shape == (8, 20), method
            assert found.summary["class"] in ("yes", "no", "up")
    blank = visualizer(method="maximize", classes=("no",))
    assert blank.arrays["inputs"].shape == (1, 8, 20)
    assert visualizer.layers()[0].name == "first"


def test_the_loudest_piece_of_a_long_recording_is_looked_at(ear: Callable[[str], Path]) -> None:
    visualizer = cnntasks.load("visualize", ear("bands"))
    sound = np.random.default_rng(0).normal(-6, 1, (8, 60)).astype(np.float32)
    sound[:, 20:40] += 3
    visualizer.opened.predictor.pieces = lambda item: (
        {"features": item[:, start : start + 20]} for start in (0, 20, 40)
    )
    feeds = visualizer.feeds(_Value(sound).source)
    assert np.array_equal(feeds["features"][0].numpy(), sound[:, 20:40])
    first = visualizer.opened.feeds([sound])
    assert np.array_equal(first["features"][0].numpy(), sound[:, :20])


class _Value:
    def __init__(self, value: np.ndarray) -> None:
        from pathlib import PurePosixPath

        self.source = cnntasks.Source("s", PurePosixPath("s"), bytes, value=value)


def _settings(visualizer: object, method: str, **options: object) -> object:
    from dataclasses import replace

    return replace(visualizer.settings, method=method, **options)  # type: ignore[attr-defined]


def test_scores_of_every_kind_of_output() -> None:
    class Fixed(torch.nn.Module):
        def __init__(self, **outputs: torch.Tensor) -> None:
            super().__init__()
            self.outputs = outputs

        def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
            return self.outputs

    card = ModelCard("m", "t", {"name": "n"}, ("a", "b", "c"))

    def scores(**outputs: torch.Tensor) -> list[list[float]]:
        opened = cnntasks.OpenNetwork(card, Fixed(**outputs), None, torch.device("cpu"))
        return class_scores(opened, {"pixels": torch.zeros(1)}).tolist()

    assert scores(logits=torch.tensor([[1.0, 2, 3]])) == [[1, 2, 3]]
    assert scores(scores=torch.tensor([[1.0, 1, 1]])) == [[0, 0, 0]]
    spoken = torch.tensor([[[0.0, -3, -2, -9], [-1, -1, -4, -8]]])
    assert scores(log_probs=spoken) == [[-1, -2, -8]]
    [[a, b, c]] = scores(
        boxes=torch.zeros(1, 3, 4),
        scores=torch.tensor([[0.5, 0.9, 0.8]]),
        labels=torch.tensor([[0, 2, 2]]),
    )
    assert a == 0
    assert b == pytest.approx(float(torch.logit(torch.tensor(1e-6))), rel=1e-3)
    assert c == pytest.approx(float(torch.logit(torch.tensor(0.9))), rel=1e-5)
    with pytest.raises(ModelError, match="its network returns words; a class can be explained"):
        scores(words=torch.zeros(1, 2))
