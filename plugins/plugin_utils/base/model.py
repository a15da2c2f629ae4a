# SPDX-License-Identifier: GPL-3.0-or-later
"""The vocabulary that every room shares: builds, verdicts, checks, assessments.

Only frozen values; nothing here reads a file, a clock or a host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

_BUILD = re.compile(r"\d{1,5}(?:\.\d{1,5}){3}\Z")


@dataclass(frozen=True, slots=True, order=True)
class Build:
    """An Exchange build, compared part by part as integers.

    ``15.01.2176.009`` (file version) and ``15.1.2176.9`` are the same build.
    """

    major: int
    minor: int
    build: int
    revision: int

    @classmethod
    def parse(cls, text: str) -> Build:
        """Read ``a.b.c.d``; raises ``ValueError`` naming the text."""
        if not isinstance(text, str) or not _BUILD.match(text):
            raise ValueError(f"not a four-part Exchange build such as 15.1.2176.9: {text!r}")
        return cls(*(int(part) for part in text.split(".")))

    @property
    def cumulative_update(self) -> tuple[int, int, int]:
        """The three parts that name a cumulative update: (15, 1, 2176)."""
        return (self.major, self.minor, self.build)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.build}.{self.revision}"


class Exposure(Enum):
    """What one CVE means for one server."""

    FIXED = "fixed"
    VULNERABLE = "vulnerable"
    DISPUTED = "disputed"  # one source says fixed, another open: counts as open
    VULNERABLE_MITIGATED = "vulnerable-mitigated"
    UNSUPPORTED_AND_VULNERABLE = "unsupported-and-vulnerable"
    UNKNOWN = "unknown"
    NOT_AFFECTED = "not-affected"


OPEN_EXPOSURES = frozenset(
    (
        Exposure.VULNERABLE,
        Exposure.DISPUTED,
        Exposure.VULNERABLE_MITIGATED,
        Exposure.UNSUPPORTED_AND_VULNERABLE,
    )
)


class CheckStatus(Enum):
    """Outcome of one check; ``UNKNOWN`` is never treated as ``PASS``."""

    PASS = "pass"  # noqa: S105 - a verdict, not a secret
    FINDING = "finding"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"


class Severity(Enum):
    """How much a finding matters, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class HostState(Enum):
    """The terminal state of one inventory host in one run (I3)."""

    ASSESSED = "assessed"
    UNREACHABLE = "unreachable"
    AUTHENTICATION_FAILED = "authentication-failed"
    REFUSED = "refused"
    ERROR = "error"
    NOT_ATTEMPTED = "not-attempted"
    NOT_IN_INVENTORY = "not-in-inventory"  # the directory knows it, nobody listed it


class Verdict(Enum):
    """Exposure of a whole server to a campaign, worst first."""

    UNSUPPORTED_AND_VULNERABLE = "unsupported-and-vulnerable"
    VULNERABLE = "vulnerable"
    DISPUTED = "disputed"
    VULNERABLE_MITIGATED = "vulnerable-mitigated"
    UNKNOWN = "unknown"
    FIXED = "fixed"
    NOT_AFFECTED = "not-affected"


@dataclass(frozen=True, slots=True)
class CveVerdict:
    """Exposure of one server to one CVE, with its reason and the source of the fact."""

    cve: str
    exposure: Exposure
    reason: str
    source: str
    fixed_build: str | None = None
    update: str | None = None  # e.g. "KB5000871"
    action: str | None = None  # what closes it, as a sentence
    campaign: str | None = None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check on one host."""

    check: str  # stable id, e.g. "update.half-installed"
    title: str
    status: CheckStatus
    severity: Severity
    summary: str  # one sentence with the values it rests on
    remedy: str | None = None
    clause: str | None = None  # directive clause, e.g. "ED 21-02 action 1"
    source: str | None = None
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Identity:
    """What the server is, as far as the facts say; ``None`` = not known."""

    name: str | None
    product: str | None  # "Exchange2016"
    cumulative_update: str | None  # "CU19"
    build: str | None  # from ExSetup.exe
    update: str | None  # name/KB of the exact build, if it is an update
    roles: tuple[str, ...]
    dag: str | None
    os: str | None
    supported: bool | None  # at the assessment's date
    support_note: str | None


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything judged about one reached server for one campaign."""

    campaign: str
    at: str  # ISO-8601 UTC: the date the judgement is for
    identity: Identity
    verdict: Verdict
    exposures: tuple[CveVerdict, ...]
    checks: tuple[CheckResult, ...]
    other_open_cves: tuple[CveVerdict, ...] = ()  # outside the campaign


class CompromiseState(Enum):
    """What a check, or all checks of a server together, say; "clean" is no value (I1).

    The order is that of :data:`COMPROMISE_ORDER`: the first that any check has is the server's (I2).
    """

    INDICATOR_FOUND = "indicator-found"
    CONFLICT = "conflict"  # two sources disagree
    INCONCLUSIVE = "inconclusive"  # it proves nothing, and the reasons say why
    NO_INDICATOR = "no-indicator"  # looked at whole, as far back as was asked, and nothing there


COMPROMISE_ORDER = tuple(CompromiseState)
# Somebody has to look, and no later run takes it back.
SUSPICIOUS = frozenset({CompromiseState.INDICATOR_FOUND, CompromiseState.CONFLICT})
