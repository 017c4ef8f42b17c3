"""Detections in the files that other tools read: COCO results JSON and YOLO text files."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from types import TracebackType
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from cnntasks import InputError, replacing
from cnntasks_detect.data.names import COCO_CATEGORIES, canonical_class
from cnntasks_detect.naming import Names


def coco_category_ids(classes: Sequence[str]) -> tuple[int, ...]:
    """The category id of each class: COCO's own where it has the name, else its place from 1 on.

    A place whose number is another class's id already moves to the next number beyond COCO's, so
    that the ids stay distinct.
    """
    official = [COCO_CATEGORIES.get(canonical_class(name)) for name in classes]
    taken: set[int] = set()
    reserved = {number for number in official if number is not None}
    beyond = max(COCO_CATEGORIES.values()) + len(classes)
    ids = []
    for place, number in enumerate(official, 1):
        if number is None or number in taken:
            number = place if place not in reserved | taken else (beyond := beyond + 1)
        taken.add(number)
        ids.append(number)
    return tuple(ids)


class CocoResultsWriter:
    """A JSON array of `{image_id, category_id, bbox, score, file_name}`, written as it grows.

    This is COCO's results format (https://cocodataset.org/#format-results) with the picture's
    name added. `image_id` is the number in a picture's name (`000000000139.jpg`), else one that
    counts up. `close` ends the array, whenever it comes; a file appears whole at that moment.

    Args:
        target: a file, or an open stream, which stays open.
        classes: the names that labels index.

    Raises:
        InputError: the file cannot be written.
    """

    def __init__(self, target: Path | TextIO, classes: Sequence[str]) -> None:
        self._categories = coco_category_ids(classes)
        self._stack = contextlib.ExitStack()
        self._path = target if isinstance(target, Path) else None
        if isinstance(target, Path):
            self._stream = self._stack.enter_context(replace_text(target))
        else:
            self._stream = target
        self._ids: dict[str, int] = {}
        self._used: set[int] = set()
        self._number = 0
        self._closed = False
        self._separator = "[\n"

    def write(
        self,
        name: str | PurePath,
        width: int,
        height: int,
        boxes: NDArray[np.floating[Any]],
        scores: NDArray[np.floating[Any]],
        labels: NDArray[np.integer[Any]],
    ) -> None:
        """Add one picture.

        Args:
            name: the picture's name or relative path.
            width, height: of the picture, in pixels; this format has no place for them.
            boxes: N×4, xyxy in pixels.
            scores: N, 0..1.
            labels: N indices into the classes.
        """
        image_id = self._image_id(str(name))
        corners = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        for box, score, label in zip(corners, scores, labels, strict=True):
            x1, y1, x2, y2 = box.tolist()
            record = {
                "image_id": image_id,
                "category_id": self._categories[int(label)],
                "bbox": [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)],
                "score": round(float(score), 5),
                "file_name": str(name),
            }
            self._add(json.dumps(record))  # ASCII: any file name fits into any stream

    def close(self) -> None:
        """End the array and, for a file, put it in its place. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        with self._stack:
            self._stream.write("[]\n" if self._separator == "[\n" else "\n]\n")
            self._stream.flush()

    def __enter__(self) -> CocoResultsWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # What was found before an interruption is worth keeping, and it is valid JSON.
        self.close()

    def _add(self, record: str) -> None:
        try:
            self._stream.write(self._separator + record)
        except OSError as error:
            if self._path is None:  # a closed pipe is for the stream's owner to judge
                raise
            raise _not_written(self._path, error) from error
        self._separator = ",\n"

    def _image_id(self, name: str) -> int:
        if name not in self._ids:
            stem = PurePath(name).stem
            number = int(stem) if stem.isascii() and stem.isdecimal() else None
            while number is None or number in self._used:
                self._number += 1
                number = self._number
            self._used.add(number)
            self._ids[name] = number
        return self._ids[name]


class YoloWriter:
    """One `labels/<picture>.txt` for each picture, and `classes.txt` with the class names.

    A line is `class cx cy width height confidence`, the middle four as fractions of the
    picture's size; a picture in which nothing was found has an empty file. Every file appears
    whole or not at all.

    Args:
        folder: made if it is not there.
        classes: the names that labels index.

    Raises:
        InputError: a file cannot be written.
    """

    def __init__(self, folder: Path, classes: Sequence[str]) -> None:
        self._folder = folder
        self._names = Names()
        with replace_text(folder / "classes.txt") as stream:
            stream.writelines(f"{name}\n" for name in classes)

    def write(
        self,
        name: str | PurePath,
        width: int,
        height: int,
        boxes: NDArray[np.floating[Any]],
        scores: NDArray[np.floating[Any]],
        labels: NDArray[np.integer[Any]],
    ) -> None:
        """Write the file of one picture; arguments as for `CocoResultsWriter.write`.

        Of two pictures that differ in their suffix alone, the second keeps it (`a.png.txt`).
        """
        size = np.array((width, height, width, height), dtype=np.float64)
        corners = (np.asarray(boxes, dtype=np.float64).reshape(-1, 4) / size).clip(0.0, 1.0)
        centres = (corners[:, :2] + corners[:, 2:]) / 2
        rows = np.hstack((centres, corners[:, 2:] - corners[:, :2]))
        path = self._folder / "labels" / f"{self._names.stem(name)}.txt"
        with replace_text(path) as stream:
            for row, score, label in zip(rows, scores, labels, strict=True):
                numbers = " ".join(f"{value:.6f}" for value in (*row, score))
                stream.write(f"{int(label)} {numbers}\n")

    def close(self) -> None:
        """Nothing is left: every file is whole as soon as its picture is written."""


@contextlib.contextmanager
def replace_text(path: Path) -> Iterator[TextIO]:
    """A text file that takes the place of `path` at the end, unless there is an error."""
    try:
        with (
            replacing(path) as temporary,
            temporary.open("x", encoding="utf-8", newline="") as stream,
        ):
            yield stream
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> InputError:
    reason = error.strerror or error
    return InputError(f"{path}: cannot be written ({reason}); choose another place")
