"""A transcribing model that starts from another one keeps what both know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from cnntasks_speech.ctc import starting
from cnntasks_speech.ctc.network import SpeechCTC, network_of
from cnntasks_speech.ctc.starting import new_network, start_from
from cnntasks_speech.features import LogMel

from cnntasks import ModelCard, ModelError, UsageError

FEATURES = LogMel(4000, n_mels=8)


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> tuple[SpeechCTC, ModelCard]:
    """A model of the words low and high, as if it were in a folder."""
    network = new_network("quartznet_small", 8, 2, 1)
    card = ModelCard(
        name="other",
        task="speech",
        network=network_of(network, "quartznet_small", "words"),
        classes=("low", "high"),
        preprocessing=FEATURES.to_dict(),
    )
    weights = {key: value.numpy() for key, value in network.state_dict().items()}
    monkeypatch.setattr(starting, "find_model", lambda task, model: Path(model))
    monkeypatch.setattr(starting, "read_card", lambda folder: card)
    monkeypatch.setattr(starting, "read_weights", lambda folder: dict(weights))
    return network, card


def test_the_blank_is_the_likeliest_at_first() -> None:
    network = new_network("quartznet_small", 8, 10, 0).eval()
    with torch.inference_mode():
        log_probs = network(torch.randn(1, 8, 200), torch.tensor([200]))["log_probs"]
    assert (log_probs.argmax(dim=2) == 0).float().mean() > 0.9
    again = new_network("quartznet_small", 8, 10, 0)
    assert all(
        torch.equal(one, two)
        for one, two in zip(network.parameters(), again.parameters(), strict=True)
    )


def test_units_of_both_keep_their_outputs(other: tuple[SpeechCTC, ModelCard]) -> None:
    network = new_network("quartznet_small", 8, 3, 0)
    fresh = network.output.weight.clone()
    start_from(network, ("high", "low", "middle"), "quartznet_small", FEATURES, "other")
    old = other[0]
    for row, source in ((0, 0), (1, 2), (2, 1)):
        assert torch.equal(network.output.weight[row], old.output.weight[source])
    assert torch.equal(network.output.weight[3], fresh[3])
    for key, value in old.backbone.state_dict().items():
        assert torch.equal(network.backbone.state_dict()[key], value)


def test_what_does_not_fit_is_refused(
    other: tuple[SpeechCTC, ModelCard], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = new_network("quartznet_small", 8, 2, 0)
    units = ("low", "high")
    with pytest.raises(UsageError, match="--backbone quartznet_small"):
        start_from(network, units, "wav2letter", FEATURES, "other")
    with pytest.raises(UsageError, match="--sample-rate 4000 --mels 8"):
        start_from(network, units, "quartznet_small", LogMel(8000, n_mels=8), "other")
    spotter = replace(other[1], network={"name": "speech-spotter"})
    monkeypatch.setattr(starting, "read_card", lambda folder: spotter)
    with pytest.raises(UsageError, match="transcribes nothing"):
        start_from(network, units, "quartznet_small", FEATURES, "other")
    monkeypatch.setattr(starting, "read_card", lambda folder: other[1])
    monkeypatch.setattr(starting, "read_weights", lambda folder: {})
    with pytest.raises(ModelError, match="damaged"):
        start_from(network, units, "quartznet_small", FEATURES, "other")
