# SPDX-License-Identifier: GPL-3.0-or-later
"""From what several sources say of a server to one situation, and who said what. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ...base.errors import ConfigError
from .answers import QUESTIONS, ServerSituation

if TYPE_CHECKING:
    from collections.abc import Iterable

VARIABLE = "exchange_directive"  # of a host or group: answers that the inventory gives
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class GivenAnswers:
    """What one source says; ``source`` in words: ``the inventory``, ``attested by ... on ...``.

    ``answers`` as :class:`ServerSituation` names them; an answer that is unknown says nothing.
    ``met``: ids of clauses that it says are satisfied.
    """

    source: str
    answers: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    met: tuple[str, ...] = ()


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

    But a finding is never taken back: once any source says that an indicator was found, it was.
    """
    answers: dict[str, Any] = {}
    said_by: dict[str, str] = {}
    met_by: dict[str, str] = {}
    conflicts: list[str] = []
    for given in sources:
        read = ServerSituation.of(dict(given.answers), where=given.source)
        for name, value in _known(read):
            before = answers.get(name)
            if before is not None and before != value:
                kept = name == "indicator" and before is True
                conflicts.append(
                    f"{name}: {said_by[name]} says {_shown(before)}, {given.source} says "
                    f"{_shown(value)}; {'a finding stands' if kept else 'the later one counts'}"
                )
                if kept:
                    continue
            answers[name] = value
            said_by[name] = given.source
        for clause in given.met:
            met_by.setdefault(clause, given.source)
    return CombinedAnswers(
        situation=ServerSituation(**answers),
        said_by=said_by,
        met_by=met_by,
        conflicts=tuple(conflicts),
    )


def _known(read: ServerSituation) -> list[tuple[str, Any]]:
    """The answers that say something."""
    found: list[tuple[str, Any]] = [
        (question.name, read.given(question.name))
        for question in QUESTIONS
        if read.given(question.name) is not None
    ]
    if read.organisation is not None:
        found.append(("organisation", read.organisation))
    if read.roles:
        found.append(("roles", read.roles))
    return found


def _shown(value: Any) -> str:
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
