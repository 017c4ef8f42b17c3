from __future__ import annotations

import pytest
from cnntasks_detect.data.names import COCO_CATEGORIES, canonical_class


def test_coco_has_eighty_classes_with_ids_up_to_ninety() -> None:
    assert len(COCO_CATEGORIES) == len(set(COCO_CATEGORIES.values())) == 80
    assert list(COCO_CATEGORIES.values()) == sorted(COCO_CATEGORIES.values())
    gaps = set(range(1, 91)) - set(COCO_CATEGORIES.values())
    assert gaps == {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
    assert (COCO_CATEGORIES["person"], COCO_CATEGORIES["toothbrush"]) == (1, 90)


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("aeroplane", "airplane"),
        ("motorbike", "motorcycle"),
        ("diningtable", "dining table"),
        ("pottedplant", "potted plant"),
        ("sofa", "couch"),
        ("tvmonitor", "tv"),
        ("person", "person"),
        ("Person ", "person"),
        ("Traffic_Light", "traffic light"),
        ("RBC", "RBC"),
        (" my_class ", "my_class"),
    ],
)
def test_names_are_matched_under_cocos(name: str, canonical: str) -> None:
    assert canonical_class(name) == canonical
    assert canonical_class(canonical) == canonical
