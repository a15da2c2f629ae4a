# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeded runs of Test-ProxyLogon and the Safety Scanner, and what each must be read to.

The answer comes from tables over what was put into the world, not from bytes: a second way to the
verdict that shares nothing with the readers.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.records import (
    CollectedFile,
    RunEnd,
    ToolRun,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.proxylogon_tool import (
    AGES,
)
from detection_runs import EVENTS_SINCE, collected, complete, tool_run, without_version

if TYPE_CHECKING:
    from collections.abc import Callable

SINCE = datetime(2021, 1, 1, tzinfo=UTC)
AT = datetime(2021, 3, 10, 12, tzinfo=UTC)
FAR = (AT - SINCE).days + 1
QUESTIONS = ("S", "U", "O", "E", "F")
IDS = {
    "S": "CVE-2021-26855",
    "U": "CVE-2021-26857",
    "O": "CVE-2021-26858",
    "E": "CVE-2021-27065",
    "F": "suspicious-files",
}
COLUMNS = list(AGES)
# Which ages a question needs.
NEEDS = {
    "S": tuple(name for name in COLUMNS if name.endswith("Proxy")),
    "O": ("OabGen",),
    "E": ("Ecp", "EcpProxy"),
    "U": (),
    "F": (),
}
WORDS = {
    "S": "  [CVE-2021-26855] Suspicious activity found in Http Proxy log!",
    "U": "  [CVE-2021-26857] Suspicious activity found in Eventlog!",
    "O": "  [CVE-2021-26858] Suspicious activity found in OAB generator logs!",
    "E": "  [CVE-2021-27065] Suspicious activity found in ECP logs!",
    "F": "  Other suspicious files found: 2",
}
FILES = {
    "S": (
        "-Cve-2021-26855.csv",
        "DateTime,ClientIpAddress,AnchorMailbox",
        "2021-03-03,192.0.2.1,x",
    ),
    "U": ("-Cve-2021-26857.csv", "TimeCreated,MachineName,Message", '3.3.2021,EX01,"two\r\nlines"'),
    "O": ("-Cve-2021-26858-DownloadPaths.log", "'C:\\inetpub\\a.aspx'", "'C:\\b.aspx'"),
    "E": ("-Cve-2021-27065.log", "C:\\logs\\ECPServer1.LOG", "C:\\logs\\ECPServer2.LOG"),
    "F": ("-other.csv", "ComputerName,Type,Path,Name,LastWrite", "EX01,LsassDump,C:\\x,x,1"),
}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp437", "cp1252")
CULTURES: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: text.translate(str.maketrans(",.", ".,")),
    lambda text: text.translate(str.maketrans(",.", "?,")),
    lambda text: text.translate(str.maketrans(",.", "\u00a0,")),
    lambda text: text.replace(",", ""),
)
# What makes a run prove nothing: each is left out of most worlds.
FAULTS = (
    "skipped",
    "error",
    "status",
    "no-status",
    "killed",
    "timed-out",
    "interrupted",
    "text-cut",
    "two-servers",
    "no-ages",
    "damaged-text",
    "damaged-file",
    "unknown-version",
    "no-object",
    "object-cut",
    "no-mark",
    "mark-with-error",
    "mark-unreadable",
)
OBJECT_FAULTS = {"no-object", "object-cut", "no-mark", "mark-with-error", "mark-unreadable"}


@dataclass
class World:
    """One run, as it is made."""

    era: str  # "files", "objects"
    found: set[str]
    ages: dict[str, float | None]
    events: datetime | None
    faults: set[str]
    contradiction: str | None
    culture: Callable[[str], str]
    encoding: str
    typed: bool
    seven: bool = field(default=False)


def world(seed: int) -> World:
    """The world of a seed."""
    draw = random.Random(seed)
    era = draw.choice(("files", "objects"))
    names = [name for name in FAULTS if era == "objects" or name not in OBJECT_FAULTS]
    faults = set(draw.sample(names, draw.choice((0, 0, 0, 1, 1, 2))))
    ages: dict[str, float | None] = dict.fromkeys(COLUMNS, 0.0)
    for column in COLUMNS:
        ages[column] = FAR + draw.choice((0.1, 1.4, 50, 1000, 2080.8))
    if draw.random() < 0.4:
        for column in draw.sample(COLUMNS, draw.choice((1, 2, 12))):
            ages[column] = draw.choice((None, 0.0, 1.9, float(FAR - 2)))
    events = draw.choice((EVENTS_SINCE, EVENTS_SINCE, None, SINCE + timedelta(seconds=1)))
    found = set(draw.sample(QUESTIONS, draw.choice((0, 0, 0, 1, 2, 5))))
    if era == "objects" and found == {"F"}:
        found = set()  # it looks for files only when it found something else
    kinds = ("text-denies", "files-deny", *(("object-denies",) if era == "objects" else ()))
    lie = draw.choice(kinds) if found and draw.random() < 0.2 else None
    if not found and era == "objects" and draw.random() < 0.1:
        lie = "object-claims"
    if lie:
        faults -= {"text-cut", "no-object", "object-cut"}
    return World(
        era,
        found,
        ages,
        events,
        faults,
        lie,
        draw.choice(CULTURES),
        draw.choice(ENCODINGS),
        typed=draw.random() < 0.5,
        seven=draw.random() < 0.5,
    )


