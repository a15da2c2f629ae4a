# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tools may be started on a server, from its facts and what is at work there. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...base.errors import RefusedError
from ...facts.read import Facts, flag, number, rows, text
from ...plan.records import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from ...catalog.records.detection_tools import DetectionEra
    from ...host.calls.detection import DetectionHostState
    from ...trust.packages.catalogue import PackageCatalogue
    from ...trust.packages.tool_records import ToolRecord
    from .request import WantedTool

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class ChosenTool:
    """A tool with the file that is run. ``era``: how this version behaves; None: not known."""

    wanted: WantedTool
    record: ToolRecord
    era: DetectionEra | None

    @property
    def job_kind(self) -> str:
        """How the host starts it (``Start-HostJob``)."""
        objects = self.era is not None and self.era.how == "objects"
        return "proxylogon-objects" if objects else "process"

    @property
    def arguments(self) -> tuple[str, ...]:
        """What it is told; the launcher of objects tells it itself."""
        return self.wanted.mode.arguments if self.job_kind == "process" else ()

    @property
    def checks(self) -> tuple[str, ...]:
        """The questions that a run of it has to answer."""
        return self.era.checks if self.era and self.era.checks else (self.wanted.mode.check,)


@dataclass(frozen=True, slots=True)
class DetectionSelection:
    """What is run, in this order, and why the rest is not."""

    chosen: tuple[ChosenTool, ...]
    refusals: tuple[Refusal, ...]


def choose(
    wanted: tuple[WantedTool, ...],
    store: PackageCatalogue | None,
    facts: Mapping[str, Any],
    now: datetime,
    begun: Callable[[WantedTool, ToolRecord], bool] = lambda _wanted, _record: False,
) -> DetectionSelection:
    """Choose the files, and refuse what this server cannot run.

    ``begun``: whether this run is at work with a file; then it goes on with that one, whatever has
    come into the store since, and whatever its age is now.
    """
    known = Facts.of(facts, ())
    chosen: list[ChosenTool] = []
    refusals: list[Refusal] = []
    for one in wanted:
        reasons = list(_about_host(one, known))
        if store is None:
            reasons.append("no package store is given (store), so its file cannot be delivered")
        else:
            try:
                record = next(
                    (row for row in store.tools if row.tool == one.tool.id and begun(one, row)),
                    None,
                ) or store.tool(one.tool, now)
            except RefusedError as error:
                reasons.append(str(error))
            else:
                reasons += _about_file(record, one.tool.era(record.script_version))
        if reasons:
            refusals.append(Refusal(one.id, "; ".join(reasons)))
        else:
            chosen.append(ChosenTool(one, record, one.tool.era(record.script_version)))
    return DetectionSelection(tuple(chosen), tuple(refusals))


def _about_host(wanted: WantedTool, facts: Facts) -> Iterator[str]:
    """What of a server keeps a tool from saying anything; what cannot be read is not taken for good."""
    if wanted.tool.where != "server":
        return
    elevated = flag(facts.value("session", "elevated"))
    if elevated is not True:
        yield f"the session is {'not elevated' if elevated is False else 'of unknown elevation'}"
    needed = wanted.tool.needs_powershell
    if needed:
        version = _version(text(facts.value("powershell", "version")))
        if version is None:
            yield f"the version of PowerShell is not known, it needs {needed}"
        elif version < tuple(map(int, needed.split("."))):
            yield f"PowerShell {'.'.join(map(str, version))} is older than {needed}, which it needs"


def _about_file(record: ToolRecord, era: DetectionEra | None) -> Iterator[str]:
    if era is None:
        yield f"how version {record.version} behaves is not known; bring a known release"
    elif era.how == "text":
        yield (
            f"version {record.version} writes beside itself and says nothing of log ages; bring a later "
            "release"
        )


def _version(given: str | None) -> tuple[int, ...] | None:
    try:
        return tuple(int(part) for part in (given or "").split(".")[:2]) or None
    except ValueError:
        return None


def in_the_way(chosen: ChosenTool, state: DetectionHostState, free: int | None) -> str | None:
    """Why a tool is not started now although it could be: another scanner, or no room.

    ``free``: bytes on the drive of Windows; None: not known.
    """
    tool = chosen.wanted.tool
    if chosen.era is not None and chosen.era.how == "scan":
        if why := _scanning(state):
            return why
        if not state.log_read:
            return "its log could not be read, so what this run adds to it could not be told apart"
    if tool.needs_mib and free is None:
        return "the free space of the server could not be read"
    if tool.needs_mib and free is not None and free < tool.needs_mib * _MIB:
        return (
            f"{free // _MIB} MiB are free on the drive of Windows, {tool.file} needs {tool.needs_mib}; "
            "make room, then run again"
        )
    return None


def _scanning(state: DetectionHostState) -> str | None:
    if state.scanners is None:
        return "whether another scanner is at work could not be read"
    if not state.scanners:
        return None
    one = state.scanners[0]
    return (
        f"{one.name} (process {one.id}, since {one.started or 'unknown'}) is at work; one scanner at a "
        "time: wait for its end, or look who started it"
    )


def free_bytes(facts: Mapping[str, Any]) -> int | None:
    """The free space of the drive of Windows, where the temporary files of SYSTEM are too."""
    disks = rows(facts.get("disks"), "root")
    for disk in disks.rows:
        if "system" in (disk.get("purposes") or ()):
            return number(disk.get("free_bytes"))
    return None
