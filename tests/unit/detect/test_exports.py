from __future__ import annotations

import contextlib
import io
import json
import resource
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from cnntasks_detect.data import read_detection_data
from cnntasks_detect.data.names import COCO_CATEGORIES
from cnntasks_detect.exports import CocoResultsWriter, YoloWriter, coco_category_ids
from detection_folders import coco_document, write_json, write_picture

from cnntasks import InputError

BOXES = np.array([[2, 3, 12, 23], [0, 0, 40, 30]], dtype=np.float32)
SCORES = np.array([0.9, 0.25], dtype=np.float32)
LABELS = np.array([1, 0])
NOTHING: tuple[Any, ...] = (np.zeros((0, 4)), np.zeros(0), np.zeros(0, dtype=np.int64))


def coco_records(*names: str, classes: tuple[str, ...] = ("cat", "dog")) -> list[dict[str, Any]]:
    stream = io.StringIO()
    writer = CocoResultsWriter(stream, classes)
    for name in names:
        writer.write(name, 40, 30, BOXES, SCORES, LABELS)
    writer.close()
    records: list[dict[str, Any]] = json.loads(stream.getvalue())
    return records


def test_coco_records() -> None:
    first, second = coco_records("holiday/000139.jpg")
    assert first == {
        "image_id": 139,
        "category_id": COCO_CATEGORIES["dog"],
        "bbox": [2.0, 3.0, 10.0, 20.0],
        "score": 0.9,
        "file_name": "holiday/000139.jpg",
    }
    assert (second["category_id"], second["bbox"]) == (17, [0.0, 0.0, 40.0, 30.0])


def test_image_ids_are_distinct_and_stay_the_pictures_own() -> None:
    names = ("7.jpg", "a.jpg", "b.jpg", "sub/7.jpg", "a.jpg", "²³.jpg")
    ids = [record["image_id"] for record in coco_records(*names)[::2]]
    assert ids == [7, 1, 2, 3, 1, 4]


def test_running_numbers_pass_over_those_that_names_have() -> None:
    assert [record["image_id"] for record in coco_records("1.jpg", "a.jpg")[::2]] == [1, 2]


@pytest.mark.parametrize(
    ("classes", "ids"),
    [
        (("person", "toothbrush"), (1, 90)),
        (("RBC", "WBC"), (1, 2)),
        (("tvmonitor", "aeroplane"), (72, 5)),
        (("RBC", "dog", "person"), (94, 18, 1)),
        (("sofa", "couch"), (63, 2)),
        (("cup", "cup holder", "bicycle", "x"), (47, 95, 2, 4)),
    ],
)
def test_category_ids(classes: tuple[str, ...], ids: tuple[int, ...]) -> None:
    assert coco_category_ids(classes) == ids
    assert len(set(ids)) == len(ids)


def test_many_classes_of_both_kinds_have_distinct_ids() -> None:
    classes = [f"thing {number}" for number in range(200)] + list(COCO_CATEGORIES)
    ids = coco_category_ids(classes)
    assert len(set(ids)) == len(classes)
    assert ids[200:] == tuple(COCO_CATEGORIES.values())


def test_perfect_boxes_read_back_have_an_average_precision_of_one(tmp_path: Path) -> None:
    from faster_coco_eval import COCO, COCOeval_faster

    names = ("000000000012.png", "000000000034.png")
    for name in names:
        write_picture(tmp_path / "images" / name)
    boxes = [(1, 1, [2, 3, 10, 20]), (1, 2, [5.25, 5.5, 8, 9]), (2, 2, [1, 1, 30, 25])]
    document = coco_document(names, boxes)  # type: ignore[arg-type]
    new_ids = {1: COCO_CATEGORIES["cat"], 2: COCO_CATEGORIES["dog"]}
    for image, number in zip(document["images"], (12, 34), strict=True):
        image["id"] = number
    for category in document["categories"]:
        category["id"] = new_ids[category["id"]]
    for annotation, number in zip(document["annotations"], (12, 12, 34), strict=True):
        width, height = annotation["bbox"][2:]
        annotation.update(image_id=number, category_id=new_ids[annotation["category_id"]])
        annotation.update(iscrowd=0, area=width * height)
    truth = write_json(tmp_path / "train.json", document)
    data = read_detection_data(tmp_path)
    with CocoResultsWriter(tmp_path / "results.json", data.classes) as writer:
        for it in data.pictures:
            writer.write(
                it.path.name, it.width, it.height, it.boxes, np.full(len(it.boxes), 0.8), it.labels
            )
    with contextlib.redirect_stdout(io.StringIO()):
        expected = COCO(str(truth))
        found = expected.loadRes(str(tmp_path / "results.json"))
        evaluation = COCOeval_faster(expected, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0)


