# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the logs reach back to the campaign's start? If not, their silence proves nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
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


def reach(row: Row, name: str, start: datetime) -> Reach:
    """Judge one log; anything odd about it is "cannot be told"."""
    return Reach(name, *next(_answers(row, start)))


def _answers(row: Row, start: datetime) -> Iterator[tuple[bool | None, str]]:
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


def _reaches(wanted: Iterable[str], listed: Named, start: datetime) -> list[Reach]:
    found: list[Reach] = []
    for pattern in wanted:
        folded, any_name = pattern.casefold(), pattern.endswith("*")
        matching = {
            name: row
            for name, row in listed.index.items()
            if (name.startswith(folded[:-1]) if any_name else name == folded)
        }
        found += [
            reach(row, name if any_name else pattern, start) for name, row in matching.items()
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
    found = _reaches(wanted, named(listed, key), start)
    return _sum_up(check, start, found, None if listed.whole else why, _born(subject, start))


def _born(subject: Subject, start: datetime) -> str:
    """A note where Windows is younger than the campaign; a later upgrade sets that date anew."""
    installed = moment(subject.facts.value("os", "install_date"))
    if installed is None or installed <= start:
        return ""
    return f" Windows was installed on {installed:%Y-%m-%d}: older logs may never have existed."


def _sum_up(
    check: str, start: datetime, found: list[Reach], missing: str | None, note: str
) -> CheckResult:
    since = f"{start:%Y-%m-%d}"
    evidence: dict[str, object] = {
        "window_start": since,
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
            f"Do not reach back to {since}: {checks.several(short, '; ')}.{more}{note}",
            _SAVE,
            evidence,
        )
    if unsure:
        return checks.unknown(
            check,
            f"Not known to reach back to {since}: {checks.several(unsure, '; ')}.",
            _SAVE,
            evidence,
        )
    return checks.passed(check, f"All {len(found)} reach back to {since}.", evidence)


def check_logs(subject: Subject) -> CheckResult:
    """Judge ``logs.coverage``."""
    return _judge(subject, "logs.coverage", "logs", "id")


def check_event_logs(subject: Subject) -> CheckResult:
    """Judge ``eventlogs.coverage``."""
    return _judge(subject, "eventlogs.coverage", "event_logs", "name")
