from __future__ import annotations

from pathlib import Path

import pytest
from classification_folders import write_csv, write_pictures, write_table
from cnntasks_classify.data import ClassificationData, available_splits, read_classification_data

from cnntasks import InputError


def rows(data: ClassificationData) -> list[tuple[str, str]]:
    return [(it.name, data.classes[it.label]) for it in data.examples]


def test_a_table_for_each_split(tmp_path: Path) -> None:
    root = write_csv(tmp_path / "pets")
    assert available_splits(root) == ["train", "val"]
    data = read_classification_data(root, "val")
    assert (data.name, data.format, data.split) == ("pets", "csv", "val")
    assert data.classes == ("cat", "dog")
    assert rows(data) == [("images/c.png", "dog"), ("images/d.png", "cat")]
    assert data.examples[0].path == root / "images/c.png"
    assert data.examples[0].load().shape == (10, 12, 3)
    assert len(read_classification_data(root).examples) == 4


@pytest.mark.parametrize(
    "header", ["path,label", "filename;class", "FILE\tCategory", "image,target"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_headers_delimiters_and_byte_order_marks(
    tmp_path: Path, header: str, encoding: str
) -> None:
    write_pictures(tmp_path, "a.png", "b.png")
    delimiter = next(char for char in ",;\t" if char in header)
    lines = [header, f"a.png{delimiter}Käse", "", f"b.png{delimiter} Brot "]
    file = write_table(tmp_path / "labels.csv", *lines, encoding=encoding)
    for location in (tmp_path, file):
        data = read_classification_data(location)
        assert (data.split, data.classes) == ("all", ("Brot", "Käse"))
    assert read_classification_data(file).name == "labels"


def test_other_columns_and_quotation_marks(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a, b.png", "c.png")
    header = 'id,"label","path",class'
    write_table(tmp_path / "labels.csv", header, '1,7,"a, b.png",x', '2,"say ""hi""",c.png,y')
    assert rows(read_classification_data(tmp_path)) == [("a, b.png", "7"), ("c.png", 'say "hi"')]


def test_labels_are_names_and_numbers_are_sorted_by_value(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a.png", "b.png")
    write_table(tmp_path / "labels.tsv", "path\tlabel", "a.png\t10", "b.png\t7")
    data = read_classification_data(tmp_path)
    assert (data.classes, rows(data)) == (("7", "10"), [("a.png", "10"), ("b.png", "7")])


def test_a_split_column(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a.png", "b.png", "c.png")
    lines = ["a.png,cat,validation", "b.png,dog,Train", "c.png,cat,test"]
    write_table(tmp_path / "labels.csv", "path,label,split", *lines)
    assert available_splits(tmp_path) == ["train", "val", "test"]
    assert rows(read_classification_data(tmp_path, "val")) == [("a.png", "cat")]
    assert read_classification_data(tmp_path, "train").classes == ("cat", "dog")
    assert len(read_classification_data(tmp_path).examples) == 3


def test_paths_of_other_systems_and_absolute_ones(tmp_path: Path) -> None:
    root = write_csv(tmp_path / "pets")
    lines = ["images\\a.png,cat", f"{root / 'images/b.png'},dog"]
    file = write_table(tmp_path / "pets/mine.csv", "path,label", *lines)
    paths = [it.path for it in read_classification_data(file).examples]
    assert paths == [root / "images/a.png", root / "images/b.png"]


def test_a_picture_of_two_splits_is_read_once(tmp_path: Path) -> None:
    root = write_csv(tmp_path)
    write_table(root / "val.csv", "path,label", "images/a.png,cat", "images/d.png,cat")
    assert len(read_classification_data(root).examples) == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("gone.png,cat", "the picture gone.png is missing; paths are relative to"),
        (f"{'x' * 300}.png,cat", "x.png is missing"),
        ("a.png,", "the label is empty; fill it in"),
        (",cat", "the path is empty; fill it in"),
        ("a.png", "1 of 2 columns; complete the row"),
    ],
)
def test_bad_rows_are_named_with_their_line(tmp_path: Path, line: str, message: str) -> None:
    write_pictures(tmp_path, "a.png", "b.png")
    file = write_table(tmp_path / "labels.csv", "path,label", "a.png,cat", "", "b.png,dog", line)
    with pytest.raises(InputError, match=message) as caught:
        read_classification_data(tmp_path)
    assert str(caught.value).startswith(f"{file}:5: ")


def test_several_bad_rows_are_counted(tmp_path: Path) -> None:
    write_table(tmp_path / "labels.csv", "path,label", "a.png,cat", "b.png,dog", "c.png,dog")
    with pytest.raises(InputError, match=r"a\.png is missing.*\(and 2 more; `cnntasks data check`"):
        read_classification_data(tmp_path)


def test_an_unknown_split(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a.png", "b.png")
    write_table(
        tmp_path / "labels.csv", "path,label,split", "a.png,cat,train", "b.png,dog,", "b.png,dog,x"
    )
    with pytest.raises(InputError, match=r":3: the split '' is none of train, val and test"):
        read_classification_data(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"picture,kind\na.png,cat\n", "must name a column .* but reads 'picture,kind'"),
        (b"path\na.png\n", "must name a column"),
        (b"", "but reads ''"),
        ("path,label\na.png,Käse\n".encode("latin-1"), r"not UTF-8 text \(byte 18.*save it as UTF"),
        (b'path,label\n"a.png,cat\nb.png,dog\n', r"not well-formed .*check the quotation marks"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "labels.csv"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_classification_data(tmp_path)
    assert str(caught.value).startswith(str(file))


def test_a_broken_table_spares_the_other_split(tmp_path: Path) -> None:
    root = write_csv(tmp_path)
    write_table(root / "val.csv", "nothing")
    assert len(read_classification_data(root, "train").examples) == 2
    with pytest.raises(InputError, match=r"val\.csv: its first line"):
        read_classification_data(root, "val")


def test_two_tables_for_one_split(tmp_path: Path) -> None:
    root = write_csv(tmp_path)
    write_table(root / "valid.csv", "path,label")
    with pytest.raises(InputError, match=r"val\.csv and valid\.csv both list its val pictures"):
        available_splits(root)


def test_one_class_and_no_row(tmp_path: Path) -> None:
    write_pictures(tmp_path, "a.png")
    write_table(tmp_path / "labels.csv", "path,label", "a.png,cat")
    with pytest.raises(InputError, match="only the class 'cat'"):
        read_classification_data(tmp_path)
    write_table(tmp_path / "labels.csv", "path,label,split")
    assert available_splits(tmp_path) == ["all"]
    with pytest.raises(InputError, match="it has no class"):
        read_classification_data(tmp_path)
