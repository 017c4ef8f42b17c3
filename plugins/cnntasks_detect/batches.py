"""From detection data sets to training batches: several sets as one, classes matched by name."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from cnntasks import EpochSampler, InputError, Source, read_image
from cnntasks_detect.augment import (
    IGNORE,
    OTHER,
    Augmentation,
    Sample,
    fit_longer_side,
    mosaic,
)
from cnntasks_detect.data import (
    DetectionData,
    Picture,
    read_detection_data,
)
from cnntasks_detect.data.names import canonical_class
from cnntasks_detect.data.recognise import FORMATS
from cnntasks_detect.losses import Target


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture of a joined data set.

    Attributes:
        picture: its file and boxes.
        labels: N; wanted class index, or IGNORE, or OTHER, in the order of its boxes.
        known: C bool, the wanted classes that its set labels exhaustively.
        origin: the name of its set.
    """

    picture: Picture
    labels: np.ndarray[Any, np.dtype[np.int64]]
    known: np.ndarray[Any, np.dtype[np.bool_]]
    origin: str


def join_data(sets: Sequence[DetectionData], classes: Sequence[str]) -> list[Entry]:
    """Bring data sets under one list of classes.

    Classes are matched by name, VOC's and COCO's spellings alike.

    Raises:
        InputError: a set labels none of the wanted classes.
    """
    place = {canonical_class(name): index for index, name in enumerate(classes)}
    entries = []
    for data in sets:
        table = np.array([place.get(canonical_class(n), OTHER) for n in data.classes], np.int64)
        if not (table >= 0).any():
            raise InputError(
                f"{data.name}: none of its classes ({', '.join(data.classes[:8])}) is one of the "
                f"wanted ones ({', '.join(list(classes)[:8])})"
            )
        known = np.zeros(len(classes), bool)
        known[table[table >= 0]] = True
        for picture in data.pictures:
            labels = np.where(picture.ignore, IGNORE, table[picture.labels])
            entries.append(Entry(picture, labels.astype(np.int64), known, data.name))
    return entries


def read_parts(
    locations: Sequence[str],
) -> tuple[list[DetectionData], list[DetectionData]]:
    """The training and validation parts of data sets, as far as they have such splits.

    `folder:split` names one split to train on; otherwise it is `train` (or VOC's `trainval` where
    there is no `train`), or all pictures of a set without splits. A `test` split is never used.

    Raises:
        InputError: not a data set, or one that has nothing but other splits.
    """
    training, validation = [], []
    for location in locations:
        path = Path(location)
        name, held = FORMATS.splits_to_learn(path)
        training.append(read_detection_data(path, name))
        if held is not None:
            validation.append(read_detection_data(path, held))
    return training, validation


def split_entries(entries: Sequence[Entry], fraction: float) -> tuple[list[Entry], list[Entry]]:
    """Divide into training and validation parts, by a hash of the file name: always the same."""
    train: list[Entry] = []
    validation: list[Entry] = []
    for entry in entries:
        digest = hashlib.sha256(f"{entry.origin}/{entry.picture.path.name}".encode()).digest()
        chosen = int.from_bytes(digest[:4], "big") / 2**32 < fraction
        (validation if chosen else train).append(entry)
    return train, validation


def divide_sets(
    training: Sequence[DetectionData],
    validating: Sequence[DetectionData],
    classes: Sequence[str],
    fraction: float,
) -> tuple[list[Entry], list[Entry]]:
    """What is learned from, and what validates.

    Args:
        training, validating: as from `read_parts`.
        classes: names of the wanted ones.
        fraction: of the pictures, in sets that have no validation part of their own.

    Raises:
        InputError: a set labels none of the wanted classes.
    """
    learned = join_data(training, classes)
    validation = join_data(validating, classes)
    covered = {data.name for data in validating}
    rest = [entry for entry in learned if entry.origin not in covered]
    taken = split_entries(rest, fraction)[1]
    chosen = {id(entry) for entry in taken}
    return [entry for entry in learned if id(entry) not in chosen], [*validation, *taken]


def spread(entries: Sequence[Entry], most: int) -> list[Entry]:
    """At most so many, taken evenly from first to last: every data set has its share."""
    places = np.linspace(0, len(entries) - 1, min(most, len(entries))).round().astype(int)
    return [entries[place] for place in places]


def picture_source(entry: Entry) -> Source:
    """A picture's file as the prediction pipeline reads it."""
    path = entry.picture.path
    return Source(str(path), PurePosixPath(path.name), path.read_bytes, path)


def load_sample(entry: Entry) -> Sample:
    """Decode one picture (as for prediction) with its boxes."""
    picture = entry.picture
    # A copy: what `read_image` returns is read-only.
    read = read_image(picture_source(entry))
    pixels = torch.from_numpy(np.array(read.transpose(2, 0, 1), order="C"))
    scale = torch.tensor([pixels.shape[2] / picture.width, pixels.shape[1] / picture.height] * 2)
    return Sample(
        pixels,
        torch.from_numpy(picture.boxes) * scale,
        torch.from_numpy(entry.labels),
        torch.from_numpy(entry.known),
    )


