# SPDX-License-Identifier: GPL-3.0-or-later
"""The object of Test-ExchangeProxyLogon as JSON, of Windows PowerShell 5.1 or 7.

Seen in recordings: lists of one element as that element, ``null`` for nothing, integers among the
members of ``Cve26858`` (leaked by the script), and, where the depth was too small, whole members as
``@{Name=value; ...}``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .sight import ECP, OAB, OTHER, SSRF, UM, Sight
from .text import decoded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import CollectedFile

_MEMBERS = (
    "Cve26855",
    "Cve26857",
    "Cve26858",
    "Cve27065",
    "IssuesFound",
    "LogAgeDays",
    "Suspicious",
)
_CUT = "@{"


def read_object(file: CollectedFile) -> Sight:
    """Read it; what cannot be read is a problem, never an error."""
    sight = Sight("its object")
    if file.doubt:
        sight.problems.append(f"its object: {file.doubt}")
    try:
        value = json.loads(decoded(file.data))
    except (ValueError, RecursionError):
        sight.problems.append("its object is no JSON: it was cut off, or is something else")
        return sight
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        sight.problems.append("its object is not one object: the script answered something else")
        return sight
    members = {str(name).casefold(): content for name, content in value.items()}
    missing = [name for name in _MEMBERS if name.casefold() not in members]
    if missing:
        sight.problems.append(f"its object has no {', '.join(missing)}: an unknown version")
    issues = members.get("issuesfound")
    sight.issues = issues if isinstance(issues, bool) else None
    if sight.issues is None:
        sight.problems.append("its object does not say whether issues were found")
    if isinstance(name := members.get("computername"), str) and name:
        sight.computers.add(name.casefold())
    _findings(members, sight, file)
    _ages(members.get("logagedays"), sight)
    return sight


def _findings(members: dict[str, Any], sight: Sight, file: CollectedFile) -> None:
    for row, place in _rows(_part(members, "Cve26855", "Hits", sight), "Cve26855.Hits", sight):
        sight.add(SSRF, _hit(row), file, place)
    for row, place in _rows(members.get("cve26857"), "Cve26857", sight):
        sight.add(UM, _event(row), file, place)
    for part, _ in _rows(members.get("cve26858"), "Cve26858", sight, numbers=True):
        _oab(part, sight, file)
    plain = _part(members, "Cve27065", "setVDirMaliciousUrlLogs", sight)
    for row, place in _rows(plain, "Cve27065.setVDirMaliciousUrlLogs", sight):
        sight.add(ECP, row, file, place)
    reset = _member(members.get("cve27065"), "resetVDirHits")
    for row, place in _rows(reset, "Cve27065.resetVDirHits", sight):
        sight.add(ECP, _hit(row), file, place)
    for row, place in _rows(members.get("suspicious"), "Suspicious", sight):
        sight.add(OTHER, _file(row), file, place)


def _oab(part: Any, sight: Sight, file: CollectedFile) -> None:
    """One member of ``Cve26858``; its paths of logs count where those of downloads are not there."""
    if not isinstance(part, dict):
        if not _hollow(part, "Cve26858", sight):
            sight.add(OAB, part, file, "Cve26858")
        return
    found = False
    for name in ("downloadPaths", "filePaths"):
        for row, place in () if found else _rows(_member(part, name), f"Cve26858.{name}", sight):
            sight.add(OAB, row, file, place)
            found = True


def _part(members: dict[str, Any], name: str, part: str, sight: Sight) -> Any:
    """A part of a member; the member itself where it is a bare list or text."""
    value = members.get(name.casefold())
    if isinstance(value, dict):
        return _member(value, part)
    return None if _hollow(value, name, sight) else value


def _hollow(value: Any, name: str, sight: Sight) -> bool:
    """Whether a whole member was cut to a text, which looks the same with and without findings."""
    if not (isinstance(value, str) and value.startswith(_CUT)):
        return False
    sight.problems.append(f"its object was cut at a depth ({name})")
    return not sight.issues


def _member(value: Any, name: str) -> Any:
    """A member whatever the case of its name."""
    if not isinstance(value, dict):
        return None
    return next((v for k, v in value.items() if str(k).casefold() == name.casefold()), None)


def _rows(
    value: Any, place: str, sight: Sight, *, numbers: bool = False
) -> Iterator[tuple[Any, str]]:
    """The elements of a list, which may be null or one bare element."""
    for index, row in enumerate(value if isinstance(value, list) else [value]):
        if row is None or (numbers and isinstance(row, int)):
            continue
        if isinstance(row, str) and row.startswith(_CUT):
            sight.problems.append(f"its object was cut at a depth ({place})")
        elif not isinstance(row, str | dict):
            sight.problems.append(f"{place} of its object is something else than is known")
            continue
        yield row, f"{place}[{index}]"


def _hit(row: Any) -> str:
    if not isinstance(row, dict):
        return str(row)
    names = ("DateTime", "ClientIpAddress", "UrlStem", "AnchorMailbox", "HttpStatus")
    return " ".join(str(_member(row, name) or "-") for name in names)


def _event(row: Any) -> str:
    if not isinstance(row, dict):
        return str(row)
    return " ".join(str(_member(row, name) or "-") for name in ("TimeCreated", "Message"))


def _file(row: Any) -> str:
    if not isinstance(row, dict):
        return str(row)
    return " ".join(str(_member(row, name) or "-") for name in ("Type", "Path", "LastWrite"))


def _ages(value: Any, sight: Sight) -> None:
    if isinstance(value, dict):
        sight.ages = {str(name).casefold(): str(text or "") for name, text in value.items()}
    elif value is not None:
        sight.problems.append("LogAgeDays of its object was cut, or is something else")
