# SPDX-License-Identifier: GPL-3.0-or-later
"""How a modelled operation fails: as a whole, or in one part."""

from __future__ import annotations

from typing import Any


class OperationError(Exception):
    """The operation as a whole failed: reply status ``error``."""

    def __init__(self, kind: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.kind = kind  # LanguageMode, ScriptIntegrity, RequestInvalid, ScriptFailed, Locked
        self.details = details


class PartError(Exception):
    """One part of the facts cannot be read: it becomes null and this an entry of errors[]."""

    def __init__(self, kind: str, message: str, identity: str = "") -> None:
        super().__init__(message)
        self.kind = kind  # name of the .NET exception
        self.identity = identity  # FullyQualifiedErrorId
