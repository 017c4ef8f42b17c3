from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from classification_folders import write_folders
from cnntasks_classify.data import (
    ClassificationData,
    Example,
    match_classes,
    read_classification_data,
    split_stratified,
)

from cnntasks import InputError, UsageError


def data_of(classes: tuple[str, ...], *labels: int) -> ClassificationData:
    examples = tuple(Example(f"{number}.png", label) for number, label in enumerate(labels))
    return ClassificationData("pets", "folders", "all", classes, examples)


def examples_of(*counts: int) -> list[Example]:
    return [
        Example(f"{label}/{number}.png", label)
        for label, count in enumerate(counts)
        for number in range(count)
    ]


def test_classes_are_matched_by_name_not_by_position(tmp_path: Path) -> None:
    data = read_classification_data(write_folders(tmp_path), "val")
    matched = match_classes(data, ["dog", "bird", "cat"])
    assert matched.classes == ("dog", "bird", "cat")
    assert [(it.name, it.label) for it in matched.examples] == [
        ("val/cat/d.png", 2),
        ("val/dog/e.png", 0),
    ]
    assert [it.path for it in matched.examples] == [it.path for it in data.examples]


def test_case_spaces_and_underscores_do_not_count() -> None:
    data = data_of(("Hot_Dog", "ice cream", "TEA "), 0, 1, 2)
    matched = match_classes(data, ("tea", "icecream", "hot dog"))
    assert [it.label for it in matched.examples] == [2, 1, 0]


def test_the_very_name_wins_over_one_alike() -> None:
    matched = match_classes(data_of(("Polish", "polish"), 0, 1), ("polish", "Polish"))
    assert [it.label for it in matched.examples] == [1, 0]
    with pytest.raises(InputError, match=r"'POLISH' fits several .*'polish', 'Polish'.*spell it"):
        match_classes(data_of(("POLISH", "x"), 0), ("polish", "Polish"))


def test_unknown_classes_are_named_with_a_remedy() -> None:
    with pytest.raises(InputError) as caught:
        match_classes(data_of(("ant", "bee", "wasp"), 0, 1, 2), ("bee", "fly"))
    assert str(caught.value) == (
        "pets: the model does not know its classes 'ant', 'wasp' (it knows 'bee', 'fly'); rename "
        "or remove them in the data, or train a model on this data"
    )
    many = tuple(map(str, range(9)))
    with pytest.raises(InputError, match="'4' and 4 more"):
        match_classes(data_of(many, *range(9)), ("bee", "fly"))


def test_classes_without_an_example_need_not_be_known() -> None:
    matched = match_classes(data_of(("ant", "bee"), 1, -1), ("fly", "bee"))
    assert [it.label for it in matched.examples] == [1, -1]


def test_the_second_part_is_the_fraction_of_each_class() -> None:
    examples = examples_of(100, 40, 10)
    kept, held = split_stratified(examples, 0.2)
    assert Counter(it.label for it in held) == {0: 20, 1: 8, 2: 2}
    assert sorted([*kept, *held], key=examples.index) == examples
    assert kept == [it for it in examples if it in kept]


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_every_class_of_two_or_more_is_in_both_parts(fraction: float) -> None:
    kept, held = split_stratified(examples_of(1, 2, 30), fraction)
    assert {it.label for it in kept} == {0, 1, 2}
    assert {it.label for it in held} == {1, 2}


def test_names_decide_and_not_positions() -> None:
    examples = examples_of(50, 50)
    held = set(split_stratified(examples, 0.3)[1])
    assert set(split_stratified(examples[::-1], 0.3)[1]) == held
    assert set(split_stratified(examples, 0.3, seed=1)[1]) != held
    assert split_stratified(examples, 0.3) == split_stratified(examples, 0.3)


def test_a_further_example_moves_hardly_any_other() -> None:
    examples = examples_of(200)
    before = set(split_stratified(examples, 0.25)[1])
    after = set(split_stratified([Example("0/new.png", 0), *examples], 0.25)[1])
    assert len(before ^ after) <= 2


def test_names_that_are_not_unicode() -> None:
    examples = [Example("a\udcf6.png", 0), Example("b.png", 0)]
    assert [len(part) for part in split_stratified(examples, 0.5)] == [1, 1]


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 2, float("nan")])
def test_impossible_fractions(fraction: float) -> None:
    with pytest.raises(UsageError, match="give one between 0 and 1"):
        split_stratified(examples_of(5), fraction)
