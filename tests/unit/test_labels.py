"""Labelled examples of any kind; pictures and texts have tests of their own."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cnntasks import (
    InputError,
    canonical_split,
    class_key,
    counted,
    join_classes,
    match_classes,
    sort_classes,
)


@dataclass(frozen=True)
class Thing:
    name: str
    label: int


@dataclass(frozen=True)
class Things:
    name: str
    classes: tuple[str, ...]
    examples: tuple[Thing, ...]


def things(classes: tuple[str, ...], *labels: int) -> Things:
    return Things("things", classes, tuple(Thing(f"{n}", label) for n, label in enumerate(labels)))


def test_splits_go_by_several_names() -> None:
    assert [canonical_split(name) for name in ("Train ", "dev", "VALID", "testing", "fold")] == [
        "train",
        "val",
        "val",
        "test",
        None,
    ]


def test_classes_are_sorted_with_numbers_by_value() -> None:
    assert sort_classes(["b", "10", "2", "a", "b"]) == ["2", "10", "a", "b"]


def test_names_alike_have_one_key() -> None:
    assert class_key("Traffic_Light") == class_key("traffic light") == class_key("trafficlight")
    assert class_key("a") != class_key("b")


def test_counting_in_words() -> None:
    assert [counted(number, "text") for number in (0, 1, 2)] == ["0 texts", "1 text", "2 texts"]


def test_data_of_any_kind_are_matched_by_name() -> None:
    matched = match_classes(things(("A b", "c"), 0, 1, -1), ("c", "a_b"))
    assert matched.classes == ("c", "a_b")
    assert [it.label for it in matched.examples] == [1, 0, -1]
    with pytest.raises(InputError, match="does not know its class 'c'"):
        match_classes(things(("a", "c"), 0, 1), ("a",))
    with pytest.raises(InputError, match="fits several"):
        match_classes(things(("x y",), 0), ("xy", "x_y"))


def test_classes_of_several_sets_are_joined_in_the_spelling_of_the_first() -> None:
    assert join_classes([things(("cat", "dog")), things(("Dog", "bird"))]) == ("cat", "dog", "bird")
    assert join_classes([things(("A", "a")), things(("a",))]) == ("A", "a")
