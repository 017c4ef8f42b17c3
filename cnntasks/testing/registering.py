"""Checks of what happens before anything is predicted: registration, names, help."""

from __future__ import annotations

import json
import subprocess
import sys

import click

from cnntasks.discovery import find_plugins
from cnntasks.task import import_attribute
from cnntasks.testing.subject import ContractError, Subject, require, run

#: Packages that a registration must not import: each costs every start tenths of a second.
HEAVY = ("torch", "torchvision", "torchaudio", "lightning", "onnxruntime", "numpy", "PIL",
         "matplotlib", "scipy", "pandas", "sklearn")  # fmt: skip
#: What registering may cost a start, in seconds of CPU time.
LIGHT_SECONDS = 0.05
LONGEST_SUMMARY = 100

_REGISTER = """
import json, sys, time
import cnntasks.plugins
from cnntasks.discovery import find_plugins
from cnntasks.registration import register
import cnntasks.catalog, cnntasks.datasets
name, distribution = sys.argv[1:3]
[found] = [it for it in find_plugins() if (it.name, it.distribution) == (name, distribution)]
before, start = set(sys.modules), time.process_time()
register(found)
taken = time.process_time() - start
print(json.dumps([taken, sorted(set(sys.modules) - before)]))
"""


def registration_is_light(subject: Subject) -> None:
    """Importing the plugin and calling its hooks takes under 50 ms and imports nothing heavy.

    It happens at every start of `cnntasks`, also for other verbs and for `--help`.

    Raises:
        ContractError: it is slow, or imports a package of `HEAVY`.
    """
    plugin = subject.plugin
    taken = []
    for _ in range(3):  # the fastest of three: a busy machine is not the plugin's fault
        done = subprocess.run(
            [sys.executable, "-c", _REGISTER, plugin.name, plugin.distribution],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ContractError(
                f"{plugin.name}: cannot be registered: {done.stderr.strip()[-300:]}"
            )
        seconds, modules = json.loads(done.stdout.splitlines()[-1])
        heavy = sorted({module.partition(".")[0] for module in modules} & set(HEAVY))
        require(
            not heavy,
            f"{plugin.name}: registering imports {', '.join(heavy)}; name modules by strings in "
            "the TaskSpec, and import heavy packages inside functions",
        )
        taken.append(seconds)
        if seconds < LIGHT_SECONDS:
            return
    raise ContractError(
        f"{plugin.name}: registering takes {min(taken) * 1000:.0f} ms of CPU time, more than "
        f"{LIGHT_SECONDS * 1000:.0f}; `python -X importtime -c 'import {plugin.name}'` shows where"
    )


def names_follow_conventions(subject: Subject) -> None:
    """The summary is one sentence, the command has the verb's name, and references exist.

    Raises:
        ContractError: the first of these that does not hold.
    """
    spec = subject.spec
    require(
        spec.summary[:1].isupper() and spec.summary.endswith("."),
        f"the summary {spec.summary!r} is no sentence; begin with a capital, end with a full stop",
    )
    require(
        len(spec.summary) <= LONGEST_SUMMARY,
        f"the summary has {len(spec.summary)} characters; at most {LONGEST_SUMMARY} fit a line",
    )
    command = import_attribute(spec.command)
    require(
        isinstance(command, click.Command), f"{spec.command!r} is no click command but {command!r}"
    )
    require(
        command.name == spec.name,
        f"the command of {spec.name!r} is called {command.name!r}; give it the verb's name",
    )
    for part in ("predictor", "opener", "network", "train", "evaluate", "checker", "data"):
        reference = getattr(spec, part)
        if reference is not None:
            import_attribute(reference)  # a PluginError says what is wrong with it


def help_is_complete(subject: Subject) -> None:
    """`--help` of the verb and of its train and evaluate commands explains every option.

    Raises:
        ContractError: a command has no help, or an option has none, or `--help` fails.
    """
    spec = subject.spec
    commands: dict[tuple[str, ...], str] = {(spec.name,): spec.command}
    commands |= {("train", spec.name): spec.train} if spec.train else {}
    commands |= {("evaluate", spec.name): spec.evaluate} if spec.evaluate else {}
    for words, reference in commands.items():
        title = " ".join(("cnntasks", *words))
        command = import_attribute(reference)
        require((command.help or "").strip(), f"{title}: has no help; write a docstring")
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                require(
                    (option.help or "").strip(), f"{title}: {option.opts[0]} has no help; say it"
                )
        done = run(subject.work, *words, "--help")
        require(done.status == 0, f"{title} --help ends with status {done.status}: {done.told()}")


def plugin_is_found(subject: Subject) -> None:
    """The plugin is found, loads, and its verb works.

    Raises:
        ContractError: it is not there, failed, is blocked by another one, or is disabled.
    """
    plugin = subject.plugin
    require(plugin.status == "ok", f"{plugin.name} is {plugin.status}: {plugin.error}")
    names = {(found.name, found.distribution) for found in find_plugins()}
    require((plugin.name, plugin.distribution) in names, f"{plugin.name}: is not installed")
