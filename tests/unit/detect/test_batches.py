"""From data sets to batches: classes by name, what is known, the split, the order, the padding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from cnntasks_detect.augment import IGNORE, OTHER, Augmentation, Sample
from cnntasks_detect.batches import (
    BalancedBatches,
    DetectionSet,
    Entry,
    collate,
    join_data,
    load_sample,
    repeat_factors,
    split_entries,
    spread,
)
from cnntasks_detect.data import DetectionData, Picture
from detection_folders import write_picture
from PIL import Image

from cnntasks import InputError


def picture(
    name: str = "a.png",
    labels: Sequence[int] = (0,),
    ignore: Sequence[bool] | None = None,
    size: tuple[int, int] = (40, 30),
    root: Path = Path("/nowhere"),
) -> Picture:
    """Boxes of 8 by 6 pixels, each a little further to the right."""
    boxes = np.array([[2 * i, i, 2 * i + 8, i + 6] for i in range(len(labels))], np.float32)
    flags = np.zeros(len(labels), bool) if ignore is None else np.array(ignore)
    labels = np.array(labels, np.int64)
    return Picture(root / name, size[0], size[1], boxes.reshape(-1, 4), labels, flags)


def data(name: str, classes: Sequence[str], *pictures: Picture) -> DetectionData:
    return DetectionData(name, "coco", "train", tuple(classes), pictures)


def entry(
    labels: Sequence[int] = (0,),
    classes: int = 3,
    name: str = "a.png",
    size: tuple[int, int] = (40, 30),
    origin: str = "set",
) -> Entry:
    known = np.ones(classes, bool)
    made = picture(name, [max(label, 0) for label in labels], size=size)
    return Entry(made, np.array(labels, np.int64), known, origin)


def test_classes_are_matched_by_name_across_data_sets() -> None:
    voc = data("voc", ["aeroplane", "sofa", "tvmonitor"], picture(labels=[0, 1, 2]))
    coco = data("coco", ["TV", "couch", "Airplane"], picture(labels=[0, 1, 2]))

    entries = join_data([voc, coco], ["airplane", "tv", "couch"])

    assert entries[0].labels.tolist() == [0, 2, 1]
    assert entries[1].labels.tolist() == [1, 2, 0]
    assert [one.origin for one in entries] == ["voc", "coco"]
    assert all(one.known.tolist() == [True, True, True] for one in entries)


def test_wanted_classes_may_be_named_as_voc_names_them() -> None:
    coco = data("coco", ["dining table", "dog"], picture(labels=[0, 1]))
    (joined,) = join_data([coco], ["diningtable"])
    assert joined.labels.tolist() == [0, OTHER]


def test_each_set_knows_the_classes_that_it_labels() -> None:
    cats = data("cats", ["cat"], picture())
    pets = data("pets", ["dog", "cat", "ferret"], picture(labels=[0, 1, 2]))

    entries = join_data([cats, pets], ["cat", "dog", "horse"])

    assert [one.known.tolist() for one in entries] == [[True, False, False], [True, True, False]]
    assert entries[1].labels.tolist() == [1, 0, OTHER]


def test_crowds_and_difficult_objects_are_ignored_whatever_their_class() -> None:
    pets = data("pets", ["dog", "ferret"], picture(labels=[0, 0, 1], ignore=[True, False, True]))
    (joined,) = join_data([pets], ["dog"])
    assert joined.labels.tolist() == [IGNORE, 0, IGNORE]


def test_a_picture_without_boxes_stays_as_a_negative() -> None:
    (joined,) = join_data([data("pets", ["dog"], picture(labels=[]))], ["dog"])
    assert joined.labels.shape == (0,)


def test_a_set_with_no_wanted_class_is_named() -> None:
    pets = data("pets", ["dog"], picture())
    with pytest.raises(InputError, match=r"pets: none of its classes \(dog\) .* \(car, bus\)"):
        join_data([pets], ["car", "bus"])


# Another split would put what old models learned from into the validation part.
PINNED = ["00011.jpg", "00012.jpg", "00015.jpg", "00017.jpg"]
NAMES = [f"{number:05}.jpg" for number in range(600)]


def test_the_split_is_stable_and_disjoint_and_about_as_asked() -> None:
    entries = [entry(name=name) for name in NAMES]

    train, validation = split_entries(entries, 0.2)

    taken = {one.picture.path for one in validation}
    assert taken.isdisjoint({one.picture.path for one in train})
    assert len(train) + len(validation) == 600
    assert 85 < len(validation) < 155
    assert [one.picture.path.name for one in validation[:4]] == PINNED


def test_the_split_of_a_picture_depends_on_nothing_but_its_set_and_name() -> None:
    entries = [entry(name=name) for name in NAMES]
    few = split_entries(entries[::-3], 0.2)[1]
    all_of_them = {one.picture.path for one in split_entries(entries, 0.2)[1]}
    assert {one.picture.path for one in few} == all_of_them & {
        one.picture.path for one in entries[::-3]
    }
    other = split_entries([entry(name=name, origin="other") for name in NAMES], 0.2)[1]
    assert {one.picture.path for one in other} != all_of_them


def test_a_larger_part_holds_the_smaller_one() -> None:
    entries = [entry(name=name) for name in NAMES]
    small = {one.picture.path for one in split_entries(entries, 0.1)[1]}
    large = {one.picture.path for one in split_entries(entries, 0.3)[1]}
    assert small < large
    assert split_entries(entries, 0.0)[1] == []


def mixed(count: int = 37) -> list[Entry]:
    """Upright and lying pictures; class 2 in every twelfth only."""
    return [
        entry([2] if i % 12 == 0 else [i % 2], size=(30, 40) if i % 3 else (40, 30))
        for i in range(count)
    ]


def drawn(batches: BalancedBatches, epoch: int) -> list[list[tuple[int, int]]]:
    batches.set_epoch(epoch)
    return list(batches)


def test_a_few_for_validation_are_spread_over_all(entries: list[Entry]) -> None:
    many = entries * 20
    few = spread(many, 5)
    assert len(few) == 5
    assert few[0] is many[0]
    assert few[-1] is many[-1]
    assert spread(entries, 1000) == entries
    assert spread([], 5) == []


def test_an_epoch_is_a_function_of_seed_and_epoch() -> None:
    first, again = (BalancedBatches(mixed(), 4, None, 0.2, seed=5) for _ in range(2))
    drawn(again, 0)

    assert drawn(first, 3) == drawn(again, 3)
    assert drawn(first, 3) != drawn(first, 4)
    assert drawn(first, 3) != drawn(BalancedBatches(mixed(), 4, None, 0.2, seed=6), 3)


@pytest.mark.parametrize("per_epoch", [None, 1, 10, 100])
@pytest.mark.parametrize("batch", [1, 4, 8])
def test_every_batch_is_full_and_there_are_as_many_as_said(
    batch: int, per_epoch: int | None
) -> None:
    batches = BalancedBatches(mixed(), batch, per_epoch, 0.2, seed=0)
    for epoch in range(3):
        made = drawn(batches, epoch)
        assert len(made) == len(batches)
        assert {len(one) for one in made} == {batch}
    if per_epoch:
        assert len(batches) == -(-per_epoch // batch)


def test_without_balance_an_epoch_shows_every_picture_once() -> None:
    entries = mixed(36)
    made = drawn(BalancedBatches(entries, 4, None, 0.0, seed=0), 0)
    assert sorted(index for batch in made for index, _ in batch) == list(range(36))


def test_every_drawing_has_its_own_seed() -> None:
    seeds = [s for batch in drawn(BalancedBatches(mixed(), 4, 80, 0.2, 0), 0) for _, s in batch]
    assert len(set(seeds)) == len(seeds) == 80


def test_pictures_of_a_batch_lie_or_stand_but_for_the_rest() -> None:
    entries = mixed(60)
    made = drawn(BalancedBatches(entries, 4, None, 0.0, seed=1), 0)
    shapes = [
        {entries[index].picture.height > entries[index].picture.width for index, _ in batch}
        for batch in made
    ]
    assert sum(len(shape) > 1 for shape in shapes) <= 1


def test_thin_classes_are_drawn_more_often() -> None:
    entries = [entry([0]) for _ in range(99)] + [entry([2])]

    def share(threshold: float) -> float:
        batches = BalancedBatches(entries, 10, 100, threshold, seed=0)
        drawings = Counter(i for e in range(20) for b in drawn(batches, e) for i, _ in b)
        return drawings[99] / drawings.total()

    # f = 0.01 and sqrt(0.16 / 0.01) = 4: four drawings among 103, instead of one of 100
    assert share(0.0) == pytest.approx(0.01, abs=0.002)
    assert share(0.16) == pytest.approx(4 / 103, abs=0.01)


def test_repeat_factors_are_those_of_lvis() -> None:
    entries = [entry([0])] * 6 + [entry([0, 1])] * 3 + [entry([IGNORE, OTHER])]
    # class 0 in 9 of 10 pictures, class 1 in 3 of 10; a picture counts as its rarest class
    found = repeat_factors(entries, threshold=0.5)
    rare = (0.5 / 0.3) ** 0.5
    assert found.tolist() == pytest.approx([1.0] * 6 + [rare] * 3 + [1.0])


def test_a_loaded_picture_has_its_boxes_where_they_are(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", (40, 30), seed=1)
    (joined,) = join_data([data("s", ["cat"], picture(labels=[0], root=tmp_path))], ["cat"])

    loaded = load_sample(joined)

    with Image.open(tmp_path / "a.png") as image:
        expected = np.asarray(image)
    assert torch.equal(loaded.pixels.permute(1, 2, 0), torch.tensor(expected))
    assert loaded.boxes.tolist() == [[0, 0, 8, 6]]
    assert loaded.labels.tolist() == [0]
    assert loaded.known.tolist() == [True]


def test_boxes_are_scaled_where_the_annotations_meant_another_size(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", (40, 30))
    half = picture(labels=[0], root=tmp_path, size=(20, 10))
    (joined,) = join_data([data("s", ["cat"], half)], ["cat"])
    assert load_sample(joined).boxes.tolist() == [[0, 0, 16, 18]]


@pytest.fixture
def entries(tmp_path: Path) -> list[Entry]:
    names = [f"{i}.png" for i in range(5)]
    for number, name in enumerate(names):
        write_picture(tmp_path / name, (40, 30), seed=number)
    pictures = [picture(name, [0], root=tmp_path) for name in names]
    return join_data([data("s", ["cat"], *pictures)], ["cat"])


def test_a_set_for_validation_is_resized_only(entries: list[Entry]) -> None:
    made = DetectionSet(entries, 80)[3, 99]
    assert len(DetectionSet(entries, 80)) == 5
    assert tuple(made.pixels.shape) == (3, 60, 80)
    assert made.boxes.tolist() == [[0, 0, 16, 12]]
    assert torch.equal(made.pixels, DetectionSet(entries, 80)[3, 7].pixels)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_index_and_seed_decide_the_augmented_sample(entries: list[Entry], share: float) -> None:
    augmented = DetectionSet(entries, 64, Augmentation(64, mosaic=share))
    torch.manual_seed(1)
    one = augmented[2, 11]
    torch.manual_seed(2)
    same, other = augmented[2, 11], augmented[2, 12]
    assert torch.equal(one.pixels, same.pixels)
    assert torch.equal(one.boxes, same.boxes)
    assert one.pixels.shape != other.pixels.shape or not torch.equal(one.pixels, other.pixels)


def test_mosaics_hold_boxes_of_several_pictures(entries: list[Entry]) -> None:
    augmented = DetectionSet(entries, 64, Augmentation(64, (1.0, 1.0), mosaic=1.0))
    assert [len(augmented[0, seed].boxes) for seed in range(4)] == [4] * 4


def sample(height: int, width: int, labels: Sequence[int] = ()) -> Sample:
    boxes = torch.tensor([[i, 0, i + 5, 5] for i in range(len(labels))]).float().reshape(-1, 4)
    pixels = torch.full((3, height, width), 200, dtype=torch.uint8)
    return Sample(pixels, boxes, torch.tensor(labels).long(), torch.tensor([True, False]))


def test_collating_pads_below_and_on_the_right_with_the_fill() -> None:
    batch = collate([sample(30, 50), sample(40, 20)], multiple=32, fill=(1, 2, 3))

    assert tuple(batch.pixels.shape) == (2, 64, 64, 3)
    assert batch.pixels.dtype == torch.uint8
    assert batch.sizes.tolist() == [[30, 50], [40, 20]]
    for row, (height, width) in enumerate(((30, 50), (40, 20))):
        assert bool((batch.pixels[row, :height, :width] == 200).all())
        fill = torch.tensor([1, 2, 3], dtype=torch.uint8)
        assert bool((batch.pixels[row, height:] == fill).all())
        assert bool((batch.pixels[row, :, width:] == fill).all())


def test_nothing_is_padded_where_the_size_fits() -> None:
    batch = collate([sample(32, 64)], multiple=32, fill=(0, 0, 0))
    assert tuple(batch.pixels.shape) == (1, 32, 64, 3)


def test_collating_tells_the_kinds_of_boxes_apart() -> None:
    (target,) = collate([sample(32, 32, [1, IGNORE, OTHER, 0])], 32, (0, 0, 0)).targets
    assert target.labels.tolist() == [1, 0]
    assert target.boxes[:, 0].tolist() == [0, 3]
    assert target.ignore[:, 0].tolist() == [1]
    assert target.others[:, 0].tolist() == [2]
    assert target.known.tolist() == [True, False]


def test_a_batch_moves_with_all_its_parts() -> None:
    batch = collate([sample(32, 32, [1, IGNORE])], 32, (0, 0, 0)).to(torch.device("meta"))
    assert batch.pixels.is_meta
    assert batch.sizes.is_meta
    assert batch.targets[0].boxes.is_meta
