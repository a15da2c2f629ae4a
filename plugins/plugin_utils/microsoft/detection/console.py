# SPDX-License-Identifier: GPL-3.0-or-later
"""What Test-ProxyLogon prints, whatever the culture: its sentences are English, its figures are not.

Tables (``-DisplayOnly``) are cut at the width of the console and never read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .sight import ECP, OAB, OTHER, SSRF, UM, Sight, finding
from .text import decoded, shown

if TYPE_CHECKING:
    from .records import CollectedFile

_LINES = 20_000
_STATUS = re.compile(r"\s*ProxyLogon Status: Exchange Server (\S+)", re.IGNORECASE)
_NOTHING = re.compile(r"\s*Nothing suspicious detected\s*\Z", re.IGNORECASE)
_FOUND = re.compile(
    r"\s*\[(CVE-2021-\d{5})\] (?:Suspicious activity|Web ?Shell possibly)", re.IGNORECASE
)
_OTHERS = re.compile(r"\s*Other suspicious files found: ([1-9])", re.IGNORECASE)
_SKIPPED = re.compile(r"Skipping (?:(CVE-2021-\d{5}) test|log age)", re.IGNORECASE)
# PowerShell's own mark of an error, in every language; these two say that there is no such event.
_ERROR = re.compile(r"\+ FullyQualifiedErrorId : (\S+)")
_NO_EVENTS = ("NoMatchingEventsFound", "NoMatchingProvidersFound")


def read_console(file: CollectedFile) -> Sight:
    """Read what it printed."""
    sight = Sight("its text")
    if file.doubt:
        sight.problems.append(f"its text: {file.doubt}")
    lines = decoded(file.data).splitlines()
    if len(lines) > _LINES:
        sight.problems.append(f"it printed more than {_LINES} lines")
    servers = sum(
        _line(sight, line, file, number) for number, line in enumerate(lines[:_LINES], start=1)
    )
    if servers != 1:
        sight.problems.append(
            "its text does not begin a report"
            if not servers
            else f"its text is of {servers} servers"
        )
    elif sight.issues is None:
        sight.problems.append("its text breaks off before a verdict")
    return sight


def _line(sight: Sight, line: str, file: CollectedFile, number: int) -> bool:
    """Take one line into account; whether it begins the report of a server."""
    if match := _STATUS.match(line):
        sight.computers.add(match[1].casefold())
        return True
    if _NOTHING.match(line):
        sight.issues = bool(sight.issues)
    elif match := _FOUND.match(line):
        _claim(sight, match[1].upper(), line, file, number)
    elif _OTHERS.match(line):
        _claim(sight, OTHER, line, file, number)
    elif match := _SKIPPED.search(line):
        sight.skipped.append(f"it skipped a test: {shown(line)}")
    elif (match := _ERROR.search(line)) and not match[1].startswith(_NO_EVENTS):
        sight.problems.append(f"PowerShell reported an error: {shown(match[1])}")
    return False


def _claim(sight: Sight, question: str, line: str, file: CollectedFile, number: int) -> None:
    if question not in (SSRF, UM, OAB, ECP, OTHER):
        sight.problems.append(f"it speaks of {question}, which is not known")
        return
    sight.issues = True
    sight.claims.setdefault(question, finding(question, line, file, f"line {number}"))
