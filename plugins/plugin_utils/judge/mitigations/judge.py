# SPDX-License-Identifier: GPL-3.0-or-later
"""The campaign's mitigations: do they hold, and are they needed or left over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.model import OPEN_EXPOSURES, CheckResult, CheckStatus, Exposure, Severity
from .. import check as checks
from ..role import SERVER
from .rewrite import judge_rewrite
from .services_and_pools import judge_state
from .state import JudgedMitigation, MitigationState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...base.model import CveVerdict
    from ...catalog.records.mitigations import Mitigation
    from ..subject import Subject

_CLOSED = frozenset((Exposure.FIXED, Exposure.NOT_AFFECTED))


def judge_mitigation(mitigation: Mitigation, subject: Subject) -> JudgedMitigation:
    """The state of one mitigation on one server."""
    if subject.installed is False:
        return JudgedMitigation(
            mitigation.id,
            MitigationState.NOT_APPLICABLE,
            "Exchange is not installed",
            present=False,
        )
    front_end = bool(mitigation.rules)  # services and pools are there or not, by themselves
    if subject.kind != SERVER or (front_end and not subject.role.client_access):
        reason = f"the role ({subject.kind}) has no client access services"
        return JudgedMitigation(
            mitigation.id, MitigationState.NOT_APPLICABLE, reason, present=False
        )
    product = subject.product
    if product is not None and mitigation.products and product not in mitigation.products:
        return JudgedMitigation(
            mitigation.id,
            MitigationState.NOT_APPLICABLE,
            f"{product} has nothing to apply it to",
            present=False,
        )
    if mitigation.rules:
        return judge_rewrite(mitigation, subject.facts)
    return judge_state(mitigation, subject)


def _exposure_of(mitigation: Mitigation, verdicts: Mapping[str, CveVerdict]) -> set[Exposure]:
    return {verdicts[cve].exposure for cve in mitigation.cves if cve in verdicts}


def check_mitigation(
    mitigation: Mitigation, state: JudgedMitigation, verdicts: Mapping[str, CveVerdict]
) -> CheckResult:
    """Judge ``mitigation.<id>``: in place by full content as long as a CVE needs it."""
    exposures = _exposure_of(mitigation, verdicts)
    status, summary = _outcome(state, exposures)
    remedy = None
    if status in (CheckStatus.FINDING, CheckStatus.UNKNOWN):
        remedy = f"Apply it in full until the update is in. Its limits: {mitigation.limits}."
    harmless = status in (CheckStatus.PASS, CheckStatus.NOT_APPLICABLE)
    return CheckResult(
        check=checks.MITIGATION + mitigation.id,
        title=mitigation.title,
        status=status,
        severity=Severity.INFO if harmless else Severity.HIGH,
        summary=summary,
        remedy=remedy,
        clause=None,  # ED 21-02 itself asks for no mitigation
        source=mitigation.source,
        evidence={
            "state": state.state.value,
            "parts": [
                {"name": part.name, "state": part.state.value, "detail": part.detail}
                for part in state.parts
            ],
        },
    )


def _outcome(state: JudgedMitigation, exposures: set[Exposure]) -> tuple[CheckStatus, str]:
    words = f"{state.state.value}: {state.detail}"
    if state.state is MitigationState.NOT_APPLICABLE:
        return CheckStatus.NOT_APPLICABLE, f"Not applicable: {state.detail}."
    if exposures and exposures <= _CLOSED:
        return CheckStatus.NOT_APPLICABLE, "No longer needed: what it mitigates is fixed."
    if state.state is MitigationState.HOLDS:
        return CheckStatus.PASS, "In place by full content; an interim measure, not a fix."
    if state.state is MitigationState.UNKNOWN:
        return CheckStatus.UNKNOWN, f"Could not be told: {state.detail}."
    if exposures & OPEN_EXPOSURES:
        return CheckStatus.FINDING, f"Does not protect, {words}."
    return CheckStatus.UNKNOWN, f"Not in place ({words}); whether it is needed is not known."


def _comes_off(mitigation: Mitigation, subject: Subject) -> bool:
    """Whether it is to be removed now that its CVEs are closed: some only at a later build."""
    if mitigation.removal.when == "fixed" or subject.build is None:
        return True
    return subject.knowledge.must_come_off(mitigation.id, subject.build) is True


def _leftover(
    mitigation: Mitigation, state: JudgedMitigation, exposures: set[Exposure], subject: Subject
) -> str | None:
    """``left``, ``unsure`` or ``kept``; None where there is nothing to say."""
    if state.state is MitigationState.NOT_APPLICABLE or exposures & OPEN_EXPOSURES:
        return None
    unread = state.state is MitigationState.UNKNOWN
    if Exposure.UNKNOWN in exposures:
        return "unsure" if state.present or unread else None
    if not _comes_off(mitigation, subject):
        return "kept" if state.present else None
    if state.present:
        return "left"
    return "unsure" if unread else None


def check_leftover(
    found: Iterable[tuple[Mitigation, JudgedMitigation]],
    verdicts: Mapping[str, CveVerdict],
    subject: Subject,
) -> CheckResult:
    """Judge ``mitigation.leftover``: what is still in place although nothing needs it any more."""
    check = "mitigation.leftover"
    sorted_out: dict[str | None, list[Mitigation]] = {}
    for mitigation, state in found:
        kind = _leftover(mitigation, state, _exposure_of(mitigation, verdicts), subject)
        sorted_out.setdefault(kind, []).append(mitigation)
    if not sorted_out:
        return checks.not_applicable(check, "The campaign has no mitigation.")
    names = {kind: ", ".join(item.id for item in items) for kind, items in sorted_out.items()}
    if left := sorted_out.get("left"):
        return checks.finding(
            check,
            f"Left over after the fix: {names['left']}.",
            f"Take off {', '.join(mitigation.id for mitigation in left)}: "
            f"{'; '.join(dict.fromkeys(mitigation.rollback for mitigation in left))}.",
            {"left": [mitigation.id for mitigation in left]},
        )
    if "unsure" in names:
        return checks.unknown(
            check, f"Could not be told whether it is in place or still needed: {names['unsure']}."
        )
    note = f" Kept on purpose for now: {names['kept']}." if "kept" in names else ""
    return checks.passed(check, f"Nothing is left over.{note}")
