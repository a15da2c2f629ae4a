# SPDX-License-Identifier: GPL-3.0-or-later
"""The exit status of a run, for pipelines that gate on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .document import found_elsewhere, has_findings, has_unknowns

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING_FOUND = 0
FINDINGS = 1
USAGE = 2
INCOMPLETE = 3


def exit_code(report: Mapping[str, Any]) -> int:
    """0 nothing found on any host, 1 findings, 3 some host is unknown or was not reached.

    3 wins over 1: a run that could not see everything must not be mistaken for one that did (I3).
    2 (usage) is the command's own. An empty inventory is 3: nothing was looked at.
    """
    hosts = report["hosts"]
    unseen = report["run"].get("unreadable") or found_elsewhere(report)
    if not hosts or unseen or any(has_unknowns(host) for host in hosts):
        return INCOMPLETE
    return FINDINGS if any(has_findings(host) for host in hosts) else NOTHING_FOUND


def meaning(code: int) -> str:
    """One sentence for people."""
    return {
        NOTHING_FOUND: "every host was assessed and no check found anything",
        FINDINGS: "every host was assessed; some have findings",
        USAGE: "the command was used wrongly",
        INCOMPLETE: "some hosts were not reached or could not be fully judged",
    }[code]
