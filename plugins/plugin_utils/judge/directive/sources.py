# SPDX-License-Identifier: GPL-3.0-or-later
"""From what several sources say of a server to one situation, and who said what. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ...base.errors import ConfigError
from .answers import UNKNOWN, ServerSituation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

VARIABLE = "exchange_directive"  # of a host or group: answers that the inventory gives
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class GivenAnswers:
    """What one source says; ``source`` in words: ``the inventory``, ``attested by ... on ...``.

    ``answers`` as :class:`ServerSituation` names them; an answer that is unknown says nothing, but for
    a source that ``retracts``: from then on nobody knows. ``met``: ids of clauses that it says are
    satisfied; ``not_met``: that they are not. ``at``: when it was said, if the order depends on that.
    """

    source: str
    answers: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    met: tuple[str, ...] = ()
    not_met: tuple[str, ...] = ()
    at: datetime | None = None
    retracts: bool = False


@dataclass(frozen=True, slots=True)
class CombinedAnswers:
    """One situation; ``said_by``: answer -> source; ``met_by``: clause -> source."""

    situation: ServerSituation
    said_by: Mapping[str, str]
    met_by: Mapping[str, str]
    conflicts: tuple[str, ...]  # sources that disagree, as sentences

    @property
    def met(self) -> frozenset[str]:
        return frozenset(self.met_by)


def combine(sources: Iterable[GivenAnswers]) -> CombinedAnswers:
    """Put sources together; a later one stands over an earlier one, and the conflict is said.

    But a finding is never taken back: once any source says that an indicator was found, it was. And of
    two of the same moment that disagree neither is the later one: then nobody knows.
    """
    all_of = _AllAnswers()
    for given in sources:
        read = ServerSituation.of(dict(given.answers), where=given.source)
        for name in given.answers:
            all_of.answer(name, _value(read, name), given)
        for clause in given.met:
            all_of.clause(clause, given, met=True)
        for clause in given.not_met:
            all_of.clause(clause, given, met=False)
    known = {name: value for name, value in all_of.values.items() if value is not None}
    return CombinedAnswers(
        situation=ServerSituation(**known),
        said_by={name: all_of.said_by[name].source for name in known},
        met_by={name: by.source for name, by in all_of.clauses.items() if name not in all_of.unmet},
        conflicts=tuple(all_of.conflicts),
    )


@dataclass(slots=True)
class _AllAnswers:
    """What is known so far; ``values``: None where a source has taken an answer back."""

    values: dict[str, Any] = field(default_factory=dict)
    said_by: dict[str, GivenAnswers] = field(default_factory=dict)
    clauses: dict[str, GivenAnswers] = field(default_factory=dict)
    unmet: set[str] = field(default_factory=set)
    conflicts: list[str] = field(default_factory=list)

    def answer(self, name: str, value: Any, given: GivenAnswers) -> None:
        if value is None and not given.retracts:
            return
        before = self.said_by.get(name)
        if before is not None and self.values[name] != value:
            outcome, counts = self._outcome(name, value, given)
            self.conflicts.append(
                f"{name}: {before.source} says {_shown(self.values[name])}, {given.source} says "
                f"{_shown(value)}; {outcome}"
            )
            if outcome == _STANDS:
                return
            value = counts
        self.values[name] = value
        self.said_by[name] = given

    def _outcome(self, name: str, value: Any, given: GivenAnswers) -> tuple[str, Any]:
        """What comes of a conflict, in words, and the value that counts."""
        if name == "indicator" and self.values[name] is True:
            return _STANDS, True
        found = name == "indicator" and value is True
        if _same_moment(self.said_by[name], given) and not found:
            return _NEITHER, None
        return _LATER, value

    def clause(self, name: str, given: GivenAnswers, *, met: bool) -> None:
        before, was_met = self.clauses.get(name), name not in self.unmet
        if before is not None and was_met is not met:
            tie = _same_moment(before, given)
            one, other = ("is not met", "it is") if met else ("is met", "it is not")
            outcome = "at the same moment, so it is not met" if tie else _LATER
            self.conflicts.append(
                f"{name}: {before.source} says it {one}, {given.source} says {other}; {outcome}"
            )
            met = met and not tie
        if before is None or was_met is not met:
            self.clauses[name] = given
        if met:
            self.unmet.discard(name)
        else:
            self.unmet.add(name)


_STANDS = "a finding stands"
_LATER = "the later one counts"
_NEITHER = "both were said at the same moment, so neither counts"


def _same_moment(one: GivenAnswers, two: GivenAnswers) -> bool:
    return one.at is not None and one.at == two.at


def _value(read: ServerSituation, name: str) -> Any:
    """An answer; None where it says nothing."""
    if name == "roles":
        return read.roles or None
    return read.organisation if name == "organisation" else read.given(name)


def _shown(value: Any) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def inventory_answers(host: str, variable: Any) -> tuple[list[GivenAnswers], list[str]]:
    """Return what the variable of a host says, and what is wrong with it: then it says nothing."""
    if variable is None:
        return [], []
    if not isinstance(variable, Mapping):
        return [], [
            f"{host}: {VARIABLE} is {variable!r:.80}, not a mapping of answers; write name: value"
        ]
    given = GivenAnswers("the inventory", {str(key): value for key, value in variable.items()})
    try:
        combine([given])
    except ConfigError as error:
        return [], [f"{host}: {VARIABLE}: {error}"]
    return [given], []


def wrong_answers(host: str, variable: Any) -> str | None:
    """Say what is wrong with the inventory's answers for a host; None: nothing."""
    _sources, problems = inventory_answers(host, variable)
    return problems[0] if problems else None
