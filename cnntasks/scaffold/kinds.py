"""The kinds of plugins that a project can be written for."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Kind:
    """What tells the projects of one kind from those of another.

    Attributes:
        summary: what such a plugin adds.
        layers: the folders of templates beside `common`; a later one's files replace earlier ones.
        registers: what the name is one of: `"verb"`, `"backbone"` or `"format"`.
        model: the project embeds an untrained model.
        fields: further words of the templates.
    """

    summary: str
    layers: tuple[str, ...]
    registers: str = "verb"
    model: bool = True
    fields: dict[str, str] = field(default_factory=dict)


def _classifier(kind: str, noun: str, one: str, suffix: str, classes: str, backbone: str) -> Kind:
    first, second = classes.split()
    return Kind(
        f"a verb that classifies {noun}",
        ("task", kind),
        fields={
            "noun": noun,
            "one": one,
            "ending": suffix,
            "first": first,
            "second": second,
            "backbone": backbone,
            "summary": f"Say which class {one} belongs to.",
        },
    )


KINDS = {
    "image": _classifier("image", "pictures", "a picture", ".png", "dark light", "lenet5"),
    "text": _classifier("text", "texts", "a text", ".txt", "bad good", "kim_cnn"),
    "audio": _classifier("audio", "recordings", "a recording", ".wav", "high low", "lenet5"),
    "backbone": Kind(
        "a network that every task can be trained on", ("backbone",), "backbone", model=False
    ),
    "writer": Kind("a format of records for every verb", ("writer",), "format", model=False),
}
