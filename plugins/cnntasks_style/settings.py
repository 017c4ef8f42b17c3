"""`StyleSettings`: every knob of a style transfer, checked, and kept as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from numbers import Integral, Real
from typing import Any, Literal, get_args

from cnntasks import ModelError, UsageError

Init = Literal["content", "style", "noise"]
Optimizer = Literal["lbfgs", "adam"]
PreserveColor = Literal["none", "luminance", "histogram"]

_CHOICES = {
    "init": get_args(Init),
    "optimizer": get_args(Optimizer),
    "preserve_color": get_args(PreserveColor),
}
#: Whole numbers and their smallest and largest value.
_WHOLE = {
    "size": (32, 16384),
    "iterations": (1, 100_000),
    "seed": (0, 2**63 - 1),
    "preview_every": (0, 100_000),
}
#: Numbers and their smallest and largest value.
_NUMBERS = {
    "style_weight": (0.0, math.inf),
    "content_weight": (0.0, math.inf),
    "tv_weight": (0.0, math.inf),
    "style_scale": (0.1, 10.0),
}
_NAMES = ("style_layers", "content_layers")
_WEIGHTS = ("layer_weights", "style_blend")
#: What the model's card gives where it is None.
FROM_CARD = (
    "iterations",
    "style_weight",
    "content_weight",
    "tv_weight",
    "style_layers",
    "content_layers",
    "layer_weights",
    "init",
    "optimizer",
)


@dataclass(frozen=True, slots=True)
class StyleSettings:
    """Every knob of a style transfer; None is the default of the model's card (see `filled`).

    Attributes:
        size: longer side of the result in pixels; a smaller content picture is enlarged.
        iterations: steps of the optimiser over all scales together.
        style_weight, content_weight, tv_weight: factors of the three losses, 0 or more.
        style_layers, content_layers: names of the network's layers.
        layer_weights: one for each style layer; None here and in the card is equal weights.
        style_blend: one for each style picture, normalised to the sum 1; None is equal parts.
        style_scale: size of the style pictures in relation to the result: 2 makes the strokes
            twice as large.
        init: what the optimisation starts from.
        optimizer: `lbfgs` (limited-memory BFGS) or `adam`.
        preserve_color: keep the content's colours: its chrominance (`luminance`), or by giving
            the style its colour distribution beforehand (`histogram`).
        seed: of the noise.
        preview_every: iterations between two previews; 0 is none.

    Raises:
        UsageError: a value is out of its range; the message names option, value and range.
    """

    size: int = 512
    iterations: int | None = None
    style_weight: float | None = None
    content_weight: float | None = None
    tv_weight: float | None = None
    style_layers: tuple[str, ...] | None = None
    content_layers: tuple[str, ...] | None = None
    layer_weights: tuple[float, ...] | None = None
    style_blend: tuple[float, ...] | None = None
    style_scale: float = 1.0
    init: Init | None = None
    optimizer: Optimizer | None = None
    preserve_color: PreserveColor = "none"
    seed: int = 0
    preview_every: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                object.__setattr__(self, field.name, _checked(field.name, value))
            elif field.default is not None:
                raise UsageError(f"{option(field.name)} is null; leave it out for its default")
        if self.style_blend is not None:
            object.__setattr__(self, "style_blend", _normalised(self.style_blend))
        if self.layer_weights is not None and self.style_layers is not None:
            _check_count(self.layer_weights, self.style_layers)
        if self.style_weight == 0 and self.content_weight == 0:
            raise UsageError("--style-weight and --content-weight are both 0; raise one of them")

    def changed(self, **changes: Any) -> StyleSettings:
        """These settings with some changed; new style layers drop the weights of the old ones.

        Raises:
            UsageError: there is no such setting, or a value is out of its range.
        """
        _check_names(changes)
        layers = changes.get("style_layers")
        if layers is not None and tuple(layers) != self.style_layers:
            changes.setdefault("layer_weights", None)
        return replace(self, **changes)

    def filled(self, defaults: Mapping[str, Any], name: str = "the model") -> StyleSettings:
        """These settings with the card's defaults for what is None.

        `layer_weights` stays None for equal weights, and belongs to the card's own layers: with
        other style layers the card's weights are not taken. `style_blend` stays None for equal
        parts. Defaults of other names are left alone.

        Args:
            defaults: `card.defaults`.
            name: what errors call the model.

        Raises:
            ModelError: the card has no default where one is needed, or one out of its range.
            UsageError: the weights given do not fit the layers.
        """
        missing: dict[str, Any] = {
            key: defaults.get(key) for key in FROM_CARD if getattr(self, key) is None
        }
        if self.style_layers is not None and not _same(self.style_layers, defaults):
            missing.pop("layer_weights", None)
        for key, value in missing.items():
            if value is None and key != "layer_weights":
                raise ModelError(f"{name}: its card has no default for {key}; give {option(key)}")
        try:
            StyleSettings(**missing)
        except UsageError as error:
            raise ModelError(f"{name}: its card's default is wrong: {error}") from error
        return replace(self, **missing)

    def blend(self, styles: int) -> tuple[float, ...]:
        """The part of each of `styles` style pictures; the sum is 1.

        Raises:
            UsageError: `style_blend` has another number of parts.
        """
        if self.style_blend is None:
            return (1.0 / styles,) * styles
        if len(self.style_blend) != styles:
            raise UsageError(
                f"--style-blend has {len(self.style_blend)} parts for {styles} style pictures; "
                "give one for each"
            )
        return self.style_blend

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> StyleSettings:
        """Read what `to_dict` gave.

        Raises:
            UsageError: an unknown setting, or a value of another type or out of its range.
        """
        _check_names(values)
        return cls(**values)


def option(name: str) -> str:
    """The command line option of a setting."""
    return "--" + name.replace("_", "-")


def _check_names(values: Mapping[str, Any]) -> None:
    known = [field.name for field in fields(StyleSettings)]
    for name in values:
        if name not in known:
            raise UsageError(f"there is no style setting {name!r}; there are {', '.join(known)}")


def _checked(name: str, value: Any) -> Any:
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise _refused(name, value, " or ".join(_CHOICES[name]))
        return value
    if name in _WHOLE:
        low, high = _WHOLE[name]
        if not _is_whole(value) or not low <= value <= high:
            raise _refused(name, value, f"a whole number from {low} to {high}")
        return int(value)
    if name in _NUMBERS:
        return _number(name, value, *_NUMBERS[name])
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise _refused(name, value, "a list with commas between its parts")
    if name in _NAMES:
        if not all(isinstance(part, str) and part.strip() for part in value):
            raise _refused(name, value, "names of layers")
        if len(set(value)) < len(value):
            raise _refused(name, ",".join(value), "each layer once")
        return tuple(value)
    parts = tuple(_number(name, part, 0.0, math.inf) for part in value)
    if not any(parts):
        raise _refused(name, ",".join(map(str, value)), "at least one part above 0")
    return parts


def _number(name: str, value: Any, low: float, high: float) -> float:
    wanted = f"a number from {low:g} to {high:g}" if high < math.inf else f"a number from {low:g}"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise _refused(name, value, wanted)
    number = float(value)
    if not math.isfinite(number) or not low <= number <= high:
        raise _refused(name, value, wanted)
    return number


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _refused(name: str, value: Any, wanted: str) -> UsageError:
    return UsageError(f"{option(name)} is {value!r}; {wanted} is expected")


def _normalised(parts: tuple[float, ...]) -> tuple[float, ...]:
    total = math.fsum(parts)
    # What was normalised once stays as it is to the last bit: a record makes the same picture.
    return parts if abs(total - 1) < 1e-12 else tuple(part / total for part in parts)


def _check_count(weights: Sequence[float], layers: Sequence[str]) -> None:
    if len(weights) != len(layers):
        raise UsageError(
            f"--layer-weights has {len(weights)} numbers for {len(layers)} style layers; give one "
            "for each"
        )


def _same(layers: Sequence[str], defaults: Mapping[str, Any]) -> bool:
    return list(layers) == list(defaults.get("style_layers") or ())
