"""From labelled pictures to batches: order, samples, and what a batch holds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from classification_folders import noise, write_picture
from cnntasks_classify.augment import Augmentation, Distortion, mix
from cnntasks_classify.batches import Batch, Collator, PictureSet
from cnntasks_classify.data import Example
from cnntasks_classify.geometry import Framing
from hypothesis import given, settings
from hypothesis import strategies as st
from small_classifiers import patterns

from cnntasks import InputError, Order

Pairs = list[list[tuple[int, int]]]


def drawn(order: Order, epoch: int) -> Pairs:
    order.set_epoch(epoch)
    return list(order)


def indices(batches: Pairs) -> list[int]:
    return [index for batch in batches for index, _ in batch]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    count=st.integers(1, 40),
    batch=st.integers(1, 50),
    per_epoch=st.one_of(st.none(), st.integers(1, 120)),
)
def test_every_batch_is_full_and_there_are_as_many_as_said(
    count: int, batch: int, per_epoch: int | None
) -> None:
    order = Order(count, batch, per_epoch, seed=3)
    size = min(batch, count)  # one smaller batch where there is no full one
    assert len(order) == max((per_epoch or count) // size, 1)
    for epoch in range(2):
        batches = drawn(order, epoch)
        assert [len(one) for one in batches] == [size] * len(order)
        shown = np.bincount(indices(batches), minlength=count)
        assert len(shown) == count
        assert shown.max() - shown.min() <= 1  # none again before all were there


def test_an_epoch_shows_every_picture_once_but_for_the_rest() -> None:
    assert sorted(indices(drawn(Order(12, 4, None, 0), 0))) == list(range(12))
    left_out = [set(range(14)) - set(indices(drawn(Order(14, 4, None, 0), e))) for e in range(80)]
    assert {len(it) for it in left_out} == {2}
    assert set().union(*left_out) == set(range(14))  # each time another rest


def test_an_epoch_is_a_function_of_seed_and_epoch() -> None:
    first, again = Order(20, 4, None, 5), Order(20, 4, None, 5)
    drawn(again, 0)
    assert drawn(first, 3) == drawn(again, 3)
    assert list(first) == drawn(first, 3)
    assert indices(drawn(first, 3)) != indices(drawn(first, 4))
    assert indices(drawn(first, 3)) != indices(drawn(Order(20, 4, None, 6), 3))


def test_the_order_is_that_of_earlier_trainings() -> None:
    """A recorded recipe has to lead to the same weights again."""
    batches = drawn(Order(6, 3, None, 0), 1)
    random = np.random.default_rng((0, 1))
    assert indices(batches) == random.permutation(6).tolist()
    seeds = random.integers(0, 2**62, 6).tolist()
    assert [seed for batch in batches for _, seed in batch] == seeds


def test_every_drawing_has_its_own_seed() -> None:
    seeds = [seed for batch in drawn(Order(10, 4, 80, 0), 0) for _, seed in batch]
    assert len(set(seeds)) == len(seeds) == 80


PHOTO = Example("photo", 2, None, noise(50, 40, 3))


def test_a_picture_is_framed_as_for_prediction() -> None:
    framing = Framing(36, 32)
    pixels, label, seed = PictureSet([PHOTO], framing)[0, 77]
    np.testing.assert_array_equal(pixels.permute(1, 2, 0), framing(PHOTO.load()))
    assert (label, seed, pixels.dtype) == (2, 77, torch.uint8)
    still = Augmentation(32, area=1, flip=0, color=0)
    assert torch.equal(PictureSet([PHOTO], framing, still)[0, 1][0], pixels)


def test_a_random_cut_takes_the_place_of_the_frame() -> None:
    pictures = PictureSet([PHOTO], Framing(36, 32, grey=True), Augmentation(32))
    made = [pictures[0, seed][0] for seed in (1, 1, 2)]
    assert made[0].shape == (1, 32, 32)
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    grey = Framing(36, 32, grey=True).recolored(PHOTO.load()).transpose(2, 0, 1).copy()
    expected = Augmentation(32)(torch.from_numpy(grey), 2)
    assert torch.equal(made[2], expected)


def test_nothing_is_written_into_what_was_decoded() -> None:
    array = noise(32, 32, 3)
    before = array.copy()
    pixels, _, _ = PictureSet([Example("a", 0, None, array)], Framing(32, 32))[0, 0]
    pixels.zero_()
    whole = PictureSet([Example("a", 0, None, array)], Framing(32, 32), Augmentation(32, area=0.9))
    whole[0, 0][0].zero_()
    np.testing.assert_array_equal(array, before)


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "bad.png")
    path.write_bytes(path.read_bytes()[:60])
    pictures = PictureSet([Example("bad.png", 0, path)], Framing(32, 32))
    assert len(pictures) == 1
    with pytest.raises(InputError, match=r"bad\.png: the picture is damaged"):
        pictures[0, 0]


def samples(count: int = 4) -> list[tuple[torch.Tensor, int, int]]:
    pictures = PictureSet(patterns(count), Framing(28, 32, longer=True, grey=True))
    return [pictures[index, 100 + index] for index in range(count)]


def test_a_batch_of_samples() -> None:
    batch = Collator(5)(samples())
    assert (batch.pixels.shape, batch.pixels.dtype) == ((4, 32, 32, 1), torch.uint8)
    assert batch.labels.tolist() == [0, 1, 2, 0]
    assert batch.targets.tolist() == [[float(k == n % 3) for k in range(5)] for n in range(4)]
    for number, (pixels, _, _) in enumerate(samples()):
        assert torch.equal(batch.pixels[number], pixels.permute(1, 2, 0))


def test_a_batch_is_distorted_and_mixed_by_the_seed_of_its_first_sample() -> None:
    plain = Collator(3)(samples())
    stacked = plain.pixels.permute(0, 3, 1, 2).float()
    distorted = Collator(3, Distortion())(samples())
    assert torch.equal(distorted.pixels.permute(0, 3, 1, 2), Distortion()(stacked, 100))
    assert torch.equal(distorted.targets, plain.targets)
    mixed = Collator(3, None, mixup=0.4)(samples())
    pixels, targets = mix(stacked, plain.targets, 0.4, 0.0, 100)
    assert torch.equal(mixed.pixels.permute(0, 3, 1, 2), pixels)
    assert torch.equal(mixed.targets, targets)
    assert torch.equal(mixed.labels, plain.labels)
    both = Collator(3, Distortion(), cutmix=1.0)(samples())
    pixels, _ = mix(Distortion()(stacked, 100), plain.targets, 0.0, 1.0, 100)
    assert torch.equal(both.pixels.permute(0, 3, 1, 2), pixels)


def test_a_batch_goes_to_a_device() -> None:
    moved = Collator(3)(samples()).to(torch.device("meta"), non_blocking=True)
    assert isinstance(moved, Batch)
    assert {moved.pixels.device.type, moved.labels.device.type, moved.targets.device.type} == {
        "meta"
    }
