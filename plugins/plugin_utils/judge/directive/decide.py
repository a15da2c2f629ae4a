# SPDX-License-Identifier: GPL-3.0-or-later
"""What a directive orders for one server: pure, total, and the only place that decides it.

A clause is ordered, not ordered, or open while an answer that it depends on is missing. Open is
never dropped and never counts as no. Phases ask :meth:`DirectiveDecision.permission` before they change
anything, and never read a clause by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING

from .answers import QUESTIONS, ServerSituation, phrase

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ...catalog.records.directives import Clause, ClauseCondition, Directive, Value


class ClauseStanding(Enum):
    """Whether a clause holds for a server."""

    ORDERED = "ordered"
    OPEN = "open"  # depends on an answer that nobody has given
    NOT_ORDERED = "not-ordered"


class Allowed(Enum):
    """What a directive says of a step of ours, the strictest first."""

    FORBIDDEN = "forbidden"
    HELD_BACK = "held-back"  # something else comes first
    OPEN = "open"
    ORDERED = "ordered"
    NOT_ASKED = "not-asked"


@dataclass(frozen=True, slots=True)
class ClauseAction:
    """One clause for one server. ``due``: None where the directive sets no time."""

    clause: Clause
    standing: ClauseStanding
    reason: str
    unanswered: tuple[str, ...]  # names of :data:`QUESTIONS`, or ``roles``
    due: datetime | None
    met: bool
    cautions: tuple[str, ...]

    @property
    def ordered(self) -> bool:
        return self.standing is ClauseStanding.ORDERED


@dataclass(frozen=True, slots=True)
class Permission:
    """Whether a step may be taken, and which clauses say so."""

    step: str
    allowed: Allowed
    clauses: tuple[str, ...]
    reason: str

    @property
    def free(self) -> bool:
        """Whether nothing of the directive stands against the step."""
        return self.allowed in (Allowed.ORDERED, Allowed.NOT_ASKED)


@dataclass(frozen=True, slots=True)
class DirectiveDecision:
    """What a directive wants from one server.

    ``actions``: ordered and open clauses in the order of work; ``not_ordered``: the others, with
    the reason. ``binding``: None while nobody has said what kind of organisation it is.
    ``questions``: answers that are missing and matter. ``power``: on or off, where disconnecting
    is ordered or open.
    """

    directive: Directive
    situation: ServerSituation
    binding: bool | None
    actions: tuple[ClauseAction, ...]
    not_ordered: tuple[ClauseAction, ...]
    questions: tuple[str, ...]
    disconnect_first: bool
    power: str | None

    @property
    def next(self) -> ClauseAction | None:
        """The first thing that is ordered and not met."""
        return next(
            (a for a in self.actions if a.ordered and not a.met and a.clause.kind == "order"), None
        )

    def late(self, now: datetime) -> tuple[ClauseAction, ...]:
        """What should have been met by now, the longest overdue first."""
        found = [a for a in self.actions if a.due and a.due < now and not a.met and _counts(a)]
        return tuple(sorted(found, key=lambda action: action.due or now))

    def permission(self, step: str) -> Permission:
        """Say whether a step of ours (``patch``, ``reconnect`` ...) may be taken now."""
        live = [action for action in self.actions if _counts(action)]
        against = [
            (Allowed.FORBIDDEN, [a for a in live if step in a.clause.forbids]),
            (
                Allowed.HELD_BACK,
                [a for a in live if step in a.clause.holds_back and not a.met],
            ),
        ]
        for allowed, found in against:
            sure = [action for action in found if action.ordered]
            if sure:
                return _permission(step, allowed, sure)
        doubtful = [a for _allowed, found in against for a in found]
        if doubtful:
            return _permission(step, Allowed.OPEN, doubtful)
        asking = [a for a in live if step in (a.clause.step, *a.clause.asks_for)]
        sure = [action for action in asking if action.ordered]
        if sure:
            return _permission(step, Allowed.ORDERED, sure)
        if asking:
            return _permission(step, Allowed.OPEN, asking)
        return Permission(
            step, Allowed.NOT_ASKED, (), f"{self.directive.short} does not speak of it"
        )


def _counts(action: ClauseAction) -> bool:
    return action.clause.kind == "order"


def _permission(step: str, allowed: Allowed, actions: list[ClauseAction]) -> Permission:
    names = tuple(action.clause.id for action in actions)
    reasons = "; ".join(dict.fromkeys(action.reason for action in actions))
    return Permission(step, allowed, names, reasons)


def decide(
    directive: Directive,
    situation: ServerSituation,
    *,
    met: frozenset[str] = frozenset(),
    clock: datetime | None = None,
) -> DirectiveDecision:
    """Say what a directive orders for a server.

    ``met``: ids of clauses that are satisfied on record. ``clock``: when times such as "within 24
    hours" began to run. Total: every situation has an answer.
    """
    actions = [_action(directive, clause, situation, met, clock) for clause in directive.clauses]
    live = [action for action in actions if action.standing is not ClauseStanding.NOT_ORDERED]
    first = [action for action in live if _goes_first(action, situation)]
    rest = [action for action in live if not _goes_first(action, situation)]
    unanswered = dict.fromkeys(name for action in live for name in action.unanswered)
    order = ("organisation", "roles", *(question.name for question in QUESTIONS))
    power, doubts = _power(directive, situation, live)
    missing = {*unanswered, *doubts}
    if situation.organisation is None:
        missing.add("organisation")
    if not situation.roles:
        missing.add("roles")
    return DirectiveDecision(
        directive=directive,
        situation=situation,
        binding=None
        if situation.organisation is None
        else situation.organisation in directive.binds,
        actions=(*first, *rest),
        not_ordered=tuple(a for a in actions if a.standing is ClauseStanding.NOT_ORDERED),
        questions=tuple(name for name in order if name in missing),
        disconnect_first=any(action.clause.step == "isolate" for action in first),
        power=power,
    )


def _goes_first(action: ClauseAction, situation: ServerSituation) -> bool:
    return bool(action.clause.first_when) and (
        _any(action.clause.first_when, situation)[0] is ClauseStanding.ORDERED
    )


def _action(
    directive: Directive,
    clause: Clause,
    situation: ServerSituation,
    met: frozenset[str],
    clock: datetime | None,
) -> ClauseAction:
    standing, reason, unanswered = _standing(directive, clause, situation)
    due = clause.due
    if due is None and clause.within_hours and clock:
        due = clock + timedelta(hours=clause.within_hours)
    return ClauseAction(
        clause=clause,
        standing=standing,
        reason=reason,
        unanswered=unanswered,
        due=due,
        met=clause.id in met,
        cautions=tuple(
            text
            for name, text in (clause.cautions or {}).items()
            if situation.given(name) is not False
        ),
    )


def _standing(
    directive: Directive, clause: Clause, situation: ServerSituation
) -> tuple[ClauseStanding, str, tuple[str, ...]]:
    # What nobody knows the role of is taken for a server: unknown never counts as no.
    if clause.scope == "server" and situation.roles and not _is_server(directive, situation):
        return ClauseStanding.NOT_ORDERED, "it is no Exchange server: management tools only", ()
    if not clause.when:
        return ClauseStanding.ORDERED, "it is asked of everybody", ()
    return _any(clause.when, situation)


def _is_server(directive: Directive, situation: ServerSituation) -> bool:
    return any(role in directive.servers for role in situation.roles)


def _any(
    conditions: Iterable[ClauseCondition], situation: ServerSituation
) -> tuple[ClauseStanding, str, tuple[str, ...]]:
    """Judge alternatives: one that holds is enough, one that may hold keeps the clause open."""
    judged = [_all(condition, situation) for condition in conditions]
    for wanted in (ClauseStanding.ORDERED, ClauseStanding.OPEN):
        found = [entry for entry in judged if entry[0] is wanted]
        if wanted is ClauseStanding.ORDERED and found:
            return found[0]
        if found:
            reason = "; ".join(dict.fromkeys(entry[1] for entry in found))
            names = dict.fromkeys(name for entry in found for name in entry[2])
            return wanted, reason, tuple(names)
    reason = "; ".join(dict.fromkeys(entry[1] for entry in judged))
    return ClauseStanding.NOT_ORDERED, reason, ()


def _all(
    condition: ClauseCondition, situation: ServerSituation
) -> tuple[ClauseStanding, str, tuple[str, ...]]:
    """Judge answers that have to be given together."""
    holds: list[str] = []
    fails: list[str] = []
    unanswered: list[str] = []
    doubts: list[str] = []
    for name, values in condition.answers.items():
        standing, words = (
            _role(values, situation) if name == "role" else _answer(name, values, situation)
        )
        if standing is ClauseStanding.NOT_ORDERED:
            fails.append(words)
        elif standing is ClauseStanding.OPEN:
            unanswered.append("roles" if name == "role" else name)
            doubts.append(words)
        else:
            holds.append(words)
    if fails:
        return ClauseStanding.NOT_ORDERED, " and ".join(fails), ()
    if doubts:
        return ClauseStanding.OPEN, " and ".join(doubts), tuple(unanswered)
    return ClauseStanding.ORDERED, " and ".join(holds), ()


def _answer(
    name: str, values: tuple[Value, ...], situation: ServerSituation
) -> tuple[ClauseStanding, str]:
    given = situation.given(name)
    words = phrase(name, given=given)
    if given is None:
        every = "unknown" in values or {True, False} <= set(values)
        return (ClauseStanding.ORDERED if every else ClauseStanding.OPEN), words
    return (ClauseStanding.ORDERED if given in values else ClauseStanding.NOT_ORDERED), words


def _role(values: tuple[Value, ...], situation: ServerSituation) -> tuple[ClauseStanding, str]:
    if not situation.roles:
        if "unknown" in values:
            return ClauseStanding.ORDERED, "the roles of the server are not known"
        return ClauseStanding.OPEN, "the roles of the server are not known"
    words = f"its roles are {', '.join(situation.roles)}"
    hit = any(role in values for role in situation.roles)
    return (ClauseStanding.ORDERED if hit else ClauseStanding.NOT_ORDERED), words


def _power(
    directive: Directive, situation: ServerSituation, live: list[ClauseAction]
) -> tuple[str | None, tuple[str, ...]]:
    """On or off while disconnected, where the directive defines it, and the answers it waits for."""
    if not directive.power_off_when or not any(
        action.clause.step == "isolate" and _counts(action) for action in live
    ):
        return None, ()
    standing, _reason, unanswered = _any(directive.power_off_when, situation)
    return ("off" if standing is ClauseStanding.ORDERED else "on"), unanswered
