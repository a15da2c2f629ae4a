# SPDX-License-Identifier: GPL-3.0-or-later
"""From the results that Ansible registered to the report of a run.

Every host of the inventory gets an entry, also one whose task broke or never ran (I3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.dates import utc_text
from ..base.model import HostState
from ..base.names import run_name
from ..base.version import VERSION
from ..catalog.loader import load
from ..phases.assess.run import AssessRequest, host_result
from ..report.document import build
from ..report.exit_code import exit_code, meaning
from ..report.formats.terminal import terminal_table
from ..report.write import write
from .compromise import DetectionInputs, FleetCompromise
from .directive import DirectiveInputs, day_judged, host_directive
from .doubles import with_doubles
from .versions import held_against

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .versions import KnownServers

_COLUMNS = 150


# What Ansible says of a task that did not end by itself.
_FAILED = {"unreachable": HostState.UNREACHABLE, "failed": HostState.ERROR}


@dataclass(frozen=True, slots=True)
class ReportRun:
    """One run over a fleet."""

    id: str
    campaign: str
    started: datetime
    finished: datetime
    check_mode: bool
    folder: Path
    formats: tuple[str, ...]
    limit: str | None = None  # Ansible's --limit: what was left out is said in the report
    inventory_hosts: int | None = None  # hosts of the whole inventory


def new_run_id(campaign: str, at: datetime, suffix: str) -> str:
    """Sortable by time, unique by ``suffix``: ``20210305T100000Z-proxylogon-1a2b``."""
    return f"{at:%Y%m%dT%H%M%SZ}-{campaign}-{suffix}"


def report_folder(cases: str, run_id: str) -> Path:
    """``<cases>/<run>/report``; raises :class:`ConfigError` for a name that could leave it."""
    return Path(cases).expanduser().absolute() / run_name(run_id) / "report"


@dataclass(frozen=True, slots=True)
class Registered:
    """What a host's task left. ``broken``: the task failed, which findings never make it do."""

    entry: dict[str, Any]
    broken: bool = False


def entry_of(host: str, registered: object, refusal: object) -> Registered | None:
    """The report entry in what a host's task registered; ``None`` if it never ran.

    :param registered: the registered variable, or ``None``.
    :param refusal: why the host was not asked at all, or ``None``.
    """
    request = AssessRequest(host, None)
    if refusal:
        return Registered(host_result(request, HostState.REFUSED, f"config: {refusal}"))
    if not isinstance(registered, Mapping):
        return None
    entry = registered.get("exchange_server")
    if isinstance(entry, Mapping):
        return Registered({str(key): value for key, value in entry.items()})
    for member, state in _FAILED.items():
        if registered.get(member):
            return Registered(host_result(request, state, _reason(registered)), broken=True)
    return None


def _reason(registered: Mapping[str, Any]) -> str:
    if registered.get("timedout"):
        return "timeout: task time-out; the host was given up while it still kept us waiting"
    return f"task: {registered.get('msg') or 'the task failed without a message'}"


def _first_question(entries: Iterable[Mapping[str, Any]]) -> datetime | None:
    """When the first host was asked; the report itself is made after the last answer."""
    sent = [text for entry in entries if isinstance(text := entry["timing"].get("sent"), str)]
    return min(map(datetime.fromisoformat, sent), default=None)


def make_report(
    run: ReportRun,
    hosts: Iterable[str],
    registered: Callable[[str], Registered | None],
    directive_inputs: DirectiveInputs | None = None,
    known: KnownServers | None = None,
    detections: DetectionInputs | None = None,
) -> dict[str, Any]:
    """Build and write the report of ``run``; returns where, the totals and the exit code.

    ``known``: what the directory knows; a server that is no one host of the inventory is in the
    report, and so is a version that the directory denies. ``detections``: what the tools found.
    """
    catalog = load()
    campaign = catalog.campaign(run.campaign)
    directive = catalog.directive(campaign.directive) if campaign.directive else None
    detected = detections or DetectionInputs()
    compromise = FleetCompromise(catalog, campaign, detected, run.finished)
    names = list(hosts)
    listed = directive_inputs.hosts if directive_inputs else None
    left = {name: one for name in names if (one := registered(name)) is not None}
    entries, missing = held_against(
        known, with_doubles({name: one.entry for name, one in left.items()})
    )
    report = build(
        run={
            "id": run.id,
            "started": utc_text(_first_question(entries.values()) or run.started),
            "finished": utc_text(run.finished),
            "check_mode": run.check_mode,
            "limit": run.limit,
            "inventory_hosts": run.inventory_hosts,
            "campaign": {
                "id": campaign.id,
                "title": campaign.title,
                "directive": directive and directive.title,
            },
            "unreadable": dict(detected.store.problems),
            "unlisted": compromise.others({*names, *(listed or ())}),
            "catalogue": {"builds": len(catalog.builds()), "as_of": catalog.as_of.isoformat()},
        },
        tool={"name": "exchange.remediation", "version": VERSION},
        inventory=names,
        results=entries,
        missing=missing,
        compromise=lambda entry: compromise.of(str(entry["host"]), day_judged(entry, run.finished)),
        directive=lambda entry: host_directive(
            catalog,
            campaign,
            entry,
            directive_inputs or DirectiveInputs({}),
            run.finished,
            compromise.answers(str(entry["host"]), day_judged(entry, run.finished)),
        ),
    )
    paths = write(report, run.folder, run.formats)
    code = exit_code(report)
    return {
        "run": run.id,
        "folder": str(run.folder),
        "files": {name: str(path) for name, path in sorted(paths.items())},
        "totals": report["totals"],
        "exit_code": code,
        "meaning": meaning(code),
        "broken": [name for name, one in left.items() if one.broken],
        "summary": terminal_table(report, columns=_COLUMNS).splitlines(),
    }
