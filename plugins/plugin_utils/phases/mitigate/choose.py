# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mitigations of a campaign one server needs, or has too much, as ordered steps.

Pure: no I/O, no clock. Whether the host lets a step through is asked by ``preview``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...base.model import OPEN_EXPOSURES, Exposure
from ...catalog.clauses import clause_for
from ...facts.read import Facts, named, rows
from ...judge.assess import assess
from ...judge.knowledge import knowledge_of
from ...judge.mitigations.judge import judge_mitigation
from ...judge.mitigations.rewrite import front_end_sites
from ...judge.mitigations.state import JudgedMitigation, MitigationState
from ...judge.role import scope_conflict
from ...judge.settled import half_installed
from ...judge.subject import subject as subject_of
from ...plan.freshness import facts_digest, section_digests
from ...plan.records import HostPlan, Refusal, Step
from . import content
from .phase import MITIGATE, UNMITIGATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from ...catalog.catalog import Catalog
    from ...catalog.records.mitigations import Mitigation
    from ...judge.settled import Contradiction
    from ...judge.subject import Subject

# What the choice rests on. The session and the clock do not count, and neither does free space.
SECTIONS = ("exchange", "updates", "services", "iis", "url_rewrite")

_REPAIR = "Install the update again first: playbook exchange.remediation.patch, patch_repair=true"


@dataclass(frozen=True, slots=True)
class SelectedMitigation:
    """One mitigation of the campaign on this server."""

    mitigation: Mitigation
    judged: JudgedMitigation
    needed: bool | None  # None: it is not known whether its CVEs are open

    @property
    def holds(self) -> bool:
        """Whether nothing is to be done for it."""
        return self.judged.state in (MitigationState.HOLDS, MitigationState.NOT_APPLICABLE)

    @property
    def unread(self) -> bool:
        """Whether a part of it could not be read."""
        return MitigationState.UNKNOWN in (
            self.judged.state,
            *(part.state for part in self.judged.parts),
        )


@dataclass(frozen=True, slots=True)
class MitigationSelection:
    """The plan, what it rests on, and the campaign's CVEs that are open."""

    plan: HostPlan
    found: tuple[SelectedMitigation, ...]
    open_cves: tuple[str, ...]
    stop: str | None = None  # nothing at all may be done here (I19)
    conflict: str | None = None  # why: the host contradicts the inventory, or itself
    doubt: str | None = None  # why nothing nice about it is believed: half an update

    def left_open(self, held: Iterable[str]) -> tuple[str, ...]:
        """The open CVEs that none of the mitigations ``held`` is for."""
        names = set(held)
        covered = {
            cve for one in self.found if one.mitigation.id in names for cve in one.mitigation.cves
        }
        return tuple(cve for cve in self.open_cves if cve not in covered)


def choose(
    catalog: Catalog,
    campaign: str,
    result: Mapping[str, Any] | None,
    errors: Iterable[object],
    at: datetime,
    *,
    intent: str = MITIGATE,
    only: tuple[str, ...] = (),
    although_open: str | None = None,
) -> MitigationSelection:
    """Choose for one server.

    :raises CatalogError: there is no such campaign.
    :raises ValueError: ``only`` names what is no mitigation of the campaign.
    """
    knowledge, errors = knowledge_of(catalog), tuple(errors)
    chosen = knowledge.campaign(campaign)
    if strange := [name for name in only if name not in chosen.mitigations]:
        raise ValueError(
            f"{', '.join(map(repr, strange))}: no mitigation of {campaign}, which has "
            f"{', '.join(chosen.mitigations) or 'none'}"
        )
    facts = Facts.of(result, errors)
    subject = subject_of(facts, knowledge, chosen, at)
    judged = assess(result, errors, catalog, chosen, at)
    exposures = {item.cve: item.exposure for item in judged.exposures}
    doubt = half_installed(judged)
    known = {item.id: item for item in knowledge.mitigations}
    found = tuple(
        SelectedMitigation(
            known[name],
            judge_mitigation(known[name], subject),
            _needed(known[name], exposures, doubt),
        )
        for name in chosen.mitigations
        if not only or name in only
    )
    required = [entry.cve for entry in chosen.required]
    open_cves = tuple(cve for cve in required if exposures.get(cve) in OPEN_EXPOSURES)
    conflict = scope_conflict(facts)
    stop = conflict or _stop(subject, catalog)
    if stop:
        empty = _plan(intent, campaign, result, (), (Refusal(None, stop),), ())
        return MitigationSelection(empty, found, open_cves, stop, conflict)
    why = f": {doubt.reason} {_REPAIR}" if doubt else ""
    plan = _Steps(subject, although_open, clause_for(catalog, campaign, intent), why)
    for one in found:
        (plan.undo if intent == UNMITIGATE else plan.apply)(one)
    steps, refused, notes = tuple(plan.steps), tuple(plan.refused), tuple(plan.notes)
    return MitigationSelection(
        _plan(intent, campaign, result, steps, refused, notes),
        found,
        open_cves,
        doubt=f"{doubt.reason} {_REPAIR}." if doubt else None,
    )


def _plan(
    intent: str,
    campaign: str,
    result: Mapping[str, Any] | None,
    steps: tuple[Step, ...],
    refused: tuple[Refusal, ...],
    notes: tuple[str, ...],
) -> HostPlan:
    return HostPlan(
        intent,
        campaign,
        steps,
        refused,
        facts_digest(result, SECTIONS),
        notes,
        section_digests(result, SECTIONS),
    )


