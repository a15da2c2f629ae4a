# SPDX-License-Identifier: GPL-3.0-or-later
"""What the catalogue knows about builds, updates, support and vulnerabilities.

Every record carries its ``source``; ``confidence`` is one of :class:`Confidence`.
Dates are ISO texts as the sources give them; a build of which only the month is
known reads ``2018-08``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...base.model import Build

_MONTH = len("2018-08")

# Every answer of :meth:`Catalog.exposure`, worst first.
STATUSES = (
    "change-cu",
    "open",
    "disputed",
    "unknown",
    "unconfirmed",
    "needs-state",
    "fixed",
    "not-affected",
)
OPEN = ("change-cu", "open", "disputed")  # sources that disagree are never read as the nicer one
UNSURE = ("unknown", "unconfirmed")


class Confidence(Enum):
    """How well a value is known; everything but ``READ`` needs care before it is relied on."""

    READ = "read"  # stands in the cited source
    DERIVED = "derived"  # computed or inferred from cited data
    MEMORY = "memory"  # general knowledge that no source read confirms
    CODE = "code"  # read in the source text of a script, not seen to run
    SECONDARY = "secondary"  # only a secondary report was readable
    DOUBTFUL = "doubtful"  # a source gave it once and could not be found again


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """One published build of Exchange: a cumulative update, rollup, security update or hotfix."""

    build: Build
    product: str  # Exchange2010 | Exchange2013 | Exchange2016 | Exchange2019 | ExchangeSE
    cu: str  # "CU19", "RTM", "SP1", "SP3 UR32"
    kind: str  # CU | RU | SU | HU
    release_date: str  # YYYY-MM-DD, or YYYY-MM where only the month is known
    kb: str | None
    update: str | None  # HealthChecker's name of the update, e.g. Mar21SU
    entitlement: str  # public | esu1 | esu2
    # The only CVEs that this update fixes, where it is not cumulative (the March 2021 updates
    # for cumulative updates that were out of support).
    only_fixes: tuple[str, ...]
    confidence: Confidence
    note: str | None
    source: str
    read: date  # when the source was read

    @property
    def released(self) -> date:
        """The release day; the first of the month where the day is not known."""
        text = self.release_date
        return date.fromisoformat(f"{text}-01" if len(text) == _MONTH else text)

    @property
    def title(self) -> str:
        """``Exchange2016 CU19 Mar21SU (KB5000871)``."""
        name = self.update or (None if self.kind in ("CU", "RU") else self.kind)
        parts = [self.product, self.cu, *([name] if name else [])]
        return " ".join(parts) + (f" ({self.kb})" if self.kb else "")


@dataclass(frozen=True, slots=True)
class CuInfo:
    """One cumulative update (of Exchange 2010: one rollup): what the first three parts name."""

    product: str
    cu: str
    build: Build  # the base build
    release_date: str
    source: str


@dataclass(frozen=True, slots=True)
class SupportPhase:
    """A span of a product's life and which of its cumulative updates it covers."""

    start: date
    end: date | None  # last day of the phase; None = open
    status: str  # supported | extended | unknown
    cumulative_updates: tuple[str, ...]  # names, or one of: latest-two, latest, all
    note: str
    confidence: Confidence
    source: str


@dataclass(frozen=True, slots=True)
class Product:
    """One product line and its support life."""

    id: str
    name: str
    release_date: date
    support: tuple[SupportPhase, ...]
    inherits: str | None  # built from this product's code: Exchange SE from Exchange 2019
    covered: bool  # do the vulnerability sources test this product at all
    rollups: bool  # updates of one service pack replace each other (Exchange 2010)
    source: str
    product_code: str | None = None  # Windows Installer's, the same for all cumulative updates


@dataclass(frozen=True, slots=True)
class Support:
    """Whether a cumulative update was supported on a day."""

    status: str  # supported | extended | unsupported | unknown
    note: str
    source: str
    supported_updates: tuple[str, ...] = ()  # the cumulative updates in support that day


@dataclass(frozen=True, slots=True)
class StateCondition:
    """What must hold besides the build (or what defeats the fix although the build is right)."""

    kind: str  # extended-protection, setting-override, ad-schema, tenant, earlier-update ...
    requires: str  # a sentence: what must be so
    # True: holds unless somebody changed it (an override); False: somebody must act first.
    holds_by_default: bool
    source: str


@dataclass(frozen=True, slots=True)
class Fix:
    """The first build of one cumulative update that fixes one CVE."""

    product: str
    cu: str
    build: Build
    kb: str | None
    entitlement: str  # who gets the update: public | esu1 | esu2
    confidence: Confidence
    note: str | None
    source: str
    read: date  # when the source was read
    # Builds from here up to (not including) ``build``: sources disagree whether they are fixed.
    disputed_from: Build | None = None
    dispute: str | None = None  # who says what, in one sentence
    disputed_source: str | None = None  # the one that names ``disputed_from``
    disputed_read: date | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """What a source says about a CVE and a product for which no build is a fix.

    ``open``: affected, and no update exists yet; ``needs-state``: the state alone decides.
    """

    product: str
    status: str  # not-affected | unknown | open | needs-state
    reason: str
    source: str
    read: date


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One CVE with its first fixed build for each cumulative update."""

    cve: str
    title: str | None
    update: str | None  # the update that fixes it, e.g. Mar21SU
    fixes: tuple[Fix, ...]
    state: tuple[StateCondition, ...]
    statements: tuple[Statement, ...]
    confidence: Confidence
    note: str | None


@dataclass(frozen=True, slots=True)
class CveFix:
    """The answer of :meth:`Catalog.exposure`: what one CVE means for one build.

    ``status``:
      ``fixed``         the build carries the fix
      ``open``          it does not; ``fixed_build``/``kb`` is the update for this very
                        cumulative update that closes it (``None``: no update exists yet)
      ``disputed``      one source says that it does, another that only ``fixed_build`` does:
                        counts as open; ``disputed_from`` is the other source's build
      ``change-cu``     it does not, and no update exists for this cumulative update;
                        ``fixed_build`` is the first build of the nearest later one
      ``needs-state``   the build is right, but ``state`` decides
      ``not-affected``  the sources do not list the product
      ``unknown``       the catalogue cannot tell; ``note`` says why
      ``unconfirmed``   a source named the CVE once and could not be found again: no verdict
                        rests on it
    """

    status: str
    fixed_build: Build | None
    kb: str | None
    source: str
    note: str
    cve: str = ""
    fixed_cu: str | None = None  # the cumulative update that ``fixed_build`` belongs to
    state: tuple[StateCondition, ...] = ()
    confidence: Confidence = Confidence.READ
    entitlement: str = "public"  # who gets the update
    read: date | None = None  # when the source was read
    disputed_from: Build | None = None  # the first fixed build by another source
    disputed_source: str | None = None
    disputed_read: date | None = None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """That a maker took an update back: when, and why in a sentence."""

    date: date
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class Package:
    """One update package as it is to be fetched, stored and installed."""

    kb: str
    product: str
    cu: str  # it installs on this cumulative update only
    build: Build  # the build that results
    file: str
    file_confidence: Confidence
    supersedes: tuple[str, ...]  # KBs for the same cumulative update that it contains
    sha256: str  # 64 hex digits, or "unknown": the operator pins it
    source: str
    read: date  # when the source was read
    note: str | None = None
    entitlement: str = "public"
    withdrawn: Withdrawal | None = None  # then nobody chooses it without a reason
