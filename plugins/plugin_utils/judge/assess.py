# SPDX-License-Identifier: GPL-3.0-or-later
"""From the facts of one host to everything that is judged about it. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..base.model import Assessment, CheckResult
from ..facts.read import Facts
from .check import ED_21_02
from .checks.clock import ClockSample, check_clock
from .checks.coverage import check_event_logs, check_logs
from .checks.lifecycle import check_cumulative_update, check_lifecycle
from .checks.platform import check_antimalware, check_complete, check_disks, check_iis, check_reboot
from .checks.presence import check_agreement, check_known, check_path, check_present
from .checks.services import check_disabled, check_stopped, excused
from .checks.session import check_session
from .checks.updates import check_half_installed, listed
from .exposure import grounds, judge_cve
from .knowledge import knowledge_of
from .mitigations.judge import check_leftover, check_mitigation, judge_mitigation
from .subject import subject as subject_of
from .verdict import verdict_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..base.model import CveVerdict
    from ..catalog.catalog import Catalog
    from ..catalog.records.campaigns import Campaign
    from ..catalog.records.mitigations import Mitigation
    from .checks.updates import Listed
    from .exposure import Grounds
    from .mitigations.state import JudgedMitigation
    from .subject import Subject

__all__ = ["ClockSample", "assess"]

_REMEMBERED = 1_024  # a host chooses which builds are asked for


def assess(
    reply_result: Mapping[str, Any] | None,
    host_errors: Iterable[object],
    catalog: Catalog,
    campaign: str | Campaign,
    at: datetime,
    controller_clock: ClockSample | None = None,
) -> Assessment:
    """Judge one host for one campaign as of ``at`` (timezone-aware, or UTC).

    ``reply_result`` is the ``result`` of ``Get-ExchangeServerInfo``, ``host_errors`` the
    ``errors[]`` of its reply (JSON objects or records). Neither can make this raise: whatever
    has the wrong shape counts as not read, and what was not read is ``unknown``.

    :raises CatalogError: the catalogue has no such campaign.
    """
    knowledge = knowledge_of(catalog)
    chosen = knowledge.campaign(campaign) if isinstance(campaign, str) else campaign
    when = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    facts = Facts.of(reply_result, host_errors)
    subject = subject_of(facts, knowledge, chosen, when)
    updates = listed(subject)
    # Those of other campaigns matter where they stop services: that is no finding then.
    known = {
        item.id: item
        for item in knowledge.mitigations
        if item.id in chosen.mitigations or item.services
    }
    states = {name: judge_mitigation(known[name], subject) for name in known}
    on = grounds(subject, updates, states)
    exposures = tuple(judge_cve(entry.cve, on) for entry in chosen.cves)
    required = {entry.cve for entry in chosen.required}
    return Assessment(
        campaign=chosen.id,
        at=when.isoformat().replace("+00:00", "Z"),
        identity=subject.identity(),
        verdict=verdict_on(
            (item.exposure for item in exposures if item.cve in required),
            (item.exposure for item in exposures if item.cve not in required),
        ),
        exposures=exposures,
        checks=_with_clauses(
            _checks(subject, updates, (known, states), exposures, controller_clock), chosen
        ),
        other_open_cves=_others(on, {entry.cve for entry in chosen.cves}),
    )


def _checks(
    subject: Subject,
    updates: Listed,
    mitigations: tuple[Mapping[str, Mitigation], Mapping[str, JudgedMitigation]],
    exposures: Iterable[CveVerdict],
    sample: ClockSample | None,
) -> tuple[CheckResult, ...]:
    known, states = mitigations
    verdicts = {item.cve: item for item in exposures}
    wanted = [(known[name], states[name]) for name in subject.campaign.mitigations]
    # A watchdog may be stopped by any mitigation of the catalogue, also an earlier campaign's.
    excuses = excused((known[name], state) for name, state in states.items())
    facts = subject.facts
    return (
        check_present(subject),
        check_known(subject),
        check_agreement(subject),
        check_path(subject),
        check_half_installed(subject, updates),
        check_cumulative_update(subject),
        check_lifecycle(subject),
        *(check_mitigation(item, state, verdicts) for item, state in wanted),
        check_leftover(wanted, verdicts, subject),
        check_disabled(subject, excuses),
        check_stopped(subject, excuses),
        check_reboot(facts),
        check_logs(subject),
        check_event_logs(subject),
        check_clock(facts, sample),
        check_session(facts),
        check_iis(subject),
        check_antimalware(facts),
        check_disks(facts),
        check_complete(facts),
    )


def _with_clauses(found: tuple[CheckResult, ...], campaign: Campaign) -> tuple[CheckResult, ...]:
    """Clauses only where the campaign stands under the directive that they are from."""
    if campaign.directive == ED_21_02:
        return found
    return tuple(replace(item, clause=None) if item.clause else item for item in found)


def _others(on: Grounds, judged: set[str]) -> tuple[CveVerdict, ...]:
    """Open CVEs outside the campaign: the next emergency is often already on the server.

    They depend on nothing but what the key names (no mitigation of the campaign is for them),
    so a fleet of equal servers shares one answer.
    """
    subject = on.subject
    build, knowledge, day = subject.build, subject.knowledge, subject.at.date()
    if build is None or subject.installed is not True:
        return ()
    key = (build, subject.kind, subject.outdated, day, frozenset(judged))
    found = knowledge.elsewhere.get(key)
    if found is None:
        wanted = (cve for cve in knowledge.open_cves(build, day) if cve not in judged)
        found = tuple(judge_cve(cve, on) for cve in wanted)
        if len(knowledge.elsewhere) < _REMEMBERED:
            knowledge.elsewhere[key] = found
    return found
