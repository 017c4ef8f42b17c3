"""The plugins of this process: what they registered, what failed, and what contradicts.

`registry()` loads them once. A failing plugin costs one line on stderr and its own verbs; a name
that two plugins claim works for neither, whoever they are.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal

from cnntasks.discovery import Candidate, find_plugins, isolated, notify
from cnntasks.errors import CnntasksError, PluginError, UsageError
from cnntasks.registration import Registration, call_hook, register
from cnntasks.task import import_attribute

if TYPE_CHECKING:
    from cnntasks.catalog import CatalogEntry
    from cnntasks.datasets import DataFormats
    from cnntasks.task import TaskSpec

#: The command line's own commands, which no plugin can take.
CORE_COMMANDS = frozenset(
    {"backbones", "benchmark", "data", "doctor", "evaluate", "models", "plugins", "train"}
)
#: Formats of records and schemes of addresses that are the core's own.
CORE_FORMATS = frozenset({"table", "json", "csv"})
CORE_SCHEMES = frozenset({"http", "https", "file"})
CORE_BACKBONE_FAMILIES = frozenset({"torchvision:"})
#: What plugins register by name beside verbs: part of a registration, word for people, taken names.
_NAMED = (
    ("backbones", "backbone", CORE_BACKBONE_FAMILIES),
    ("writers", "format", CORE_FORMATS),
    ("sources", "scheme", CORE_SCHEMES),
)
_SLOW_SECONDS = 0.5

Status = Literal["ok", "failed", "blocked", "disabled"]


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """What `cnntasks plugins` says of one plugin.

    Attributes:
        name: of its entry point, or the stem of its file.
        version: of the distribution; empty for a file.
        distribution: the distribution that brings it, or the path of the file.
        verbs: the tasks and commands that it registers, sorted.
        hooks: the hooks that it implements, sorted.
        status: `ok`; `failed` (to load, or in a hook); `blocked` (it loaded, but another plugin or
            cnntasks itself has one of its names, which does not work); `disabled` by a person.
        error: one line that says why, where the status is not `ok`.
    """

    name: str
    version: str
    distribution: str
    verbs: tuple[str, ...]
    hooks: tuple[str, ...]
    status: Status
    error: str | None


@dataclass(slots=True)
class _Record:
    candidate: Candidate
    status: Status = "ok"
    error: str | None = None
    registration: Registration | None = None

    def fail(self, error: str) -> None:
        self.status, self.error = "failed", error
        notify(
            f"plugin {self.candidate} failed: {error} (CNNTASKS_DEBUG=1 shows where, "
            f"CNNTASKS_DISABLE_PLUGINS={self.candidate.name} leaves it out)"
        )

    def info(self) -> PluginInfo:
        found, made = self.candidate, self.registration
        return PluginInfo(
            name=found.name,
            version=found.version,
            distribution=found.distribution,
            verbs=tuple(sorted([*made.tasks, *made.commands])) if made else (),
            hooks=made.hooks if made else (),
            status=self.status,
            error=self.error,
        )


@dataclass(slots=True)
class PluginRegistry:
    """Everything that the loaded plugins registered, in the order of their names.

    Attributes:
        tasks: verb to `TaskSpec`.
        commands: name to (summary, `"package.module:attribute"`).
        backbones: name, or a family's name with a colon behind, to `"package.module:function"`.
        writers: format of records to (suffix, `"package.module:function"`).
        sources: scheme of addresses to `"package.module:function"`.
        conflicts: names that two plugins claim, to the message that says so; they do not work.
    """

    tasks: dict[str, TaskSpec] = field(default_factory=dict)
    commands: dict[str, tuple[str, str]] = field(default_factory=dict)
    backbones: dict[str, str] = field(default_factory=dict)
    writers: dict[str, tuple[str, str]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    conflicts: dict[str, str] = field(default_factory=dict)
    _records: list[_Record] = field(default_factory=list)
    _models: dict[str, CatalogEntry] | None = None

    @property
    def plugins(self) -> list[PluginInfo]:
        """Every plugin that was found, whatever became of it, sorted by name."""
        return [record.info() for record in self._records]

    def task(self, name: str) -> TaskSpec:
        """The task of one verb.

        Raises:
            PluginError: two plugins claim the verb, or the plugin of this name does not work.
            UsageError: there is no such task; the message names near matches.
        """
        if name not in self.tasks:
            raise self.unusable(name, "task", self.tasks)
        return self.tasks[name]

    def unusable(self, name: str, kind: str, known: Iterable[str]) -> CnntasksError:
        """The error that says why `name` cannot be used; `kind` is what it should have been."""
        if name in self.conflicts:
            return PluginError(self.conflicts[name])
        for record in self._records:
            if record.candidate.name == name and record.status in ("failed", "disabled"):
                return PluginError(f"plugin {record.candidate} is {record.status}: {record.error}")
        import difflib  # not at the start of every run

        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known) or '-'}"
        return UsageError(f"there is no {kind} {name!r}; {hint}")

    def announce(self, event: str, **arguments: Any) -> None:
        """Tell every plugin of an event (`on_result`, `on_fit_end`).

        A plugin whose hook raises is reported once, and hears of no further events.
        """
        for record in self._records:
            made = record.registration
            if made is None or event not in made.hooks or record.status == "failed":
                continue
            caller = getattr(made.manager.hook, event)
            _, error = isolated(record.candidate, partial(caller, **arguments))
            if error is not None:
                record.fail(f"{event}: {error}")

    def listens(self, event: str) -> bool:
        """Whether any plugin wants to hear of an event."""
        return any(
            record.registration is not None and event in record.registration.hooks
            for record in self._records
        )

    def model_entries(self) -> dict[str, CatalogEntry]:
        """The models that plugins offer, by name; the hooks run on the first call.

        A plugin whose hook fails is reported and offers none. Of two models with one name the
        first is kept, in the order of the plugins' names, and the other reported.
        """
        if self._models is None:
            models: dict[str, CatalogEntry] = {}
            owners: dict[str, Candidate] = {}
            for record in self._records:
                for entry in _models_of(record):
                    if entry.name in models:
                        notify(
                            f"the model {entry.name!r} of plugin {record.candidate} is left out: "
                            f"plugin {owners[entry.name]} has one of that name"
                        )
                        continue
                    models[entry.name] = entry
                    owners[entry.name] = record.candidate
            self._models = models
        return self._models


def _models_of(record: _Record) -> list[CatalogEntry]:
    if record.registration is None:
        return []
    entries, error = isolated(record.candidate, partial(_call_models, record.registration))
    if error is not None:
        record.fail(error)
    return entries or []


def _call_models(registration: Registration) -> list[CatalogEntry]:
    from cnntasks.catalog import CatalogEntry

    results = call_hook(registration.manager, "register_models", list)
    entries: list[Any] = [entry for result in results for entry in result]
    for entry in entries:
        if not isinstance(entry, CatalogEntry):
            raise PluginError(
                f"register_models returned a {type(entry).__name__} in its list; "
                "a CatalogEntry is expected"
            )
    return entries


def load_plugins() -> PluginRegistry:
    """Find and load the plugins that the environment asks for.

    Reads `CNNTASKS_PLUGINS` (only these load), `CNNTASKS_DISABLE_PLUGINS` (these do not; both are
    lists with commas, of names or of `distribution:name`), `CNNTASKS_PLUGINS_DIR` (a folder of
    one-file plugins) and `CNNTASKS_DEBUG` (a failure is raised).

    Raises:
        UsageError: `CNNTASKS_PLUGINS_DIR` is not a folder.
    """
    only, disabled = _names("CNNTASKS_PLUGINS"), _names("CNNTASKS_DISABLE_PLUGINS")
    records = [_Record(candidate) for candidate in find_plugins()]
    known = {label for record in records for label in _labels(record.candidate)}
    for name in sorted(only - known):
        notify(f"CNNTASKS_PLUGINS names {name!r}, and there is no such plugin")
    for record in records:
        labels = _labels(record.candidate)
        if labels & disabled:
            record.status, record.error = "disabled", "CNNTASKS_DISABLE_PLUGINS names it"
        elif only and not labels & only:
            record.status, record.error = "disabled", "CNNTASKS_PLUGINS does not name it"
        else:
            _load(record)
    return _collect(records)


def _names(variable: str) -> set[str]:
    return {name.strip() for name in os.environ.get(variable, "").split(",")} - {""}


def _labels(candidate: Candidate) -> set[str]:
    return {candidate.name, f"{candidate.distribution}:{candidate.name}"}


def _load(record: _Record) -> None:
    started = time.perf_counter()
    record.registration, error = isolated(record.candidate, partial(register, record.candidate))
    if error is not None:
        record.fail(error)
    seconds = time.perf_counter() - started
    if seconds > _SLOW_SECONDS:
        notify(
            f"plugin {record.candidate} took {seconds:.1f} s to load; it should import heavy "
            "packages only on use, tell its authors "
            f"(CNNTASKS_DISABLE_PLUGINS={record.candidate.name} leaves it out)"
        )


def _collect(records: list[_Record]) -> PluginRegistry:
    registry = PluginRegistry(_records=records)
    loaded = [(record, made) for record in records if (made := record.registration)]
    verbs = _claims((record, {**made.tasks, **made.commands}) for record, made in loaded)
    for name in _clashes(verbs, "verb", CORE_COMMANDS, registry):
        del verbs[name]
    for _, made in loaded:
        registry.tasks.update((k, v) for k, v in made.tasks.items() if k in verbs)
        registry.commands.update((k, v) for k, v in made.commands.items() if k in verbs)
    for part, kind, reserved in _NAMED:
        found = _claims((record, getattr(made, part)) for record, made in loaded)
        for name in _clashes(found, kind, reserved, registry):
            del found[name]
        for _, made in loaded:
            getattr(registry, part).update(
                (name, value) for name, value in getattr(made, part).items() if name in found
            )
    return registry


def _claims(named: Iterable[tuple[_Record, Mapping[str, Any]]]) -> dict[str, list[_Record]]:
    claims: dict[str, list[_Record]] = {}
    for record, names in named:
        for name in names:
            claims.setdefault(name, []).append(record)
    return claims


def _clashes(
    claims: Mapping[str, list[_Record]],
    kind: str,
    reserved: frozenset[str],
    registry: PluginRegistry,
) -> list[str]:
    clashing = [name for name, who in claims.items() if len(who) > 1 or name in reserved]
    for name in clashing:
        records = claims[name]
        who = [str(record.candidate) for record in records]
        if name in reserved:
            who.insert(0, "cnntasks itself (whose command stays)")
        ways = " or ".join(_switch(record.candidate, registry) for record in records)
        message = f"the {kind} {name!r} is registered by {' and '.join(who)}; disable with {ways}"
        notify(message)
        if kind == "verb":
            registry.conflicts[name] = message
        for record in records:
            record.status = "blocked"
            record.error = f"{record.error}; {message}" if record.error else message
    return clashing


def _switch(candidate: Candidate, registry: PluginRegistry) -> str:
    """How to disable this one plugin: by its name, or more exactly where two share the name."""
    names = [info.name for info in registry.plugins]
    label = candidate.name
    if names.count(label) > 1:
        label = f"{candidate.distribution}:{label}"
    return f"CNNTASKS_DISABLE_PLUGINS={label}"


@cache
def registry() -> PluginRegistry:
    """The plugins of this process, loaded on the first call.

    Raises:
        UsageError: `CNNTASKS_PLUGINS_DIR` is not a folder.
    """
    return load_plugins()


def reset() -> None:
    """Forget the loaded plugins: the next `registry()` loads them anew."""
    registry.cache_clear()


def get_task(name: str) -> TaskSpec:
    """`registry().task(name)`."""
    return registry().task(name)


def data_formats(task: str) -> DataFormats[Any]:
    """The formats in which a task reads labelled data sets, for a plugin that reads them too.

    `data_formats("classify").read(location, split)` gives parts with `classes` and `examples`,
    each with `name`, `label` and, for pictures, `load()`.

    Raises:
        UsageError: there is no such task, or it does not offer its formats.
    """
    spec = get_task(task)
    if spec.data is None:
        raise UsageError(f"{task} does not tell how its data sets are read (TaskSpec.data)")
    formats: DataFormats[Any] = import_attribute(spec.data)
    return formats


def model_entries() -> dict[str, CatalogEntry]:
    """`registry().model_entries()`."""
    return registry().model_entries()
