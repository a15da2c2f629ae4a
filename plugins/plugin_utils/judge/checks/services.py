# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that Exchange needs: left disabled by an update, or not running.

Lists after microsoft/CSS-Exchange (Get-ExchangeDependentServices.ps1). POP3 and IMAP4 are off by
default and appear in none of them. A watchdog that a mitigation stopped is that mitigation's
side effect, not a finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...base.model import CheckResult, Severity
from ...facts.read import Named, text
from .. import check as checks
from ..mitigations.state import MitigationState
from ..role import EDGE, TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...catalog.records.mitigations import Mitigation
    from ...facts.read import Row
    from ..mitigations.state import JudgedMitigation
    from ..subject import Subject

_WEB = ("W3SVC", "IISADMIN", "WinMgmt")
_MAILBOX = (
    "MSExchangeADTopology",
    "MSExchangeDelivery",
    "MSExchangeFastSearch",
    "MSExchangeIS",
    "MSExchangeRepl",
    "MSExchangeRPC",
    "MSExchangeServiceHost",
    "MSExchangeSubmission",
    "MSExchangeTransport",
    "HostControllerService",
)
_FRONT_END = ("MSExchangeADTopology", "MSExchangeFrontEndTransport", "MSExchangeServiceHost")
_COMMON = (
    "MSComplianceAudit",
    "MSExchangeAntispamUpdate",
    "MSExchangeCompliance",
    "MSExchangeDagMgmt",
    "MSExchangeDiagnostics",
    "MSExchangeEdgeSync",
    "MSExchangeHM",
    "MSExchangeHMRecovery",
    "MSExchangeMailboxAssistants",
    "MSExchangeMailboxReplication",
    "MSExchangeMitigation",
    "MSExchangeThrottling",
    "MSExchangeTransportLogSearch",
)
# Exchange 2010 and Edge are not in the source's list: only what every such server has.
_EXCHANGE_2010 = {
    "Mailbox": ("MSExchangeADTopology", "MSExchangeIS", "MSExchangeServiceHost"),
    "ClientAccess": ("MSExchangeADTopology", "MSExchangeServiceHost"),
    "HubTransport": ("MSExchangeADTopology", "MSExchangeTransport"),
    "UnifiedMessaging": ("MSExchangeADTopology", "MSExchangeServiceHost"),
}
_EDGE = ("MSExchangeTransport",)
_EDGE_COMMON = ("ADAM_MSExchange", "MSExchangeEdgeCredential", "MSExchangeTransportLogSearch")
_SERVICE_CONTROL = (
    "Set the start types back to what they were before the update (see "
    "ExchangeSetupLogs\\ServiceControl.log), start the services, then assess again."
)


class Needed(NamedTuple):
    """Names of services: without the critical ones there is no mail."""

    critical: frozenset[str]
    common: frozenset[str]


def needed(subject: Subject) -> Needed:
    """What this product and role needs, by name."""
    if subject.kind == TOOLS or subject.installed is False:
        return Needed(frozenset(), frozenset())
    if subject.kind == EDGE:
        return Needed(frozenset(_EDGE), frozenset(_EDGE_COMMON))
    names: set[str] = set(_WEB)
    if subject.product == "Exchange2010":
        for role in subject.roles if subject.roles_known else _EXCHANGE_2010:
            names.update(_EXCHANGE_2010.get(role, ()))
        return Needed(frozenset(names), frozenset(("MSExchangeThrottling",)))
    both = not subject.roles_known or not {"Mailbox", "ClientAccess"} & set(subject.roles)
    # Since Exchange 2016 the Mailbox role holds the front end.
    one_role = subject.product != "Exchange2013"
    if both or "Mailbox" in subject.roles:
        names.update(_MAILBOX)
    if both or one_role or "ClientAccess" in subject.roles:
        names.update(_FRONT_END)
    if text(subject.facts.value("dag", "name")) is not None:
        names.add("ClusSvc")
    return Needed(frozenset(names), frozenset(_COMMON))


