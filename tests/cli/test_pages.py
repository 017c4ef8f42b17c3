"""README and docs name commands, options and pages that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from cnntasks.cli.root import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Verbs of plugins that a page only imagines.
IMAGINED = {"VERB"}


def commands(text: str) -> list[list[str]]:
    """The words of each command line of ours in code, without what pipes and comments add."""
    # Every block has to be matched, or the end of one would be taken for the start of another.
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    code = [block for language, block in blocks if language in ("", "sh")]
    lines = [line for it in code for line in it.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`(cnntasks [^`\n]+)`", text)
    found = []
    for line in lines:
        line = line.strip().removeprefix("$ ")
        if line.startswith("cnntasks "):
            line = re.split(r"\s#|\\?[|>;]", line.replace("...", ""))[0]
            found.append(shlex.split(line)[1:])
    return found


def resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that some words name, and the rest of them."""
    command: click.Command = cli
    context = click.Context(cli, info_name="cnntasks")
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        if rest[0].isupper():
            break
        inner = command.get_command(context, rest[0])
        assert inner is not None, f"there is no command {rest[0]!r} in {words}"
        command, rest = inner, rest[1:]
    return command, rest


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_on_a_page_exists(page: Path) -> None:
    for words in commands(page.read_text(encoding="utf-8")):
        if not words or words[0] in IMAGINED:
            continue
        command, rest = resolve(words)
        options = {name for it in command.params for name in (*it.opts, *it.secondary_opts)}
        if isinstance(command, click.Group):  # `models` stands for `models list`
            context = click.Context(command)
            if "list" in command.list_commands(context):
                inner = command.get_command(context, "list")
                assert inner is not None
                options |= {name for it in inner.params for name in it.opts}
        for word in rest:
            if word.startswith("-") and word != "-":
                name = word.partition("=")[0]
                assert name in {*options, "--help"}, f"{page.name}: {' '.join(words)}: {name}"


def test_pages_show_commands() -> None:
    counts = {page.name: len(commands(page.read_text(encoding="utf-8"))) for page in PAGES}
    assert counts["README.md"] > 5
    assert counts["lecture.md"] > 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize(
    "verb", ["classify", "detect", "explore", "speech", "style", "text", "visualize"]
)
def test_the_options_of_a_verb_are_on_its_page(verb: str) -> None:
    text = (ROOT / "docs" / f"{verb}.md").read_text(encoding="utf-8")
    command = cli.get_command(click.Context(cli), verb)
    assert command is not None
    for option in command.params:
        if isinstance(option, click.Option):
            assert any(f"`{name}" in text or f"{name}`" in text or f"{name}/" in text
                       for name in option.opts), option.opts  # fmt: skip
