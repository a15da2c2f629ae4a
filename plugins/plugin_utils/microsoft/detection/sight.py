# SPDX-License-Identifier: GPL-3.0-or-later
"""What one source of a run of Test-ProxyLogon says: its object, its files, or its text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...judge.compromise.records import Evidence, Finding
from .text import shown

if TYPE_CHECKING:
    from .records import CollectedFile

SSRF, UM, OAB, ECP, OTHER = (
    "CVE-2021-26855",
    "CVE-2021-26857",
    "CVE-2021-26858",
    "CVE-2021-27065",
    "suspicious-files",
)
TITLES = {
    SSRF: "a request to a back end through the front end (HttpProxy log)",
    UM: "an invalid cast in Unified Messaging (Application event log)",
    OAB: "a download by the offline address book (OABGenerator log)",
    ECP: "a virtual directory that was set or reset (ECP log)",
    OTHER: "a dump of lsass or an archive where none belongs",
}
_MOST = 100  # findings of one question; the number of all is told


@dataclass(slots=True)
class Sight:
    """One source. ``issues``: whether it says itself that something was found; None: it does not say.

    ``found``: findings by question. ``claims``: questions of which it says that there is something,
    without showing what. ``ages``: the log ages by column, small letters; None: it has none.
    ``problems``: why it may not be all. ``skipped``: questions that the tool left out, or words.
    """

    name: str
    issues: bool | None = None
    found: dict[str, list[Finding]] = field(default_factory=dict)
    claims: dict[str, Finding] = field(default_factory=dict)
    ages: dict[str, str] | None = None
    problems: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    more: dict[str, int] = field(default_factory=dict)
    computers: set[str] = field(default_factory=set)  # whose report it is, in small letters

    def add(self, question: str, detail: object, file: CollectedFile, place: str) -> None:
        """Add a finding; beyond a number only their count."""
        known = self.found.setdefault(question, [])
        if len(known) >= _MOST:
            self.more[question] = self.more.get(question, 0) + 1
            return
        known.append(finding(question, detail, file, place))


def finding(question: str, detail: object, file: CollectedFile, place: str) -> Finding:
    """Return a finding of a question, with where it stands."""
    where = Evidence(file.name, file.origin, file.sha256, place)
    return Finding(question, TITLES[question], shown(detail), where)
