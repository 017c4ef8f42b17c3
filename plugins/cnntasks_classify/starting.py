"""Where a training starts: a network with published or random weights, or another classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from cnntasks import (
    ModelCard,
    ModelError,
    NetworkInfo,
    UsageError,
    carry_over,
    create_classifier,
    find_model,
    list_network_info,
    read_card,
    read_weights,
    successor_card,
    weights_file,
)
from cnntasks_classify.geometry import Framing
from cnntasks_classify.network import PictureClassifier, build
from cnntasks_classify.parts import Parts

#: Of a network that no paper gives a size for.
_USUAL = 224
#: Small grey pictures with a border darker than this are light on dark.
_DARK = 64


@dataclass(frozen=True, slots=True)
class Start:
    """What was asked for.

    Attributes:
        name: of the new model.
        backbone: name of the network.
        weights: `auto`, `imagenet`, `none` or a file.
        model: a classifier to start from instead; None for none.
        size: side of the square that the network sees; None for the network's own.
        color: `RGB`, `L`, or `auto` for that of the published network.
        framing: `shorter`, `longer`, or `auto`.
        seed: of random weights.
    """

    name: str
    backbone: str
    weights: str = "auto"
    model: str | None = None
    size: int | None = None
    color: str = "auto"
    framing: str = "auto"
    seed: int = 0


def start_network(
    start: Start, parts: Parts, log: Callable[[str], None]
) -> tuple[PictureClassifier, ModelCard, bool]:
    """The network that a training starts from, its card, and whether it was trained before.

    Args:
        start: what was asked for.
        parts: give the classes, and what the pictures are like.
        log: told where the weights come from.

    Raises:
        UsageError: there is no such network, or options contradict each other.
        ModelError: weights or model cannot be found, read, or do not fit.
    """
    torch.manual_seed(start.seed)
    if start.model is not None:
        if (start.weights, start.color, start.framing) != ("auto", "auto", "auto"):
            raise UsageError(
                f"a training from {start.model} keeps its colour and framing and starts with its "
                "weights; drop --weights, --color and --framing, or --from"
            )
        network, card = _from_model(start, parts.classes)
        log(f"starting from {card.recipe['from']}")
        return network, card, True
    return _from_backbone(start, parts, log)


def _from_backbone(
    start: Start, parts: Parts, log: Callable[[str], None]
) -> tuple[PictureClassifier, ModelCard, bool]:
    weights = _weights(start)
    info = next((it for it in list_network_info() if it.name == start.backbone), None)
    channels, side = _input(info)
    if start.color != "auto":
        channels = 1 if start.color == "L" else 3
    network = create_classifier(start.backbone, len(parts.classes), channels, weights)
    where = "random weights" if weights is None else f"the weights {weights}"
    log(f"{start.backbone} starts from {where}")
    framing = _framing(start, parts, channels, side)
    mean, std = list(network.backbone.mean), list(network.backbone.std)
    card = ModelCard(
        name=start.name,
        task="classify",
        network={"name": "classifier", "backbone": start.backbone},
        classes=parts.classes,
        preprocessing={**framing.to_dict(), "mean": mean, "std": std},
    )
    return PictureClassifier(network, mean, std), card, weights is not None


def _weights(start: Start) -> str | None:
    """The `weights` of `create_classifier`."""
    if start.weights != "auto":
        return None if start.weights == "none" else start.weights
    try:
        weights_file(start.backbone, "imagenet")
    except ModelError:
        return None
    return "imagenet"


def _input(info: NetworkInfo | None) -> tuple[int, int]:
    """Channels and side of the network as it was published."""
    if info is None or len(info.input) != 3:
        return 3, _USUAL
    return info.input[0], info.input[1]


def _framing(start: Start, parts: Parts, channels: int, side: int) -> Framing:
    """Handwriting lies in the middle of its square with a margin; a photo is cut as usual."""
    crop = start.size or side
    handwriting = parts.small_grey if start.framing == "auto" else start.framing == "longer"
    if handwriting:
        # MNIST's 28 pixels in LeNet's 32.
        resize = max(round(crop * 28 / 32), 1)
        ground = _ground(parts) if parts.small_grey else 0.0
        dark = parts.small_grey and ground < _DARK
        fill = 0 if dark else round(ground)
        return Framing(resize, crop, longer=True, grey=channels == 1, fill=fill, dark=dark)
    return Framing(
        round(crop * 256 / 224), crop, grey=channels == 1, bicubic=start.backbone.endswith("lite0")
    )


def _ground(parts: Parts) -> float:
    """The mean grey, 0..255, of the border of pictures, on which handwriting lies."""
    means = []
    for example in parts.train[:64]:
        picture = example.load()
        edges = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
        means.append(float(np.concatenate(edges).mean()))
    return sum(means) / len(means)


def _from_model(start: Start, classes: Sequence[str]) -> tuple[PictureClassifier, ModelCard]:
    """Starts as another classifier; classes that both have keep their outputs."""
    folder = find_model("classify", start.model)
    old = read_card(folder)
    preprocessing = dict(old.preprocessing)
    if start.size is not None:
        ratio = preprocessing["resize"] / preprocessing["crop"]
        preprocessing.update(crop=start.size, resize=round(start.size * ratio))
    card = successor_card(old, start.name, classes, preprocessing=preprocessing)
    network = build(card)
    state = network.state_dict()
    stored = {key: torch.from_numpy(value) for key, value in read_weights(folder).items()}
    heads = {f"classifier.{name}.": layer for name, layer in network.classifier.last_layers()}
    if stored.keys() != state.keys():
        raise ModelError(f"{old.name}: its weights are not those of its network; it is damaged")
    for key, value in stored.items():
        head = next((layer for prefix, layer in heads.items() if key.startswith(prefix)), None)
        if head is not None and value.shape == (len(old.classes), *state[key].shape[1:]):
            kept = carry_over(state[key], value, classes, old.classes)
            known = [name in old.classes for name in classes]
            trained = isinstance(head, nn.Linear)
            state[key] = kept if trained else _told_apart(kept, state[key], known)
        elif state[key].shape == value.shape:
            state[key] = value
        else:
            raise ModelError(f"{old.name}: cannot look at pictures of this size; drop --size")
    network.load_state_dict(state)
    return network, card


def _told_apart(codes: Tensor, fresh: Tensor, known: Sequence[bool]) -> Tensor:
    """Codes of classes, which are not trained: two that are equal could never be told apart.

    Args:
        codes: K×D, those of known classes as the old model has them.
        fresh: K×D, of a new layer.
        known: K.
    """
    result = codes.clone()
    taken = codes[torch.tensor(known)]
    free = [code for code in fresh if not (taken == code).all(dim=1).any()]
    for row, code in zip((row for row, is_in in enumerate(known) if not is_in), free, strict=False):
        result[row] = code
    return result
