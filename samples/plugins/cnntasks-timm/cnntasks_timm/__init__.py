"""timm's networks as backbones of cnntasks: the plugin's registration, made of strings.

timm knows about a thousand networks and takes seconds to import, so they are registered as a
family: `timm:` with a colon stands for every `timm:NAME`, and only building one imports timm.
"""

from __future__ import annotations

import cnntasks

CNNTASKS_API = 1


@cnntasks.hookimpl
def register_backbones() -> dict[str, str]:
    """`--backbone timm:NAME`, for every network of timm that gives feature maps."""
    return {"timm:": "cnntasks_timm.building:build"}
