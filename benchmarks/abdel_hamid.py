"""Fully connected, full and limited weight sharing: Abdel-Hamid et al. 2014, on spoken words.

    python benchmarks/abdel_hamid.py DATA

DATA has splits train, val and test of recordings with words, as `cnntasks train speech` takes them.
The three networks have about the same number of parameters and learn from the same features in the
same order, for the same number of epochs; of each, the learning rate is the one of `RATES` that is
best on val, with seed 0. With that rate, further seeds are trained, and the test part is measured
once for each. Printed are errors, and by how much the convolutional networks make fewer than the
fully connected one, beside the 6 to 10 % that the paper's abstract gives for phones and for voice
search. It is not the paper's task: there a network names the phones of single frames for a hidden
Markov model, here the word of a second.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from cnntasks_speech.batches import Windows
from cnntasks_speech.data import read_speech_data
from cnntasks_speech.features import LogMel
from torch import Tensor, nn
from torch.nn import functional

from cnntasks.backbones.abdel_hamid import abdel_hamid

#: Hidden units and maps: about 290,000 parameters each.
SIZES = {"dnn": (256, 0), "cnn_fws": (256, 60), "cnn_lws": (256, 42)}
RATES = (1e-3, 3e-3, 1e-2)
#: Frames lie 20 ms apart, so that the networks' 15 span a third of a second: a syllable.
FEATURES = LogMel(16_000, hop_ms=20.0)
SECONDS = 1.0
BATCH = 64
#: A recording is shown up to so many frames earlier or later.
SHIFT = 5
DROPOUT = 0.3
DECAY = 0.02


@dataclass(frozen=True)
class Part:
    """Features N×40×T and labels N."""

    features: Tensor
    labels: Tensor


class Network(nn.Module):
    """One of the three, and what it is measured with."""

    def __init__(self, name: str, classes: int) -> None:
        super().__init__()
        hidden, maps = SIZES[name]
        self.backbone = abdel_hamid(name, 1, hidden, maps)
        self.output = nn.Linear(hidden, classes)

    def forward(self, features: Tensor) -> Tensor:
        """B×40×T to B×K logits."""
        (maps,) = self.backbone(features.unsqueeze(1)).values()
        pooled = functional.dropout(maps.mean(dim=(2, 3)), DROPOUT, self.training)
        logits: Tensor = self.output(pooled)
        return logits


def read_part(data: Path, split: str) -> tuple[Part, tuple[str, ...]]:
    """The features of a split, each recording with the mean taken away, and the classes."""
    found = read_speech_data(data, split)
    windows = Windows(found.examples, FEATURES.rate, round(SECONDS * FEATURES.rate))
    features = np.stack(
        [
            FEATURES.log_mel(windows[number].astype(np.float32) / 32768)
            for number in range(len(found.examples))
        ]
    )
    features = (features - features.mean(axis=(1, 2), keepdims=True)) / 3
    labels = torch.tensor([clip.label for clip in found.examples])
    return Part(torch.from_numpy(features), labels), found.classes


def shifted(features: Tensor, random: torch.Generator) -> Tensor:
    """Each earlier or later, with its first or last frame repeated."""
    frames = features.shape[2]
    by = torch.randint(-SHIFT, SHIFT + 1, (len(features), 1), generator=random)
    places = (torch.arange(frames) + by).clamp(0, frames - 1)
    return features.gather(2, places.unsqueeze(1).expand_as(features))


def train(
    name: str, train_part: Part, classes: int, rate: float, epochs: int, seed: int
) -> Network:
    """Train one network: AdamW, a cosine from `rate` to nothing."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    network = Network(name, classes).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=DECAY)
    batches = len(train_part.labels) // BATCH
    for step in range(epochs * batches):
        if step % batches == 0:
            order = torch.randperm(len(train_part.labels), generator=random)
        for group in optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / (epochs * batches)))
        rows = order[(step % batches) * BATCH :][:BATCH]
        logits = network(shifted(train_part.features[rows], random))
        loss = functional.cross_entropy(logits, train_part.labels[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return network.eval()


@torch.inference_mode()
def error(network: Network, part: Part) -> float:
    """Per cent of a part that is taken for something else."""
    found = torch.cat([network(batch).argmax(dim=1) for batch in part.features.split(256)])
    return 100 * float((found != part.labels).float().mean())


def main() -> None:
    """Train and measure the three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--networks", nargs="+", choices=list(SIZES), default=list(SIZES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    parts = {split: read_part(options.data, split) for split in ("train", "val", "test")}
    (learned, classes), (validation, _), (test, _) = parts.values()
    errors: dict[str, list[float]] = {}
    for name in options.networks:
        start = time.process_time()
        tried = {
            rate: train(name, learned, len(classes), rate, options.epochs, 0) for rate in RATES
        }
        on_validation = {rate: error(network, validation) for rate, network in tried.items()}
        rate = min(on_validation, key=lambda it: on_validation[it])
        networks = [tried[rate]] + [
            train(name, learned, len(classes), rate, options.epochs, seed)
            for seed in range(1, options.seeds)
        ]
        errors[name] = [error(network, test) for network in networks]
        values = ", ".join(f"{it:g}: {value:.1f} %" for it, value in on_validation.items())
        count = sum(parameter.numel() for parameter in networks[0].parameters())
        print(
            f"{name}: {count:,} parameters; validation errors {values}; test errors "
            f"{', '.join(f'{it:.1f}' for it in errors[name])} %, mean {np.mean(errors[name]):.2f} "
            f"(standard deviation {np.std(errors[name], ddof=min(1, len(networks) - 1)):.2f}); "
            f"{time.process_time() - start:.0f} s of CPU",
            flush=True,
        )
    if "dnn" in errors:
        base = float(np.mean(errors["dnn"]))
        for name in errors.keys() - {"dnn"}:
            less = 100 * (base - float(np.mean(errors[name]))) / base
            print(f"{name}: {less:.1f} % fewer errors than dnn (paper: 6 to 10 %)")


if __name__ == "__main__":
    main()
