"""Write the project of a new plugin: from templates, whole or not at all, with a model that runs.

A template is a file of `templates/` whose name ends in `.txt`; its path without that is the path in
the project, `package` standing for `src/MODULE` and `dot_` for a dot. `$word` is replaced, and `$$`
stands for a dollar.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from cnntasks.errors import InputError, UsageError
from cnntasks.plugins import CORE_COMMANDS, CORE_FORMATS, registry
from cnntasks.scaffold.kinds import KINDS, Kind

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
#: A name stands in lines of code, which are at most 100 letters long.
LONGEST_NAME = 30
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Project:
    """A plugin that is to be written.

    Attributes:
        name: of the verb, the backbone or the format.
        kind: see `KINDS`.
    """

    name: str
    kind: str

    @property
    def distribution(self) -> str:
        """What `pip install` takes, and the folder's usual name."""
        return f"cnntasks-{self.name}"

    @property
    def module(self) -> str:
        """What Python imports."""
        return f"cnntasks_{self.name.replace('-', '_')}"

    def fields(self) -> dict[str, str]:
        """What templates may name."""
        from cnntasks import __version__

        return {
            "name": self.name,
            "kind": self.kind,
            "distribution": self.distribution,
            "module": self.module,
            "version": __version__,
            "suffix": f".{self.name.replace('-', '')}",
            **KINDS[self.kind].fields,
        }


def make_project(name: str, kind: str, folder: Path | None = None) -> Path:
    """Write a project.

    Args:
        name: of the verb (of the backbone, of the format).
        kind: one of `KINDS`.
        folder: absent or empty; `cnntasks-NAME` in the current folder when None.

    Returns:
        The project's folder.

    Raises:
        UsageError: the name cannot be one or is taken.
        InputError: the folder is not empty, or cannot be written.
        ModelError: the untrained model cannot be made.
    """
    project = Project(name, kind)
    check_name(project)
    folder = Path(project.distribution) if folder is None else folder
    _check_folder(folder)
    target = folder.resolve()
    # An empty folder stays the same folder: somebody's shell may be in it.
    place = target if target.exists() else target.parent
    temporary = place / f".{target.name}-{secrets.token_hex(4)}.tmp"
    try:
        for path, text in rendered(project):
            file = temporary / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        if KINDS[kind].model:
            _write_untrained(temporary / "src", project.module)
        if not target.exists():
            temporary.rename(target)
        else:
            for path in list(temporary.iterdir()):
                path.rename(target / path.name)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(
            f"{folder}: cannot be written ({reason}); choose another folder"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder


def check_name(project: Project) -> None:
    """Raise `UsageError` if a plugin cannot have this name, or something else has it."""
    name, kind = project.name, KINDS[project.kind]
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a valid name; use lower-case letters, digits and single hyphens"
        )
    if len(name) > LONGEST_NAME:
        raise UsageError(f"{name!r} is too long; at most {LONGEST_NAME} letters")
    taken = _taken(kind)
    if name in taken:
        raise UsageError(f"there is already {taken[name]} {name!r}; choose another name")
    plugin = next((it for it in registry().plugins if it.name == name), None)
    if plugin is not None:
        raise UsageError(
            f"a plugin named {name!r} is installed already ({plugin.distribution}); "
            "choose another name"
        )
    if importlib.util.find_spec(project.module) is not None:
        raise UsageError(
            f"there is already a Python package {project.module!r}; choose another name"
        )


def _taken(kind: Kind) -> dict[str, str]:
    """The names that are in use for what this kind registers, and what has each."""
    known = registry()
    if kind.registers == "backbone":
        from cnntasks.backbones.catalog import list_network_info

        names = [*(info.name for info in list_network_info()), *known.backbones]
        return dict.fromkeys(names, "a backbone")
    if kind.registers == "format":
        return dict.fromkeys([*CORE_FORMATS, *known.writers], "a format")
    taken = dict.fromkeys(CORE_COMMANDS, "a command")
    return taken | dict.fromkeys([*known.tasks, *known.commands, *known.conflicts], "a verb")


def _check_folder(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder}: is no folder; choose another one with --output")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty; choose another folder with --output")


def rendered(project: Project) -> Iterator[tuple[Path, str]]:
    """(Path in the project, contents) of every file but those of the model."""
    fields = project.fields()
    files: dict[Path, str] = {}
    for layer in ("common", *KINDS[project.kind].layers):
        root = _TEMPLATES / layer
        for path in sorted(root.rglob("*.txt")):
            text = Template(path.read_text(encoding="utf-8")).substitute(fields)
            files[_place(path.relative_to(root), project)] = text
    yield from files.items()


def _place(template: Path, project: Project) -> Path:
    parts = [part.replace("dot_", ".") for part in template.with_suffix("").parts]
    if parts[0] == "package":
        parts[:1] = ["src", project.module]
    return Path(*parts)


def _write_untrained(source: Path, module: str) -> None:
    """Run the project's own `untrained.py`, by which its author will make the model again."""
    with _importable(source, module):
        importlib.import_module(f"{module}.untrained").write()


@contextmanager
def _importable(folder: Path, module: str) -> Iterator[None]:
    """Let the packages in `folder` be imported, and forget `module` afterwards."""
    written = sys.dont_write_bytecode
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True  # nothing but the project's own files in the project
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.dont_write_bytecode = written
        sys.path.remove(str(folder))
        for name in [it for it in sys.modules if it.partition(".")[0] == module]:
            del sys.modules[name]
