"""`Classifier`: heads as published, other numbers of classes, weights of every kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.cbook import get_sample_data
from PIL import Image
from published_networks import check_published, logits, pictures, published, saved
from safetensors.torch import save_file
from torch import nn

import cnntasks
from cnntasks.backbones import vgg
from cnntasks.backbones.base import Backbone, Stage
from cnntasks.backbones.classifier import Classifier, create_classifier
from cnntasks.backbones.family import Head
from cnntasks.backbones.registry import convert_backbone, convert_classifier, create_backbone
from cnntasks.errors import ModelError, UsageError

SLIM = ("resnet18", "mobilenet_v3_small")
DEEP = ("resnet34", "resnet50", "resnet101", "resnet152", "mobilenet_v3_large")
VGGS = ("vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn")


@pytest.mark.parametrize("name", SLIM)
def test_a_published_file_gives_torchvisions_own_logits(name: str, tmp_path: Path) -> None:
    check_published(published(name), name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", DEEP)
def test_deep_ones_give_torchvisions_own_logits(name: str, tmp_path: Path) -> None:
    check_published(published(name), name, tmp_path)


@pytest.mark.parametrize("name", ["vgg11_bn"])
def test_a_narrow_vgg_gives_torchvisions_own_logits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vgg, "_WIDTH", 12)
    check_published(published(name, width=12), name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", VGGS)
def test_narrow_vggs_give_torchvisions_own_logits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_a_narrow_vgg_gives_torchvisions_own_logits(name, tmp_path, monkeypatch)


@pytest.mark.slow
def test_a_whole_vgg_gives_torchvisions_own_logits(tmp_path: Path) -> None:
    check_published(published("vgg11"), "vgg11", tmp_path)


def test_the_wheels_classifier_recognises_a_portrait_in_uniform() -> None:
    picture = Image.open(get_sample_data("grace_hopper.jpg", asfileobj=False))
    classifier = create_classifier("efficientnet_lite0", weights="imagenet")
    pixels = np.asarray(picture.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC))
    x = torch.tensor(pixels).permute(2, 0, 1)[None].float()

    probability = logits(classifier, (x - 127) / 128).softmax(dim=1)[0]

    assert int(probability.argmax()) == 652  # "military uniform"
    assert float(probability[652]) > 0.3


def test_the_output_is_a_function_of_the_embedding() -> None:
    classifier = create_classifier("mobilenet_v3_small", classes=7).eval()
    with torch.inference_mode():
        found = classifier(pictures())
        again = classifier.output(found["embedding"])
    assert found.keys() == {"logits", "embedding"}
    assert tuple(found["embedding"].shape) == (2, 1024)
    assert tuple(found["logits"].shape) == (2, 7)
    torch.testing.assert_close(again, found["logits"])


def test_the_embedding_does_not_change_from_one_evaluation_to_the_next() -> None:
    classifier = create_classifier("efficientnet_lite0", classes=3).eval()
    first, second = (classifier(pictures())["embedding"] for _ in range(2))
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(
        first, next(iter(classifier.backbone(pictures()).values())).mean(dim=(2, 3))
    )


def test_another_number_of_classes_keeps_all_but_the_last_layer(tmp_path: Path) -> None:
    net = published("mobilenet_v3_small")
    path = saved(net, tmp_path / "net.pth")

    classifier = create_classifier("mobilenet_v3_small", classes=5, weights=path)

    own, file = classifier.state_dict(), convert_classifier("mobilenet_v3_small", net.state_dict())
    assert own.keys() == file.keys()
    same = {key for key, value in own.items() if torch.equal(value, file[key])}
    assert own.keys() - same == {"output.1.weight", "output.1.bias"}
    assert tuple(own["output.1.weight"].shape) == (5, 1024)
    assert float(own["output.1.weight"].std()) > 0


def test_a_new_output_leaves_everything_else(tmp_path: Path) -> None:
    classifier = create_classifier("mobilenet_v3_small", classes=5).double()
    before = {key: value.clone() for key, value in classifier.state_dict().items()}

    classifier.reset_output(9)

    after = classifier.state_dict()
    assert classifier.classes == 9
    assert {key for key in after if not torch.equal(after[key], before[key])} == {
        "output.1.weight",
        "output.1.bias",
    }
    assert logits(classifier, pictures().double()).shape == (2, 9)  # of the same type as the rest


def test_a_backbones_own_file_starts_a_classifier(tmp_path: Path) -> None:
    backbone = create_backbone("mobilenet_v3_small")
    path = saved(backbone, tmp_path / "trunk.pth")
    classifier = create_classifier("mobilenet_v3_small", classes=4, weights=path)
    for key, value in backbone.state_dict().items():
        assert torch.equal(classifier.backbone.state_dict()[key], value), key


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_classifiers_own_file_is_read_back(suffix: str, tmp_path: Path) -> None:
    first = create_classifier("resnet18", classes=3)
    path = tmp_path / f"own{suffix}"
    if suffix == ".pth":
        saved(first, path)
    else:
        save_file(first.state_dict(), path)

    second = create_classifier("resnet18", classes=3, weights=path)
    torch.testing.assert_close(logits(second, pictures()), logits(first, pictures()))

    trunk = create_backbone("resnet18", weights=path)
    for key, value in first.backbone.state_dict().items():
        assert torch.equal(trunk.state_dict()[key], value), key


def test_files_older_than_the_batch_counters_are_read(tmp_path: Path) -> None:
    state = published("resnet18").state_dict()
    old = {key: value for key, value in state.items() if "num_batches" not in key}
    assert len(old) < len(state)
    torch.save(old, tmp_path / "old.pth")
    classifier = create_classifier("resnet18", weights=tmp_path / "old.pth")
    assert torch.equal(classifier.output[-1].weight, old["fc.weight"])


def test_a_last_layer_of_another_width_is_refused(tmp_path: Path) -> None:
    state = published("resnet18").state_dict()
    for wrong in (torch.zeros(1000, 7), torch.zeros(1000)):
        torch.save({**state, "fc.weight": wrong}, tmp_path / "odd.pth")
        with pytest.raises(ModelError, match=r"odd\.pth: these weights do not fit resnet18"):
            create_classifier("resnet18", weights=tmp_path / "odd.pth")


def test_converting_leaves_no_key_out_and_makes_none_up() -> None:
    net = published("resnet18")
    state = net.state_dict()
    renamed = convert_classifier("resnet18", state)
    assert len(renamed) == len(state)
    assert convert_classifier("resnet18", renamed) == renamed
    trunk = convert_backbone("resnet18", state)
    assert renamed.keys() - {f"backbone.{key}" for key in trunk} == {
        "output.1.weight",
        "output.1.bias",
    }


@pytest.mark.parametrize(("name", "other"), [("resnet18", "resnet34"), ("resnet34", "resnet18")])
def test_weights_of_another_network_are_refused(name: str, other: str, tmp_path: Path) -> None:
    path = saved(published(other), tmp_path / "other.pth")
    with pytest.raises(ModelError, match=rf"other\.pth: these weights do not fit {name}") as caught:
        create_classifier(name, classes=2, weights=path)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no backbone 'resnet_18'; did you mean .*resnet18"):
        create_classifier("resnet_18")


def chain(stages: int = 2) -> Backbone:
    parts: list[tuple[Stage, nn.Module]] = []
    for number in range(stages):
        conv = nn.Conv2d(1 if number == 0 else 4, 4, 2, 2)
        parts.append((Stage(f"s{number}", 4, 2 ** (number + 1)), conv))
    return Backbone(parts)


def test_auxiliary_heads_speak_in_training_mode_only() -> None:
    early = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 6), nn.Linear(6, 3))
    output = nn.Sequential(nn.Dropout(), nn.Linear(4, 3))
    embed = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    classifier = Classifier(chain(), Head(embed, output, {"s0": early}))
    x = pictures(channels=1, side=8)

    assert classifier.train()(x).keys() == {"logits", "embedding", "auxiliary_s0"}
    torch.testing.assert_close(
        classifier(x)["auxiliary_s0"], early(classifier.backbone(x, ["s0"])["s0"])
    )
    assert classifier.eval()(x).keys() == {"logits", "embedding"}

    kept = early[2].weight.clone()
    classifier.reset_output(5)
    found = classifier.train()(x)
    assert found["logits"].shape == found["auxiliary_s0"].shape == (2, 5)
    assert torch.equal(early[2].weight, kept)


PLUGIN = """
    from cnntasks import Backbone, Stage, hookimpl

    @hookimpl
    def register_backbones():
        return {"narrow_net": "fake_nets:narrow"}

    def narrow(in_channels=3, weights=None):
        import torch
        torch.manual_seed(len(str(weights)))
        return Backbone([(Stage("only", 5, 2), torch.nn.Conv2d(in_channels, 5, 3, 2, 1))])
"""


def test_a_plugins_backbone_gets_pooling_and_one_layer(install_plugin) -> None:
    install_plugin("nets", PLUGIN)
    classifier = create_classifier("narrow_net", classes=2, in_channels=1, weights="its own way")
    with torch.inference_mode():
        x = pictures(channels=1)
        found = classifier.eval()(x)
        maps = create_backbone("narrow_net", 1, "its own way")(x)["only"]
    assert tuple(found["logits"].shape) == (2, 2)
    torch.testing.assert_close(found["embedding"], maps.mean(dim=(2, 3)))


def test_the_names_are_public() -> None:
    assert cnntasks.create_classifier is create_classifier
    assert cnntasks.convert_classifier is convert_classifier
    assert cnntasks.Classifier is Classifier
