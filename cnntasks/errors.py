"""The errors that `cnntasks` raises on purpose: one line for people, never a traceback.

Every message says what was wrong, with which input, and what to do about it. The command line
prints the message and exits with the status below; Python callers catch `CnntasksError`.
"""

from __future__ import annotations


class CnntasksError(Exception):
    """Base class of every error that the toolkit raises on purpose."""

    exit_status = 1


class InputError(CnntasksError):
    """One input (a file, a URL, a data set) cannot be used; other inputs go on."""


class ModelError(CnntasksError):
    """A model cannot be found, downloaded, verified, read or built."""


class PluginError(CnntasksError):
    """A plugin is broken, or two plugins contradict each other."""


class DeviceError(CnntasksError):
    """The device or engine that was asked for is not available on this machine."""


class UsageError(CnntasksError):
    """The options contradict each other or name something that does not exist."""

    exit_status = 2
