# SPDX-License-Identifier: GPL-3.0-or-later
"""A tool that runs on the controller and asks the front end of one server: exposure, never compromise.

Its request stays in the logs of the server, so it is a step of the plan like any other.
"""

from __future__ import annotations

import ipaddress
import shutil
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ...judge.compromise.records import Evidence
from ...microsoft.detection.nmap_run import NmapRequest, run_nmap
from ...microsoft.detection.nmap_xml import read_nmap
from ...plan.records import Step
from .keep import KeptFiles

if TYPE_CHECKING:
    from ...judge.compromise.records import ExposureCheck
    from .choose import ChosenTool
    from .keep import Kept
    from .request import DetectRequest
    from .runtime import DetectRuntime


def objection(request: DetectRequest) -> str | None:
    """Why the front end cannot be asked from here."""
    if shutil.which("nmap") is None:
        return "nmap is not installed on the controller (Debian: apt-get install nmap)"
    try:
        ipaddress.ip_address(request.address or "")
    except ValueError:
        return (
            f"{request.address or 'nothing'!r} is no IP address; give that of the front end with address "
            "(detect_address), no name server is asked"
        )
    return None


def step_of(chosen: ChosenTool, request: DetectRequest) -> Step:
    """The step of asking it."""
    record, wanted = chosen.record, chosen.wanted
    return Step(
        id=f"{wanted.id}/ask",
        operation="nmap",
        parameters={
            "address": request.address,
            "port": request.port,
            "file": record.file,
            "sha256": record.sha256,
        },
        reason=f"{wanted.tool.title} asks the front end from the controller; its request stays in the logs.",
        before={"exposure": "not asked"},
        after={"exposure": list(chosen.checks)},
    )


def probe_front_end(
    chosen: ChosenTool, request: DetectRequest, runtime: DetectRuntime
) -> dict[str, Any]:
    """Ask it, keep request and answer in the case, and return what they say, as data."""
    asked = NmapRequest(
        address=request.address or "",
        port=request.port,
        script=runtime.local(chosen.record),
        sha256=chosen.record.sha256,
        timeout=chosen.wanted.seconds,
    )
    run = run_nmap(asked)
    # Each answer has a folder of its own: what was exposed yesterday stays on record.
    name = f"{chosen.wanted.tool.id}-{runtime.now():%Y%m%dT%H%M%SZ}"
    place = KeptFiles(request.folder, name, request.secrets)
    place.prepare()
    kept = (place.console(run.xml, "report.xml"), place.console(run.trace, "trace.txt"))
    place.index(kept, {"command": list(run.command), "ended": run.ended.value})
    return exposure_to_dict(_with_evidence(read_nmap(run), kept))


def _with_evidence(check: ExposureCheck, kept: tuple[Kept, ...]) -> ExposureCheck:
    found = tuple(Evidence(one.name, one.origin, one.sha256) for one in kept)
    return replace(check, evidence=found)


def exposure_to_dict(check: ExposureCheck) -> dict[str, Any]:
    """Return one check of exposure as plain JSON."""
    return {
        **asdict(check),
        "state": check.state.value,
        "reasons": list(check.reasons),
        "cves": list(check.cves),
        "evidence": [asdict(one) for one in check.evidence],
    }
