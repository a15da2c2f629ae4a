# SPDX-License-Identifier: GPL-3.0-or-later
"""What was looked at on one server, how far back, and what it says of a compromise."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from ...base.model import CompromiseState


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a finding can be looked up again: a collected file, and the place in it.

    ``file``: as the case names it; ``origin``: its path on the server; ``sha256``: of the whole
    file. ``place``: ``line 12``, ``record 3``, ``Cve26855.Hits[0]``; empty: the whole file.
    """

    file: str
    origin: str
    sha256: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One indication of compromise. ``detail``: the tool's own words, inert and bounded."""

    id: str  # "CVE-2021-26855", "threat", "lsass-dump" ...
    title: str
    detail: str
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class SourceCoverage:
    """How far back one source was looked at.

    ``source``: ``HttpProxy/Owa``, ``Application event log``, ``files``. ``first``/``last``: the oldest
    and the newest that was there; None: not known. ``gaps``: what is missing, in words.
    """

    source: str
    first: datetime | None = None
    last: datetime | None = None
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DetectionCheck:
    """One question that one tool answered, or did not.

    ``id``: tool and question, ``test-proxylogon/CVE-2021-26855``, ``msert/full-scan``. A check with
    findings is ``indicator-found``; ``reasons`` say why it is anything else than ``no-indicator``.
    """

    id: str
    tool: str
    title: str
    state: CompromiseState
    reasons: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    coverage: tuple[SourceCoverage, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolReading:
    """What one run of one tool says. ``said``: its own last word, as it stands there.

    ``version``: None where the output does not show it and nobody said it. ``finished``: whether it
    ran to its end by its own mark. ``notes`` change nothing of the verdict.
    """

    tool: str
    version: str | None
    finished: bool
    checks: tuple[DetectionCheck, ...]
    said: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CompromiseVerdict:
    """What all checks of one server come to; ``since``: how far back had to be looked."""

    state: CompromiseState
    reasons: tuple[str, ...]
    checks: tuple[DetectionCheck, ...] = field(default=())
    since: datetime | None = None


class ExposureState(Enum):
    """What a tool says of a hole, not of an intrusion: it never enters :class:`CompromiseVerdict`."""

    EXPOSED = "exposed"
    NOT_EXPOSED = "not-exposed"  # it asked, was answered, and the answer says so
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class ExposureCheck:
    """One question about exposure that one tool answered, or did not.

    ``id``: ``healthchecker/exposure``, ``nmap/exposure``. ``subject``: which server or address, as the
    tool names it. ``cves``: those it says the server is exposed to; empty where it names none.
    """

    id: str
    tool: str
    title: str
    subject: str
    state: ExposureState
    reasons: tuple[str, ...] = ()
    cves: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
