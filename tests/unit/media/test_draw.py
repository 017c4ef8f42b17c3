from __future__ import annotations

import itertools
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cnntasks.errors import InputError
from cnntasks.media.captions import Rect, fit, place, plate_size, printable
from cnntasks.media.colors import DISTINCT_COLORS, RGB, _oklab, class_color, text_color
from cnntasks.media.draw import _text_size, contact_sheet, draw_boxes

Pixels = NDArray[np.uint8]
BLUE: RGB = (40, 80, 255)


def grey(height: int, width: int) -> Pixels:
    return np.full((height, width, 3), 128, np.uint8)


def draw(image: Pixels, boxes: Any, labels: list[str] | None = None) -> Pixels:
    array = np.array(boxes, np.float32).reshape(-1, 4)
    count = len(array)
    return draw_boxes(image, array, labels or [""] * count, [BLUE] * count)


def touched(before: Pixels, after: Pixels) -> Rect | None:
    rows, columns = np.nonzero((before != after).any(axis=2))
    if not rows.size:
        return None
    return Rect(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)


class TestBoxes:
    def test_the_picture_that_is_given_is_not_changed(self) -> None:
        image = grey(100, 100)
        image.setflags(write=False)  # as decoded pictures are
        drawn = draw(image, [[10, 10, 60, 60]], ["dog 87%"])
        assert drawn is not image
        assert drawn.flags.writeable
        assert (image == 128).all()

    def test_no_boxes(self) -> None:
        image = grey(20, 30)
        np.testing.assert_array_equal(draw(image, []), image)

    def test_the_line_lies_on_the_edges_of_the_box_in_its_colour(self) -> None:
        drawn = draw(grey(300, 300), [[50, 100, 200, 250]])
        for y, x in ((175, 50), (175, 199), (100, 125), (249, 125)):
            assert tuple(drawn[y, x]) == BLUE
        assert tuple(drawn[175, 125]) == (128, 128, 128)

    @pytest.mark.parametrize(("color", "lighter"), [((20, 20, 200), True), ((250, 240, 0), False)])
    def test_a_thin_outline_sets_the_line_off(self, color: RGB, lighter: bool) -> None:
        boxes = np.array([[50, 50, 150, 150]], np.float32)
        drawn = draw_boxes(grey(300, 300), boxes, [""], [color]).astype(int)
        ring = drawn[100, 49]
        assert (ring > 128).all() if lighter else (ring < 128).all()

    def test_lines_grow_with_the_picture(self) -> None:
        def thickness(side: int) -> int:
            drawn = draw(grey(side, side), [[side * 0.3, side * 0.3, side * 0.7, side * 0.7]])
            return int((drawn[side // 2, : side // 2] == BLUE).all(axis=1).sum())

        assert thickness(64) == 1
        assert thickness(900) == 3
        assert thickness(4000) == 13

    def test_earlier_boxes_lie_on_top(self) -> None:
        box = np.array([[20, 20, 80, 80]] * 2, np.float32)
        drawn = draw_boxes(grey(100, 100), box, ["", ""], [BLUE, (250, 240, 0)])
        assert tuple(drawn[50, 20]) == BLUE

    def test_a_box_partly_outside_shows_its_inner_part(self) -> None:
        drawn = draw(grey(100, 100), [[-40, 20, 60, 500]])
        assert tuple(drawn[50, 0]) == BLUE
        assert tuple(drawn[99, 30]) == BLUE
        assert tuple(drawn[50, 59]) == BLUE

    @pytest.mark.parametrize(
        "box",
        [
            [200, 10, 300, 50],
            [10, -50, 50, -5],
            [np.nan, 0, 10, 10],
            [0, 0, np.inf, 10],
        ],
    )
    def test_a_box_outside_or_not_finite_is_not_drawn(self, box: list[float]) -> None:
        image = grey(100, 100)
        np.testing.assert_array_equal(draw(image, [box], ["dog 87%"]), image)

    @pytest.mark.parametrize(
        "box", [[50, 50, 50, 50], [50, 20, 50, 80], [20, 50, 80, 50], [80, 80, 20, 20]]
    )
    def test_a_degenerate_box_shows_near_its_place(self, box: list[float]) -> None:
        image = grey(100, 100)
        area = touched(image, draw(image, [box]))
        assert area is not None
        assert area.left <= 50 <= area.right
        assert area.top <= 50 <= area.bottom

    @pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (2, 2), (100, 3000), (64, 64)])
    def test_any_shape_of_picture(self, shape: tuple[int, int]) -> None:
        height, width = shape
        boxes = [[0, 0, width, height], [0, 0, 1, 1]]
        drawn = draw(grey(height, width), boxes, ["a dog with a long name 87%", "b 1%"])
        assert drawn.shape == (height, width, 3)
        assert (drawn != 128).any()

    def test_labels_and_colours_for_every_box_are_required(self) -> None:
        with pytest.raises(ValueError, match="shorter"):
            draw_boxes(grey(9, 9), np.zeros((2, 4), np.float32), ["a"], [BLUE, BLUE])

    @settings(max_examples=60, deadline=None)
    @given(
        st.tuples(st.integers(1, 90), st.integers(1, 90)),
        st.lists(
            st.tuples(st.tuples(*[st.floats(-200, 200, width=32)] * 4), st.text(max_size=20)),
            max_size=4,
        ),
    )
    def test_nothing_crashes_it(self, shape: tuple[int, int], found: list[Any]) -> None:
        drawn = draw(grey(*shape), [box for box, _ in found], [text for _, text in found])
        assert drawn.shape == (*shape, 3)

    def test_it_is_fast(self) -> None:
        image = grey(768, 1024)
        boxes = [[i * 90, i * 50, i * 90 + 150, i * 50 + 200] for i in range(10)]
        labels = [f"dog {i}%" for i in range(10)]
        draw(image, boxes, labels)
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            draw(image, boxes, labels)
            times.append(time.perf_counter() - begin)
        # 6 ms where this was written; the margin is for a busy machine.
        assert min(times) < 0.03


class TestCaptions:
    def plate(self, box: list[float], label: str = "dog 87%", side: int = 300) -> Rect:
        image = grey(side, side)
        area = touched(draw(image, [box]), draw(image, [box], [label]))
        assert area is not None
        return area

    def test_it_stands_above_its_box(self) -> None:
        plate = self.plate([100, 100, 200, 200])
        assert plate.bottom <= 100
        assert plate.bottom >= 96
        assert abs(plate.left - 100) <= 2

    def test_it_goes_inside_where_there_is_no_room_above(self) -> None:
        plate = self.plate([100, 2, 200, 200])
        assert 0 <= plate.top <= 4
        assert plate.bottom < 30

    def test_it_moves_left_at_the_right_edge(self) -> None:
        plate = self.plate([280, 100, 299, 200])
        assert plate.right <= 300
        assert plate.right - plate.left > 40

    def test_it_is_seldom_wider_than_its_text_and_holds_all_of_it(self) -> None:
        short, long = self.plate([50, 100, 90, 200], "a"), self.plate([50, 100, 90, 200], "a" * 20)
        assert long.right - long.left > 3 * (short.right - short.left)

    def test_an_empty_label_draws_none(self) -> None:
        image, box = grey(100, 100), [[20, 20, 80, 80]]
        np.testing.assert_array_equal(draw(image, box, [" \n"]), draw(image, box, [""]))

    def test_text_is_legible_from_64_to_8000_pixels(self) -> None:
        assert _text_size(64, 64) == 10
        assert _text_size(768, 1024) == 18
        assert _text_size(6000, 8000) == 139
        assert _text_size(100, 20000) == 16

    @pytest.mark.parametrize("text", ["naïve 40%", "Käse", "Ågren"])
    def test_accents_are_dropped_since_the_font_has_none(self, text: str) -> None:
        assert printable(text).isascii()

    @pytest.mark.parametrize("text", ["中文 87%", "🙂", "a\udcffb", "\x00", "\u202eabc", "e\u0301"])
    def test_any_text_is_drawn(self, text: str) -> None:
        assert self.plate([100, 100, 200, 200], text) is not None

    def test_white_space_is_one_line(self) -> None:
        assert printable(" a\n\tb ") == "a b"

    def test_long_text_is_shortened_and_keeps_its_percentage(self) -> None:
        text = fit("a dog of a very long breed 87%", 12, 100)
        assert text.startswith("a d")
        assert text.endswith("… 87%")
        assert plate_size(text, 12)[1] <= 100
        assert fit("dog 87%", 12, 500) == "dog 87%"
        assert fit("a very long dog 87%", 12, plate_size("87%", 12)[1]) == "87%"
        assert fit("dog 87%", 12, 5) == ""

    @settings(deadline=None)
    @given(
        st.tuples(*[st.integers(0, 199)] * 4),
        st.tuples(st.integers(1, 60), st.integers(1, 200)),
    )
    def test_it_never_leaves_the_picture(
        self, corners: tuple[int, int, int, int], size: tuple[int, int]
    ) -> None:
        left, right = sorted(corners[:2])
        top, bottom = sorted(corners[2:])
        box, picture = Rect(left, top, right + 1, bottom + 1), Rect(0, 0, 200, 60)
        spot = place(box, size, picture, [])
        assert spot.overlap(picture) == size[0] * size[1]

    def test_captions_of_one_corner_do_not_cover_each_other(self) -> None:
        picture, taken = Rect(0, 0, 300, 300), list[Rect]()
        for _ in range(6):
            taken.append(place(Rect(50, 60, 200, 250), (20, 80), picture, taken))
        assert all(a.overlap(b) == 0 for a, b in itertools.combinations(taken, 2))

    def test_where_all_is_taken_the_least_is_covered(self) -> None:
        picture = Rect(0, 0, 100, 100)
        twice = Rect(0, 0, 100, 60)
        spot = place(Rect(10, 40, 60, 65), (20, 40), picture, [twice, twice, Rect(0, 60, 100, 100)])
        assert spot.top == 65


class TestColors:
    def test_they_are_deterministic_and_plain_integers(self) -> None:
        assert class_color(0) == class_color(0)
        assert all(type(c) is int and 0 <= c <= 255 for c in class_color(5))

    def test_all_of_coco_is_distinct(self) -> None:
        colors = np.array([class_color(i) for i in range(DISTINCT_COLORS)], np.uint8)
        assert DISTINCT_COLORS >= 91
        points = _oklab(colors)
        gaps = np.linalg.norm(points[:, None] - points[None], axis=2) + np.eye(len(points))
        assert gaps[:91, :91].min() > 0.04  # twice a just noticeable difference
        assert gaps[:10, :10].min() > 0.12

    def test_further_indices_start_over(self) -> None:
        assert class_color(DISTINCT_COLORS + 3) == class_color(3)

    def test_captions_are_legible_on_each(self) -> None:
        def luminance(color: RGB) -> float:
            shares = zip(color, (0.2126, 0.7152, 0.0722), strict=True)
            return sum(share * float(np.power(c / 255, 2.2)) for c, share in shares)

        for index in range(DISTINCT_COLORS):
            back = class_color(index)
            darker, lighter = sorted((luminance(back), luminance(text_color(back))))
            assert (lighter + 0.05) / (darker + 0.05) > 4.3  # WCAG asks 4.5, 3 for large text

    def test_text_is_dark_on_light_and_light_on_dark(self) -> None:
        assert text_color((255, 255, 0)) == (16, 16, 16)
        assert text_color((0, 0, 120)) == (255, 255, 255)


class TestContactSheet:
    def test_about_square_by_default(self) -> None:
        sheet = contact_sheet([grey(50, 80)] * 5, ["a"] * 5, tile=64)
        assert sheet.dtype == np.uint8
        columns, rows = 3, 2
        assert columns * 64 < sheet.shape[1] < columns * 64 * 1.2
        assert rows * 40 < sheet.shape[0] < rows * 80

    def test_columns(self) -> None:
        wide = contact_sheet([grey(64, 64)] * 4, [""] * 4, columns=4, tile=64)
        tall = contact_sheet([grey(64, 64)] * 4, [""] * 4, columns=1, tile=64)
        assert wide.shape[1] > 4 * 64 > 2 * wide.shape[0]
        assert tall.shape[0] > 4 * 64
        assert contact_sheet([grey(64, 64)], [""], columns=9, tile=64).shape[1] < 80

    def test_each_picture_is_there_whole_and_in_order(self) -> None:
        colors = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
        images = [np.full((100, 50 + 100 * i, 3), c, np.uint8) for i, c in enumerate(colors)]
        sheet = contact_sheet(images, [""] * 3, columns=3, tile=100)
        for column, (color, size) in enumerate(zip(colors, (5000, 100 * 67, 4000), strict=True)):
            found = (sheet == color).all(axis=2)
            assert found.sum() == size
            assert column * 105 <= np.nonzero(found.any(axis=0))[0].mean() < (column + 1) * 105

    def test_small_pictures_are_not_enlarged(self) -> None:
        sheet = contact_sheet([np.zeros((3, 4, 3), np.uint8)], [""])
        assert (sheet == 0).all(axis=2).sum() == 12

    def test_captions_are_drawn_and_stay_in_their_column(self) -> None:
        images = [grey(64, 64)] * 2
        plain = contact_sheet(images, ["", ""], columns=2, tile=64)
        captioned = contact_sheet(images, ["a very long caption indeed", ""], columns=2, tile=64)
        area = touched(plain, captioned)
        assert area is not None
        assert area.right <= plain.shape[1] // 2

    def test_one_pixel_and_long_pictures(self) -> None:
        images = [grey(1, 1), grey(2, 5000), grey(5000, 2)]
        assert contact_sheet(images, ["a", "b", "c"], tile=32).ndim == 3

    def test_no_pictures(self) -> None:
        with pytest.raises(InputError, match="at least one picture"):
            contact_sheet([], [])
