"""Write docs/reference.md from docstrings and docs/cli.md from the commands, or check them.

    python docs/generate.py            # write both
    python docs/generate.py --check    # status 1 where one of them is not up to date

Only the plugins that come with cnntasks are documented, whatever else is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib
import inspect
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import click

import cnntasks
import cnntasks.testing
from cnntasks import hookspecs, plugins
from cnntasks.cli.root import COMMANDS, cli
from cnntasks.testing import contract

ROOT = Path(__file__).parents[1]
#: Public names by the module that defines them, in the order of the page.
ROOMS = {
    "Contracts": ("task", "catalog"),
    "Running a model": ("pipeline", "engines", "gradients"),
    "Inputs and pictures": ("media",),
    "Models": ("models",),
    "Backbones and classifiers": ("backbones",),
    "Training": ("training",),
    "Data sets and labels": ("datasets", "labels", "plugins"),
    "Command lines": ("cli", "output"),
    "Errors and files": ("errors", "atomic", "hookspecs"),
}
#: Comments that document the attribute below them.
_COMMENTED = re.compile(r"((?:^ *#: .*\n)+)^ *(\w+)\b", re.MULTILINE)
_SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Yields):")
_ENTRY = re.compile(r"    (\S[^:]*): (.*)")


def reference() -> str:
    """The page of every hook, contract and public name."""
    parts = [
        "# Reference",
        "Written by `python docs/generate.py` from the docstrings; do not edit. "
        "[core.md](core.md) tells how it fits together and what of it may change.",
        "## Hooks",
        f"Functions of a plugin, marked with `@cnntasks.hookimpl`; arguments are opt-in. The "
        f"version of the hooks, `cnntasks.HOOK_API_VERSION`, is {cnntasks.HOOK_API_VERSION}; "
        f"plugins for version {hookspecs.OLDEST_HOOK_API_VERSION} and later are taken.",
    ]
    for name in hookspecs.hook_names():
        parts += _function(name, getattr(hookspecs, name))
    grouped = _by_room()
    for title, names in grouped.items():
        parts.append(f"## {title}")
        for name in names:
            parts += _described(f"cnntasks.{name}", getattr(cnntasks, name))
    parts += ["## Testing a plugin", *_prose(inspect.getdoc(cnntasks.testing) or "")]
    for name in cnntasks.testing.__all__:
        parts += _described(f"cnntasks.testing.{name}", getattr(cnntasks.testing, name))
    parts.append("### Checks of `TaskContract`")
    groups = {
        "every task": contract.ALWAYS,
        "a task with a predictor": contract.PREDICTOR,
        "a task without one": contract.COMMAND,
        "a task that can be trained": contract.TRAINING,
    }
    lines = []
    for title, checks in groups.items():
        for check in checks:
            summary = _joined((inspect.getdoc(check) or "").split("\n\n")[0].splitlines())
            lines.append(f"- `test_{check.__name__}` ({title}): {summary}")
    return _page([*parts, "\n".join(lines)])


def _by_room() -> dict[str, list[str]]:
    """Title to the public names below it; every one of them has a place."""
    grouped: dict[str, list[str]] = {title: [] for title in ROOMS}
    for name in cnntasks.__all__:
        if name == "__version__":
            continue
        room = cnntasks._EXPORTS[name].split(".")[1]
        title = next(title for title, rooms in ROOMS.items() if room in rooms)
        grouped[title].append(name)
    return grouped


def _described(name: str, value: Any) -> list[str]:
    if inspect.isclass(value):
        return _class(name, value)
    if callable(value):
        return _function(name, value)
    short = name.rpartition(".")[2]
    module = importlib.import_module(cnntasks._EXPORTS[short])
    return [
        f"### `{name}`",
        f"```text\n{short} = {value!r}\n```",
        _comments(module).get(short, ""),
    ]


class _Annotation(str):
    """An annotation that is shown as it stands in the source."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _signature(function: Any, drop_first: bool = False) -> str:
    """The same for every version of Python, and without places in memory."""
    found = inspect.signature(function)
    parameters = [it.replace(annotation=_shown(it.annotation)) for it in found.parameters.values()]
    if drop_first and parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    shown = str(
        found.replace(parameters=parameters, return_annotation=_shown(found.return_annotation))
    )
    shown = re.sub(r"<(\w+(?:\.\w+)*)[^<>]* at 0x[0-9a-f]+>", r"<\1>", shown)
    return shown.replace("<factory>", "...")


