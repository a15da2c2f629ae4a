# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cases say of the hosts of a report: the verdict on compromise, and which scans are due."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..base.errors import CatalogError
from ..base.model import CompromiseState
from ..judge.compromise.clauses import met_clauses, required_checks
from ..judge.compromise.over_time import compromise_over_time
from ..judge.compromise.schedule import SCANNER, rule_of, schedule
from ..judge.compromise.serialize import run_to_dict, scan_to_dict, verdict_to_dict
from ..judge.directive.sources import GivenAnswers
from .detections import DetectionStore

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ..catalog.catalog import Catalog
    from ..catalog.records.campaigns import Campaign
    from ..catalog.records.directives import Directive
    from ..judge.compromise.records import CompromiseVerdict
    from ..judge.compromise.schedule import ScanRecord, ScanRule, ScheduledScan

_RUNS = 50  # of one host, the newest; the case has all
_NOT_RUN: dict[str, Any] = {
    "state": None,
    "reasons": ["no detection tool was run for this campaign"],
    "since": None,
    "checks": [],
}


@dataclass(frozen=True, slots=True)
class DetectionInputs:
    """All runs of a fleet. ``start``, ``first_due``: of the series of scans, where not the directive's."""

    store: DetectionStore = field(default_factory=DetectionStore)
    start: datetime | None = None
    first_due: datetime | None = None


class FleetCompromise:
    """What the runs of one campaign say of each host, at a moment."""

    def __init__(
        self, catalog: Catalog, campaign: Campaign, inputs: DetectionInputs, now: datetime
    ) -> None:
        """``now``: of the report; what says that it ended later answers nothing."""
        self._campaign, self._now = campaign.id, now
        self._window = campaign.log_window.start
        self._tools = list(catalog.detection_tools().values())
        self._directive = catalog.directive(campaign.directive) if campaign.directive else None
        self._required = required_checks(self._tools, self._directive)
        self._rule = _rule(self._directive, inputs)
        self._runs = {name.casefold(): runs for name, runs in inputs.store.records.items()}

    def of(self, host: str, at: datetime) -> dict[str, Any] | None:
        """Return ``state`` (None: no tool was run), ``reasons``, ``since``, ``checks``, ``runs``, ``scans``.

        None where no tool was run and no directive orders a scan.
        """
        runs = self._of(host)
        verdict = self._verdict(host)
        scans = self._scans(host, at)
        if verdict is None and not scans:
            return None
        return {
            **(_NOT_RUN if verdict is None else verdict_to_dict(verdict)),
            "runs": [run_to_dict(run) for run in runs[-_RUNS:]],
            "scans": [scan_to_dict(scan) for scan in scans],
        }

    def answers(self, host: str, at: datetime) -> GivenAnswers | None:
        """Return what the runs answer of the directive's questions, and which clauses they satisfy.

        They never say that nothing was found: that is asked of a full examination.
        """
        verdict = self._verdict(host)
        if self._directive is None or verdict is None:
            return None
        whole = [run for run in self._mine(host) if self._looked_back(run)]
        met = met_clauses(self._tools, self._directive, whole, self._rule, self._scans(host, at))
        found = verdict.state is CompromiseState.INDICATOR_FOUND
        return GivenAnswers("the detection tools", {"indicator": "yes"} if found else {}, met)

    def others(self, hosts: Iterable[str]) -> dict[str, str]:
        """Return the verdicts on hosts that are none of these: somebody has to know whose they are."""
        known = {host.casefold() for host in hosts}
        found: dict[str, str] = {}
        for name in self._runs:
            if name not in known and (verdict := self._verdict(name)) is not None:
                found[self._runs[name][0].host] = verdict.state.value
        return found

    def _verdict(self, host: str) -> CompromiseVerdict | None:
        return compromise_over_time(self._of(host), self._required, self._campaign, self._now)

    def _mine(self, host: str) -> list[ScanRecord]:
        """The runs for this campaign that have ended."""
        return [
            run
            for run in self._of(host)
            if run.campaign == self._campaign and run.finished and run.finished <= self._now
        ]

    def _looked_back(self, run: ScanRecord) -> bool:
        """Whether it had to look back as far as the campaign reaches; a scan of files is of today."""
        if run.tool == SCANNER:
            return True
        return bool(run.since and self._window and run.since.date() <= self._window)

    def _of(self, host: str) -> tuple[ScanRecord, ...]:
        return self._runs.get(host.casefold(), ())

    def _scans(self, host: str, at: datetime) -> tuple[ScheduledScan, ...]:
        return schedule(self._mine(host), self._rule, at) if self._rule is not None else ()


def _rule(directive: Directive | None, inputs: DetectionInputs) -> ScanRule | None:
    if directive is None:
        return None
    try:
        return rule_of(directive, inputs.start, inputs.first_due)
    except CatalogError:
        return None  # it orders no series of scans
