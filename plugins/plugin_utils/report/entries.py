# SPDX-License-Identifier: GPL-3.0-or-later
"""Flatten a host of the report model into the lines that CSV, JUnit, HTML and the terminal show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..base.model import CheckStatus, CompromiseState, Exposure, HostState, Severity, Verdict
from .document import is_incident

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REACHED = "host.reached"
_SHOWN = 5  # findings of a check in one line; the model has more, the case all

_EXPOSURE_STATUS = {
    Exposure.FIXED: CheckStatus.PASS,
    Exposure.NOT_AFFECTED: CheckStatus.NOT_APPLICABLE,
    Exposure.UNKNOWN: CheckStatus.UNKNOWN,
    Exposure.VULNERABLE: CheckStatus.FINDING,
    Exposure.DISPUTED: CheckStatus.FINDING,
    Exposure.VULNERABLE_MITIGATED: CheckStatus.FINDING,
    Exposure.UNSUPPORTED_AND_VULNERABLE: CheckStatus.FINDING,
}
_EXPOSURE_SEVERITY = {
    Exposure.VULNERABLE: Severity.CRITICAL,
    Exposure.DISPUTED: Severity.CRITICAL,
    Exposure.UNSUPPORTED_AND_VULNERABLE: Severity.CRITICAL,
    Exposure.VULNERABLE_MITIGATED: Severity.HIGH,
    Exposure.UNKNOWN: Severity.HIGH,
}
_COMPROMISE = {
    CompromiseState.INDICATOR_FOUND: (CheckStatus.FINDING, Severity.CRITICAL),
    CompromiseState.CONFLICT: (CheckStatus.FINDING, Severity.CRITICAL),
    CompromiseState.INCONCLUSIVE: (CheckStatus.UNKNOWN, Severity.HIGH),
    CompromiseState.NO_INDICATOR: (CheckStatus.PASS, Severity.INFO),
}
_INCIDENT = (
    "Treat it as an incident: report it, preserve evidence before anything is changed, then go on as the "
    "runbook says."
)
_AGAIN = "It proves nothing: see to the reason, then run the tool again."
_STATUS_ORDER = {
    status.value: position
    for position, status in enumerate(
        (CheckStatus.FINDING, CheckStatus.UNKNOWN, CheckStatus.PASS, CheckStatus.NOT_APPLICABLE)
    )
}
_SEVERITY_ORDER = {severity.value: position for position, severity in enumerate(Severity)}
_VERDICT_ORDER = {verdict.value: position for position, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was looked at on one host."""

    name: str  # check id or CVE id
    title: str
    status: str  # pass, finding, unknown, not-applicable
    severity: str
    summary: str
    remedy: str = ""
    clause: str = ""
    source: str = ""
    outcome: str = ""  # the CVE's exposure; empty for checks
    compromise: bool = False  # said by a detection tool


def other_day(report: Mapping[str, Any]) -> str | None:
    """A sentence for every reader when the verdicts are not for the day of the run."""
    run = report["run"]
    judged = {host["assessment"]["at"][:10] for host in report["hosts"] if host["assessment"]}
    days = sorted(judged - {run["started"][:10], run["finished"][:10]})
    if not days:
        return None
    return (
        f"Judged as of {', '.join(days)}, not of the day of the run: updates that came out and "
        "support that ended since do not count."
    )


def entries(host: Mapping[str, Any]) -> list[Entry]:
    """Everything looked at on ``host``: that it was reached, each CVE, each check; worst first."""
    lines = [_reached(host)]
    assessment = host["assessment"]
    if assessment is not None:
        lines += [_exposure(item) for item in assessment["exposures"]]
        lines += [_check(item) for item in assessment["checks"]]
    told = host.get("compromise") or {}
    lines += [_detection(item) for item in told.get("checks", ())]
    lines += _not_answered(told)
    return sorted(lines, key=_rank)