def test_nothing_found_is_an_empty_array(tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    with CocoResultsWriter(target, ("cat",)) as writer:
        writer.write("a.jpg", 40, 30, *NOTHING)
    assert json.loads(target.read_text()) == []


def test_an_interruption_keeps_what_was_found_as_valid_json(tmp_path: Path) -> None:
    target = tmp_path / "out.json"

    def interrupted() -> None:
        with CocoResultsWriter(target, ("cat", "dog")) as writer:
            writer.write("a.jpg", 40, 30, BOXES, SCORES, LABELS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(json.loads(target.read_text())) == 2


def test_a_file_appears_whole_and_replaces_the_old_one_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "deep/er/out.json"
    target.parent.mkdir(parents=True)
    target.write_text("old")
    writer = CocoResultsWriter(target, ("cat", "dog"))
    writer.write("a.jpg", 40, 30, BOXES, SCORES, LABELS)
    assert target.read_text() == "old"
    writer.close()
    writer.close()
    assert len(json.loads(target.read_text())) == 2
    assert [path.name for path in target.parent.iterdir()] == ["out.json"]


def test_a_stream_stays_open_after_the_end() -> None:
    stream = io.StringIO()
    with CocoResultsWriter(stream, ("cat",)):
        pass
    assert stream.getvalue() == "[]\n"
    assert not stream.closed


def test_streams_get_each_picture_as_it_comes() -> None:
    stream = io.StringIO()
    writer = CocoResultsWriter(stream, ("cat", "dog"))
    writer.write("a.jpg", 40, 30, BOXES, SCORES, LABELS)
    assert stream.getvalue().count("a.jpg") == 2
    assert len(json.loads(stream.getvalue() + "]")) == 2
    writer.close()


@pytest.mark.parametrize("writer", [CocoResultsWriter, YoloWriter])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, writer: Any) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/out.*: cannot be written \(.*\); choose another"):
        writer(tmp_path / "file/out", ("cat",))


def test_a_full_disk_is_an_input_error_and_leaves_nothing(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def overflow() -> None:
        with CocoResultsWriter(tmp_path / "out.json", ("cat", "dog")) as writer:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
            for _ in range(1000):
                writer.write("a.jpg", 40, 30, BOXES, SCORES, LABELS)

    try:
        with pytest.raises(InputError, match=r"out\.json: cannot be written \(File too large\)"):
            overflow()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_closed_pipe_is_left_to_the_owner_of_the_stream() -> None:
    class Pipe(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        CocoResultsWriter(Pipe(), ("cat", "dog")).write("a.jpg", 40, 30, BOXES, SCORES, LABELS)


def test_yolo_files(tmp_path: Path) -> None:
    writer = YoloWriter(tmp_path / "out", ("cat", "dog"))
    writer.write(PurePosixPath("holiday/a.b.jpg"), 40, 30, BOXES, SCORES, LABELS)
    writer.write("empty.png", 40, 30, *NOTHING)
    writer.close()
    assert (tmp_path / "out/classes.txt").read_text() == "cat\ndog\n"
    assert (tmp_path / "out/labels/holiday/a.b.txt").read_text().splitlines() == [
        "1 0.175000 0.433333 0.250000 0.666667 0.900000",
        "0 0.500000 0.500000 1.000000 1.000000 0.250000",
    ]
    assert (tmp_path / "out/labels/empty.txt").read_text() == ""
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"classes.txt", "a.b.txt", "empty.txt"}


def test_yolo_files_of_boxes_that_stick_out_stay_in_the_picture(tmp_path: Path) -> None:
    writer = YoloWriter(tmp_path, ("cat",))
    writer.write("a.jpg", 40, 30, np.array([[-10.0, 0, 20, 60]]), np.ones(1), np.zeros(1, np.int64))
    numbers = (tmp_path / "labels/a.txt").read_text().split()
    assert [float(number) for number in numbers] == [0, 0.25, 0.5, 0.5, 1, 1]


def test_yolo_pictures_that_differ_in_their_suffix_do_not_meet(tmp_path: Path) -> None:
    writer = YoloWriter(tmp_path, ("cat", "dog"))
    writer.write("a.jpg", 40, 30, *NOTHING)
    writer.write("a.png", 40, 30, BOXES, SCORES, LABELS)
    writer.write("a.jpg", 40, 30, BOXES[:1], SCORES[:1], LABELS[:1])
    lines = {path.name: len(path.read_text().split("\n")) - 1 for path in tmp_path.glob("labels/*")}
    assert lines == {"a.txt": 1, "a.png.txt": 2}


@pytest.mark.parametrize("name", ["../../a.jpg", "/a.jpg", "x/../a.jpg"])
def test_yolo_files_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    YoloWriter(tmp_path / "out", ("cat",)).write(name, 40, 30, *NOTHING)
    (found,) = tmp_path.rglob("a.txt")
    assert found.is_relative_to(tmp_path / "out/labels")


def test_an_old_yolo_file_survives_a_failing_write(tmp_path: Path) -> None:
    writer = YoloWriter(tmp_path, ("cat", "dog"))
    writer.write("a.jpg", 40, 30, BOXES, SCORES, LABELS)
    before = (tmp_path / "labels/a.txt").read_text()
    with pytest.raises(ValueError, match="zip"):
        writer.write("a.jpg", 40, 30, BOXES[:1], SCORES, LABELS)
    assert (tmp_path / "labels/a.txt").read_text() == before
    assert len(list((tmp_path / "labels").iterdir())) == 1
