# SPDX-License-Identifier: GPL-3.0-or-later
"""A first full scan, then one a week: which are due, which are done, and which runs do not count. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from ...base.errors import CatalogError
from ...base.model import CompromiseState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...catalog.records.directives import Clause, Directive
    from .records import DetectionCheck

SCANNER = "msert"
FULL_MODES = frozenset({"full", "full-remove"})
# The catalogue has no day of a supplement: the first of ED 21-02 is of this one, in Washington.
_ORDERED = datetime.fromisoformat("2021-03-31T00:00-04:00")
_ANSWERED = frozenset({CompromiseState.NO_INDICATOR, CompromiseState.INDICATOR_FOUND})


class ScanState(Enum):
    """Where one scan of the series stands at a moment."""

    DONE = "done"
    LATE = "late"  # its day has passed, and it is not done
    DUE = "due"  # its week has begun
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class ScanRecord:
    """One run of one tool. ``file_dated``: when its file was signed or, unsigned, added.

    ``complete``: it ran to its end by its own mark. ``state``: the worst of its checks. ``since``: how
    far back it had to look. ``by``: who ran it; ``record``: the file that tells of it.
    """

    host: str
    tool: str
    mode: str
    finished: datetime | None
    file_sha256: str | None
    file_dated: datetime | None
    state: CompromiseState
    complete: bool
    started: datetime | None = None
    campaign: str = ""
    since: datetime | None = None
    by: str | None = None
    record: str | None = None
    checks: tuple[DetectionCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class ScanRule:
    """By when the first scan has to be done, and how often and how far apart it is done again.

    ``start``: what ended before that is no answer to the order. ``first_clause``, ``again_clause``: the
    ids of the clauses that order it.
    """

    start: datetime
    first_due: datetime
    days: int
    times: int
    first_clause: str = ""
    again_clause: str = ""


@dataclass(frozen=True, slots=True)
class ScheduledScan:
    """One scan of the series, 0 the first. ``late``: not done, or done, after its day.

    ``why``: what stands in the way, in words; of a scan that is done on time it is empty.
    """

    number: int
    due: datetime
    done: ScanRecord | None
    late: bool
    state: ScanState
    why: str = ""


def rule_of(
    directive: Directive, start: datetime | None = None, first_due: datetime | None = None
) -> ScanRule:
    """Return the series that a directive orders.

    ``start``: when a campaign of today began; the first scan is then due after as long as the
    directive gave. ``first_due``: the day that an operator sets, which wins.

    :raises CatalogError: the directive orders no series of scans.
    """
    again, first = _series(directive)
    assert again.repeat is not None  # noqa: S101 - by _series
    assert first.due is not None  # noqa: S101 - by _series
    due = first.due
    if start is not None:
        due = start + (first.due - _ORDERED)
    return ScanRule(
        start or _ORDERED,
        first_due or due,
        again.repeat.days,
        again.repeat.times,
        first.id,
        again.id,
    )


def _series(directive: Directive) -> tuple[Clause, Clause]:
    for clause in directive.clauses:
        if clause.step != "scan" or clause.repeat is None:
            continue
        first = directive.clause(clause.repeat.after)
        if first is not None and first.due is not None:
            return clause, first
    raise CatalogError(f"{directive.short} orders no scan that is repeated")


def schedule(
    records: Iterable[ScanRecord], rule: ScanRule, now: datetime
) -> tuple[ScheduledScan, ...]:
    """Return the series of one server: the first scan, then ``rule.times`` more.

    A week is counted from the day of the first scan, and ends with its last day in UTC. A scan
    that comes late is still that week's; each week wants its own.
    """
    runs = sorted(
        (one for one in records if one.tool == SCANNER and one.finished is not None),
        # All of a record, so that runs that end at once have an order too.
        key=lambda one: (
            _end(one),
            one.file_sha256 or "",
            str(one.file_dated),
            one.mode,
            one.state.value,
            one.complete,
        ),
    )
    found: list[ScheduledScan] = []
    done: list[ScanRecord] = []
    for number in range(rule.times + 1):
        opens, due = _window(number, done[0] if done else None, rule)
        complete_so_far = len(done) == number
        run, why = _take(runs, done, opens, now) if complete_so_far else (None, _WAITS)
        if run is not None:
            done.append(run)
        found.append(_scan(number, (opens, due), run, why, first_done=bool(done), now=now))
    return tuple(found)


_WAITS = "the scan before it is not done"


def not_counted(
    run: ScanRecord, before: Iterable[ScanRecord] = (), now: datetime | None = None
) -> str | None:
    """Say why a run is none of the series after the runs before it, None where it is one."""
    if run.mode not in FULL_MODES:
        return f"it was a {run.mode} scan, no full one"
    if not run.complete or run.finished is None:
        return "it did not run to its end"
    if run.state not in _ANSWERED:
        return f"its result is {run.state.value}"
    if now is not None and run.finished > now:
        return "it ends later than now"
    return _not_fresh(run, list(before))


def _not_fresh(run: ScanRecord, before: list[ScanRecord]) -> str | None:
    if not run.file_sha256 or run.file_dated is None:
        return "which file it ran, or of which day that is, is not known"
    if run.file_dated > _end(run):
        return "its file is dated later than the scan ended"
    if any(run.file_sha256 == one.file_sha256 for one in before):
        return "it ran the same file as a scan before it"
    if any(one.file_dated is None or run.file_dated <= one.file_dated for one in before):
        return "its file is not later than that of the scan before it"
    return None


def _take(
    runs: list[ScanRecord], done: list[ScanRecord], opens: datetime, now: datetime
) -> tuple[ScanRecord | None, str]:
    """Return the first run that counts, or why the last one that was tried does not."""
    why = "no full scan is on record"
    for run in runs:
        ended = _end(run)
        if (done and ended <= _end(done[-1])) or ended < opens:
            continue
        reason = not_counted(run, done, now)
        if reason is None:
            return run, ""
        why = f"the scan of {ended:%Y-%m-%d %H:%M} UTC does not count: {reason}"
    return None, why


def _window(number: int, first: ScanRecord | None, rule: ScanRule) -> tuple[datetime, datetime]:
    """When the week of a scan begins, and when it has to be done."""
    if number == 0:
        return rule.start, rule.first_due
    anchor = rule.first_due if first is None else _end(first)
    day = anchor.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    after = day + timedelta(days=1)
    return (
        after + timedelta(days=rule.days * (number - 1)),
        after + timedelta(days=rule.days * number) - timedelta(seconds=1),
    )


def _scan(
    number: int,
    window: tuple[datetime, datetime],
    run: ScanRecord | None,
    why: str,
    *,
    first_done: bool,
    now: datetime,
) -> ScheduledScan:
    opens, due = window
    if run is not None:
        late = _end(run) > due
        return ScheduledScan(
            number, due, run, late, ScanState.DONE, "it was done late" if late else ""
        )
    # Without the first scan, no week has begun: the days of the others are only what is expected.
    counts = number == 0 or first_done
    if counts and now > due:
        return ScheduledScan(number, due, None, late=True, state=ScanState.LATE, why=why)
    begun = counts and now >= opens
    state = ScanState.DUE if begun else ScanState.PLANNED
    if state is ScanState.PLANNED and why != _WAITS:
        why = "its week has not begun"
    return ScheduledScan(number, due, None, late=False, state=state, why=why)


def _end(run: ScanRecord) -> datetime:
    assert run.finished is not None  # noqa: S101 - runs without an end were left out
    return run.finished
