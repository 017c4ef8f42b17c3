"""What `visualize` can be told, and the names of its methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cnntasks import UsageError

Method = Literal[
    "filters",
    "activations",
    "deconvnet",
    "gradcam",
    "gradcam++",
    "guided-backprop",
    "integrated-gradients",
    "occlusion",
    "maximize",
]
#: Those that explain a class.
EXPLAINING = frozenset(
    {"gradcam", "gradcam++", "guided-backprop", "integrated-gradients", "occlusion"}
)
#: Those that need no input.
WITHOUT_INPUT = frozenset({"filters", "maximize"})
#: `place` for the middle of a map.
CENTER = "center"


@dataclass(frozen=True, slots=True)
class Settings:
    """One visualisation.

    Attributes:
        method: which.
        layer: name of a layer; the method's usual one when None.
        units: of the layer; those that answer most when empty.
        place: `center` or `(row, column)` in the maps: a single unit instead of the whole map.
        rule: how the deconvnet goes back through rectifiers; `auto` is `guided` where there are no
            switches to go by.
        classes: names or numbers; the likeliest one when empty.
        count: pictures on a sheet at most; the method's usual number when None.
        baseline: of integrated gradients, `black` or `mean`.
        steps: of integrated gradients; as many as it takes when None.
        window, stride: of the occluding square; an eighth of the input, and half the window.
        iterations, jitter, variation, decay, parametrization, seed: of maximize.
    """

    method: Method = "gradcam"
    layer: str | None = None
    units: tuple[int, ...] = ()
    place: Literal["center"] | tuple[int, ...] | None = None
    rule: Literal["auto", "deconvnet", "guided"] = "auto"
    classes: tuple[str, ...] = ()
    count: int | None = None
    baseline: Literal["black", "mean"] = "black"
    steps: int | None = None
    window: int | None = None
    stride: int | None = None
    iterations: int = 200
    jitter: int | None = None
    variation: float = 400.0
    decay: float = 0.0
    parametrization: Literal["fourier", "pixels"] = "fourier"
    seed: int = 0

    def check(self) -> None:
        """Raise UsageError where options contradict each other or are out of range."""
        if self.classes and self.method not in (*EXPLAINING, "maximize"):
            raise UsageError(f"--class says what is explained; {self.method} looks at a layer")
        if self.classes and self.method == "maximize" and (self.layer or self.units):
            raise UsageError("maximize a class, or a unit of a layer: not both in one run")
        if self.units and self.method in EXPLAINING:
            raise UsageError(f"{self.method} explains a class (--class), not a unit")
        if len(self.classes) > 1 and self.method != "maximize":
            raise UsageError(f"{self.method} explains one class at a time; give --class once")
        if self.place is not None and self.method not in ("deconvnet", "maximize"):
            raise UsageError(f"--place is for deconvnet and maximize, not for {self.method}")
        for name in ("steps", "iterations", "count", "window", "stride"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"--{name} must be at least 1, not {value}")
        for name in ("jitter", "variation", "decay"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise UsageError(f"--{name} must be at least 0, not {value:g}")


def parse_units(text: str) -> tuple[int, ...]:
    """`"3"`, `"0,5,7"` or `"0-8"` as numbers.

    Raises:
        UsageError: it is none of these.
    """
    units: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            start = int(first)
            units += range(start, int(last) + 1) if dash else [start]
        except ValueError as error:
            raise UsageError(f"--unit {text!r}: give numbers, as in 3, 0,5,7 or 0-8") from error
    if not units:
        raise UsageError(f"--unit {text!r}: names no unit")
    return tuple(dict.fromkeys(units))


def parse_place(text: str) -> Literal["center"] | tuple[int, ...]:
    """`"center"` or `"ROW,COLUMN"` (one number in a map over time).

    Raises:
        UsageError: it is neither.
    """
    if text == CENTER:
        return "center"
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"--place {text!r}: give center, or ROW,COLUMN") from error
