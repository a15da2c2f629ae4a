# SPDX-License-Identifier: GPL-3.0-or-later
"""One check that must hold before a change, and what it found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class PrecheckStatus(Enum):
    """Outcome of one check before the installation; STOP and UNKNOWN do not let it start (I19)."""

    PASS = "pass"  # noqa: S105 - a verdict, not a secret
    NOTE = "note"
    STOP = "stop"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"  # the server has no such thing; the summary says why


@dataclass(frozen=True, slots=True)
class Precheck:
    """One check before the installation."""

    check: str  # stable id, e.g. "patch.disk"
    status: PrecheckStatus
    summary: str
    remedy: str | None = None

    @property
    def blocks(self) -> bool:
        """Whether nothing may be started because of it."""
        return self.status in (PrecheckStatus.STOP, PrecheckStatus.UNKNOWN)
