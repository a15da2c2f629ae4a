# SPDX-License-Identifier: GPL-3.0-or-later
"""Campaigns and indicators: an emergency as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from .builds import Confidence


@dataclass(frozen=True, slots=True)
class KnownExploited:
    """The entry in CISA's catalogue of known exploited vulnerabilities."""

    added: date
    due: date
    ransomware: str  # Known | Unknown
    source: str


@dataclass(frozen=True, slots=True)
class CampaignCve:
    """One CVE's part in a campaign."""

    cve: str
    kind: str  # ssrf, rce, eop, file-write, xss, relay ...
    exploited: bool
    related: bool  # fixed by the same update, not known exploited
    fix: str  # update | update-and-state | state
    authentication: str  # none | user | admin | user-interaction | unknown
    mitigations: tuple[str, ...]  # ids; all of them together mitigate the CVE
    conditions: tuple[str, ...]  # when it matters at all, as sentences
    known_exploited: KnownExploited | None
    automatable: bool | None  # CISA's SSVC decision points, for deadlines
    impact: str | None  # total | partial


@dataclass(frozen=True, slots=True)
class LogWindow:
    """How far back logs must reach; ``start`` None = not known, then no log is enough."""

    start: date | None
    reason: str
    confidence: Confidence
    source: str


@dataclass(frozen=True, slots=True)
class CampaignStep:
    """Something to do that no update does."""

    id: str
    scope: str  # server | organisation | tenant
    title: str
    detail: str
    evidence: str  # host: can be read there; operator: a person attests it
    condition: str | None
    confidence: Confidence
    source: str


@dataclass(frozen=True, slots=True)
class TriageTask:
    """A part of the triage that comes before any change."""

    id: str
    title: str
    hours: int | None  # after the clock started
    before_change: bool
    confidence: Confidence
    source: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """One emergency: which CVEs, what closes them, what else has to happen, how to prove it."""

    id: str
    title: str
    summary: str
    published: date
    cves: tuple[CampaignCve, ...]
    log_window: LogWindow
    directive: str | None
    mitigations: tuple[str, ...]  # every id that a CVE of the campaign names
    indicator_sets: tuple[str, ...]
    steps: tuple[CampaignStep, ...]
    triage: tuple[TriageTask, ...]
    # Free-form knowledge: name -> text, e.g. "why an old cumulative update stays open"
    notes: Mapping[str, str]
    tools: tuple[Mapping[str, Any], ...]
    log_sources: tuple[str, ...]  # ids of the facts' logs and event logs that must cover the window
    source: str

    @property
    def required(self) -> tuple[CampaignCve, ...]:
        """The CVEs that are the reason for the campaign (not the merely related ones)."""
        return tuple(cve for cve in self.cves if not cve.related)

    def cve(self, cve: str) -> CampaignCve | None:
        """The campaign's entry for a CVE."""
        return next((entry for entry in self.cves if entry.cve == cve), None)


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator of compromise; alone it is seldom proof."""

    type: str  # sha256, ip, filepath, url_path, user_agent, log_pattern ...
    value: str
    note: str | None
    source: str


@dataclass(frozen=True, slots=True)
class IndicatorSet:
    """A named set of indicators."""

    id: str
    title: str
    note: str | None
    indicators: tuple[Indicator, ...]
