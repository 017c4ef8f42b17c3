"""`ModelCard`: what a model folder says about itself, in plain JSON."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cnntasks.errors import ModelError

CARD_VERSION = 1
CARD_FILE = "card.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model's description (after Mitchell et al. 2019, "Model Cards for Model Reporting").

    Attributes:
        name: letters, digits, `.`, `_`, `-`; what `--model` takes.
        task: the verb that uses it.
        network: `{"name": registered name, ...settings}`; data only, never an import path.
        classes: class names in the order of the network's outputs.
        preprocessing: what the predictor does before the network (sizes, interpolation, scale).
        summary: one line.
        licence: of the weights, as an SPDX identifier or in words.
        training_data: what it was trained on, with the data's licences.
        metrics: name to measured value, the same names as `cnntasks evaluate` prints.
        defaults: prediction options that suit this model (`threshold`, ...).
        recipe: settings, seed and commands that make the model again.
        notes: limits, intended use, where it fails; paragraphs.
        parameters: number of trainable and fixed weights of the network.
        tables: name to measured rows, each column to value: per class, per data set, per setting.
    """

    name: str
    task: str
    network: dict[str, Any]
    classes: tuple[str, ...] = ()
    preprocessing: dict[str, Any] = field(default_factory=dict)
    summary: str = ""
    licence: str = "unknown"
    training_data: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    parameters: int = 0
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def to_json(self) -> str:
        """The card as indented JSON text, ending in a newline."""
        return json.dumps({"card_version": CARD_VERSION, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, origin: str) -> ModelCard:
        """Parse a card; `origin` names the file in errors.

        Raises:
            ModelError: not JSON, a newer card version, a missing or mistyped field, a bad name.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ModelError(f"{origin}: not a model card ({error})") from error
        if not isinstance(data, dict):
            raise ModelError(f"{origin}: not a model card (a JSON object is expected)")
        version = data.pop("card_version", None)
        if not isinstance(version, int) or version > CARD_VERSION:
            raise ModelError(
                f"{origin}: card version {version!r} is not one this cnntasks reads "
                f"(up to {CARD_VERSION}); upgrade cnntasks"
            )
        for key, kind in (("name", str), ("task", str), ("network", dict)):
            if not isinstance(data.get(key), kind):
                raise ModelError(f"{origin}: the card has no valid {key!r}")
        if not _NAME.fullmatch(data["name"]):
            raise ModelError(f"{origin}: {data['name']!r} is not a valid model name")
        if not isinstance(data["network"].get("name"), str):
            raise ModelError(f"{origin}: the card's network has no name")
        known = set(cls.__dataclass_fields__)
        fields = {key: value for key, value in data.items() if key in known}
        for key, field_type in (("classes", list), ("notes", list)):
            value = fields.get(key, [])
            if not isinstance(value, field_type) or not all(isinstance(v, str) for v in value):
                raise ModelError(f"{origin}: the card's {key!r} must be a list of strings")
            fields[key] = tuple(value)
        for key in ("preprocessing", "metrics", "defaults", "recipe", "tables"):
            if not isinstance(fields.get(key, {}), dict):
                raise ModelError(f"{origin}: the card's {key!r} must be an object")
        for key, rows in fields.get("tables", {}).items():
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise ModelError(f"{origin}: the card's table {key!r} must be a list of objects")
        return cls(**fields)


def read_card(folder: Path) -> ModelCard:
    """Read the card of a model folder.

    Raises:
        ModelError: there is no card, or it is not valid.
    """
    path = folder / CARD_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"{folder}: not a model folder (cannot read its {CARD_FILE}: {error})"
        ) from error
    return ModelCard.from_json(text, str(path))
