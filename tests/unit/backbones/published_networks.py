"""torchvision's own networks with random weights and statistics, as if they had been published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from cnntasks.backbones.classifier import Classifier, create_classifier


def published(name: str, width: int | None = None, **options: Any) -> Any:
    """torchvision's network in evaluation mode.

    Built without its own initialisation, which takes seconds for some.

    Args:
        name: as `torchvision.models.get_model` takes it.
        width: of its hidden fully connected layers, where not the published one: in a VGG they
            are nearly all of the file.
        options: for torchvision's constructor.
    """
    with torch.device("meta"):
        net = torchvision.models.get_model(name, weights=None, **options)
        if width is not None:
            narrow(net.classifier, width)
    return randomize(net.to_empty(device="cpu")).eval()


def narrow(classifier: nn.Sequential, width: int) -> None:
    """Give the fully connected layers of a VGG or an AlexNet another width."""
    places = [i for i, layer in enumerate(classifier) if isinstance(layer, nn.Linear)]
    first, last = classifier[places[0]], classifier[places[-1]]
    sizes = [first.in_features, *[width] * (len(places) - 1), last.out_features]
    for place, wide, thin in zip(places, sizes, sizes[1:], strict=False):
        classifier[place] = nn.Linear(wide, thin)


def randomize(net: nn.Module) -> nn.Module:
    """Weights that keep the scale of what flows through; statistics that show when misplaced."""
    generator = torch.Generator().manual_seed(1)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            scale = (2 / module.weight[0].numel()) ** 0.5
            module.weight.data.normal_(0, scale, generator=generator)
        elif isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.num_batches_tracked.fill_(3)
        elif isinstance(module, nn.LayerNorm):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
        if isinstance(getattr(module, "layer_scale", None), nn.Parameter):  # of ConvNeXt
            module.layer_scale.data.uniform_(0.5, 1.5, generator=generator)
        if getattr(module, "bias", None) is not None:
            module.bias.data.normal_(0, 0.1, generator=generator)
    return net


def pictures(batch: int = 2, channels: int = 3, side: int = 64) -> Tensor:
    """The same normally distributed pictures each time."""
    return torch.randn(batch, channels, side, side, generator=torch.Generator().manual_seed(0))


def saved(net: nn.Module, path: Path) -> Path:
    """Write the state dict of a network."""
    torch.save(net.state_dict(), path)
    return path


def logits(network: nn.Module, x: Tensor) -> Tensor:
    """What torchvision's network or ours says of a batch."""
    with torch.inference_mode():
        found = network.eval()(x)
    return found["logits"] if isinstance(found, dict) else found


def check_published(net: nn.Module, name: str, folder: Path, side: int = 64) -> Classifier:
    """Fail unless our network `name` with the weights of torchvision's says the same."""
    x = pictures(side=side)
    classifier = create_classifier(name, weights=saved(net, folder / "net.pth"))
    expected = logits(net, x)
    scale = float(expected.std(dim=0).max())  # the two pictures give different answers
    assert scale > 1e-3
    torch.testing.assert_close(logits(classifier, x), expected, rtol=1e-4, atol=1e-4 * scale)
    return classifier
