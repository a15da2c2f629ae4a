# SPDX-License-Identifier: GPL-3.0-or-later
"""How a modelled operation fails: as a whole, or in one part."""

from __future__ import annotations

from typing import Any


class OperationError(Exception):
    """The operation as a whole failed: reply status ``error``."""

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        identity: str | None = None,
        details: dict[str, Any] | None = None,
        source: str = "operation",
        exception: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind  # LanguageMode, ScriptIntegrity, RequestInvalid, ScriptFailed, Locked
        self.identity = message if identity is None else identity
        self.details = details
        self.source = source  # "bootstrap" before the script runs
        self.parts: list[dict[str, Any]] = []  # part errors from before it failed
        self.exception = exception  # the .NET type, when PowerShell itself refused


class PartError(Exception):
    """One part of the facts cannot be read: it becomes null and this an entry of errors[].

    ``kind`` is the .NET type and ``identity`` PowerShell's FullyQualifiedErrorId.
    """

    def __init__(self, kind: str, identity: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.identity = identity


def thrown(message: str) -> PartError:
    """Return what PowerShell makes of ``throw 'text'``."""
    return PartError("System.Management.Automation.RuntimeException", message, message)


def path_not_found(path: str) -> PartError:
    """Return what Get-Item says of a path that does not exist."""
    return PartError(
        "System.Management.Automation.ItemNotFoundException",
        "PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand",
        f"Cannot find path '{path}' because it does not exist.",
    )
