# SPDX-License-Identifier: GPL-3.0-or-later
"""Supported, in extended support, or out of support at the date of the assessment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.model import CheckResult, Severity
from .. import check as checks

if TYPE_CHECKING:
    from ..subject import Subject


def check_cumulative_update(subject: Subject) -> CheckResult:
    """Judge ``cu.supported``: the cumulative update among those that get updates on that day."""
    check, support, day = "cu.supported", subject.support, subject.at.date()
    if subject.installed is False:
        return checks.not_applicable(check, "Exchange is not installed.")
    if support is None or support.status == "unknown":
        note = support.note if support else "the build belongs to no known cumulative update"
        return checks.unknown(check, f"Not known for {day}: {note}.")
    evidence = {"at": day.isoformat(), "supported_updates": list(support.supported_updates)}
    if support.status == "unsupported":
        newer = ", ".join(support.supported_updates)
        remedy = f"Move to a supported cumulative update ({newer})." if newer else _REPLACE
        return checks.finding(
            check,
            f"{subject.what} was out of support on {day}: {support.note}.",
            remedy,
            evidence=evidence,
        )
    newest = support.supported_updates[-1:]
    mine = subject.cu.cu if subject.cu else None
    later = f" Superseded by {newest[0]}." if newest and newest[0] != mine else ""
    words = f"{subject.what} was in {_WORDS[support.status]} on {day}: {support.note}.{later}"
    return checks.passed(check, words, evidence)


_WORDS = {"supported": "support", "extended": "extended support"}
_REPLACE = "Replace it: no cumulative update of this product is in support any more."


def check_lifecycle(subject: Subject) -> CheckResult:
    """Judge ``support.lifecycle``: the product as such, whatever its cumulative update."""
    check, day, product = "support.lifecycle", subject.at.date(), subject.product
    support = subject.knowledge.support(product, None, subject.at.date()) if product else None
    if subject.installed is False:
        return checks.not_applicable(check, "Exchange is not installed.")
    if support is None or support.status == "unknown":
        note = support.note if support else "the product is not known"
        return checks.unknown(check, f"Not known for {day}: {note}.")
    if support.status == "unsupported":
        return checks.finding(
            check, f"{product} was out of support on {day}: {support.note}.", _REPLACE
        )
    if support.status == "extended":
        return checks.finding(
            check,
            f"{product} was in extended support only on {day}: {support.note}.",
            "Plan the move to Exchange Server SE; check that this server is entitled to the "
            "updates of extended support.",
            severity=Severity.LOW,
        )
    return checks.passed(check, f"{product} was in support on {day}.")
