"""What a training takes from another model."""

from __future__ import annotations

import torch

import cnntasks


def test_rows_of_common_names_are_carried_over_and_the_others_stay() -> None:
    fresh, stored = torch.zeros(3, 2), torch.tensor([[1.0, 2], [3, 4]], dtype=torch.float16)
    found = cnntasks.carry_over(fresh, stored, ("new", "cat", "dog"), ("dog", "cat"))
    assert found.dtype == torch.float32
    assert found.tolist() == [[0, 0], [3, 4], [1, 2]]
    assert not fresh.any()


def test_a_successor_keeps_the_network_and_claims_nothing_of_what_was_measured() -> None:
    old = cnntasks.ModelCard(
        "old", "text", {"name": "net"}, ("a", "b"), {"size": 3}, "one line", "MIT", "data",
        {"accuracy": 0.9}, {"temperature": 2.0}, {"seed": 1}, ("a note",), 7, {"rows": []},
    )  # fmt: skip
    card = cnntasks.successor_card(old, "new", ["c"], preprocessing={"size": 4})
    assert card == cnntasks.ModelCard(
        "new", "text", {"name": "net"}, ("c",), {"size": 4}, recipe={"from": "old"}, parameters=7
    )