class DetectionSet(Dataset[Sample]):
    """Pictures with boxes; augmented when `augmentation` is given, else only resized.

    An item is asked for by (index, seed): the same pair gives the same sample in any worker.
    """

    def __init__(
        self, entries: Sequence[Entry], size: int, augmentation: Augmentation | None = None
    ) -> None:
        self.entries = list(entries)
        self.size = size
        self.augmentation = augmentation

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        index, seed = key
        random = torch.Generator().manual_seed(seed)
        sample = load_sample(self.entries[index])
        if self.augmentation is None:
            return fit_longer_side(sample, self.size)
        if float(torch.rand((), generator=random)) < self.augmentation.mosaic:
            more = torch.randint(len(self.entries), (3,), generator=random).tolist()
            parts = [sample, *(load_sample(self.entries[other]) for other in more)]
            sample = mosaic(parts, self.size, fill=127)
        return self.augmentation(sample, random)


class BalancedBatches(EpochSampler):
    """Batches of pictures of like shape, thin classes more often, reproducible and resumable.

    Pictures are drawn with the repeat factors of Gupta et al. 2019 (LVIS, section 4.2): a class
    found in the fraction f of pictures counts max(1, sqrt(threshold / f)), a picture as much as
    its rarest class. Every epoch is a function of (seed, epoch) alone.

    Args:
        entries: the pictures.
        batch: pictures per batch.
        per_epoch: pictures per epoch; all of them, repeats included, when None.
        threshold: the fraction below which a class is thin; 0 for no balancing.
        seed: of the order.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        batch: int,
        per_epoch: int | None,
        threshold: float,
        seed: int,
    ) -> None:
        super().__init__(seed)
        self.batch = batch
        self.weights = repeat_factors(entries, threshold)
        self.upright = np.array([e.picture.height > e.picture.width for e in entries])
        total = per_epoch or round(float(self.weights.sum()))
        self.batches = max(math.ceil(total / batch), 1)

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        random = self.random()
        wanted = self.batches * self.batch
        order: list[int] = []
        while len(order) < wanted:
            # Repeat factors in whole draws: the fraction is rounded up or down at random.
            counts = np.floor(self.weights + random.random(len(self.weights))).astype(int)
            pool = np.repeat(np.arange(len(counts)), counts)
            order.extend(random.permutation(pool).tolist())
        seeds = random.integers(0, 2**62, wanted).tolist()
        waiting: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
        made = 0
        for index, seed in zip(order[:wanted], seeds, strict=True):
            group = waiting[bool(self.upright[index])]
            group.append((index, seed))
            if len(group) == self.batch:
                made += 1
                yield list(group)
                group.clear()
        rest = waiting[True] + waiting[False]
        for start in range(0, (self.batches - made) * self.batch, self.batch):
            yield rest[start : start + self.batch]


def class_factors(entries: Sequence[Entry], threshold: float) -> np.ndarray[Any, Any]:
    """How much more than its share each class counts (at least 1, and 1 if it is not there)."""
    present = [np.unique(entry.labels[entry.labels >= 0]) for entry in entries]
    classes = len(entries[0].known) if entries else 0
    counts = np.zeros(classes)
    for labels in present:
        counts[labels] += 1
    frequency = np.where(counts > 0, counts, np.inf) / max(len(entries), 1)
    return np.maximum(1.0, np.sqrt(threshold / frequency))


def repeat_factors(entries: Sequence[Entry], threshold: float) -> np.ndarray[Any, Any]:
    """How often each picture is drawn per epoch (at least once): as its rarest class wants."""
    factor = class_factors(entries, threshold)
    wanted = (entry.labels[entry.labels >= 0] for entry in entries)
    return np.array([factor[labels].max() if len(labels) else 1.0 for labels in wanted])


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch: `pixels` B×H×W×3 uint8, `sizes` B×2 (height, width), and the targets."""

    pixels: Tensor
    sizes: Tensor
    targets: list[Target]

    def to(self, device: torch.device, **_: Any) -> Batch:
        """The same on another device."""
        targets = [target.to(device) for target in self.targets]
        return Batch(self.pixels.to(device), self.sizes.to(device), targets)


def collate(samples: Sequence[Sample], multiple: int, fill: Sequence[int]) -> Batch:
    """Pad samples to a common size, a multiple of `multiple`, with the colour `fill`."""
    height = max(sample.pixels.shape[1] for sample in samples)
    width = max(sample.pixels.shape[2] for sample in samples)
    height, width = (-(-side // multiple) * multiple for side in (height, width))
    color = torch.tensor(list(fill), dtype=torch.uint8)
    pixels = color.repeat(len(samples), height, width, 1)
    targets = []
    for row, sample in zip(pixels, samples, strict=True):
        row[: sample.pixels.shape[1], : sample.pixels.shape[2]] = sample.pixels.permute(1, 2, 0)
        wanted = sample.labels >= 0
        targets.append(
            Target(
                sample.boxes[wanted],
                sample.labels[wanted],
                sample.boxes[sample.labels == IGNORE],
                sample.boxes[sample.labels == OTHER],
                sample.known,
            )
        )
    sizes = torch.tensor([list(sample.pixels.shape[1:]) for sample in samples])
    return Batch(pixels, sizes.float(), targets)
