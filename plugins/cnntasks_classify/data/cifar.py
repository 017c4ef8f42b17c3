"""The binary version of CIFAR-10 and CIFAR-100 (https://www.cs.toronto.edu/~kriz/cifar.html).

A record is one label byte (CIFAR-100: coarse, then fine) and 32×32 pixels, plane by plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnntasks import DataProblems, InputError
from cnntasks_classify.data.arrays import make_examples, read_names
from cnntasks_classify.data.records import (
    ClassificationData,
    Example,
    make_data,
    unreadable,
)

_SIDE = 32
_PIXELS = 3 * _SIDE * _SIDE
_BATCHES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))


@dataclass(frozen=True, slots=True)
class CifarLayout:
    """Files of records, and one of class names.

    Attributes:
        folder: where they lie.
        files: split to its files.
        names: the file of class names.
        label_bytes: of a record; the last one is the label.
    """

    folder: Path
    files: dict[str, tuple[Path, ...]]
    names: Path
    label_bytes: int
    format: str = "cifar"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits there are files for."""
        return tuple(self.files)

    def read(self, split: str, problems: DataProblems) -> ClassificationData:
        """Read one split into memory; its examples are views."""
        classes = read_names(self.names)
        files = self.files[split]
        if files[0].name in _BATCHES and len(files) < len(_BATCHES):
            missing = ", ".join(sorted(set(_BATCHES) - {file.name for file in files}))
            problems.warning(self.folder, f"{missing} missing; is that on purpose?")
        examples = [
            example for file in files for example in self._read_file(file, classes, problems)
        ]
        return make_data(self, split, classes, examples, problems)

    def _read_file(
        self, file: Path, classes: tuple[str, ...], problems: DataProblems
    ) -> list[Example]:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise unreadable(file, error) from error
        length = self.label_bytes + _PIXELS
        if not data or len(data) % length:
            raise InputError(
                f"{file}: {len(data)} bytes are no whole number of {length}-byte records; "
                "copy or download it again"
            )
        records = np.frombuffer(data, np.uint8).reshape(-1, length)
        planes = records[:, self.label_bytes :].reshape(-1, 3, _SIDE, _SIDE)
        labels = records[:, self.label_bytes - 1]
        remedy = f"{self.names.name} must name every class, or the file is damaged"
        pixels = planes.transpose(0, 2, 3, 1)
        return make_examples(file, pixels, labels, classes, remedy, problems)


def find_cifar(location: Path) -> CifarLayout | None:
    """Recognise CIFAR-10 by `batches.meta.txt`, CIFAR-100 by `fine_label_names.txt`.

    Raises:
        InputError: files of records without their class names.
    """
    kinds = (
        ("batches.meta.txt", 1, {"train": _BATCHES, "test": ("test_batch.bin",)}),
        ("fine_label_names.txt", 2, {"train": ("train.bin",), "test": ("test.bin",)}),
    )
    for names, label_bytes, parts in kinds:
        files = {
            split: tuple(file for part in candidates if (file := location / part).is_file())
            for split, candidates in parts.items()
        }
        files = {split: paths for split, paths in files.items() if paths}
        if files and (location / names).is_file():
            return CifarLayout(location, files, location / names, label_bytes)
        if files:
            raise InputError(f"{location / names}: the class names of its .bin files are missing")
    return None
