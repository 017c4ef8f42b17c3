"""Call the hooks of one plugin and check everything that it registers.

Each plugin gets a `PluginManager` of its own: what it registers is checked and refused alone, and
a hook wrapper of one plugin cannot change what another one registers.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, fields
from types import ModuleType
from typing import Any

import pluggy

from cnntasks import hookspecs
from cnntasks.discovery import Candidate
from cnntasks.errors import PluginError
from cnntasks.task import TaskSpec

_VERB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REFERENCE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_SUFFIX = re.compile(r"\.[a-z0-9]+")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+")
_TEXTS = ("name", "summary", "default_model")
_REFERENCES = [part for part in fields(TaskSpec) if part.name not in (*_TEXTS, "accepts")]


@dataclass(frozen=True, slots=True)
class Registration:
    """What one plugin registered, checked; its models are asked for later through `manager`."""

    manager: pluggy.PluginManager
    hooks: tuple[str, ...]
    tasks: dict[str, TaskSpec]
    commands: dict[str, tuple[str, str]]
    backbones: dict[str, str]
    writers: dict[str, tuple[str, str]]
    sources: dict[str, str]


def register(candidate: Candidate) -> Registration:
    """Import one plugin and call its hooks, except `register_models`.

    Raises:
        PluginError: it needs a newer cnntasks, or an older one, or what it registers is not valid.
        BaseException: whatever the plugin's own code raises.
    """
    module = candidate.load()
    if not isinstance(module, ModuleType):
        raise PluginError(f"its entry point names a {type(module).__name__}, not a module")
    _check_api(module, candidate.distribution)
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, name=candidate.name)
    except pluggy.PluginValidationError as error:
        raise PluginError(str(error)) from error
    callers = manager.get_hookcallers(module) or []
    _check_known(callers)
    tasks = _tasks(call_hook(manager, "register_tasks", list))
    commands = _commands(call_hook(manager, "register_commands", dict))
    for verb in tasks.keys() & commands.keys():
        raise PluginError(f"it registers {verb!r} both as a task and as a command")
    return Registration(
        manager=manager,
        hooks=tuple(sorted(caller.name for caller in callers)),
        tasks=tasks,
        commands=commands,
        backbones=_backbones(call_hook(manager, "register_backbones", dict)),
        writers=_writers(call_hook(manager, "register_writers", dict)),
        sources=_sources(call_hook(manager, "register_sources", dict)),
    )


def call_hook(manager: pluggy.PluginManager, hook: str, kind: type[Any]) -> list[Any]:
    """Call one hook of the one plugin in `manager`; each result is a `kind`.

    Raises:
        PluginError: the plugin implements the hook and returns something else.
    """
    caller = getattr(manager.hook, hook)
    results: list[Any] = caller()
    if caller.get_hookimpls() and not results:  # pluggy drops None
        raise PluginError(f"{hook} returned None; a {kind.__name__} is expected")
    for result in results:
        if not isinstance(result, kind):
            raise PluginError(
                f"{hook} returned a {type(result).__name__}; a {kind.__name__} is expected"
            )
    return results


def _check_api(module: ModuleType, distribution: str) -> None:
    wanted = getattr(module, "CNNTASKS_API", hookspecs.HOOK_API_VERSION)
    if type(wanted) is not int or wanted < 1:
        raise PluginError(f"CNNTASKS_API is {wanted!r}; a version number (1, 2, ...) is expected")
    if wanted > hookspecs.HOOK_API_VERSION:
        raise PluginError(
            f"it needs version {wanted} of the plugin API, this cnntasks has "
            f"{hookspecs.HOOK_API_VERSION}; upgrade cnntasks"
        )
    if wanted < hookspecs.OLDEST_HOOK_API_VERSION:
        raise PluginError(
            f"it was written for version {wanted} of the plugin API, this cnntasks has "
            f"{hookspecs.HOOK_API_VERSION} and takes plugins from version "
            f"{hookspecs.OLDEST_HOOK_API_VERSION} on; upgrade {distribution}"
        )


def _check_known(callers: list[pluggy.HookCaller]) -> None:
    if not callers:
        raise PluginError("it implements no hook; mark its functions with @cnntasks.hookimpl")
    for caller in callers:
        if not caller.has_spec() and not all(impl.optionalhook for impl in caller.get_hookimpls()):
            known = ", ".join(hookspecs.hook_names())
            raise PluginError(f"there is no hook {caller.name!r}; the hooks are {known}")


def _tasks(results: list[list[Any]]) -> dict[str, TaskSpec]:
    tasks: dict[str, TaskSpec] = {}
    for spec in (spec for result in results for spec in result):
        if not isinstance(spec, TaskSpec):
            raise PluginError(
                f"register_tasks returned a {type(spec).__name__} in its list; "
                "a TaskSpec is expected"
            )
        _check_verb(spec.name)
        if spec.name in tasks:
            raise PluginError(f"it registers the verb {spec.name!r} twice")
        _check_text(spec.name, "summary", spec.summary)
        if spec.default_model is not None:
            _check_text(spec.name, "default_model", spec.default_model)
        for part in _REFERENCES:
            value = getattr(spec, part.name)
            if value is not None or part.default is MISSING:
                _check_reference(f"{part.name} of {spec.name!r}", value)
        accepts: Any = spec.accepts
        if not isinstance(accepts, tuple) or not all(isinstance(it, str) for it in accepts):
            raise PluginError(
                f"accepts of {spec.name!r} is {accepts!r}; a tuple of tasks is expected"
            )
        none = spec.predictor is None and spec.opener is None
        both = spec.predictor is not None and spec.opener is not None
        if both or (none and spec.default_model is not None and not accepts):
            raise PluginError(f"{spec.name!r} needs either a predictor or an opener, and not both")
        tasks[spec.name] = spec
    return tasks


def _commands(results: list[dict[Any, Any]]) -> dict[str, tuple[str, str]]:
    commands: dict[str, tuple[str, str]] = {}
    for name, value in (item for result in results for item in result.items()):
        _check_verb(name)
        if not isinstance(value, tuple) or len(value) != 2:
            raise PluginError(f"command {name!r}: a tuple (summary, reference) is expected")
        _check_text(name, "summary", value[0])
        _check_reference(f"command {name!r}", value[1])
        commands[name] = value
    return commands


def _backbones(results: list[dict[Any, Any]]) -> dict[str, str]:
    backbones: dict[str, str] = {}
    for name, reference in (item for result in results for item in result.items()):
        # One that ends in a colon is a family: see the hook.
        if not isinstance(name, str) or not _NAME.fullmatch(name.removesuffix(":")):
            raise PluginError(
                f"{name!r} is not a valid backbone name (letters, digits, . _ -; a family's ends "
                "in a colon)"
            )
        _check_reference(f"backbone {name!r}", reference)
        backbones[name] = reference
    return backbones


def _writers(results: list[dict[Any, Any]]) -> dict[str, tuple[str, str]]:
    writers: dict[str, tuple[str, str]] = {}
    for name, value in (item for result in results for item in result.items()):
        if not isinstance(name, str) or not _VERB.fullmatch(name):
            raise PluginError(
                f"{name!r} is not a valid format (lower-case letters, digits, single hyphens)"
            )
        if not isinstance(value, tuple) or len(value) != 2:
            raise PluginError(f"format {name!r}: a tuple (suffix, reference) is expected")
        if not isinstance(value[0], str) or not _SUFFIX.fullmatch(value[0]):
            raise PluginError(f"format {name!r}: the suffix is {value[0]!r}; '.xml' is expected")
        _check_reference(f"format {name!r}", value[1])
        writers[name] = value
    return writers


def _sources(results: list[dict[Any, Any]]) -> dict[str, str]:
    sources: dict[str, str] = {}
    for scheme, reference in (item for result in results for item in result.items()):
        if not isinstance(scheme, str) or not _SCHEME.fullmatch(scheme):
            raise PluginError(f"{scheme!r} is not a valid scheme (lower case, as in s3://)")
        _check_reference(f"scheme {scheme!r}", reference)
        sources[scheme] = reference
    return sources


def _check_verb(name: Any) -> None:
    if not isinstance(name, str) or not _VERB.fullmatch(name):
        raise PluginError(
            f"{name!r} is not a valid verb (lower-case letters, digits, single hyphens)"
        )


def _check_text(verb: str, what: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip() or len(value.splitlines()) > 1:
        raise PluginError(f"the {what} of {verb!r} is {value!r}; one line of text is expected")


def _check_reference(what: str, value: Any) -> None:
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        raise PluginError(f"{what} is {value!r}; 'package.module:attribute' is expected")
