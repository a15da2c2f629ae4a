# SPDX-License-Identifier: GPL-3.0-or-later
"""CSV: one file of hosts, one of everything looked at. RFC 4180 quoting, safe in spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from ..document import compromise_of, group
from ..entries import entries, next_step, scan_reminders, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# OWASP ASVS 1.2.10: quoting alone does not stop a spreadsheet from evaluating these.
_FORMULA_STARTS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "\0",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)

HOST_COLUMNS = (
    "host", "address", "state", "verdict", "group", "name", "product", "cumulative_update",
    "build", "update", "roles", "dag", "os", "supported", "open_cves", "findings", "unknown",
    "clock_offset_seconds", "reason", "next_step", "directive", "directive_next", "directive_late",
    "directive_questions", "compromise", "compromise_since", "compromise_reasons", "scans",
)  # fmt: skip
CHECK_COLUMNS = (
    "host", "check", "status", "severity", "outcome", "title", "summary", "remedy", "clause",
    "source",
)  # fmt: skip


def cell(value: object) -> str:
    """Text of one cell; a leading apostrophe where a spreadsheet would see a formula."""
    if isinstance(value, int | float):
        return str(value)  # a negative number is a number
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_STARTS) else text


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()


def hosts_csv(report: Mapping[str, Any]) -> str:
    """One line per inventory host."""
    return _table(HOST_COLUMNS, (_host_row(host) for host in report["hosts"]))


def _host_row(host: Mapping[str, Any]) -> list[object]:
    assessment = host["assessment"]
    identity = assessment["identity"] if assessment else {}
    lines = entries(host)
    wanted = host.get("directive") or {}
    told = host.get("compromise") or {}
    return [
        host["host"], host["address"], host["state"], verdict_of(host), group(host),
        identity.get("name"), identity.get("product"), identity.get("cumulative_update"),
        identity.get("build"), identity.get("update"), " ".join(identity.get("roles") or ()),
        identity.get("dag"), identity.get("os"), identity.get("supported"),
        " ".join(line.name for line in lines if line.outcome and line.status == "finding"),
        sum(line.status == "finding" for line in lines),
        sum(line.status == "unknown" for line in lines),
        host["clock_offset_seconds"], host["reason"], next_step(host),
        wanted.get("directive"), wanted.get("next"), "; ".join(wanted.get("late", ())),
        " ".join(row["name"] for row in wanted.get("questions", ())),
        compromise_of(host), told.get("since"), "; ".join(told.get("reasons", ())),
        "; ".join(scan_reminders(host)),
    ]  # fmt: skip


def checks_csv(report: Mapping[str, Any]) -> str:
    """One line per host and thing looked at; unreached hosts have their ``host.reached`` line."""
    return _table(
        CHECK_COLUMNS,
        (
            [
                host["host"], line.name, line.status, line.severity, line.outcome, line.title,
                line.summary, line.remedy, line.clause, line.source,
            ]
            for host in report["hosts"]
            for line in entries(host)
        ),
    )  # fmt: skip
