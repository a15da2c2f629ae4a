# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about a script of Microsoft, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Self

_FULL = re.compile(r"\d\d\.\d\d\.\d\d\.\d{4}\Z")
_DAY = 3  # the parts of a version that say its day


@dataclass(frozen=True, slots=True, order=True)
class ScriptVersion:
    """A release stamp ``yy.MM.dd.HHmm``, compared part by part."""

    parts: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a full stamp; raises ``ValueError`` naming the text."""
        if not _FULL.match(text):
            raise ValueError(f"not a version such as 23.11.21.1852: {text!r}")
        return cls(tuple(map(int, text.split("."))))

    @classmethod
    def bound(cls, text: str) -> Self:
        """Read a bound of the catalogue, which may end with its month or day."""
        return cls(tuple(map(int, text.split("."))))

    def surely_has(self, since: ScriptVersion) -> bool:
        """Whether something that came on the day ``since`` is in this release.

        Only the day of a change is known: a release of that very day may lack it.
        """
        return self.parts[:_DAY] > since.parts[:_DAY]

    def __str__(self) -> str:
        head = ".".join(f"{part:02d}" for part in self.parts[:_DAY])
        return head if len(self.parts) <= _DAY else f"{head}.{self.parts[_DAY]:04d}"


class ScriptIntent(Enum):
    """What a tool is run for; a scan is no such thing."""

    MITIGATE = "mitigate"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class ScriptParameter:
    """One parameter of the script and whether we ever give it."""

    name: str
    since: ScriptVersion
    use: str  # always | mitigate | rollback | timeout | never
    value: str | None  # site | timeout; None: a switch
    mitigation: str | None  # whose switch it is; "all"; None: not of one
    why: str
    source: str


@dataclass(frozen=True, slots=True)
class ScriptRelease:
    """One published file."""

    version: ScriptVersion
    sha256: str
    source: str


@dataclass(frozen=True, slots=True)
class PatchStateTexts:
    """The texts that EOMT leaves in the registry and in its log."""

    key: str
    succeeded: str
    failed: str
    stage: str
    mitigate: tuple[str, ...]
    rollback: tuple[str, ...]
    scan: str
    scanned: str
    threats: str
    updates: tuple[str, ...]  # stages that exist only when it replaces itself
    log_succeeded: str
    log_declined: str

    def completes(self, intent: ScriptIntent) -> tuple[str, ...]:
        """The texts of which one must stand in ``stage`` afterwards."""
        return self.mitigate if intent is ScriptIntent.MITIGATE else self.rollback


@dataclass(frozen=True, slots=True)
class Written:
    """One thing that a tool leaves on the host."""

    what: str
    where: str
    form: str


@dataclass(frozen=True, slots=True)
class MicrosoftScript:
    """One script of Microsoft."""

    id: str
    title: str
    file: str
    runs: bool  # False: only recognised, ``reason`` says why
    reason: str | None
    source: str
    site: str
    mitigations: tuple[str, ...]
    first: ScriptVersion
    last: ScriptVersion | None  # from here on the name is another tool's
    releases: tuple[ScriptRelease, ...]
    signs: tuple[str, ...]
    parameters: tuple[ScriptParameter, ...]
    needs_url_rewrite: bool
    # Words in the name of the product by which it takes the module for installed; else it fetches it.
    url_rewrite_listed: tuple[str, ...]
    needs_single_update: bool
    needs_powershell: str
    patch_state: PatchStateTexts | None  # None: our own read-back alone tells
    rollback_keeps: tuple[str, ...] | None  # None: its rollback restores everything
    writes: tuple[Written, ...]