def _rank(entry: Entry) -> tuple[int, int, bool, bool, str]:
    # Somebody may be in: nothing else is as urgent.
    # A check explains more than a CVE does ("the update was installed without elevation" against
    # "install the update"), so at equal severity it comes first and its remedy is the next step.
    return (
        _STATUS_ORDER[entry.status],
        _SEVERITY_ORDER[entry.severity],
        not entry.compromise,
        bool(entry.outcome),
        entry.name,
    )


def _reached(host: Mapping[str, Any]) -> Entry:
    reached = host["state"] == HostState.ASSESSED.value
    return Entry(
        name=REACHED,
        title="Host reached and assessed",
        status=(CheckStatus.PASS if reached else CheckStatus.UNKNOWN).value,
        severity=(Severity.INFO if reached else Severity.HIGH).value,
        summary="answered" if reached else f"{host['state']}: {host['reason']}",
    )


def _exposure(item: Mapping[str, Any]) -> Entry:
    exposure = Exposure(item["exposure"])
    return Entry(
        name=item["cve"],
        title=f"Exposure to {item['cve']}",
        status=_EXPOSURE_STATUS[exposure].value,
        severity=_EXPOSURE_SEVERITY.get(exposure, Severity.INFO).value,
        summary=item["reason"],
        remedy=item.get("action") or "",
        source=item.get("source") or "",
        outcome=exposure.value,
    )


def _check(item: Mapping[str, Any]) -> Entry:
    return Entry(
        name=item["check"],
        title=item["title"],
        status=item["status"],
        severity=item["severity"],
        summary=item["summary"],
        remedy=item.get("remedy") or "",
        clause=item.get("clause") or "",
        source=item.get("source") or "",
    )


def _detection(item: Mapping[str, Any]) -> Entry:
    state = CompromiseState(item["state"])
    status, severity = _COMPROMISE[state]
    found = [_finding(one) for one in item["findings"]]
    return Entry(
        name=item["id"],
        title=item["title"],
        status=status.value,
        severity=severity.value,
        summary="; ".join((state.value, *found[:_SHOWN], *_more(found), *item["reasons"])),
        remedy={CheckStatus.FINDING: _INCIDENT, CheckStatus.UNKNOWN: _AGAIN}.get(status, ""),
        source="; ".join(map(_coverage, item["coverage"])),
        compromise=True,
    )


def _more(found: list[str]) -> tuple[str, ...]:
    return (f"and {len(found) - _SHOWN} more",) if len(found) > _SHOWN else ()


def _finding(found: Mapping[str, Any]) -> str:
    evidence = found["evidence"]
    place = f", {evidence['place']}" if evidence["place"] else ""
    return f"{found['title']}: {found['detail']} [{evidence['file']}{place}, SHA-256 {evidence['sha256'][:16]}]"


def _coverage(row: Mapping[str, Any]) -> str:
    gaps = "".join(f", missing: {gap}" for gap in row["gaps"])
    return f"{row['source']} {row['first'] or 'from an unknown time'} to {row['last'] or 'an unknown time'}{gaps}"


def _not_answered(told: Mapping[str, Any]) -> list[Entry]:
    """Why a verdict is not better than its checks: something was not run at all."""
    worst = {item["state"] for item in told.get("checks", ())}
    if told.get("state") != CompromiseState.INCONCLUSIVE.value or told["state"] in worst:
        return []
    return [
        Entry(
            name="compromise",
            title="All that the directive asks for was run",
            status=CheckStatus.UNKNOWN.value,
            severity=Severity.HIGH.value,
            summary="; ".join(told["reasons"]),
            remedy="Run the tools that are missing: the playbook detect.",
            compromise=True,
        )
    ]


def merged(lines: Iterable[Entry]) -> list[tuple[list[str], Entry]]:
    """Lines that say the same of several CVEs as one: (names, line), order kept."""
    rows: dict[Entry, list[str]] = {}
    for line in lines:
        key = replace(line, name="", title="") if line.outcome else line
        rows.setdefault(key, []).append(line.name)
    return [(names, line) for line, names in rows.items()]


