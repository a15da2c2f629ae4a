# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reader of a detection tool is given: one run, what it left, and what is known of the host."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from .text import LARGEST, mixed

if TYPE_CHECKING:
    from datetime import datetime

    from ...catalog.records.detection_tools import DetectionEra, DetectionMode, DetectionTool
    from ...catalog.records.tools import ScriptVersion


class RunEnd(Enum):
    """How the program ended, as far as the controller knows."""

    FINISHED = "finished"
    TIMED_OUT = "timed-out"
    INTERRUPTED = "interrupted"  # by a restart, or the loss of its runner
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CollectedFile:
    """One file. ``name``: as the case names it; ``origin``: as the server does.

    ``data``: the part of it that is of this run; ``sha256``: of all that was collected of it.
    ``damage``: why not all of it is here, or why it may be another; None: it is whole.
    """

    name: str
    origin: str
    data: bytes
    sha256: str
    damage: str | None = None

    @property
    def doubt(self) -> str | None:
        """Why what is read of it may not be all; None: it is whole."""
        if self.damage is None and len(self.data) > LARGEST:
            return f"it is larger than the {LARGEST >> 20} MiB that are read"
        if self.damage is None and mixed(self.data):
            return "its encoding changes on its way, or is none that is read here"
        return self.damage

    @property
    def base(self) -> str:
        """The last part of its path on the server, in small letters: ``ex01-other.csv``."""
        return self.origin.replace("/", "\\").rpartition("\\")[2].lower()


@dataclass(frozen=True, slots=True)
class HostView:
    """What is known of the host beside what the tool says; times in UTC.

    ``start``, ``end``: of the tool, on the host's clock; the ages of logs are of some moment between
    them. ``end``: None where that is not known. ``application_log_oldest``: None where that could
    not be read.
    """

    start: datetime
    application_log_oldest: datetime | None
    computer_name: str = ""
    end: datetime | None = None

    @property
    def latest(self) -> datetime:
        """The moment that makes a log of a given age the youngest that it can be."""
        return max(self.start, self.end) if self.end else self.start


@dataclass(frozen=True, slots=True)
class ToolRun:
    """One run. ``version``, ``era``: None where the version is not known."""

    tool: DetectionTool
    version: ScriptVersion | None
    mode: DetectionMode
    era: DetectionEra | None
    ended: RunEnd
    exit_code: int | None
    console: CollectedFile
    files: tuple[CollectedFile, ...]
    host: HostView

    @property
    def checks(self) -> tuple[str, ...]:
        """The questions that it had to answer."""
        return self.era.checks if self.era and self.era.checks else (self.mode.check,)

    def broken_off(self) -> str | None:
        """Why it cannot have looked at everything; None: it ran to its end, as far as its end says."""
        if self.ended is not RunEnd.FINISHED:
            return f"the run did not come to its end ({self.ended.value})"
        if self.exit_code:
            status = self.exit_code
            # Windows people know a crash by its NTSTATUS.
            shown = f"{status} (0x{status & 0xFFFFFFFF:08X})" if status < 0 else str(status)
            return f"it ended with status {shown}"
        return None if self.exit_code == 0 else "its exit status is not known"
