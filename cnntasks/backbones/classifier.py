"""`Classifier`: a backbone with the head of its paper, for any number of classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch import Tensor, nn

from cnntasks.backbones.base import Backbone
from cnntasks.backbones.family import Head
from cnntasks.backbones.layers import pooled_head
from cnntasks.backbones.radial_basis import RadialBasis
from cnntasks.backbones.registry import (
    convert_classifier,
    create_backbone,
    find_family,
    weights_file,
)
from cnntasks.backbones.weights import load_state, read_state


class Classifier(nn.Module):
    """A backbone with a head that names one of several classes.

    Attributes:
        backbone: its last stage feeds the head.
        embed: that stage's feature map to an embedding, B×D: pooling, and all but the last fully
            connected layer.
        output: embedding to logits, B×K.
        auxiliary: stage name to a classifier on that stage's map; in training mode only (Szegedy
            et al. 2015, section 5).
    """

    def __init__(self, backbone: Backbone, head: Head) -> None:
        super().__init__()
        self.backbone = backbone
        self.embed = head.embed
        self.output = head.output
        self.auxiliary = nn.ModuleDict(head.auxiliary)

    @property
    def classes(self) -> int:
        """The number of classes, K."""
        _, layer = next(self.last_layers())
        return layer.out_features

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Classify a batch.

        Args:
            x: B×C×H×W (B×C×L for a network for text), normalised with the backbone's `mean` and
                `std`.

        Returns:
            `logits` B×K and `embedding` B×D; in training mode also `auxiliary_<stage>` B×K for
            each auxiliary classifier.
        """
        last = self.backbone.stages[-1].name
        early = list(self.auxiliary) if self.training else []
        maps = self.backbone(x, [*early, last])
        embedding = self.embed(maps[last])
        found = {"logits": self.output(embedding), "embedding": embedding}
        for stage in early:
            found[f"auxiliary_{stage}"] = self.auxiliary[stage](maps[stage])
        return found

    def reset_output(self, classes: int) -> None:
        """Replace each last layer by a random one for `classes` classes; the rest stays."""
        for name, layer in list(self.last_layers()):
            new: nn.Module = RadialBasis(classes)
            if isinstance(layer, nn.Linear):
                new = nn.Linear(layer.in_features, classes, layer.bias is not None)
            self.set_submodule(name, new.to(layer.weight))

    def last_layers(self) -> Iterator[tuple[str, nn.Linear | RadialBasis]]:
        """(Name in this module, layer) of each layer with a row per class, the output's first."""
        heads = {"output": self.output}
        heads.update({f"auxiliary.{stage}": head for stage, head in self.auxiliary.items()})
        for start, head in heads.items():
            *_, (name, layer) = (
                (name, module)
                for name, module in head.named_modules()
                if isinstance(module, nn.Linear | RadialBasis)
            )
            yield f"{start}.{name}", layer


def create_classifier(
    name: str, classes: int = 1000, in_channels: int = 3, weights: str | Path | None = None
) -> Classifier:
    """Build a backbone with its classification head.

    Args:
        name: as `create_backbone` takes it. A plugin's own backbone gets global average pooling
            and one fully connected layer.
        classes: number of classes, K.
        in_channels: of the input; 3 for RGB.
        weights: None for random ones, `"imagenet"`, or a file: a published one (`.pth`, read
            without running code, or `.safetensors`), or the state dict of a `Classifier` or
            `Backbone`. Where the file has another number of classes, or no head, the last layer
            (or the head) stays random. A plugin's own backbone reads it in its own way.

    Raises:
        UsageError: there is no backbone of that name.
        ModelError: the weights cannot be found, read, or do not fit.
    """
    family = find_family(name)
    if family is None:
        backbone = create_backbone(name, in_channels, weights)
        return Classifier(backbone, pooled_head(backbone, classes))
    backbone = family.build(name, in_channels)
    classifier = Classifier(backbone, family.head(name, backbone, classes))
    if weights is not None:
        _load(classifier, name, weights_file(name, weights))
    return classifier


def _load(classifier: Classifier, name: str, path: Path) -> None:
    """Load a file; what it cannot know of the head stays as it is."""
    state = convert_classifier(name, read_state(path))
    own = classifier.state_dict()
    kept = []
    for last, layer in classifier.last_layers():
        weight = state.get(f"{last}.weight")
        if weight is None or weight.shape[:1] != (layer.out_features,):
            kept.append(f"{last}.")
    starts = {key.partition(".")[0] for key in state}
    if "output" not in starts:
        kept.append("embed.")
    if "auxiliary" not in starts:
        kept.append("auxiliary.")
    state.update({key: value for key, value in own.items() if key.startswith(tuple(kept))})
    load_state(classifier, state, path, name)
