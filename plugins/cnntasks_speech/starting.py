"""Where a training starts: a spotter with random weights, or another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from cnntasks import (
    ModelCard,
    ModelError,
    UsageError,
    carry_over,
    find_model,
    read_card,
    read_weights,
    successor_card,
)
from cnntasks_speech.data import SILENCE, UNKNOWN
from cnntasks_speech.features import LogMel
from cnntasks_speech.network import Shape, Spotter, build, make_shape

_OUTPUT = "output."
#: Networks whose first layer spans the channels of the paper.
_OF_FORTY = ("dnn", "cnn_fws", "cnn_lws")
BANDS = 40


@dataclass(frozen=True, slots=True)
class Start:
    """What was asked for.

    Attributes:
        name: of the new model.
        backbone: any two-dimensional network.
        model: a spotter to start from instead; None for none.
        features: how features are computed; those of `model` where there is one.
        seconds: length of the window; likewise.
        seed: of random weights.
    """

    name: str
    backbone: str = "kws_resnet"
    model: str | None = None
    features: LogMel = field(default_factory=lambda: LogMel(16_000))
    seconds: float = 1.0
    seed: int = 0


def start_network(
    start: Start, classes: Sequence[str], further: Sequence[str]
) -> tuple[Spotter, ModelCard]:
    """The network that a training starts from, and its card.

    Args:
        start: what was asked for.
        classes: names, in the order of the classes.
        further: words behind `unknown` that get an output each.

    Raises:
        UsageError: there is no such backbone, or it is no network for two dimensions.
        ModelError: the model to start from cannot be found, read, or is no spotter.
    """
    torch.manual_seed(start.seed)
    if start.model is not None:
        return _from_model(start, classes, further)
    shape = make_shape(start.backbone, classes, further, (UNKNOWN, SILENCE))
    samples = round(start.seconds * start.features.rate)
    preprocessing = {**start.features.to_dict(), "frames": start.features.frames(samples)}
    card = ModelCard(
        name=start.name,
        task="speech",
        network=shape.to_network(),
        classes=tuple(classes),
        preprocessing=preprocessing,
    )
    network = Spotter(shape)
    _check_window(network, card)
    return network, card


def _check_window(network: Spotter, card: ModelCard) -> None:
    """Some networks are made for 40 mel channels, and none takes a window that is too small."""
    mels, frames = card.preprocessing["n_mels"], card.preprocessing["frames"]
    backbone = network.shape.backbone
    if backbone in _OF_FORTY and mels != BANDS:
        raise UsageError(f"{backbone} is made for {BANDS} mel channels, not {mels}; drop --mels")
    try:
        with torch.inference_mode():
            network.eval()(torch.zeros(2, mels, frames))
    except RuntimeError as error:
        raise UsageError(
            f"{backbone} cannot take windows of {mels} mel channels and {frames} frames "
            f"({str(error).splitlines()[0]}); give more --seconds or --mels"
        ) from error
    network.train()


def _from_model(
    start: Start, classes: Sequence[str], further: Sequence[str]
) -> tuple[Spotter, ModelCard]:
    """Starts as another spotter; words that both have keep their outputs."""
    folder = find_model("speech", start.model)
    old = read_card(folder)
    before = Shape.of(old)
    shape = make_shape(before.backbone, classes, further, (UNKNOWN, SILENCE))
    card = successor_card(old, start.name, classes, network=shape.to_network())
    network = build(card)
    assert isinstance(network, Spotter)
    state = network.state_dict()
    stored = {key: torch.from_numpy(value) for key, value in read_weights(folder).items()}
    if stored.keys() != state.keys():
        raise ModelError(f"{old.name}: its weights are not those of its network; it is damaged")
    for key, value in stored.items():
        fits = value.shape == state[key].shape
        if key.startswith(_OUTPUT):
            state[key] = carry_over(state[key], value, shape.outputs, before.outputs)
        elif fits:
            state[key] = value
        else:
            raise ModelError(f"{old.name}: its weights do not fit its network; it is damaged")
    network.load_state_dict(state)
    return network, card
