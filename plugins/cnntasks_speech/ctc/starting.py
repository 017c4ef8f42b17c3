"""Where the training of a transcribing model starts: random weights, or another such model."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cnntasks import ModelError, UsageError, carry_over, find_model, read_card, read_weights
from cnntasks_speech.ctc.decoding import BLANK
from cnntasks_speech.ctc.network import NETWORK, SpeechCTC
from cnntasks_speech.features import LogMel

#: The blank stands for most frames, so a new network begins with it as the likeliest.
_BLANK_BIAS = 2.0


def new_network(backbone: str, n_mels: int, units: int, seed: int) -> SpeechCTC:
    """A network with random weights, the same ones for the same seed.

    Raises:
        UsageError: there is no such backbone, or it is not one-dimensional.
    """
    torch.manual_seed(seed)
    network = SpeechCTC(backbone, n_mels, units)
    with torch.no_grad():
        assert network.output.bias is not None
        network.output.bias[BLANK] += _BLANK_BIAS
    return network


def start_from(
    network: SpeechCTC, units: Sequence[str], backbone: str, features: LogMel, model: str
) -> None:
    """Give a network the weights of another model; of its outputs those of units that both have.

    Args:
        network: with random weights.
        units: its units.
        backbone, features: of the network.
        model: name or folder of the other one.

    Raises:
        ModelError: there is no such model, or it is damaged.
        UsageError: it is no transcribing model, or one of another backbone or other features.
    """
    folder = find_model("speech", model)
    card = read_card(folder)
    if card.network.get("name") != NETWORK:
        raise UsageError(f"--from {model}: it spots words and transcribes nothing")
    if card.network.get("backbone") != backbone:
        raise UsageError(
            f"--from {model}: its network is {card.network.get('backbone')}; "
            f"train with --backbone {card.network.get('backbone')}"
        )
    if LogMel.from_card(card) != LogMel.from_preprocessing(features.to_dict(), "these"):
        raise UsageError(
            f"--from {model}: its features are others; train with --sample-rate "
            f"{card.preprocessing['rate']} --mels {card.preprocessing['n_mels']}"
        )
    stored = {key: torch.from_numpy(value) for key, value in read_weights(folder).items()}
    own = network.state_dict()
    before, after = (("", *names) for names in (card.classes, units))
    for name in ("output.weight", "output.bias"):
        if name in stored:
            stored[name] = carry_over(own[name], stored[name], after, before)
    try:
        network.load_state_dict(stored)
    except RuntimeError as error:
        raise ModelError(
            f"{card.name}: its weights are not those of its network; it is damaged"
        ) from error
