# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks by id, and how to write down the result of one.

A clause is named only where the directive itself says something about the matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..base.model import CheckResult, CheckStatus, Severity

_FIXES = (
    "https://learn.microsoft.com/exchange/troubleshoot/client-connectivity/"
    "exchange-security-update-issues"
)
_CSS = "microsoft/CSS-Exchange@f88378b1"
_OWN = "rule of this project"
_ED = "cisagov/cyber.dhs.gov@6757942f:pages/ed-21-02.md"

ED_21_02 = "ed-21-02"


@dataclass(frozen=True, slots=True)
class Check:
    """What a check is about, independent of any host."""

    title: str
    severity: Severity
    source: str
    clause: str | None = None  # of ED 21-02


CHECKS: dict[str, Check] = {
    "exchange.present": Check(
        "Exchange is installed, and what it is is clear",
        Severity.HIGH,
        _ED,
        "ED 21-02 action 1 inventory",
    ),
    "build.known": Check(
        "The build is in the catalogue",
        Severity.HIGH,
        f"{_CSS}:Shared/Get-ExSetupFileVersionInfo.ps1",
        "ED 21-02 action 5",
    ),
    "build.source-agreement": Check(
        "File and registry name the same cumulative update",
        Severity.HIGH,
        _FIXES,
        "ED 21-02 action 5",
    ),
    "path.agreement": Check("Registry and service name the same Exchange", Severity.HIGH, _OWN),
    "update.half-installed": Check(
        "Installed updates and files agree",
        Severity.CRITICAL,
        _FIXES,
        "ED 21-02 action 1 update",
    ),
    "cu.supported": Check(
        "The cumulative update is supported",
        Severity.HIGH,
        _ED,
        "ED 21-02 supplement 1 hardening 3",
    ),
    "support.lifecycle": Check(
        "The product is supported",
        Severity.HIGH,
        _ED,
        "ED 21-02 supplement 1 hardening 3",
    ),
    "services.disabled": Check(
        "No needed service is left disabled",
        Severity.HIGH,
        f"{_FIXES} and {_CSS}:Get-ExchangeDependentServices.ps1",
    ),
    "services.stopped": Check(
        "Every needed service runs", Severity.MEDIUM, f"{_CSS}:Get-ExchangeDependentServices.ps1"
    ),
    "reboot.pending": Check(
        "No restart is pending", Severity.MEDIUM, f"{_CSS}:Shared/Get-ServerRebootPending.ps1"
    ),
    "mitigation.leftover": Check(
        "No mitigation is left over after the fix", Severity.MEDIUM, f"{_CSS}:docs/Security/EOMT.md"
    ),
    "logs.coverage": Check(
        "Logs cover the campaign until now",
        Severity.HIGH,
        _ED,
        "ED 21-02 action 1 collect, supplement 1 hardening 5",
    ),
    "eventlogs.coverage": Check(
        "Event logs cover the campaign until now",
        Severity.HIGH,
        _ED,
        "ED 21-02 action 1 collect, supplement 1 hardening 5",
    ),
    "clock.skew": Check("The host's clock agrees with the controller's", Severity.LOW, _OWN),
    "session.elevated": Check(
        "The host was read as an elevated administrator", Severity.HIGH, _FIXES
    ),
    "iis.readable": Check("The IIS configuration could be read", Severity.MEDIUM, _OWN),
    "facts.complete": Check("Every part of the facts could be read", Severity.MEDIUM, _OWN),
    "antimalware.present": Check(
        "Anti-malware is installed and runs",
        Severity.MEDIUM,
        _ED,
        "ED 21-02 supplement 1 hardening 6",
    ),
    "disk.space": Check("There is room for evidence and an update", Severity.MEDIUM, _OWN),
}
MITIGATION = "mitigation."
_LONGEST = 300


Evidence = Mapping[str, Any]
_SHOWN = 12


def several(items: Sequence[str], separator: str = ", ") -> str:
    """Name the first dozen, count the rest: a host decides how many there are."""
    words = separator.join(item[:_LONGEST] for item in items[:_SHOWN])
    more = len(items) - _SHOWN
    return f"{words} and {more} more" if more > 0 else words


def _result(
    check: str, status: CheckStatus, summary: str, remedy: str | None, evidence: Evidence | None
) -> CheckResult:
    """Write down the outcome of a check of :data:`CHECKS`.

    A pass or an inapplicable check has no severity of its own: it is ``info``.
    """
    known = CHECKS[check]
    harmless = status in (CheckStatus.PASS, CheckStatus.NOT_APPLICABLE)
    return CheckResult(
        check=check,
        title=known.title,
        status=status,
        severity=Severity.INFO if harmless else known.severity,
        summary=summary,
        remedy=remedy,
        clause=known.clause,
        source=known.source,
        evidence=dict(evidence or {}),
    )


def passed(check: str, summary: str, evidence: Evidence | None = None) -> CheckResult:
    """Nothing was found, and everything needed to say so was read."""
    return _result(check, CheckStatus.PASS, summary, None, evidence)


def not_applicable(check: str, summary: str) -> CheckResult:
    """The check has no meaning on this server; the summary says why."""
    return _result(check, CheckStatus.NOT_APPLICABLE, summary, None, None)


def finding(
    check: str,
    summary: str,
    remedy: str,
    evidence: Evidence | None = None,
    *,
    severity: Severity | None = None,
) -> CheckResult:
    """Something is wrong; the remedy says what to do."""
    found = _result(check, CheckStatus.FINDING, summary, remedy, evidence)
    return found if severity is None else replace(found, severity=severity)


def unknown(
    check: str, summary: str, remedy: str | None = None, evidence: Evidence | None = None
) -> CheckResult:
    """It could not be told; the summary carries the host's reason. At most ``high``."""
    found = _result(check, CheckStatus.UNKNOWN, summary, remedy, evidence)
    if found.severity is Severity.CRITICAL:
        return replace(found, severity=Severity.HIGH)
    return found