def answer(made: World) -> dict[str, str]:
    """What the run must be read to: by tables."""
    asked = set(QUESTIONS if made.era == "files" else "SUOE")
    if "unknown-version" in made.faults:
        asked = {"S"}
    asked |= made.found
    rows = {q: [made.ages[column] for column in NEEDS[q]] for q in QUESTIONS}
    table = (
        ("indicator-found", lambda q: q in made.found),
        ("conflict", lambda q: made.contradiction is not None),
        ("inconclusive", lambda q: bool(made.faults)),
        ("inconclusive", lambda q: q == "U" and (made.events is None or made.events > SINCE)),
        ("inconclusive", lambda q: any(age is None or age < FAR for age in rows[q])),
        ("no-indicator", lambda q: True),
    )
    return {IDS[q]: next(state for state, holds in table if holds(q)) for q in asked}


def run_of(made: World) -> ToolRun:
    """The world as bytes."""
    ages = {name: _number(made, age) for name, age in made.ages.items()}
    files = _files(made, ages)
    text = _text(made)
    faults = made.faults
    run = tool_run(
        "test-proxylogon",
        _bytes(made, text),
        files,
        version="21.03.09.2040" if made.era == "files" else "21.11.01.1200",
        at=AT,
        events=made.events,
        ended=_end(faults),
        exit_code=3 if "status" in faults else None if "no-status" in faults else 0,
    )
    if "damaged-text" in faults:
        run = replace(run, console=_hurt(run.console))
    if "damaged-file" in faults:
        run = replace(run, files=tuple(_hurt(file) for file in run.files))
        if not run.files:
            run = replace(run, console=_hurt(run.console))
    # Its text is read like that of the files' era, whatever it was.
    return without_version(run) if "unknown-version" in faults else run


def _hurt(file: CollectedFile) -> CollectedFile:
    return replace(file, damage="it grew while it was fetched")


def _end(faults: set[str]) -> RunEnd:
    ends = (
        ("killed", RunEnd.UNKNOWN),
        ("timed-out", RunEnd.TIMED_OUT),
        ("interrupted", RunEnd.INTERRUPTED),
    )
    return next((end for name, end in ends if name in faults), RunEnd.FINISHED)


def _number(made: World, age: float | None) -> str:
    return "" if age is None else made.culture(f"{age:,.1f}")


def _bytes(made: World, text: str) -> bytes:
    return text.replace("\n", "\r\n").encode(made.encoding, "replace")


def _text(made: World) -> str:
    lines = ["ProxyLogon Status: Exchange Server EX01", "  Log age days: Ecp 1.0 Ews 2.0"]
    if "skipped" in made.faults:
        lines.insert(0, "  Exchange 2013 or later not found. Skipping log age checks.")
    if "two-servers" in made.faults:
        lines.insert(0, lines[-2])
    if "text-cut" not in made.faults:
        denies = made.contradiction == "text-denies"
        said = [WORDS[q] for q in QUESTIONS if q in made.found and not denies]
        lines += said or ["  Nothing suspicious detected"]
    else:
        lines = [line for line in lines if "Nothing" not in line]
    if "error" in made.faults:
        lines.append("    + FullyQualifiedErrorId : UnauthorizedAccess,X")
    return "\n".join(lines) + "\n"


