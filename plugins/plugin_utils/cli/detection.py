# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation detection``: what was found, which scans are due, what CISA's template wants.

Contacts nobody. Exit status of ``show``: 0 all looked at and nothing found, 1 something was found or is in
conflict, 2 usage, 3 something proves nothing, a file could not be read or there is none. Of
``schedule``: 0 nothing due or late, 1 a scan is, 2 usage, 3 a file could not be read or there is none.
Of ``template``: 0 written, 2 and 3 as above.
"""

from __future__ import annotations

import csv
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.dates import parse_date, utc_text
from ..base.model import SUSPICIOUS, CompromiseState
from ..catalog.loader import load
from ..fleet.compromise import DetectionInputs, FleetCompromise
from ..fleet.detections import DetectionStore, read_detections
from ..judge.compromise.cisa_cells import TemplateCells, cells_of
from ..judge.compromise.schedule import ScanState, ScheduledScan, rule_of, schedule
from ..judge.compromise.serialize import scan_to_dict
from ..report.columns import line, widths, wrap
from ..report.formats.csv_writer import cell
from . import detection_read

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

OK, OPEN, UNKNOWN = 0, 1, 3
_COLUMNS = 80
_HEAD = ("HOST", "SCAN", "DUE (UTC)", "STATE", "LATE")
_CAPS = (36, 8, 16, 8, 4)
_EXIT = (
    "exit status: 0 nothing due or late, 1 a scan is, 2 usage, 3 a file is missing or unreadable"
)
_SHOW_EXIT = (
    "exit status: 0 nothing found where all was looked at, 1 something was found, 2 usage, 3 something "
    "proves nothing, or a file is missing or unreadable"
)
_NOT_ANSWERED = ": it was not answered"
_URGENT = tuple(state.value for state in SUSPICIOUS)
_CASES = "folder of the cases (default: %(default)s)"


def add_parser(subparsers: Any) -> None:
    """Add ``detection`` and its sub-commands."""
    top = subparsers.add_parser(
        "detection",
        help="what was found, which scans are due, what the template wants; contacts nobody",
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    text = "say what the detection tools found on each server"
    sub = commands.add_parser(
        "show", help=text, description=text[:1].upper() + text[1:] + ".", epilog=_SHOW_EXIT
    )
    sub.add_argument("cases", nargs="?", type=Path, default=Path("cases"), help=_CASES)
    sub.add_argument("--campaign", default="proxylogon", help="its id (default: %(default)s)")
    sub.add_argument("--json", action="store_true", help="print JSON instead of text")
    sub.set_defaults(run=_show)
    detection_read.add_parser(commands)
    text = "say which full scans of the directive are done, due and late"
    sub = commands.add_parser(
        "schedule", help=text, description=text[:1].upper() + text[1:] + ".", epilog=_EXIT
    )
    sub.add_argument("cases", nargs="?", type=Path, default=Path("cases"), help=_CASES)
    sub.add_argument("--at", metavar="MOMENT", help="what is late is judged then (default: now)")
    sub.add_argument("--directive", default="ed-21-02", help="its id (default: %(default)s)")
    sub.add_argument("--start", metavar="MOMENT",
                     help="when the campaign began, where it is not the directive's own")  # fmt: skip
    sub.add_argument("--first-due", metavar="MOMENT", help="by when the first scan has to be done")
    sub.add_argument("--json", action="store_true", help="print JSON instead of text")
    sub.set_defaults(run=_schedule)
    text = "fill columns 1 and 2 of the template v3.0, with the notes"
    sub = commands.add_parser("template", help=text, description=text[:1].upper() + text[1:] + ".")
    sub.add_argument("cases", nargs="?", type=Path, default=Path("cases"), help=_CASES)
    sub.add_argument("--csv", action="store_true", help="print CSV instead of text")
    sub.set_defaults(run=_template)


def _show(args: argparse.Namespace) -> int:
    catalog, now = load(None), datetime.now(UTC)
    store = read_detections(args.cases)
    fleet = FleetCompromise(catalog, catalog.campaign(args.campaign), DetectionInputs(store), now)
    found = {host: told for host in store.records if (told := fleet.of(host, now)) is not None}
    if args.json:
        print(json.dumps({"hosts": found, "problems": dict(store.problems)}, indent=2))
    else:
        print("\n".join(_verdicts(found)))
    states = {told["state"] for told in found.values()}
    if broken := _status(store):
        return broken
    if not states <= {one.value for one in CompromiseState} - {CompromiseState.INCONCLUSIVE.value}:
        return UNKNOWN
    return OK if states == {CompromiseState.NO_INDICATOR.value} else OPEN


def _verdicts(found: Mapping[str, dict[str, Any]]) -> list[str]:
    head = ("HOST", "COMPROMISE", "LOOKED BACK TO", "RUNS", "FULL SCANS")
    rows = [
        (
            host,
            told["state"] or "not-examined",
            (told["since"] or "-")[:10],
            str(len(told["runs"])),
            f"{sum(scan['state'] == 'done' for scan in told['scans'])} of {len(told['scans'])}"
            if told["scans"] else "-",
        )
        for host, told in found.items()
    ]  # fmt: skip
    cells = widths([head, *rows], (36, 15, 14, 5, 10))
    why = _reasons(found)
    return [
        line(head, cells),
        *(line(row, cells) for row in rows),
        *(["", "Why:", *why] if why else []),
    ]


def _reasons(found: Mapping[str, dict[str, Any]]) -> list[str]:
    """Each reason once, with the hosts that it is for and the checks of each."""
    said: dict[str, dict[str, list[str]]] = {}
    for host, told in found.items():
        known = {check["id"] for check in told["checks"]}
        for reason in told["reasons"]:
            check, _, text = reason.partition(": ")
            named = check in known or reason.endswith(_NOT_ANSWERED)
            if named:
                said.setdefault(text, {}).setdefault(host, []).append(check)
            else:
                said.setdefault(reason, {}).setdefault(host, [])
    lines: list[str] = []
    for text, hosts in sorted(said.items(), key=lambda one: not one[0].startswith(_URGENT)):
        lines += wrap(text, _COLUMNS, first="  ", rest="    ")
        checks: dict[str, list[str]] = {}
        for host, names in hosts.items():
            checks.setdefault(", ".join(names), []).append(host)
        for asked, of in checks.items():
            about = f": {asked}" if asked else ""
            lines += wrap(f"{', '.join(of)}{about}", _COLUMNS, first="      ", rest="        ")
    return lines


def _schedule(args: argparse.Namespace) -> int:
    rule = rule_of(
        load(None).need_directive(args.directive),
        parse_date(args.start, "--start"),
        parse_date(args.first_due, "--first-due"),
    )
    now = parse_date(args.at, "--at") or datetime.now(UTC)
    store = read_detections(args.cases)
    campaigns = {one.id for one in load(None).campaigns() if one.directive == args.directive}
    found = {
        host: schedule([run for run in runs if run.campaign in campaigns], rule, now)
        for host, runs in store.records.items()
    }
    if args.json:
        print(json.dumps(_document(found, store, now), indent=2, ensure_ascii=False))
    else:
        print("\n".join(_table(found)))
    return _status(store) or (
        OPEN if any(_open(scan) for one in found.values() for scan in one) else OK
    )


def _open(scan: ScheduledScan) -> bool:
    return scan.state in (ScanState.DUE, ScanState.LATE)


def _status(store: DetectionStore) -> int:
    """Say what could not be read, and 3 for it: such a host may have anything."""
    for name, why in store.problems.items():
        print(f"exchange-remediation: {name}: {why}", file=sys.stderr)
    if not store.records and not store.problems:
        print("exchange-remediation: no detection.json is there", file=sys.stderr)
    return UNKNOWN if store.problems or not store.records else OK


def _table(found: Mapping[str, tuple[ScheduledScan, ...]]) -> list[str]:
    rows = [
        (
            host,
            "first" if scan.number == 0 else f"week {scan.number}",
            f"{scan.due.astimezone(UTC):%Y-%m-%d %H:%M}",
            scan.state.value,
            "late" if scan.late else "",
        )
        for host, scans in found.items()
        for scan in scans
    ]
    cells = widths([_HEAD, *rows], _CAPS)
    lines = [line(_HEAD, cells), *(line(row, cells) for row in rows)]
    why = [
        text
        for host, scans in found.items()
        for scan in scans
        if _open(scan) and scan.why
        for text in wrap(
            f"{host}, {'first' if scan.number == 0 else f'week {scan.number}'}: {scan.why}",
            _COLUMNS, first="  ", rest="    ",
        )
    ]  # fmt: skip
    return [*lines, *(["", "Why:", *why] if why else [])]


def _document(
    found: Mapping[str, tuple[ScheduledScan, ...]], store: DetectionStore, now: datetime
) -> dict[str, Any]:
    return {
        "at": utc_text(now),
        "hosts": {host: [scan_to_dict(scan) for scan in scans] for host, scans in found.items()},
        "problems": dict(store.problems),
    }


def _template(args: argparse.Namespace) -> int:
    store = read_detections(args.cases)
    found = [cells_of(host, runs, datetime.now(UTC)) for host, runs in store.records.items()]
    if args.csv:
        writer = csv.writer(sys.stdout, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow(("host", "1) MSERT", "2) Test-ProxyLogon.ps1", "notes"))
        writer.writerows(
            [cell(value) for value in (one.host, one.msert, one.script, one.notes)] for one in found
        )
    else:
        print("\n".join(text for one in found for text in _lines(one)))
    return _status(store)


def _lines(one: TemplateCells) -> list[str]:
    return [
        one.host,
        *wrap(f"1) MSERT: {one.msert}", _COLUMNS, first="  ", rest="    "),
        *wrap(f"2) Test-ProxyLogon.ps1: {one.script}", _COLUMNS, first="  ", rest="    "),
        *(wrap(f"Notes: {one.notes}", _COLUMNS, first="  ", rest="    ") if one.notes else []),
    ]
