# SPDX-License-Identifier: GPL-3.0-or-later
"""Test-ProxyLogon: what its sources say together, question by question.

``no-indicator`` needs all of: it ran to its end, its object (or its files) and its text agree that
nothing was found, nothing was skipped, and the logs behind the question reach back far enough.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from ...base.model import CompromiseState
from ...judge.compromise.records import DetectionCheck, SourceCoverage, ToolReading
from .console import read_console
from .figures import age
from .first_version import read_first_version
from .objects import read_object
from .reports import read_reports
from .sight import ECP, OAB, OTHER, SSRF, UM, Sight
from .text import decoded, few, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from ...judge.compromise.records import Finding
    from .records import ToolRun

_NETBIOS = 15  # characters that the name of a computer has there
_OBJECT, _COMPLETE = "object.json", "complete.json"
_PROXY = {
    "autodproxy": "Autodiscover",
    "easproxy": "Eas",
    "ecpproxy": "Ecp",
    "ewsproxy": "Ews",
    "mapiproxy": "Mapi",
    "oabproxy": "Oab",
    "owaproxy": "Owa",
    "owacalendarproxy": "OwaCalendar",
    "powershellproxy": "PowerShell",
    "rpchttpproxy": "RpcHttp",
}
# Question -> age column -> what it is the age of.
_LOGS: dict[str, dict[str, str]] = {
    SSRF: {column: f"HttpProxy/{name}" for column, name in _PROXY.items()},
    OAB: {"oabgen": "OABGeneratorLog"},
    ECP: {"ecp": "ECP/Server", "ecpproxy": "HttpProxy/Ecp"},
}
_UM_LOG = "Application event log"
_NO_EVENTS = ("NoMatchingEventsFound", "NoMatchingProvidersFound")


def read_proxylogon(run: ToolRun, since: datetime) -> ToolReading:
    """Read one run of it. ``since``: how far back the logs have to reach."""
    sights, problems = _sights(run)
    first = run.era is not None and run.era.how == "text"
    checks = tuple(
        _check(run, check, sights, problems, since, ages_known=not first)
        for check in _asked(run, sights)
    )
    words = [sight.issues for sight in sights if sight.issues is not None]
    said = None
    if words:
        said = "suspicious activity found" if any(words) else "Nothing suspicious detected"
    version = str(run.version) if run.version else None
    notes = tuple(
        f"it does not look for: {what}" for what in (run.era.cannot_see if run.era else ())
    )
    return ToolReading(run.tool.id, version, not problems, checks, said, notes)


def _asked(run: ToolRun, sights: list[Sight]) -> list[str]:
    """The questions that it had to answer, and each of which it found something unasked."""
    asked = list(run.checks)
    for sight in sights:
        for question in (*sight.found, *sight.claims):
            check = f"{run.tool.id}/{question}"
            if check not in asked:
                asked.append(check)
    return asked


def _sights(run: ToolRun) -> tuple[list[Sight], list[str]]:
    """The sources of the run, and why it may not have looked at everything."""
    problems = [why] if (why := run.broken_off()) else []
    if run.era is None:
        problems.append("its version is not known, so it is not known what it looks at")
    how = run.era.how if run.era else "files"
    if how == "text":
        sights = [read_first_version(run.console, run.files)]
    else:
        sights = [read_console(run.console), read_reports(run.files)]
        objects = [file for file in run.files if file.base == _OBJECT]
        sights += [read_object(file) for file in objects]
        if how == "objects":
            problems += _objects_missing(run, len(objects))
    for sight in sights:
        problems += sight.problems
    # A name with its domain and one without are the same computer.
    computers = {name.partition(".")[0] for sight in sights for name in sight.computers}
    if len(computers) > 1:
        problems.append(
            f"it is of several computers: {', '.join(map(shown, sorted(computers)[:5]))}"
        )
    wanted = run.host.computer_name.casefold().partition(".")[0]
    if wanted and computers and wanted[:_NETBIOS] not in {name[:_NETBIOS] for name in computers}:
        problems.append(f"it is of {shown(min(computers))}, not of {shown(wanted)}")
    return sights, problems


def _objects_missing(run: ToolRun, objects: int) -> Iterator[str]:
    if objects != 1:
        yield "its object is missing" if not objects else "it left several objects"
    ends = [file for file in run.files if file.base == _COMPLETE]
    if not ends:
        yield "it did not come to its end: its closing mark is missing"
        return
    try:
        end = json.loads(decoded(ends[0].data))
        errors = [(str(row["id"]), str(row["message"])) for row in end["errors"]]
        whole = end["report"] is True and end["objects"] == 1
    except (ValueError, KeyError, TypeError, RecursionError):
        yield "its closing mark cannot be read"
        return
    if not whole:
        yield "its closing mark says that it did not report on one server"
    for identity, message in errors:
        # Its way to learn that there is no such event is an error that it catches.
        if not identity.startswith(_NO_EVENTS):
            yield f"PowerShell reported an error: {shown(message)}"


def _check(
    run: ToolRun,
    check: str,
    sights: list[Sight],
    problems: list[str],
    since: datetime,
    *,
    ages_known: bool,
) -> DetectionCheck:
    question = check.partition("/")[2]
    findings = _findings(question, sights)
    doubts = list(_disagreements(question, sights))
    coverage, short = _coverage(run, question, sights, since, ages_known=ages_known)
    skipped = [words for sight in sights for words in sight.skipped]
    open_ends = list(dict.fromkeys([*problems, *skipped, *short]))
    if findings:
        state = CompromiseState.INDICATOR_FOUND
        many = sum(sight.more.get(question, 0) for sight in sights)
        shown_of = [f"{many} more of the kind are in its files"] if many else []
        number = "1 finding" if len(findings) == 1 else f"{len(findings)} findings"
        reasons = (number, *shown_of, *doubts, *open_ends)
    elif doubts:
        state, reasons = CompromiseState.CONFLICT, (*doubts, *open_ends)
    elif open_ends:
        state, reasons = CompromiseState.INCONCLUSIVE, tuple(open_ends)
    else:
        state, reasons = CompromiseState.NO_INDICATOR, ()
    title = f"{run.tool.title}: {question}"
    return DetectionCheck(check, run.tool.id, title, state, few(reasons), findings, coverage)


def _findings(question: str, sights: list[Sight]) -> tuple[Finding, ...]:
    """What the most telling source shows, else that one claims it without showing."""
    shows = [sight.found[question] for sight in reversed(sights) if sight.found.get(question)]
    if shows:
        return tuple(shows[0])
    claims = [sight.claims[question] for sight in sights if question in sight.claims]
    return tuple(claims[:1])


def _disagreements(question: str, sights: list[Sight]) -> Iterator[str]:
    """Where one source has what another denies; the words of the whole count for each question."""
    yes = [s.name for s in sights if s.issues or s.found.get(question) or question in s.claims]
    no = [s.name for s in sights if s.issues is False]
    if yes and no:
        yield f"its sources disagree: {', '.join(yes)} found something, {', '.join(no)} nothing"
    for sight in sights:
        anything = sight.found or sight.claims
        if sight.issues and not anything:
            yield f"{sight.name} says that something was found, and does not say what"


def _coverage(
    run: ToolRun, question: str, sights: list[Sight], since: datetime, *, ages_known: bool
) -> tuple[tuple[SourceCoverage, ...], list[str]]:
    """How far back the logs of a question reach, and why that is not enough."""
    if question == OTHER:
        return (SourceCoverage("files", None, run.host.latest),), []
    if question == UM:
        log = SourceCoverage(_UM_LOG, run.host.application_log_oldest, run.host.start)
        return (log,), list(_short((log,), since))
    if not ages_known:
        return (), ["this version does not say how old the logs are"]
    ages, doubts = _ages(sights, _LOGS.get(question, {}))
    found = tuple(
        _log(run, source, ages.get(column)) for column, source in _LOGS.get(question, {}).items()
    )
    return found, [*doubts, *_short(found, since)]


def _ages(sights: list[Sight], columns: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """The ages of logs by column; where two sources name different ones, the least that is known."""
    ages: dict[str, str] = {}
    doubts: list[str] = []
    told = [sight.ages for sight in sights if sight.ages is not None]
    for column in columns:
        said = [one[column] for one in told if column in one]
        known = {age(text) for text in said}
        if len(known) > 1:
            doubts.append(f"its sources name different ages of logs ({column})")
        if said:
            ages[column] = min(said, key=lambda text: age(text) or timedelta())
    return ages, doubts


def _log(run: ToolRun, source: str, text: str | None) -> SourceCoverage:
    old = age(text) if text else None
    if old is None:
        gap = "there is no log" if text == "" else "how old its logs are is not known"
        return SourceCoverage(source, None, None, (gap,))
    # Counted back from the latest moment that it can be of: a log is not taken for older than it is.
    return SourceCoverage(source, run.host.latest - old, run.host.latest)


def _short(found: Iterable[SourceCoverage], since: datetime) -> Iterator[str]:
    for one in found:
        if one.first is None:
            yield f"{one.source}: {one.gaps[0] if one.gaps else 'how far back it reaches is not known'}"
        elif one.first > since:
            days = (one.first - since).total_seconds() / 86_400
            yield (
                f"{one.source} reaches back to {one.first:%Y-%m-%d %H:%M} UTC, {days:.1f} days short of "
                f"{since:%Y-%m-%d}"
            )
