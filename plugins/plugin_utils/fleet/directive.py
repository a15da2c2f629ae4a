# SPDX-License-Identifier: GPL-3.0-or-later
"""What the campaign's directive wants from each host of a report, and who answered which question."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from ..base.model import OPEN_EXPOSURES
from ..judge.directive.answers import UNKNOWN
from ..judge.directive.decide import decide
from ..judge.directive.describe import decision_dict
from ..judge.directive.sources import GivenAnswers, combine, inventory_answers
from ..trust.attested import attested_answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..catalog.catalog import Catalog
    from ..catalog.records.campaigns import Campaign
    from ..catalog.records.directives import Directive
    from ..trust.attestations import Attestation

_ROLES = {
    "Mailbox": "mailbox",
    "ClientAccess": "client-access",
    "HubTransport": "hub-transport",
    "UnifiedMessaging": "unified-messaging",
    "Edge": "edge-transport",
    "ManagementTools": "management-tools",
}
_OPEN = frozenset(exposure.value for exposure in OPEN_EXPOSURES)


@dataclass(frozen=True, slots=True)
class DirectiveInputs:
    """What a run knows beside the servers' own words. ``inventory``: host -> its variable.

    ``hosts``: all names of the whole inventory, None where they are not known.
    """

    inventory: Mapping[str, Any]
    attestations: tuple[Attestation, ...] = ()
    hosts: frozenset[str] | None = None


def host_directive(
    catalog: Catalog,
    campaign: Campaign,
    entry: Mapping[str, Any],
    inputs: DirectiveInputs,
    now: datetime,
    tools: GivenAnswers | None = None,
) -> dict[str, Any] | None:
    """Return what the directive wants from one host, None where the campaign is under none.

    ``entry``: of the report; ``tools``: what the runs of detection tools on it answer. The shape is that
    of ``directive decide --json`` with ``answered_by`` (answer -> source), ``met_by`` (clause -> source), ``conflicts`` and ``fix_deadlines``.
    """
    directive = catalog.directive(campaign.directive) if campaign.directive else None
    if directive is None:
        return None
    host = str(entry["host"])
    sources, problems = inventory_answers(host, inputs.inventory.get(host))
    attested, unfit = attested_answers(inputs.attestations, host, directive, inputs.hosts)
    of_server = [_server_answers(entry), *([tools] if tools is not None else [])]
    said = combine([*of_server, *sources, *attested])
    moment = day_judged(entry, now)
    deadlines = _fix_deadlines(
        catalog, campaign, directive, entry, exposed=said.situation.internet is not False, at=moment
    )
    if deadlines and said.situation.triage is None:
        triage = any(row["triage"] for row in deadlines)
        said = combine([
            GivenAnswers(f"the table of {directive.short}", {"triage": triage}),
            *of_server, *sources, *attested,
        ])  # fmt: skip
    decision = decide(directive, said.situation, met=said.met, clock=_clock(campaign), now=moment)
    return {
        **decision_dict(decision, moment),
        "answered_by": dict(said.said_by),
        "met_by": dict(said.met_by),
        "conflicts": [*problems, *unfit, *said.conflicts],
        "fix_deadlines": deadlines,
    }


def _server_answers(entry: Mapping[str, Any]) -> GivenAnswers:
    """Roles and DAG as the server says them; it may lie, and persons may say otherwise."""
    assessment = entry.get("assessment")
    if not assessment:
        return GivenAnswers("the server")
    identity = assessment["identity"]
    roles = [_ROLES.get(role, UNKNOWN) for role in identity.get("roles") or ()]
    answers: dict[str, Any] = {"roles": roles} if roles else {}
    if identity.get("dag"):
        answers["dag"] = True
    return GivenAnswers("the server", answers)


def day_judged(entry: Mapping[str, Any], now: datetime) -> datetime:
    """The day that the host is judged for."""
    assessment = entry.get("assessment")
    try:
        moment = datetime.fromisoformat(assessment["at"]) if assessment else now
    except ValueError:
        return now
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _clock(campaign: Campaign) -> datetime | None:
    """When the campaign's first vulnerability was added to the KEV catalogue."""
    added = [cve.known_exploited.added for cve in campaign.required if cve.known_exploited]
    return datetime.combine(min(added), time(), UTC) if added else None


def _fix_deadlines(
    catalog: Catalog,
    campaign: Campaign,
    directive: Directive,
    entry: Mapping[str, Any],
    *,
    exposed: bool,
    at: datetime,
) -> list[dict[str, Any]]:
    """By when each open CVE has to be closed, where the directive has a table for that."""
    assessment = entry.get("assessment")
    if not directive.deadlines or not assessment:
        return []
    found: list[dict[str, Any]] = []
    for cve in _open_cves(assessment["exposures"]):
        due = catalog.deadline(campaign.id, cve, exposed=exposed, detected=at.date())
        if due is not None:
            found.append(
                {
                    "cve": cve,
                    "days": due.days,
                    "due": due.due.isoformat() if due.due else None,
                    "triage": due.triage,
                    "late": due.due is not None and due.due < at.date(),
                }
            )
    return found


def _open_cves(exposures: Iterable[Mapping[str, Any]]) -> list[str]:
    return [str(item["cve"]) for item in exposures if item["exposure"] in _OPEN]
