# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that Test-ProxyLogon writes for one server, of every version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .sight import ECP, OAB, OTHER, SSRF, UM, Sight
from .tables import read_table
from .text import decoded

if TYPE_CHECKING:
    from collections.abc import Callable

    from .records import CollectedFile

_LINES = 10_000
# End of the name -> question and the columns that are shown. The longer end is looked for first.
_TABLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("-cve-2021-27065-resetvdir.csv", ECP, ("datetime", "clientipaddress", "anchormailbox", "httpstatus")),
    ("-cve-2021-26855.csv", SSRF, ("datetime", "clientipaddress", "urlstem", "anchormailbox", "httpstatus")),
    ("-cve-2021-26857.csv", UM, ("timecreated", "message")),
    ("-other.csv", OTHER, ("type", "path", "lastwrite")),
)  # fmt: skip
_LISTS = (
    ("-cve-2021-26858-downloadpaths.log", OAB),
    ("-cve-2021-26858.log", OAB),
    ("-cve-2021-27065.log", ECP),
)
_AGES = "-logagedays.csv"


def read_reports(files: tuple[CollectedFile, ...]) -> Sight:
    """Read all of them; a file that is there and says nothing readable is a problem."""
    sight = Sight("its files")
    here = False
    for file in files:
        if reader := _reader(file.base):
            if file.doubt:
                sight.problems.append(f"{file.base}: {file.doubt}")
            reader(file, sight)
            sight.computers.add(_computer(file.base))
            here = True
    ages = sum(file.base.endswith(_AGES) for file in files)
    if ages != 1:
        sight.problems.append(f"it left {ages or 'no'} files of log ages")
    sight.issues = bool(sight.found) if here else None
    return sight


def _computer(base: str) -> str:
    """The server that the name of a file begins with."""
    ends = (_AGES, *(end for end, _, _ in _TABLES), *(end for end, _ in _LISTS))
    return next((base.removesuffix(end) for end in ends if base.endswith(end)), base)


def _reader(base: str) -> Callable[[CollectedFile, Sight], None] | None:
    if base.endswith(_AGES):
        return _read_ages
    for end, question, columns in _TABLES:
        if base.endswith(end):
            return lambda file, sight: _read_rows(file, sight, question, columns)
    for end, question in _LISTS:
        if base.endswith(end):
            return lambda file, sight: _read_lines(file, sight, question)
    return None


def _read_rows(file: CollectedFile, sight: Sight, question: str, columns: tuple[str, ...]) -> None:
    table = read_table(decoded(file.data))
    if table.problem or not table.rows:
        # It writes such a file only when it found something.
        sight.problems.append(f"{file.base}: {table.problem or 'it has no rows'}")
    for number, row in enumerate(table.rows, start=1):
        sight.add(question, " ".join(row.get(c) or "-" for c in columns), file, f"record {number}")


def _read_lines(file: CollectedFile, sight: Sight, question: str) -> None:
    lines = decoded(file.data).splitlines()
    if len(lines) > _LINES:
        sight.problems.append(f"{file.base} has more than {_LINES} lines")
    for number, line in enumerate(lines[:_LINES], start=1):
        if line.strip():
            sight.add(question, line, file, f"line {number}")
    if not any(line.strip() for line in lines[:_LINES]):
        sight.problems.append(f"{file.base}: it is empty")


def _read_ages(file: CollectedFile, sight: Sight) -> None:
    table = read_table(decoded(file.data))
    if len(table.rows) == 1:
        sight.ages = table.rows[0]
        if table.problem is None:
            return
    sight.problems.append(f"{file.base}: {table.problem or 'it has not one row'}")