def _files(made: World, ages: dict[str, str]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    names = "C:\\out\\EX01"
    if "no-ages" not in made.faults:
        head = ",".join(f'"{name}"' for name in ages)
        row = ",".join(f'"{text}"' for text in ages.values())
        mark = "#TYPE System.X\n" if made.typed else ""
        files[f"{names}-LogAgeDays.csv"] = _bytes(made, f"{mark}{head}\n{row}\n")
    if made.contradiction != "files-deny":
        for question in sorted(made.found):
            end, first, second = FILES[question]
            mark = "#TYPE X\n" if made.typed and end.endswith("csv") else ""
            files[names + end] = _bytes(made, f"{mark}{first}\n{second}\n")
    if made.era == "objects":
        files |= _object_files(made, ages)
    return files


def _object_files(made: World, ages: dict[str, str]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    if "no-object" not in made.faults:
        text = json.dumps(_object(made, ages), ensure_ascii=made.seven)
        cut = len(text) // 2 if "object-cut" in made.faults else len(text)
        files["C:\\out\\object.json"] = _bytes(made, text[:cut])
    if "no-mark" not in made.faults:
        errors = ["+ X : AccessDenied,Y"] if "mark-with-error" in made.faults else []
        data = complete(errors)
        files["C:\\out\\complete.json"] = data[:-4] if "mark-unreadable" in made.faults else data
    return files


def _object(made: World, ages: dict[str, str]) -> dict[str, Any]:
    found = set() if made.contradiction == "object-denies" else made.found
    hit = {"DateTime": "2021-03-03", "ClientIpAddress": "192.0.2.1", "AnchorMailbox": "x"}
    paths = ["'C:\\inetpub\\a.aspx'"] if "O" in found else []
    value: dict[str, Any] = {
        "ComputerName": "EX01",
        "Cve26855": {"Hits": [hit] if "S" in found else [], "FileList": ["C:\\a.log"]},
        "Cve26857": [{"TimeCreated": "\\/Date(1614754800000)\\/"}] if "U" in found else [],
        "Cve26858": {"downloadPaths": paths, "filePaths": []},
        "Cve27065": {"setVDirMaliciousUrlLogs": "C:\\e.log" if "E" in found else None},
        "LogAgeDays": ages,
        "IssuesFound": bool(found) or made.contradiction == "object-claims",
        "Suspicious": {"Type": "LsassDump", "Path": "C:\\x"} if "F" in found else None,
    }
    if made.seven and paths:
        value["Cve26858"] = [0, 1, value["Cve26858"]]
    return value


SCAN_FAULTS = (
    "no-code",
    "no-heading",
    "other-kind",
    "no-result",
    "no-log",
    "old-log",
    "two-scans",
    "killed",
    "timed-out",
    "no-status",
    "damaged-file",
)


def scan(seed: int) -> tuple[ToolRun, str]:
    """A run of the Safety Scanner, and what it must be read to."""
    draw = random.Random(seed)
    faults = set(draw.sample(SCAN_FAULTS, draw.choice((0, 0, 1, 1, 2))))
    mode = draw.choice(("quick", "full"))
    threats = draw.choice((0, 0, 0, 1, 3))
    code = draw.choice((0, 0, 7)) if not threats else draw.choice((7, 7, 0))
    other = {"quick": "Full", "full": "Quick"}[mode]
    heading = other if "other-kind" in faults else mode.title()
    at = AT - timedelta(days=30) if "old-log" in faults else AT
    lines = [
        "Microsoft Safety Scanner v1.333, (build 1.333.600.0)",
        f"Started On {at:%a %b %d %H:%M:%S %Y}",
        "Files scanned so far: 12, infected: 4",
        *([] if "no-heading" in faults else [f"{heading} Scan Results:", "-------------------"]),
    ]
    for number in range(threats):
        lines += [f"Threat Detected: Backdoor:ASP/X{number}, not removed.", "    file://C:\\x.aspx"]
    lines += ["Results Summary:", "----------------"]
    if "no-result" not in faults and not threats:
        lines.append("No infection found.")
    if "no-code" not in faults:
        lines += ["", f"Return code: {code} (0x{code:x})"]
    text = "\n".join(lines) + "\n"
    text += text if "two-scans" in faults else ""
    encoding = draw.choice(ENCODINGS)
    data = text.replace("\n", "\r\n").encode(encoding)
    files = {} if "no-log" in faults else {"C:\\Windows\\debug\\msert.log": data}
    run = tool_run(
        "msert",
        b"",
        files,
        at=AT,
        mode=mode,
        ended=_end(faults),
        exit_code=None if "no-status" in faults else code,
    )
    if "damaged-file" in faults and files:
        run = replace(run, files=tuple(_hurt(file) for file in run.files))
    table = (
        ("indicator-found", bool(threats) and "no-log" not in faults),
        ("inconclusive", "no-log" in faults),
        ("conflict", code != 0 and "no-code" not in faults),
        ("inconclusive", bool(faults)),
        ("no-indicator", True),
    )
    return run, next(state for state, holds in table if holds)


def with_file(run: ToolRun, origin: str, data: bytes) -> ToolRun:
    """The run with one more file."""
    return replace(run, files=(*run.files, collected(origin, data)))