def _shown(annotation: Any) -> Any:
    return _Annotation(annotation) if isinstance(annotation, str) else annotation


def _comments(place: Any) -> dict[str, str]:
    """Names that a module or class documents by `#:` above them, and what that says."""
    found = _COMMENTED.findall(inspect.getsource(place))
    return {
        name: _joined([line.strip().removeprefix("#:") for line in text.splitlines()])
        for text, name in found
    }


def _function(name: str, function: Any) -> list[str]:
    try:
        signature = _signature(function)
    except ValueError:  # a marker object of pluggy
        signature = "(...)"
    return [
        f"### `{name}`",
        f"```text\n{name.rpartition('.')[2]}{signature}\n```",
        *_prose(_own_doc(function)),
    ]


def _class(name: str, kind: type[Any]) -> list[str]:
    heading = [f"### `{name}`"]
    short = name.rpartition(".")[2]
    protocol = getattr(kind, "_is_protocol", False)
    if issubclass(kind, BaseException):
        bases = ", ".join(base.__name__ for base in kind.__bases__)
        heading.append(f"An exception; a kind of `{bases}`.")
    elif not protocol:
        signature = _signature(kind)
        heading.append(f"```text\n{short}{signature.removesuffix(' -> None')}\n```")
    else:
        heading.append("A protocol: whatever has these attributes and methods.")
    parts = [*heading, *_prose(_own_doc(kind))]
    methods = [f"- `.{attribute}`: {text}" for attribute, text in _comments(kind).items()]
    for method, value in vars(kind).items():
        inner = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        if method.startswith("_") or not (inspect.isroutine(inner) or isinstance(inner, property)):
            continue
        text = inspect.getdoc(inner) or ""
        summary = _joined(text.split("\n\n")[0].splitlines())
        shown = f".{method}"
        if not isinstance(inner, property):
            shown += _signature(inner, drop_first=not isinstance(value, staticmethod))
        methods.append(f"- `{shown}`: {summary}")
    return [*parts, "Methods and attributes:", "\n".join(methods)] if methods else parts


def _own_doc(value: Any) -> str:
    """The docstring of the object itself: not the one that a dataclass or Python gives it."""
    text = vars(value).get("__doc__") if inspect.isclass(value) else inspect.getdoc(value)
    if text is None or (dataclasses.is_dataclass(value) and text.startswith(f"{value.__name__}(")):
        return ""
    return inspect.cleandoc(text)


def _prose(text: str) -> list[str]:
    """Markdown of a docstring with Google's sections; paragraphs are not wrapped."""
    parts: list[str] = []
    for block in text.split("\n\n"):
        lines = block.splitlines()
        while lines and (found := _SECTION.fullmatch(lines[0])):
            body = [line for line in lines[1:] if line.startswith("    ")]
            rest = lines[1 + len(body) :]
            parts.append(_section(found[1], body))
            lines = rest
        if not lines:
            continue
        if all(line.startswith("    ") for line in lines):
            parts.append("```text\n" + dedent("\n".join(lines)) + "\n```")
        elif any(re.match(r"\s*- ", line) for line in lines):
            parts.append(_list(lines))
        else:
            parts.append(_joined(lines))
    return parts


def _section(title: str, body: Sequence[str]) -> str:
    entries: list[list[str]] = []
    for line in body:
        entry = _ENTRY.fullmatch(line) if title in ("Args", "Attributes", "Raises") else None
        if entry and not line.startswith("     "):
            entries.append([f"`{entry[1]}`: {entry[2]}"])
        elif entries:
            entries[-1].append(line)
        else:
            entries.append([line])
    items = "\n".join(f"- {_joined(entry)}" for entry in entries)
    return f"{title}:\n\n{items}"


