# SPDX-License-Identifier: GPL-3.0-or-later
"""Directives: who has to do what, when, by when, and what proves it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from .builds import Confidence

# An answer of a situation, as conditions name it: yes, no, the word ``unknown``, or a role.
Value = bool | str


@dataclass(frozen=True, slots=True)
class ClauseCondition:
    """Answers that have to be given together: ``{"expertise": (True,), "indicator": (False,)}``."""

    answers: Mapping[str, tuple[Value, ...]]


@dataclass(frozen=True, slots=True)
class Repeat:
    """Again, so many times, so many days apart, after the first time of another clause."""

    days: int
    times: int
    after: str


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of a directive.

    ``when`` holds alternatives; none: always. ``first_when``: then it goes before all others.
    ``holds_back``: steps that wait until this clause is met. ``forbids``: steps that it rules out.
    ``forbids_until``: clauses; once all are met it rules nothing out any more; none: as long as it
    holds. ``overdue``: a clause; past its time and not met on record, this one is at least open.
    ``waits``: it lasts until somebody else acts, and the work goes on meanwhile.
    ``cautions``: what the directive does not say and who carries it out has to know, by answer.
    """

    id: str
    who: str  # hosts or organisations that it binds
    scope: str  # server | organisation
    text: str
    deadline: str | None  # ISO, with offset where the source gives an hour
    evidence: str  # host: can be read there; operator: a person attests it
    confidence: Confidence
    source: str
    asks_for: tuple[str, ...] = ()  # changes of a server: mitigate, patch, upgrade
    kind: str = "order"  # order | advice
    condition: str | None = None  # in words
    when: tuple[ClauseCondition, ...] = ()
    first_when: tuple[ClauseCondition, ...] = ()
    step: str = "people"  # which step of ours carries it out; people: none can
    urgent: bool = False  # "immediately"
    within_hours: int | None = None
    repeat: Repeat | None = None
    satisfied_by: str = ""
    proof: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()  # of a report template: "1.0/Inventory!C16:V16"
    holds_back: tuple[str, ...] = ()
    forbids: tuple[str, ...] = ()
    forbids_until: tuple[str, ...] = ()
    overdue: str | None = None
    waits: bool = False
    cautions: Mapping[str, str] | None = None
    note: str | None = None
    due: datetime | None = None  # the deadline as a moment; a day alone ends with it, in UTC


@dataclass(frozen=True, slots=True)
class ReportTemplate:
    """A workbook in which the authority wants to be answered; ``sheets``: name -> how it is laid out."""

    id: str
    file: str
    sheets: Mapping[str, str]
    source: str


@dataclass(frozen=True, slots=True)
class DeadlineRule:
    """One cell of a directive's table: days until the fix for this kind of asset and CVE."""

    automatable: bool
    impact: str
    known_exploited: bool
    exposed: bool
    days: int | None  # None = with the next upgrade
    triage: bool


@dataclass(frozen=True, slots=True)
class Directive:
    """A binding or emergency directive; its clauses stand in the order of work."""

    id: str
    title: str
    authority: str
    issued: date
    closed: date | None
    status: str
    read: date  # when its sources were read
    binding_on: str
    binds: tuple[str, ...]  # kinds of organisation; everybody else takes it as advice
    servers: tuple[str, ...]  # roles of Exchange that make a machine one of its servers
    clauses: tuple[Clause, ...]
    deadlines: tuple[DeadlineRule, ...]
    terms: Mapping[str, str]
    report_templates: tuple[ReportTemplate, ...]
    source: str
    # When a disconnected server is powered off; otherwise it stays on. None: the directive does not say.
    power_off_when: tuple[ClauseCondition, ...] = ()

    @property
    def short(self) -> str:
        """The name in sentences: ``ED 21-02``."""
        kind, _, number = self.id.partition("-")
        return f"{kind.upper()} {number}"

    def clause(self, name: str) -> Clause | None:
        """The clause of this id, however it is capitalised."""
        wanted = " ".join(name.split()).casefold()
        return next((clause for clause in self.clauses if clause.id.casefold() == wanted), None)
