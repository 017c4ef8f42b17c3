"""`--backbone NAME`: networks that cannot carry a detector are refused in one line."""

from __future__ import annotations

import pytest
from cnntasks_detect.settings import default_settings

from cnntasks import UsageError


@pytest.mark.parametrize("name", ["lenet5", "kim_cnn", "vdcnn9"])
def test_networks_without_a_coarse_stage_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=rf"{name}: a detector needs .* stride 16 or 32") as caught:
        default_settings(name)
    assert "\n" not in str(caught.value)


def test_networks_that_do_not_pad_have_levels_too() -> None:
    assert default_settings("alexnet").levels == ("conv2", "conv5", "pool5")