def excused(states: Iterable[tuple[Mitigation, JudgedMitigation]]) -> dict[str, str]:
    """Service (folded) -> mitigation that has put it into its state."""
    found: dict[str, str] = {}
    for mitigation, state in states:
        targets = [part for part in state.parts if not part.watchdog]
        if state.state is MitigationState.NOT_APPLICABLE or not any(
            part.present for part in targets
        ):
            continue
        for service in mitigation.services:
            found.setdefault(service.name.casefold(), mitigation.id)
    return found


def check_disabled(subject: Subject, excuses: dict[str, str]) -> CheckResult:
    """Judge ``services.disabled``."""
    check = "services.disabled"
    listed, wanted = subject.services, needed(subject)
    if not wanted.critical:
        return checks.not_applicable(check, "This host has no service of Exchange to look after.")
    if not listed.index:
        return checks.unknown(
            check, f"The services could not be read: {subject.facts.why('services')}."
        )
    disabled, by_mitigation, unread = [], {}, []
    for name in sorted(wanted.critical | wanted.common):
        row = listed.get(name)
        start = text(row.get("start_type")) if row is not None else None
        if row is not None and start is None:
            unread.append(name)
        elif start == "Disabled" and name.casefold() in excuses:
            by_mitigation[name] = excuses[name.casefold()]
        elif start == "Disabled":
            disabled.append(name)
    return _disabled(subject, wanted, disabled, by_mitigation, (unread, listed))


def _disabled(
    subject: Subject,
    wanted: Needed,
    disabled: list[str],
    by_mitigation: dict[str, str],
    missing: tuple[list[str], Named],
) -> CheckResult:
    check = "services.disabled"
    unread, listed = missing
    if disabled:
        critical = any(name in wanted.critical for name in disabled)
        return checks.finding(
            check,
            f"Disabled although Exchange needs them: {', '.join(disabled)}.",
            _SERVICE_CONTROL,
            {"disabled": disabled, "by_mitigation": by_mitigation},
            severity=Severity.HIGH if critical else Severity.MEDIUM,
        )
    if unread or not listed.whole:
        names = ", ".join(unread) or subject.facts.why("services")
        return checks.unknown(check, f"Some start types could not be read: {names}.")
    note = ""
    if by_mitigation:
        pairs = ", ".join(f"{name} by {what}" for name, what in sorted(by_mitigation.items()))
        note = f" Disabled on purpose: {pairs}."
    return checks.passed(
        check, f"No needed service is disabled.{note}", {"by_mitigation": by_mitigation}
    )


def _running(row: Row) -> bool | None:
    status = text(row.get("status"))
    return None if status is None else status == "Running"


def check_stopped(subject: Subject, excuses: dict[str, str]) -> CheckResult:
    """Judge ``services.stopped``: automatic services that do not run (the disabled ones are reported there)."""
    check = "services.stopped"
    listed, wanted = subject.services, needed(subject)
    if not wanted.critical:
        return checks.not_applicable(check, "This host has no service of Exchange to look after.")
    if not listed.index:
        return checks.unknown(
            check, f"The services could not be read: {subject.facts.why('services')}."
        )
    stopped: list[str] = []
    unsure = [] if subject.facts.section("dag") else ["ClusSvc (whether this is a DAG)"]
    for name in sorted(wanted.critical | wanted.common):
        row = listed.get(name)
        if row is None:
            if name in wanted.critical:
                unsure.append(f"{name} (not listed)")
            continue
        start, running = text(row.get("start_type")), _running(row)
        if start is None or running is None:
            unsure.append(name)
        elif start.startswith("Automatic") and not running and name.casefold() not in excuses:
            stopped.append(name)
    if stopped:
        critical = any(name in wanted.critical for name in stopped)
        return checks.finding(
            check,
            f"Not running: {', '.join(stopped)}.",
            "Start them and read their events; after a failed update first repair the update.",
            {"stopped": stopped},
            severity=Severity.HIGH if critical else Severity.MEDIUM,
        )
    if unsure or not listed.whole:
        names = ", ".join(unsure) or subject.facts.why("services")
        return checks.unknown(
            check, f"Could not be told for: {names}.", evidence={"unsure": unsure}
        )
    return checks.passed(check, "Every needed automatic service runs.")
