# SPDX-License-Identifier: GPL-3.0-or-later
"""What a directive orders for one server: pure, total, and the only place that decides it.

A clause is ordered, not ordered, or open while an answer that it depends on is missing. Open is
never dropped and never counts as no. Phases ask :meth:`DirectiveDecision.permission` before they change
anything, and never read a clause by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from .answers import QUESTIONS, ServerSituation, phrase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...catalog.records.directives import Clause, ClauseCondition, Directive, Value


# Changes of a server that wait for what a directive puts before everything.
_BEHIND_FIRST = ("mitigate", "patch", "upgrade")


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
    lifted: bool = False  # what it forbids is forbidden no more
    first: bool = False  # it goes before everything else

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
        """The first thing that is ordered and not met; what only waits for others comes last."""
        todo = [a for a in self.actions if a.ordered and not a.met and _counts(a)]
        return next((a for a in todo if not a.clause.waits), next(iter(todo), None))

    def late(self, now: datetime) -> tuple[ClauseAction, ...]:
        """What should have been met by now, the longest overdue first."""
        found = [a for a in self.actions if a.due and a.due < now and not a.met and _counts(a)]
        return tuple(sorted(found, key=lambda action: action.due or now))

    def permission(self, step: str) -> Permission:
        """Say whether a step of ours (``patch``, ``reconnect`` ...) may be taken now."""
        live = [action for action in self.actions if _counts(action)]
        against = [
            (Allowed.FORBIDDEN, [a for a in live if step in a.clause.forbids and not a.lifted]),
            (Allowed.HELD_BACK, _before(step, [a for a in live if not a.met])),
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


def _before(step: str, unmet: list[ClauseAction]) -> list[ClauseAction]:
    """What has to be met before a step; what goes before everything waits for nothing."""
    first = [action for action in unmet if action.first]
    if any(action.clause.step == step for action in first):
        return []
    others = first if step in _BEHIND_FIRST else []
    return [a for a in unmet if a in others or step in a.clause.holds_back]


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
    now: datetime | None = None,
) -> DirectiveDecision:
    """Say what a directive orders for a server.

    ``met``: ids of clauses that are satisfied on record. ``clock``: when times such as "within 24
    hours" began to run. ``now``: which deadlines are over; None: as if none were. Total: every
    situation has an answer.
    """
    record = _Record(met, clock, now)
    actions = [_action(directive, clause, situation, record) for clause in directive.clauses]
    live = [action for action in actions if action.standing is not ClauseStanding.NOT_ORDERED]
    first = [action for action in live if action.first]
    rest = [action for action in live if not action.first]
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


@dataclass(frozen=True, slots=True)
class _Record:
    """What is on record beside the answers: see :func:`decide`."""

    met: frozenset[str]
    clock: datetime | None
    now: datetime | None


def _goes_first(clause: Clause, situation: ServerSituation) -> bool:
    return bool(clause.first_when) and (
        _any(clause.first_when, situation)[0] is ClauseStanding.ORDERED
    )


def _action(
    directive: Directive,
    clause: Clause,
    situation: ServerSituation,
    record: _Record,
) -> ClauseAction:
    standing, reason, unanswered = _standing(directive, clause, situation)
    if standing is ClauseStanding.NOT_ORDERED and _applies(directive, clause, situation):
        standing, reason = _overdue(directive, clause, record, reason)
    return ClauseAction(
        clause=clause,
        standing=standing,
        reason=reason,
        unanswered=unanswered,
        due=_due(directive, clause, record.clock),
        met=clause.id in record.met,
        cautions=tuple(
            text
            for name, text in (clause.cautions or {}).items()
            if situation.given(name) is not False
        ),
        lifted=bool(clause.forbids_until) and record.met.issuperset(clause.forbids_until),
        first=standing is ClauseStanding.ORDERED and _goes_first(clause, situation),
    )


def _due(directive: Directive, clause: Clause, clock: datetime | None) -> datetime | None:
    """When a clause has to be met; of what is done again and again, the last time."""
    start = directive.clause(clause.repeat.after) if clause.repeat else None
    if clause.due is None and clause.repeat and start:
        return _later(_once(start, clock), timedelta(days=clause.repeat.days * clause.repeat.times))
    return _once(clause, clock)


def _once(clause: Clause, clock: datetime | None) -> datetime | None:
    if clause.due is not None or not clause.within_hours:
        return clause.due
    return _later(clock, timedelta(hours=clause.within_hours))


def _later(start: datetime | None, wait: timedelta) -> datetime | None:
    try:
        return start + wait if start else None
    except OverflowError:  # after the last year that there is
        return datetime.max.replace(tzinfo=UTC)


def _overdue(
    directive: Directive, clause: Clause, record: _Record, reason: str
) -> tuple[ClauseStanding, str]:
    """What takes the place of another clause may hold once that one's time is over unmet."""
    other = directive.clause(clause.overdue) if clause.overdue else None
    due = _due(directive, other, record.clock) if other else None
    if other is None or due is None or other.id in record.met:
        return ClauseStanding.NOT_ORDERED, reason
    if record.now is None or record.now <= due:
        return ClauseStanding.NOT_ORDERED, reason
    late = f"the time of {other.id!r} is over, and nothing on record says that it was met"
    return ClauseStanding.OPEN, late


def _applies(directive: Directive, clause: Clause, situation: ServerSituation) -> bool:
    """Whether a clause can speak of this machine; one of unknown role is taken for a server."""
    return clause.scope != "server" or not situation.roles or _is_server(directive, situation)


def _standing(
    directive: Directive, clause: Clause, situation: ServerSituation
) -> tuple[ClauseStanding, str, tuple[str, ...]]:
    if not _applies(directive, clause, situation):
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