def _stop(subject: Subject, catalog: Catalog) -> str | None:
    """Why nothing may be changed on this server at all."""
    if subject.build is None:
        return f"The build of ExSetup.exe is not known: {subject.facts.why('exchange')}."
    if subject.info is None:
        unknown = catalog.explain_unknown(subject.build)
        return f"Unknown build, so nothing is changed: {unknown}."
    return None


def _needed(
    mitigation: Mitigation, exposures: Mapping[str, Exposure], doubt: Contradiction | None
) -> bool | None:
    """Whether a CVE that it is for is open; one that was not judged counts as not known.

    Of a server with half an update nothing nice is believed, whatever its version says.
    """
    states = {exposures.get(cve, Exposure.UNKNOWN) for cve in mitigation.cves}
    if states & OPEN_EXPOSURES:
        return True
    return None if doubt or Exposure.UNKNOWN in states else False


class _Steps:
    """Collects the steps of one server."""

    def __init__(
        self, subject: Subject, although_open: str | None, clause: str | None, doubt: str
    ) -> None:
        self.steps: list[Step] = []
        self.refused: list[Refusal] = []
        self.notes: list[str] = []
        self._subject = subject
        self._although = although_open
        self._clause = clause
        self._doubt = doubt  # why it is not known what is needed

    # Apply -------------------------------------------------------------------------------

    def apply(self, one: SelectedMitigation) -> None:
        name = one.mitigation.id
        if one.judged.state is MitigationState.NOT_APPLICABLE:
            self.notes.append(f"{name}: not applicable, {one.judged.detail}")
        elif one.needed is None:
            self.refused.append(Refusal(name, f"whether it is needed is not known{self._doubt}"))
        elif not one.needed:
            self.notes.append(f"{name}: not needed, what it mitigates is fixed")
        elif one.unread:
            self.refused.append(Refusal(name, one.judged.detail))
        elif not one.holds:
            self.steps += self._orders(one)

    def _orders(self, one: SelectedMitigation) -> Iterator[Step]:
        mitigation = one.mitigation
        cves = ", ".join(mitigation.cves)
        reason = f"{cves} open; {mitigation.id} is {one.judged.state.value}: {one.judged.detail}."
        previous: tuple[str, ...] = ()
        for kind, operation, parameters, before, after in self._parts(mitigation):
            step = f"{mitigation.id}/{kind}"
            yield Step(
                step, operation, parameters, reason, before, after, self._clause, needs=previous
            )
            # The health manager starts again what it finds stopped: services go first.
            previous = (step,) if operation == content.SERVICES else previous

    def _parts(self, mitigation: Mitigation) -> Iterator[tuple[str, str, dict[str, Any], Any, Any]]:
        if mitigation.rules and mitigation.scope:
            sites = front_end_sites(self._subject.facts)
            names = [str(row["name"]) for row in sites.rows] if sites else []
            for site in names or [mitigation.scope.site]:
                wanted = content.rules_of(mitigation, site)
                before = self._rules_at(site, mitigation.scope.path)
                yield f"rules/{site}", content.RULES, wanted, before, wanted["rules"]
        services = content.services_of(mitigation, self._subject.product)
        if services["services"]:
            rows_before = self._service_rows(services["services"])
            yield "services", content.SERVICES, services, rows_before, services["services"]
        if mitigation.app_pools:
            pools = content.pools_of(mitigation)
            yield "pools", content.POOLS, pools, self._pools(pools["pools"]), pools["pools"]

    def _rules_at(self, site: str, path: str) -> list[str]:
        section = self._subject.facts.section("url_rewrite") or {}
        return [
            str(row.get("name"))
            for row in rows(section.get("rules")).rows
            if str(row.get("site")).casefold() == site.casefold()
            and str(row.get("path")).casefold().rstrip("/") == path.casefold().rstrip("/")
        ]

    def _service_rows(self, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = [(row, self._subject.services.get(row["name"])) for row in wanted]
        return [{name: now.get(name) for name in row} for row, now in found if now is not None]

    def _pools(self, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
        iis = self._subject.facts.section("iis") or {}
        listed = named(rows(iis.get("app_pools"), "name"))
        found = [(row, listed.get(row["name"])) for row in wanted]
        return [{name: now.get(name) for name in row} for row, now in found if now is not None]

    # Undo --------------------------------------------------------------------------------

    def undo(self, one: SelectedMitigation) -> None:
        name = one.mitigation.id
        if one.needed is None and not self._although:
            self.refused.append(
                Refusal(name, f"whether it is still needed is not known{self._doubt}")
            )
        elif one.needed and not self._although:
            cves = ", ".join(one.mitigation.cves)
            why = (
                f"still needed, {cves} open here; install the update first, or say why it comes off "
                "all the same"
            )
            self.refused.append(Refusal(name, why))
        elif not self._although and self._kept(one.mitigation):
            self.notes.append(f"{name}: stays for now, {one.mitigation.removal.reason}")
        else:
            why = f"although it is needed: {self._although}" if one.needed else "no longer needed"
            reason = f"{name} comes off, {why}; the recorded state from before comes back."
            parameters = {"mitigation": name}
            before = {"state": one.judged.state.value, "detail": one.judged.detail}
            self.steps.append(
                Step(
                    f"{name}/undo",
                    "Undo-Mitigation",
                    parameters,
                    reason,
                    before,
                    None,
                    self._clause,
                )
            )

    def _kept(self, mitigation: Mitigation) -> bool:
        """Whether it comes off at a later build only (removal at another threshold than the fix)."""
        build = self._subject.build
        if mitigation.removal.when == "fixed" or build is None:
            return False
        return self._subject.knowledge.must_come_off(mitigation.id, build) is not True
