# SPDX-License-Identifier: GPL-3.0-or-later
"""Log folders and event logs of a simulated host.

Real folders hold a file an hour; here a sample stands: a file a day in the first and the last
week, one a month in between. What assess reads of them is oldest, newest, count and size.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ...base.errors import ConfigError
from ..world.paths import format_time

if TYPE_CHECKING:
    from .draft import Draft

FIRST_DAY = "-120d"  # where the scenario does not say
_WEEK = timedelta(days=7)
_SIZE = 262_144

# Protocol folders below <install>Logging\HttpProxy, spelled as Exchange creates them.
HTTP_PROXY = (
    "Autodiscover",
    "Eas",
    "Ecp",
    "Ews",
    "Mapi",
    "Oab",
    "Owa",
    "OwaCalendar",
    "PowerShell",
    "RpcHttp",
)
_EVENT_LOGS = ("Application", "MSExchange Management", "Security", "System")
_RELATIVE = re.compile(r"-(\d+)d\Z")


def parse_day(text: Any, at: datetime) -> date:
    """Read ``2021-01-01``, ``-30d`` (before the host's now) or ``now``."""
    if isinstance(text, date) and not isinstance(text, datetime):
        return text
    if text == "now":
        return at.date()
    if found := _RELATIVE.match(str(text)):
        return at.date() - timedelta(days=int(found.group(1)))
    try:
        return date.fromisoformat(str(text))
    except ValueError as error:
        raise ConfigError(f"{text!r} is no day for logs; write 2021-01-01, -30d or now") from error


def sample_days(first: date, last: date) -> list[date]:
    """Return the days that have a file: both ends daily for a week, monthly between."""
    days: set[date] = set()
    for offset in range(8):
        step = timedelta(days=offset)
        days |= {day for day in (first + step, last - step) if first <= day <= last}
    day = first + _WEEK
    while day < last:
        days.add(day)
        day += timedelta(days=30)
    return sorted(days)


def folders(draft: Draft) -> dict[str, tuple[str, str]]:
    """Return every log folder of this host: id -> (folder, file name pattern)."""
    found: dict[str, tuple[str, str]] = {}
    if draft.product is not None and draft.product.back_end and draft.has_iis:
        logging = f"{draft.install_path}Logging\\"
        for name in HTTP_PROXY if draft.role != "MailboxOnly" else ():
            pattern = "HttpProxy_{day:%Y%m%d}00-1.LOG"
            found[f"httpproxy/{name.lower()}"] = (f"{logging}HttpProxy\\{name}", pattern)
        if draft.role != "ClientAccess":  # the back end writes these
            pattern = "OABGeneratorLog_{day:%Y%m%d}-1.LOG"
            found["ecp-server"] = (f"{logging}ECP\\Server", "ECPServer{day:%Y%m%d}-1.LOG")
            found["oabgenerator"] = (f"{logging}OABGeneratorLog", pattern)
    if draft.has_iis:
        root = "C:\\inetpub\\logs\\LogFiles"
        for number in range(1, len(draft.iis_runtime["sites"]) + 1):
            found[f"iis/{number}"] = (f"{root}\\W3SVC{number}", "u_ex{day:%y%m%d}.log")
        if central := (draft.spec.get("iis_logging") or {}).get("central"):
            binary = central["kind"] == "binary"
            name = "iis/central-binary" if binary else "iis/central"
            pattern = "ra{day:%y%m%d}00.ibl" if binary else "u_ex{day:%y%m%d}.log"
            found[name] = (f"{central_folder(central)}\\W3SVC", pattern)
    return found


def central_folder(given: dict[str, Any]) -> str:
    """Where the one log of all sites is."""
    return str(given.get("directory", "C:\\inetpub\\logs\\LogFiles"))


def add_logs(draft: Draft) -> None:
    """Fill the log folders from the scenario's ``logs_from`` to its ``logs_to``."""
    first = parse_day(draft.spec.get("logs_from", FIRST_DAY), draft.at)
    last = parse_day(draft.spec.get("logs_to", "now"), draft.at)
    special = draft.spec.get("logs") or {}
    for name, (folder, pattern) in folders(draft).items():
        own = special.get(name, {})
        if own.get("missing"):
            continue
        draft.files[folder] = {"directory": True, "owner": "S-1-5-18", "reparse": False}
        if not own.get("empty"):
            start = parse_day(own.get("from", first), draft.at)
            _fill(draft, folder, pattern, start, parse_day(own.get("to", last), draft.at))


def _fill(draft: Draft, folder: str, pattern: str, first: date, last: date) -> None:
    for name, entry in _sample(pattern, first, last, draft.at):
        draft.files[f"{folder}\\{name}"] = entry


@lru_cache(maxsize=512)
def _sample(
    pattern: str, first: date, last: date, at: datetime
) -> tuple[tuple[str, dict[str, Any]], ...]:
    """Return names and entries of a folder; entries are shared between hosts and never changed."""
    return tuple(
        (
            pattern.format(day=day),
            {
                "size": _SIZE,
                "mtime": format_time(min(datetime.combine(day, time(23, 59, 30), UTC), at)),
            },
        )
        for day in sample_days(first, last)
    )


def event_logs(draft: Draft) -> dict[str, dict[str, Any]]:
    """Return the event logs; a host without Exchange has no ``MSExchange Management``."""
    first = parse_day(draft.spec.get("events_from", "-200d"), draft.at)
    special = draft.spec.get("event_logs") or {}
    logs = {}
    for name in _EVENT_LOGS:
        if name == "MSExchange Management" and draft.exchange is None:
            continue
        entry = {
            "enabled": True,
            "oldest": format_time(datetime.combine(first, time(6, 0), UTC)),
            "newest": format_time(draft.at - timedelta(minutes=5)),
            "records": 48_211,
            "max_bytes": 104_857_600,
        }
        logs[name] = entry | special.get(name, {})
    return {name: entry for name, entry in logs.items() if not entry.pop("missing", False)}
