"""A long recording in chunks is the same as in one pass, and padding never matters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cnntasks_speech.ctc.chunks import Chunker
from cnntasks_speech.ctc.network import SpeechCTC, build_ctc, network_of, output_lengths

from cnntasks import ModelCard, ModelError, UsageError

CARD = ModelCard(
    name="tiny",
    task="speech",
    network={},
    classes=("a", "b", "c"),
    preprocessing={"n_mels": 12},
)


@pytest.fixture(scope="module")
def network() -> SpeechCTC:
    torch.manual_seed(0)
    made = SpeechCTC("quartznet_small", 12, 3).eval()
    for module in made.modules():  # as trained: not the identity
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            torch.nn.init.uniform_(module.running_mean, -0.3, 0.3)
            torch.nn.init.uniform_(module.running_var, 0.05, 0.3)
            torch.nn.init.uniform_(module.bias, -0.3, 0.3)
    return made


def run(network: SpeechCTC, features: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        found = network(torch.from_numpy(features)[None], torch.tensor([features.shape[1]]))
    return found["log_probs"][0].numpy()


@pytest.mark.parametrize(("frames", "chunk", "piece"), [(701, 100, 37), (400, 4, 400), (35, 50, 1)])
def test_chunks_are_exactly_one_pass(
    network: SpeechCTC, frames: int, chunk: int, piece: int
) -> None:
    features = np.random.default_rng(0).normal(-6, 4, (12, frames)).astype(np.float32)
    whole = run(network, features)
    chunker = Chunker(network.context, network.stride, chunk)
    chunks = []
    for start in range(0, frames, piece):
        chunks += chunker.push(features[:, start : start + piece])
    chunks += chunker.finish()
    limit = max(chunk, network.stride) + 2 * network.context + 2 * network.stride
    assert all(it.features.shape[1] <= limit for it in chunks[:-1])
    joined = np.concatenate([it.kept(run(network, it.features)) for it in chunks])
    assert joined.shape == whole.shape == (-(-frames // 4), 4)
    # What rounding leaves: other sizes are summed in another order.
    np.testing.assert_allclose(joined, whole, atol=2e-5)


def test_less_context_than_the_network_sees_would_show(network: SpeechCTC) -> None:
    features = np.random.default_rng(0).normal(-6, 4, (12, 400)).astype(np.float32)
    chunker = Chunker(16, network.stride, 40)
    chunks = [*chunker.push(features), *chunker.finish()]
    joined = np.concatenate([it.kept(run(network, it.features)) for it in chunks])
    assert np.abs(joined - run(network, features)).max() > 1e-3


def test_nothing_gives_no_chunk() -> None:
    assert Chunker(8, 4).finish() == []
    chunker = Chunker(8, 4)
    assert chunker.push(np.zeros((12, 0), np.float32)) == []
    assert chunker.finish() == []


def test_padding_never_matters(network: SpeechCTC) -> None:
    features = torch.from_numpy(np.random.default_rng(1).normal(-6, 4, (2, 12, 61)))
    features = features.float()
    lengths = torch.tensor([61, 22])
    features[1, :, 22:] = float("inf")
    with torch.inference_mode():
        among = network(features, lengths)["log_probs"][1]
        alone = network(features[1:, :, :22], lengths[1:])["log_probs"][0]
    assert output_lengths(lengths, 4).tolist() == [16, 6]
    torch.testing.assert_close(among[:6], alone)
    torch.testing.assert_close(alone.exp().sum(dim=1), torch.ones(6))


def test_the_context_is_what_a_frame_sees(network: SpeechCTC) -> None:
    x = torch.randn(1, 12, 500, requires_grad=True)
    log_probs = network(x, torch.tensor([500]))["log_probs"]
    (gradient,) = torch.autograd.grad(log_probs[0, 60].square().sum(), x)
    seen = gradient[0].abs().sum(dim=0).nonzero().flatten()
    assert 60 * 4 - network.context <= int(seen.min())
    assert int(seen.max()) <= 60 * 4 + network.context


def test_a_card_builds_its_network(network: SpeechCTC) -> None:
    from dataclasses import replace

    card = replace(CARD, network=network_of(network, "quartznet_small", "characters"))
    built = build_ctc(card)
    assert (built.stride, built.context) == (network.stride, network.context)
    with pytest.raises(ModelError, match="stride and context"):
        build_ctc(replace(card, network={**card.network, "context": 3}))
    with pytest.raises(ModelError, match="does not say all"):
        build_ctc(replace(card, classes=()))
    with pytest.raises(ModelError, match="not a transcribing one"):
        build_ctc(replace(card, network={"name": "speech-spotter"}))
    with pytest.raises(UsageError, match="no network over time"):
        SpeechCTC("lenet5", 12, 3)
