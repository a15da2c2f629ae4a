# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the host's clock is off; log times and evidence hang on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.model import CheckResult, Severity
from ...facts.read import moment
from .. import check as checks

if TYPE_CHECKING:
    from datetime import datetime

    from ...facts.read import Facts

# More than 2 s shifts the order of events; from 5 min on Kerberos refuses the host.
DRIFT_SECONDS = 2.0
KERBEROS_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class ClockSample:
    """The controller's UTC before sending the request and after receiving the reply."""

    sent: datetime
    received: datetime


@dataclass(frozen=True, slots=True)
class Offset:
    """Bounds of host clock minus controller clock, in seconds."""

    low: float
    high: float

    @property
    def least(self) -> float:
        """The smallest absolute offset that fits; 0 where the bounds enclose it."""
        return 0.0 if self.low <= 0.0 <= self.high else min(abs(self.low), abs(self.high))

    @property
    def middle(self) -> float:
        """The best single number for a report."""
        return (self.low + self.high) / 2


def offset(host_utc: object, sample: ClockSample | None) -> Offset | None:
    """The host took its time somewhere between sending and receiving."""
    host = moment(host_utc)
    if host is None or sample is None or sample.received < sample.sent:
        return None
    return Offset((host - sample.received).total_seconds(), (host - sample.sent).total_seconds())


def check_clock(facts: Facts, sample: ClockSample | None) -> CheckResult:
    """Judge ``clock.skew``."""
    check = "clock.skew"
    if sample is None:
        return checks.unknown(check, "The controller took no time to compare with.")
    found = offset(facts.value("clock", "utc"), sample)
    if found is None:
        return checks.unknown(check, f"The host's clock is not known: {facts.why('clock')}.")
    evidence = {"offset_seconds": round(found.middle, 3), "bounds": [found.low, found.high]}
    if found.least > DRIFT_SECONDS:
        severe = found.least >= KERBEROS_SECONDS
        return checks.finding(
            check,
            f"The host's clock is at least {found.least:.1f} s "
            f"{'ahead of' if found.low > 0 else 'behind'} the controller's.",
            "Note the offset with every time taken from this host; correct the clock only after "
            "the evidence is saved.",
            severity=Severity.HIGH if severe else Severity.LOW,
            evidence=evidence,
        )
    if max(abs(found.low), abs(found.high)) >= KERBEROS_SECONDS:
        return checks.unknown(
            check, "The reply took so long that the offset cannot be bounded.", evidence=evidence
        )
    return checks.passed(check, "The clocks agree within what can be measured.", evidence=evidence)