def _list(lines: Sequence[str]) -> str:
    items: list[list[str]] = []
    for line in lines:
        if re.match(r"\s*- ", line) or not items:
            items.append([line.strip()])
        else:
            items[-1].append(line)
    return "\n".join(_joined(item) for item in items)


def _joined(lines: Sequence[str]) -> str:
    return " ".join(line.strip() for line in lines).strip()


def command_line() -> str:
    """The page of every command with its arguments and options."""
    parts = [
        "# The command line",
        "Written by `python docs/generate.py` from the commands; do not edit. What all verbs "
        "share is told in [cli-basics.md](cli-basics.md). Every command has `--help` too.",
    ]
    parts += _command(cli, ["cnntasks"], None)
    return _page(parts)


def _command(
    command: click.Command, words: Sequence[str], parent: click.Context | None
) -> list[str]:
    context = click.Context(command, parent=parent, info_name=words[-1])
    usage = " ".join([*words, *command.collect_usage_pieces(context)])
    parts = [f"## {' '.join(words)}", f"```text\n{usage}\n```"]
    for block in inspect.cleandoc(command.help or "").split("\n\n"):
        if block.startswith("\b"):
            parts.append("```text\n" + block.removeprefix("\b\n") + "\n```")
        elif block.strip():
            parts.append(_joined(block.splitlines()))
    options = []
    for option in command.params:
        record = option.get_help_record(context)
        if isinstance(option, click.Option) and record is not None:
            options.append(f"- `{record[0]}`: {_joined(record[1].split())}")
    if options:
        parts.append("\n".join(options))
    if isinstance(command, click.Group):
        for name in _subcommands(command, context):
            try:
                inner = command.get_command(context, name)
            except cnntasks.PluginError as error:
                print(f"left out: {' '.join([*words, name])} ({error})", file=sys.stderr)
                continue
            assert inner is not None, name
            parts += _command(inner, [*words, name], context)
    return parts


def _subcommands(group: click.Group, context: click.Context) -> list[str]:
    names = group.list_commands(context)
    if group is cli:  # the tasks first, as in the help
        return [name for name in names if name not in COMMANDS] + list(COMMANDS)
    return names


def _page(parts: Sequence[str]) -> str:
    return "\n\n".join(part.rstrip() for part in parts if part.strip()) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "docs/reference.md": reference,
    "docs/cli.md": command_line,
}


@contextlib.contextmanager
def own_plugins_only() -> Iterator[None]:
    """Load the plugins of this clone's pyproject.toml and no others, whatever is installed."""
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = about["entry-points"]["cnntasks"]
    before = dict(os.environ), list(sys.path)
    with tempfile.TemporaryDirectory() as site:
        # First on the path, it hides an installed distribution of the same name.
        info = Path(site) / "cnntasks-0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: cnntasks\nVersion: 0\n")
        lines = [f"{name} = {module}" for name, module in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[cnntasks]", *lines, ""]))
        sys.path.insert(0, site)
        os.environ["CNNTASKS_PLUGINS"] = ",".join(f"cnntasks:{name}" for name in points)
        os.environ.pop("CNNTASKS_PLUGINS_DIR", None)
        os.environ.pop("CNNTASKS_DISABLE_PLUGINS", None)
        plugins.reset()
        try:
            yield
        finally:
            for name in set(os.environ) - set(before[0]):
                del os.environ[name]
            os.environ.update(before[0])
            sys.path[:] = before[1]
            plugins.reset()


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages, or say which ones are not up to date; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; status 1 if stale")
    check = parser.parse_args(arguments).check
    stale = []
    with own_plugins_only():
        for name, make in PAGES.items():
            path, text = ROOT / name, make()
            if path.is_file() and path.read_text(encoding="utf-8") == text:
                continue
            stale.append(name)
            if not check:
                path.write_text(text, encoding="utf-8")
                print(f"written: {name}")
    if check and stale:
        print(f"not up to date: {', '.join(stale)}; run python docs/generate.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
