# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the logs cover the campaign, from its start until now? If not, their silence proves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from ...facts.read import moment, named
from .. import check as checks
from ..role import EDGE, TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...base.model import CheckResult
    from ...facts.read import Named, Row
    from ..subject import Subject

_IIS = "iis/"
_EVENT = "event/"
_FRONT_END = ("httpproxy/",)
_BACK_END = ("ecp-server", "oabgenerator")
# A busy server writes each of them at least once a day, and Windows notes the time of an open file late. A
# log that stopped earlier was switched off, is full, or somebody took its end away.
_LAG = timedelta(days=2)
_QUIET = frozenset({"msexchange management"})  # only when somebody changes something
_SAVE = (
    "Keep what there is before it rolls over, look for older copies (backups, central log store), "
    "and treat a search without hits as inconclusive."
)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far back one log goes."""

    id: str
    covers: bool | None  # None = cannot be told
    detail: str


def window_start(subject: Subject) -> datetime | None:
    """The first moment that logs have to cover; None = nobody knows."""
    start = subject.campaign.log_window.start
    return None if start is None else datetime.combine(start, time(), tzinfo=UTC)


def window_end(subject: Subject) -> datetime:
    """Until when logs have to reach: the moment that is judged, by the host's clock if that is behind."""
    host = moment(subject.facts.value("clock", "utc"))
    return subject.at if host is None else min(subject.at, host)


def reach(row: Row, name: str, start: datetime, end: datetime | None) -> Reach:
    """Judge one log; anything odd about it is "cannot be told". ``end``: None where it may be quiet."""
    return Reach(name, *next(_answers(row, start, end)))


def _answers(row: Row, start: datetime, end: datetime | None) -> Iterator[tuple[bool | None, str]]:
    """Yield what speaks against the log, the strongest first, then that it covers the window."""
    oldest, newest = moment(row.get("oldest")), moment(row.get("newest"))
    if row.get("exists", True) is not True:
        yield None, "does not exist"
    if row.get("enabled", True) is not True:
        known = row.get("enabled") is False
        yield False if known else None, "is switched off" if known else "may be switched off"
    if oldest is None:
        yield None, "has no readable oldest entry"
    elif row.get("truncated", False) is not False:
        yield None, "was not listed to its end"
    elif oldest > start:
        yield False, f"begins {oldest:%Y-%m-%d}"
    elif newest is None or newest < oldest:
        yield None, "has no readable newest entry"
    elif newest < start:
        yield False, f"ends {newest:%Y-%m-%d}, before the window begins"
    elif end is not None and newest < end - _LAG:
        yield False, f"ends {newest:%Y-%m-%d}"
    else:
        yield True, f"begins {oldest:%Y-%m-%d}"


def _wanted(subject: Subject, *, event_logs: bool) -> tuple[str, ...]:
    """The campaign's log ids of one kind; those of event logs begin with ``event/``."""
    names = subject.campaign.log_sources
    if event_logs:
        return tuple(name.removeprefix(_EVENT) for name in names if name.startswith(_EVENT))
    if subject.kind == EDGE:
        return ()  # all of them are written by client access services
    absent = _absent_folders(subject)
    files = tuple(name for name in names if not name.startswith((_EVENT, *absent)))
    if subject.product == "Exchange2010":
        # It has neither the front-end proxy nor the log folders of later versions.
        return tuple(name for name in files if name.startswith(_IIS))
    return files


def _absent_folders(subject: Subject) -> tuple[str, ...]:
    """Beginnings of the ids of logs that a role of its own does not write (Exchange 2013)."""
    role = subject.role
    front = () if role.client_access else _FRONT_END
    return front if role.mailbox else (*front, *_BACK_END)


def _reaches(wanted: Iterable[str], listed: Named, start: datetime, end: datetime) -> list[Reach]:
    found: list[Reach] = []
    for pattern in wanted:
        folded, any_name = pattern.casefold(), pattern.endswith("*")
        matching = {
            name: row
            for name, row in listed.index.items()
            if (name.startswith(folded[:-1]) if any_name else name == folded)
        }
        found += [
            reach(row, name if any_name else pattern, start, None if folded in _QUIET else end)
            for name, row in matching.items()
        ]
        if not matching:
            found.append(Reach(pattern, None, "was not reported"))
    return found


def _judge(subject: Subject, check: str, section: str, key: str) -> CheckResult:
    wanted = _wanted(subject, event_logs=section == "event_logs")
    if subject.installed is False or subject.kind == TOOLS:
        return checks.not_applicable(check, "This host serves no clients, so it has no such logs.")
    if not wanted:
        return checks.not_applicable(check, "The campaign leaves no traces in such logs here.")
    start = window_start(subject)
    if start is None:
        return checks.unknown(
            check, "Nobody knows when the campaign began, so no log is known to be long enough."
        )
    listed = subject.facts.listing(section)
    why = subject.facts.why(section)
    if not listed.rows:
        return checks.unknown(check, f"The logs could not be read: {why}.", _SAVE)
    end = window_end(subject)
    found = _reaches(wanted, named(listed, key), start, end)
    return _sum_up(check, (start, end), found, None if listed.whole else why, _born(subject, start))


def _born(subject: Subject, start: datetime) -> str:
    """A note where Windows is younger than the campaign; a later upgrade sets that date anew."""
    installed = moment(subject.facts.value("os", "install_date"))
    if installed is None or installed <= start:
        return ""
    return f" Windows was installed on {installed:%Y-%m-%d}: older logs may never have existed."


def _sum_up(
    check: str,
    window: tuple[datetime, datetime],
    found: list[Reach],
    missing: str | None,
    note: str,
) -> CheckResult:
    since, until = (f"{day:%Y-%m-%d}" for day in window)
    evidence: dict[str, object] = {
        "window_start": since,
        "window_end": until,
        "logs": {item.id: {"covers": item.covers, "detail": item.detail} for item in found},
    }
    short = [f"{item.id} {item.detail}" for item in found if item.covers is False]
    unsure = [f"{item.id} {item.detail}" for item in found if item.covers is None]
    if missing:
        unsure.append(missing)
    if short:
        more = f" Not known: {checks.several(unsure, '; ')}." if unsure else ""
        return checks.finding(
            check,
            f"Do not cover {since} to {until}: {checks.several(short, '; ')}.{more}{note}",
            _SAVE,
            evidence,
        )
    if unsure:
        return checks.unknown(
            check,
            f"Not known to cover {since} to {until}: {checks.several(unsure, '; ')}.",
            _SAVE,
            evidence,
        )
    return checks.passed(check, f"All {len(found)} cover {since} to {until}.", evidence)


def check_logs(subject: Subject) -> CheckResult:
    """Judge ``logs.coverage``."""
    return _judge(subject, "logs.coverage", "logs", "id")


def check_event_logs(subject: Subject) -> CheckResult:
    """Judge ``eventlogs.coverage``."""
    return _judge(subject, "eventlogs.coverage", "event_logs", "name")
