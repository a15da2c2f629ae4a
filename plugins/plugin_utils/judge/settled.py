# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server that needs nothing by its build is borne out by its other witnesses. Pure.

The version of ExSetup.exe alone shows what is open, never that nothing is to be done: a file that
was copied, or an installation that did not finish, says the same. What decides is the assessment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.model import CheckStatus, Exposure

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..base.model import Assessment, CheckResult

_INSTALLED = ("exchange.present", "build.source-agreement", "path.agreement")
_HALF = "update.half-installed"
_NICE = (Exposure.FIXED, Exposure.NOT_AFFECTED)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """What speaks against a build; ``update``: an update that was not installed in full."""

    reason: str
    cure: str | None
    update: bool = False


def against_build(judged: Assessment) -> Contradiction | None:
    """What speaks against it that ExSetup.exe tells which cumulative update runs here."""
    for check in judged.checks:
        if check.check in _INSTALLED and check.status is not CheckStatus.PASS:
            return Contradiction(check.summary, check.remedy)
    return None


def half_installed(judged: Assessment) -> Contradiction | None:
    """What speaks against it that the update which ExSetup.exe tells is in."""
    found: CheckResult | None = next((c for c in judged.checks if c.check == _HALF), None)
    if found is None or found.status is not CheckStatus.FINDING:
        return None
    return Contradiction(found.summary, found.remedy, update=True)


def against_fix(judged: Assessment, closed: Collection[str]) -> Contradiction | None:
    """What speaks against it that these CVEs are closed, as the build alone has it."""
    found = against_build(judged) or half_installed(judged)
    if found is not None:
        return found
    for verdict in judged.exposures:
        if verdict.cve in closed and verdict.exposure not in _NICE:
            return Contradiction(f"{verdict.cve}: {verdict.reason}", verdict.action)
    return None
