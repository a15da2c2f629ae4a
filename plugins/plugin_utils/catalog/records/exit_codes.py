# SPDX-License-Identifier: GPL-3.0-or-later
"""An exit code of an installer, and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class ExitClass(Enum):
    """What to do after an installer ended; success is proven by conditions only."""

    OK = "ok"
    OK_REBOOT = "ok-reboot"
    BUSY_RETRY = "busy-retry"
    WRONG_TARGET = "wrong-target"
    POLICY = "policy"
    CORRUPT = "corrupt"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ExitCode:
    """One exit code with its class; ``name`` is Windows' own."""

    code: int | None
    kind: ExitClass
    name: str
    meaning: str
