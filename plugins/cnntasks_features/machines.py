"""Linear support vector machines on raw pixels and on HOG (Dalal & Triggs 2005)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnntasks_features.hog import ORIENTATIONS, describe

#: The penalty C is chosen among these, on a part of the training pictures.
PENALTIES = (0.01, 0.1, 1.0)
#: Pictures that choose it: more would not change it, and take longer.
_CHOOSING = 6000


@dataclass(frozen=True, slots=True)
class Measured:
    """What one classifier did.

    Attributes:
        method: its name.
        accuracy: on the test part, 0..1.
        train_seconds: features and training, everything included.
        picture_ms: of a test picture, from its decoded pixels to its class.
        parameters: numbers that were learned.
        kilobytes: of the model, in float32 for a machine, its weights' file for a network.
        details: how, plain JSON types.
    """

    method: str
    accuracy: float
    train_seconds: float
    picture_ms: float
    parameters: int
    kilobytes: float
    details: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def hog_cell(side: int) -> int:
    """The cell for squares of a side: four cells across small ones, eight across others."""
    return max(3, side // 4 if side <= 40 else side // 8)


def hog_features(
    squares: NDArray[np.float32], advance: Callable[[], None] | None = None
) -> NDArray[np.float32]:
    """The descriptors of N×S×S squares, N×D."""
    cell = hog_cell(squares.shape[1])
    rows = []
    for square in squares:
        rows.append(describe(square, ORIENTATIONS, cell))
        if advance is not None:
            advance()
    return np.stack(rows)


def pixel_features(
    squares: NDArray[np.float32], advance: Callable[[], None] | None = None
) -> NDArray[np.float32]:
    """The pixels themselves, N×S²."""
    return squares.reshape(len(squares), -1)


def measure_machine(
    method: str,
    features: Callable[..., NDArray[np.float32]],
    train: tuple[NDArray[np.float32], NDArray[np.int64]],
    test: tuple[NDArray[np.float32], NDArray[np.int64]],
    seed: int,
    advance: Callable[[], None] | None = None,
) -> Measured:
    """Train one linear machine for each class against the rest, and measure it.

    Args:
        features: squares to N×D.
        train, test: squares and labels.
        seed: of everything random.
        advance: called after each picture.
    """
    _machine(1.0, seed)  # what is imported for the first time belongs to no method
    features(train[0][:1])
    started = time.perf_counter()
    values = features(train[0], advance)
    machine, penalty = _fit(values, train[1], seed)
    seconds = time.perf_counter() - started
    started = time.perf_counter()
    found = machine.predict(features(test[0], advance))
    each = (time.perf_counter() - started) / len(test[1]) * 1000
    learned = sum(part.size for part in _parts(machine))
    return Measured(
        method=method,
        accuracy=float((found == test[1]).mean()),
        train_seconds=seconds,
        picture_ms=each,
        parameters=int(learned),
        kilobytes=learned * 4 / 1000,
        details={"features": int(values.shape[1]), "C": penalty},
    )


def _fit(values: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> tuple[Any, float]:
    """The machine with the best penalty, trained on everything."""
    order = np.random.default_rng(seed).permutation(len(labels))
    chosen = order[:_CHOOSING]
    kept, held = chosen[len(chosen) // 5 :], chosen[: len(chosen) // 5]
    best, penalty = -1.0, PENALTIES[len(PENALTIES) // 2]
    if len(set(labels[kept].tolist())) > 1 and len(held):
        for candidate in PENALTIES:
            machine = _machine(candidate, seed).fit(values[kept], labels[kept])
            score = float(machine.score(values[held], labels[held]))
            if score > best:
                best, penalty = score, candidate
    return _machine(penalty, seed).fit(values, labels), penalty


def _machine(penalty: float, seed: int) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    # Centred and on one scale: the solver needs a tenth of the steps.
    scale = StandardScaler(with_std=False)
    return make_pipeline(
        scale, LinearSVC(C=penalty, random_state=seed, dual="auto", max_iter=5000, tol=1e-3)
    )


def _parts(machine: Any) -> tuple[Any, ...]:
    classifier = machine[-1]
    return classifier.coef_, classifier.intercept_, machine[0].mean_
