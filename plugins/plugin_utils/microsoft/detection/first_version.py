# SPDX-License-Identifier: GPL-3.0-or-later
"""The first form of the script, Test-Hafnium.ps1 of 4 March 2021: only text, five headings.

It says nothing of log ages, so it never covers a window; with no logs at all it says the same
sentence as with clean ones.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from .sight import ECP, OAB, OTHER, SSRF, UM, Sight, finding
from .tables import read_table
from .text import decoded, shown

if TYPE_CHECKING:
    from .records import CollectedFile

# Its ECP test is titled after another CVE; the words tell them apart.
_HEADINGS = (
    (re.compile(r"Checking for \S+ in the HttpProxy logs", re.IGNORECASE), SSRF),
    (re.compile(r"Checking for \S+ in the OABGenerator logs", re.IGNORECASE), OAB),
    (re.compile(r"Checking for \S+ in the Event Logs", re.IGNORECASE), UM),
    (re.compile(r"Checking for \S+ in the ECP Logs", re.IGNORECASE), ECP),
    (re.compile(r"Checking for suspicious files", re.IGNORECASE), OTHER),
)
_CLEAR = re.compile(r"No suspicious (?:entries|lsass dumps|zip files) found", re.IGNORECASE)
_WARNING = re.compile(
    r"(?:WARNING: )?(?:Suspicious .* found|lsass\.exe dumps found|Zipped files found)",
    re.IGNORECASE,
)
_ERROR = re.compile(r"FullyQualifiedErrorId : (\S+)|Attempted to divide by zero|op_Addition")
_LOG = "cve-2021-26855.log"
_LINES = 20_000
_ANSWERS = {OTHER: 2}  # of dumps and of archives


def read_first_version(console: CollectedFile, files: tuple[CollectedFile, ...]) -> Sight:
    """Read text and log of it."""
    sight = Sight("its text")
    if console.doubt:
        sight.problems.append(f"its text: {console.doubt}")
    lines = decoded(console.data).splitlines()
    if len(lines) > _LINES:
        sight.problems.append(f"it printed more than {_LINES} lines")
    answers = _answers(sight, lines[:_LINES], console)
    for file in files:
        if file.base == _LOG:
            _rows(sight, file)
    for _, question in _HEADINGS:
        if answers[question] < _ANSWERS.get(question, 1):
            sight.problems.append(f"its text says nothing, or not all, of {question}")
    sight.issues = bool(sight.claims or sight.found)
    return sight


def _answers(sight: Sight, lines: list[str], console: CollectedFile) -> Counter[str]:
    """Take the lines into account; how many answers each question has."""
    heading: str | None = None
    answers: Counter[str] = Counter()
    for number, line in enumerate(lines, start=1):
        found = next((q for pattern, q in _HEADINGS if pattern.search(line)), None)
        if found is not None:
            heading = found
        elif heading and _WARNING.match(line.strip()):
            sight.claims.setdefault(heading, finding(heading, line, console, f"line {number}"))
            answers[heading] += 1
        elif heading and _CLEAR.search(line):
            answers[heading] += 1
        elif _ERROR.search(line):
            sight.problems.append(f"it reported an error: {shown(line)}")
    return answers


def _rows(sight: Sight, file: CollectedFile) -> None:
    table = read_table(decoded(file.data))
    if why := file.doubt or table.problem:
        sight.problems.append(f"{_LOG}: {why}")
    for number, row in enumerate(table.rows, start=1):
        sight.add(SSRF, " ".join(row.values()), file, f"record {number}")
