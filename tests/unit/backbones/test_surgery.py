"""Changes that weights survive: reflected edges, average pooling, folded batch normalisation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cnntasks import create_backbone, fold_batch_norm, pad_by_reflection, pool_by_average
from cnntasks.backbones.efficientnet_lite import SameConv2d
from cnntasks.backbones.surgery import ReflectedConv2d, reflect


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(7)


def chain(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers).eval()


def unsettled(network: nn.Module) -> nn.Module:
    """With statistics and scales that are not those of a fresh batch normalisation."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for values in (layer.running_mean, layer.bias):
                assert values is not None
                nn.init.normal_(values, 0, 0.3)
            for values in (layer.running_var, layer.weight):
                assert values is not None
                nn.init.uniform_(values, 0.5, 1.5)
    return network


def convolutions() -> dict[str, nn.Conv2d]:
    """One of each kind that padding goes by."""
    return {
        "3x3": nn.Conv2d(3, 4, 3, padding=1),
        "strided": nn.Conv2d(3, 4, 7, stride=2, padding=3, bias=False),
        "dilated": nn.Conv2d(3, 4, 3, padding=2, dilation=2),
        "oblong": nn.Conv2d(3, 4, (1, 5), padding=(0, 2)),
        "same": nn.Conv2d(3, 4, (5, 3), padding="same"),
        "grouped": nn.Conv2d(3, 6, 3, padding=1, groups=3),
        "tensorflow": SameConv2d(3, 4, 3, stride=2),
        "tensorflow5": SameConv2d(3, 4, 5, stride=2),
        "tensorflow1": SameConv2d(3, 4, 5),
    }


@pytest.mark.parametrize("kind", list(convolutions()))
@torch.no_grad()
def test_the_interior_is_that_of_zero_padding(kind: str) -> None:
    conv = convolutions()[kind]
    picture = torch.rand(2, 3, 20, 24)
    wanted = conv(picture)
    network = nn.Sequential(conv)
    assert pad_by_reflection(network) == 1
    found = network(picture)
    assert found.shape == wanted.shape
    torch.testing.assert_close(found[..., 3:-3, 3:-3], wanted[..., 3:-3, 3:-3])
    assert (found - wanted).abs().amax() > 1e-3  # at the edges
    assert network.state_dict().keys() == {f"0.{name}" for name in conv.state_dict()}


@pytest.mark.parametrize("kind", list(convolutions()))
@pytest.mark.parametrize("size", [(20, 24), (17, 23)])
@torch.no_grad()
def test_a_constant_picture_has_no_frame(kind: str, size: tuple[int, int]) -> None:
    network = nn.Sequential(convolutions()[kind])
    framed = network(torch.full((1, 3, *size), 0.7))
    assert float((framed - framed[..., 5:6, 5:6]).abs().amax()) > 1e-3
    pad_by_reflection(network)
    found = network(torch.full((1, 3, *size), 0.7))
    assert found.shape == framed.shape
    torch.testing.assert_close(found, found[..., :1, :1].expand_as(found))


@pytest.mark.parametrize(("name", "last"), [("efficientnet_lite0", "b4"), ("resnet18", "layer2")])
@torch.no_grad()
def test_no_frame_in_a_whole_network(name: str, last: str) -> None:
    backbone = unsettled(create_backbone(name)).eval()
    grey = torch.full((1, 3, 64, 96), 0.5)
    before = backbone(grey, [last])[last]
    assert float((before - before[..., 3:4, 3:4]).abs().amax() / before.abs().mean()) > 0.01
    assert pad_by_reflection(backbone) > 3
    maps = backbone(grey, [last])[last]
    torch.testing.assert_close(maps, maps[..., :1, :1].expand_as(maps), atol=1e-4, rtol=1e-3)


@torch.no_grad()
def test_the_middle_of_efficientnet_is_what_it_was() -> None:
    backbone = create_backbone("efficientnet_lite0").eval()
    picture = torch.rand(1, 3, 160, 192)
    before = backbone(picture, ["b2"])["b2"]
    pad_by_reflection(backbone)
    after = backbone(picture, ["b2"])["b2"]
    torch.testing.assert_close(after[..., 6:-6, 6:-6], before[..., 6:-6, 6:-6])


