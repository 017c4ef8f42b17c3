"""The names of the files that are written for the pictures of a run."""

from __future__ import annotations

from pathlib import PurePath


class Names:
    """File names for the pictures of a run: `holiday/a.jpg` is `holiday/a`, as is no other.

    No name leads out of the folder that it is put into: a root and `..` are left out.
    """

    def __init__(self) -> None:
        self._given: dict[str, str] = {}

    def stem(self, name: str | PurePath) -> str:
        """The name of one picture without its suffix, or with it where `a.png` follows `a.jpg`."""
        path = PurePath(name)
        inside = PurePath(*(part for part in path.parts if part not in (path.anchor, "..")))
        plain = str(inside.with_suffix(""))
        taken = self._given.setdefault(plain, str(name)) != str(name)
        return str(inside) if taken else plain
