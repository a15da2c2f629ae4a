# SPDX-License-Identifier: GPL-3.0-or-later
"""The vulnerability report of HealthChecker: exposure by build, one check for each server in it.

``HasVulnerability`` is true, false or the word ``Unknown``; a server without data has no build.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ...judge.compromise.records import Evidence, ExposureCheck, ExposureState
from .text import decoded, shown

if TYPE_CHECKING:
    from .records import CollectedFile

_ID, _TOOL, _TITLE = (
    "healthchecker/exposure",
    "healthchecker",
    "HealthChecker: vulnerability report",
)
_SERVERS, _CVES = 5000, 500
_CVE = re.compile(r"CVE-\d{4}-\d{4,7}")


def read_healthchecker(file: CollectedFile) -> tuple[ExposureCheck, ...]:
    """Read a report; one that cannot be read is one inconclusive check. Never raises."""
    try:
        servers = json.loads(decoded(file.data))["Servers"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return (_check(file, "", "", ExposureState.INCONCLUSIVE, ("it is no report of it",)),)
    rows = servers if isinstance(servers, list) else [servers]
    if not rows:
        return (_check(file, "", "", ExposureState.INCONCLUSIVE, ("it names no server",)),)
    return tuple(_server(file, row, index) for index, row in enumerate(rows[:_SERVERS]))


def _server(file: CollectedFile, row: Any, index: int) -> ExposureCheck:
    place = f"Servers[{index}]"
    if not isinstance(row, dict):
        return _check(file, "", place, ExposureState.INCONCLUSIVE, ("it is no server",))
    name, build, has = (row.get(key) for key in ("Name", "BuildVersion", "HasVulnerability"))
    listed = row.get("Vulnerabilities")
    listed = listed if isinstance(listed, list) else [listed]
    cves = tuple(one for one in listed[:_CVES] if isinstance(one, str) and _CVE.fullmatch(one))
    odd = [one for one in listed if one not in cves and one is not None]
    reasons = [f"its build is {shown(build)}"] if build else ["it names no build"]
    reasons += [file.doubt] if file.doubt else []
    if has is not True and cves:
        reasons.append(f"it names {len(cves)} CVEs and says '{shown(has)}'")
    if has is True or cves:
        state = ExposureState.EXPOSED
    elif has is False and build and row.get("Online") is True and not odd and not file.doubt:
        state = ExposureState.NOT_EXPOSED
    else:
        state = ExposureState.INCONCLUSIVE
        reasons.append(f"it says '{shown(has)}', online '{shown(row.get('Online'))}'")
    return _check(file, shown(name or ""), place, state, tuple(reasons), cves)


def _check(
    file: CollectedFile,
    subject: str,
    place: str,
    state: ExposureState,
    reasons: tuple[str, ...],
    cves: tuple[str, ...] = (),
) -> ExposureCheck:
    where = Evidence(file.name, file.origin, file.sha256, place)
    return ExposureCheck(_ID, _TOOL, _TITLE, subject, state, reasons, cves, (where,))
