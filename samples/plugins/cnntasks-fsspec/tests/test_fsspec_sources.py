"""Addresses of fsspec's file system in memory, as inputs of a verb."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import fsspec
import numpy as np
import pytest
from cnntasks_fsspec.sources import expand
from PIL import Image

import cnntasks


def picture(level: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((32, 32), level, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    for place, name in enumerate(("a.png", "deep/b.png", "deep/.hidden.png", "deep/c.txt")):
        system.pipe(f"/pictures/{name}", picture(40 * place))
    yield system
    system.store.clear()


@pytest.mark.usefixtures("memory")
@pytest.mark.parametrize(
    ("address", "names", "relatives"),
    [
        ("memory://pictures/a.png", ["memory://pictures/a.png"], ["a.png"]),
        ("memory://pictures/deep/*.png",
         ["memory:///pictures/deep/b.png"], ["b.png"]),
        ("memory://pictures/**/*.txt", ["memory:///pictures/deep/c.txt"], ["deep/c.txt"]),
        ("memory://pictures/",
         ["memory:///pictures/a.png", "memory:///pictures/deep/b.png",
          "memory:///pictures/deep/c.txt"],
         ["a.png", "deep/b.png", "deep/c.txt"]),
    ],
)  # fmt: skip
def test_a_file_a_folder_and_a_glob(address: str, names: list[str], relatives: list[str]) -> None:
    found = [it for it in expand(address) if ".hidden" not in it.name]
    assert [it.name.replace(":///", "://") for it in found] == [
        it.replace(":///", "://") for it in names
    ]
    assert [str(it.relative) for it in found] == relatives
    for source in found:
        assert source.read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("memory")
def test_a_task_reads_them_and_names_what_it_cannot_read() -> None:
    classify = cnntasks.load("classify", "mnist-lenet5")
    addresses = ["memory://pictures/a.png", "memory://none/x.png", "memory://pictures/deep"]
    outcomes = list(classify.stream(addresses))
    assert outcomes[0].source.name == "memory://pictures/a.png"
    assert str(outcomes[1].error) == "memory://none/x.png: there is no file; check the address"
    assert [it.error for it in outcomes[2:]] == [None, None]  # c.txt holds a picture too
    assert outcomes[0].result.to_dict() == classify(picture(0)).to_dict()


@pytest.mark.usefixtures("memory")
def test_nothing_is_read_offline_or_without_the_package_of_a_scheme() -> None:
    [source] = cnntasks.expand_sources(["memory://pictures/a.png"], suffixes=(), offline=True)
    with pytest.raises(cnntasks.InputError, match="not read because of --offline"):
        source.read_bytes()
    with pytest.raises(cnntasks.InputError, match=r"^oss://bucket/a.png: .*ossfs"):
        list(expand("oss://bucket/a.png"))


def test_a_file_that_goes_before_it_is_read(memory: Any) -> None:
    [source] = expand("memory://pictures/a.png")
    memory.rm("/pictures/a.png")
    with pytest.raises(cnntasks.InputError, match="there is no such file"):
        source.read_bytes()


def test_registering_does_not_import_fsspec() -> None:
    code = (
        "import sys, cnntasks_fsspec\n"
        "assert 's3' in cnntasks_fsspec.register_sources()\n"
        "assert 'fsspec' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