def verdict_of(host: Mapping[str, Any]) -> str:
    """The word in the fleet table: the exposure verdict, or the state of an unreached host."""
    assessment = host["assessment"]
    return str(host["state"] if assessment is None else assessment["verdict"])


def hosts_of_the_run(report: Mapping[str, Any]) -> str:
    """How many hosts the report is about: all of the inventory, or those of a limited run."""
    missing = report["totals"]["by_state"].get(HostState.NOT_IN_INVENTORY.value, 0)
    count, run = report["totals"]["inventory"] - missing, report["run"]
    word = "host" if count == 1 else "hosts"
    more = f" and {missing} that no inventory has" if missing else ""
    if not run.get("limit"):
        return f"{count} inventory {word}{more}"
    total = run.get("inventory_hosts") or "an unknown number of"
    return (
        f"{count} of {total} inventory hosts (limited to {run['limit']}; nothing is said about the "
        f"others){more}"
    )


def urgency(host: Mapping[str, Any]) -> tuple[bool, int, str]:
    """Sort key of the fleet table: what has to be done first comes first, unreached before fixed."""
    assessment = host["assessment"]
    verdict = Verdict.UNKNOWN.value if assessment is None else assessment["verdict"]
    return (not is_incident(host), _VERDICT_ORDER[verdict], host["host"])


def next_step(host: Mapping[str, Any]) -> str:
    """What an operator does next for this host, from the worst line that says so."""
    lines = entries(host)
    if is_incident(host):
        return _INCIDENT
    if host["assessment"] is None:
        return f"Not judged: {host['reason']}"
    for line in lines:
        if line.status in {CheckStatus.FINDING.value, CheckStatus.UNKNOWN.value}:
            return line.remedy or line.summary
    return "Nothing to do from this assessment; patched is not the same as clean: run the hunt."


def directive_lines(host: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the directive wants from a host, shortest first: (label, text); nothing where there is none.

    Late ones come before what is next: that is what somebody has to answer for.
    """
    wanted = host.get("directive")
    if not wanted:
        return []
    texts = {action["clause"]: action["text"] for action in wanted["actions"]}
    lines: list[tuple[str, str]] = []
    if wanted["disconnect_first"]:
        lines.append(("first", "disconnect: nothing goes before it"))
    if wanted["late"]:
        lines.append(("late", ", ".join(wanted["late"])))
    late = [row for row in wanted.get("fix_deadlines", ()) if row["late"]]
    if late:
        lines.append(("late", ", ".join(f"{row['cve']} was due on {row['due']}" for row in late)))
    if wanted["next"]:
        lines.append(("next", f"{wanted['next']}: {texts[wanted['next']]}"))
    if wanted["questions"]:
        names = ", ".join(row["name"] for row in wanted["questions"])
        lines.append(("to be answered by a person", names))
    lines += [("scans", text) for text in scan_reminders(host)]
    lines += [("conflict", text) for text in wanted["conflicts"]]
    return lines


def scan_reminders(host: Mapping[str, Any]) -> list[str]:
    """Which full scans are late or due, which comes next, and why; empty where none is ordered or left."""
    scans = (host.get("compromise") or {}).get("scans", ())
    done = sum(scan["state"] == "done" for scan in scans)
    open_scans = [scan for scan in scans if scan["state"] in ("late", "due")]
    # One reason for all that wait behind it.
    told = [_reminder(scan) for scan in open_scans[:1]]
    if not told and done < len(scans):
        told = [_reminder(next(scan for scan in scans if scan["state"] == "planned"))]
    return [f"{done} of {len(scans)} full scans are done; {text}" for text in told]


def _reminder(scan: Mapping[str, Any]) -> str:
    which = "the first" if scan["number"] == 0 else f"that of week {scan['number']}"
    words = {"late": "was due by", "due": "is due by", "planned": "comes next, by"}[scan["state"]]
    why = f" ({scan['why']})" if scan["why"] and scan["state"] != "planned" else ""
    return f"{which} {words} {scan['due'][:16].replace('T', ' ')} UTC{why}"