def test_reflection_repeats_no_edge() -> None:
    row = torch.tensor([[[[1.0, 2, 3, 4]]]])
    assert reflect(row, (2, 1, 0, 0)).flatten().tolist() == [3, 2, 1, 2, 3, 4, 3]


def test_a_map_too_small_to_reflect_repeats_its_edge() -> None:
    one = torch.tensor([[[[5.0]]]])
    assert reflect(one, (1, 2, 1, 1)).shape == (1, 1, 3, 4)
    assert reflect(one, (1, 2, 1, 1)).unique().tolist() == [5.0]
    assert reflect(torch.tensor([[[[1.0, 2]]]]), (2, 0, 0, 0)).flatten().tolist() == [1, 1, 1, 2]


def test_reflection_shares_the_weights_and_is_done_once() -> None:
    network = chain(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 1))
    weight = network[0].weight
    assert pad_by_reflection(network) == 1
    assert isinstance(network[0], ReflectedConv2d)
    assert network[0].weight is weight
    assert type(network[2]) is nn.Conv2d  # nothing is padded there
    assert pad_by_reflection(network) == 0


def test_a_crop_at_the_stride_gives_the_same_maps() -> None:
    network = chain(SameConv2d(3, 4, 5, stride=2), nn.ReLU(), SameConv2d(4, 4, 3, stride=2))
    pad_by_reflection(network)
    picture = torch.rand(1, 3, 71, 45)  # odd, which TensorFlow pads otherwise
    whole, part = network(picture), network(picture[:, :, 32:])
    torch.testing.assert_close(part[:, :, 3:], whole[:, :, 8 + 3 :])


def test_pooling_takes_the_mean() -> None:
    network = chain(nn.Conv2d(1, 1, 1), nn.MaxPool2d(2), chain(nn.MaxPool2d(3, 2, 1)))
    picture = torch.rand(1, 1, 12, 12)
    first = network[0](picture)
    assert pool_by_average(network) == 2
    halved = functional.avg_pool2d(first, 2)
    torch.testing.assert_close(network[1](first), halved)
    corner = network(picture)[0, 0, 0, 0]
    torch.testing.assert_close(corner, halved[0, 0, :2, :2].mean())  # padding does not count
    assert pool_by_average(network) == 0


@pytest.mark.parametrize(("ceil", "places"), [(False, 3), (True, 4)])
def test_pooling_keeps_its_size(ceil: bool, places: int) -> None:
    network = nn.Sequential(nn.MaxPool2d(2, ceil_mode=ceil))
    pool_by_average(network)
    assert network(torch.rand(1, 1, 7, 7)).shape == (1, 1, places, places)


@pytest.mark.parametrize(
    ("name", "last", "count"),
    [("efficientnet_lite0", "b2", 9), ("vgg11_bn", "pool2", 2), ("resnet18", "layer2", 2)],
)
@torch.no_grad()
def test_folding_leaves_the_maps(name: str, last: str, count: int) -> None:
    backbone = unsettled(create_backbone(name)).eval()
    picture = torch.randn(1, 3, 64, 64)
    stages = [stage.name for stage in backbone.stages]
    wanted = stages[: stages.index(last) + 1]
    before = {key: value.clone() for key, value in backbone(picture, wanted).items()}
    assert fold_batch_norm(backbone) >= count
    found: dict[str, Tensor] = backbone(picture, wanted)
    for key, value in before.items():
        torch.testing.assert_close(found[key], value, rtol=1e-3, atol=1e-4)
    assert fold_batch_norm(backbone) == 0


def test_folding_leaves_what_no_convolution_precedes() -> None:
    network = chain(nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1), nn.ReLU(), nn.BatchNorm2d(3))
    assert fold_batch_norm(network) == 0
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in network) == 2


@torch.no_grad()
def test_folding_and_reflection_go_together() -> None:
    network = unsettled(chain(SameConv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU6()))
    picture = torch.rand(1, 3, 32, 32)
    reflected = chain(*network)
    pad_by_reflection(reflected)
    wanted = reflected(picture)
    folded = chain(*network)
    assert (fold_batch_norm(folded), pad_by_reflection(folded)) == (1, 1)
    torch.testing.assert_close(folded(picture), wanted, rtol=1e-4, atol=1e-5)
