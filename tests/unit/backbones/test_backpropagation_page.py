"""docs/backpropagation.md: its examples give what they say, and nothing public is missing."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import numpy as np
import pytest

from cnntasks.backbones import reference

PAGE = (Path(__file__).parents[3] / "docs" / "backpropagation.md").read_text(encoding="utf-8")
SETUP, *EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def run(block: str, names: dict[str, object]) -> None:
    """Run a block of `>>>` lines; a difference raises and shows it."""
    test = doctest.DocTestParser().get_doctest(block, names, "backpropagation.md", None, 0)
    assert test.examples, "a block without an example"
    # get_doctest has copied the names.
    doctest.DebugRunner(optionflags=doctest.ELLIPSIS).run(test, clear_globs=False)
    names.update(test.globs)


@pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: block.splitlines()[0][4:40])
def test_each_example_holds_after_the_first_two_lines(block: str) -> None:
    names: dict[str, object] = {}
    run(SETUP, names)
    np.random.seed(0)
    run(block, names)


def test_an_example_that_does_not_hold_is_noticed() -> None:
    with pytest.raises(doctest.DocTestFailure):
        run(">>> 1 + 1\n3\n", {})


def test_every_public_name_is_on_the_page() -> None:
    types = {"Array", "Loss"}
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert set(reference.__all__) - types <= named


def test_the_table_of_lenet_adds_up() -> None:
    rows = re.findall(r"^\| \w+ `(\w+)`.*?\| ([\d,]+) = ([^|]+) \|", PAGE, re.MULTILINE)
    layers = [layer for layer in reference.lenet5().layers if layer.parameters]
    assert len(rows) == len(layers)
    for (kind, count, formula), layer in zip(rows, layers, strict=True):
        assert type(layer).__name__ == kind
        used = sum(int(np.count_nonzero(v)) for n, v in layer.parameters.items() if n != "bias")
        assert int(count.replace(",", "")) == used + layer.parameters["bias"].size
        assert eval(formula.replace("·", "*")) == int(count.replace(",", ""))
