# SPDX-License-Identifier: GPL-3.0-or-later
r"""The log of the Microsoft Safety Scanner: blocks, each with its closing line ``Return code: n (0x..)``.

::

    Microsoft Safety Scanner v1.405, (build 1.405.445.0)
    Started On Thu Feb 22 13:33:34 2024
    ...
    Quick Scan Results:
    Threat Detected: Virus:DOS/EICAR_Test_File, not removed.
        file://C:\...
    Results Summary:
    No infection found.
    Microsoft Safety Scanner Finished On Thu Feb 22 13:35:58 2024
    Return code: 0 (0x0)

After two published logs (microsoft-tools.md d.7, corrections.md). What it shows while it works is not
conclusive and is never counted; a block without its closing line is a scan that did not finish. The
heading of a full scan was in no published log [inf]: what cannot be read as full is not taken for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from ...base.model import CompromiseState
from ...judge.compromise.records import (
    DetectionCheck,
    Evidence,
    Finding,
    SourceCoverage,
    ToolReading,
)
from .text import decoded, few, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .records import CollectedFile, HostView, ToolRun

LOG = "msert.log"
_LINES = 200_000
_THREATS = 200
_BEGIN = re.compile(r"\s*Microsoft Safety Scanner v[\d.]+", re.IGNORECASE)
_STARTED = re.compile(r"\s*Started On (.+?)\s*\Z", re.IGNORECASE)
_HEADING = re.compile(r"\s*(Quick|Full|Custom|Extended) Scan Results:", re.IGNORECASE)
_THREAT = re.compile(r"\s*Threat Detected: (.+?)\s*\Z", re.IGNORECASE)
_PLACE = re.compile(r"\s+(\w+://.+?)\s*\Z")
_CLEAN = re.compile(r"\s*No infection found", re.IGNORECASE)
_FOUND = re.compile(r"\s*Found (.+?)\s*\Z", re.IGNORECASE)
_CODE = re.compile(r"\s*Return\scode:\s(\d{1,2})\s\((?:0x)?[0-9a-f]+\)", re.IGNORECASE)
_SUMMARY = re.compile(r"\s*Results Summary:", re.IGNORECASE)
_ZONES = timedelta(hours=15)  # of local time from UTC at most, and a clock that is set
_KINDS = {"quick": "quick", "full": "full", "full-remove": "full"}


@dataclass(slots=True)
class _Block:
    """One scan. ``threats``: (line number, name, places)."""

    line: int
    started: str | None = None
    kind: str | None = None
    clean: bool = False
    summary: bool = False
    code: int | None = None
    named: list[str] = field(default_factory=list)  # in the summary
    threats: list[tuple[int, str, list[str]]] = field(default_factory=list)


def read_msert(run: ToolRun) -> ToolReading:
    """Read the part of the log that this run wrote."""
    logs = [file for file in run.files if file.base == LOG]
    problems = [why] if (why := _ended(run)) else []
    blocks: list[_Block] = []
    found: list[Finding] = []
    for log in logs:
        problems += [f"its log: {log.doubt}"] if log.doubt else []
        text = decoded(log.data)
        problems += ["its log is longer than what is read"] if text.count("\n") > _LINES else []
        of_log = list(_blocks(text))
        blocks += of_log
        found += islice(_findings(of_log, log), _THREATS - len(found))
    if len(logs) != 1:
        problems.append(f"there are {len(logs)} logs of it" if logs else "it left no log")
    if logs and not blocks:
        problems.append("its log has nothing of this run")
    check = _judge(run, blocks, tuple(found), problems)
    last = blocks[-1] if blocks else None
    said = None
    if last is not None and last.code is not None:
        said = f"Return code: {last.code}"
    version = str(run.version) if run.version else None
    return ToolReading(run.tool.id, version, bool(said) and not problems, (check,), said)


def _ended(run: ToolRun) -> str | None:
    """Why it did not end by itself. Its exit status is its return code, which its log says too."""
    if run.ended.value != "finished":
        return f"the run did not come to its end ({run.ended.value})"
    return None if run.exit_code is not None else "its exit status is not known"


def threats(log: CollectedFile) -> Iterator[Finding]:
    """All threats that a log names, whichever scan they are of."""
    return _findings(list(_blocks(decoded(log.data))), log)


def _blocks(text: str) -> Iterator[_Block]:
    block: _Block | None = None
    for number, line in enumerate(text.splitlines()[:_LINES], start=1):
        if _BEGIN.match(line) and "Finished On" not in line:
            if block is not None:
                yield block
            block = _Block(number)
            continue
        if block is None and _THREAT.match(line):
            block = _Block(number)  # its head is not here: what it found counts all the same
        if block is not None:
            _line(block, number, line)
            if block.code is not None:
                yield block
                block = None
    if block is not None:
        yield block


def _line(block: _Block, number: int, line: str) -> None:
    if match := _STARTED.match(line):
        block.started = match[1]
    elif match := _HEADING.match(line):
        block.kind = match[1].casefold()
    elif match := _THREAT.match(line):
        if len(block.threats) < _THREATS:
            block.threats.append((number, match[1], []))
    elif (match := _PLACE.match(line)) and block.threats and not block.summary:
        block.threats[-1][2].append(match[1])
    elif _SUMMARY.match(line):
        block.summary = True
    elif _CLEAN.match(line):
        block.clean = True
    elif block.summary and (match := _FOUND.match(line)):
        block.named.append(match[1])
    elif match := _CODE.match(line):
        block.code = int(match[1])


def _judge(
    run: ToolRun, blocks: list[_Block], findings: tuple[Finding, ...], problems: list[str]
) -> DetectionCheck:
    wanted = _KINDS.get(run.mode.name, run.mode.name)
    block = blocks[-1] if blocks else None
    if len(blocks) > 1:
        problems.append(
            f"its log has {len(blocks)} scans of this time: another one was at work too"
        )
    doubts: list[str] = []
    if block is not None:
        problems += _unfinished(block, wanted, run.host)
        doubts += _contradictions(block, run, findings=bool(findings))
    if findings:
        state, reasons = (
            CompromiseState.INDICATOR_FOUND,
            (f"{len(findings)} threats", *doubts, *problems),
        )
    elif doubts:
        state, reasons = CompromiseState.CONFLICT, (*doubts, *problems)
    elif problems:
        state, reasons = CompromiseState.INCONCLUSIVE, tuple(problems)
    else:
        state, reasons = CompromiseState.NO_INDICATOR, ()
    coverage = (SourceCoverage(f"files ({wanted} scan)", None, run.host.start),)
    title = f"{run.tool.title}: {wanted} scan"
    return DetectionCheck(
        run.mode.check, run.tool.id, title, state, few(reasons), findings, coverage
    )


def _findings(blocks: list[_Block], log: CollectedFile) -> Iterator[Finding]:
    for block in blocks:
        for number, name, places in block.threats:
            where = Evidence(log.name, log.origin, log.sha256, f"line {number}")
            detail = f"{name} {' '.join(places[:5])}".strip()
            yield Finding("threat", "a threat by the Safety Scanner", shown(detail), where)
        if not block.threats:
            for name in block.named[:_THREATS]:
                where = Evidence(log.name, log.origin, log.sha256, f"line {block.line}")
                yield Finding("threat", "a threat by the Safety Scanner", shown(name), where)


def _unfinished(block: _Block, wanted: str, host: HostView) -> Iterator[str]:
    started = _moment(block.started)
    if started is None:
        yield "its log does not say when it started"
    elif not host.start - _ZONES <= started <= host.latest + _ZONES:
        yield f"its log is of another scan, started {started:%Y-%m-%d %H:%M}"
    if block.code is None:
        yield "its log has no return code: the scan did not finish, and what it counted is not conclusive"
    if block.kind is None:
        yield "its log does not say which kind of scan it was"
    elif block.kind != wanted:
        yield f"its log says {block.kind} scan, asked for was a {wanted} one"
    if not block.clean and not block.threats and not block.named:
        yield "its log has no result"


def _moment(text: str | None) -> datetime | None:
    """The local time that it names, taken for UTC; its zone is not known."""
    try:
        return datetime.strptime(text or "", "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        return None


def _contradictions(block: _Block, run: ToolRun, *, findings: bool) -> Iterator[str]:
    if block.code and not findings:
        yield f"its log says return code {block.code} and names no threat"
    if block.code == 0 and findings:
        yield "its log names threats and says return code 0"
    if block.clean and findings:
        yield "its log names threats and says 'No infection found'"
    if None not in (block.code, run.exit_code) and block.code != run.exit_code:
        yield f"its log says return code {block.code}, the program ended with {run.exit_code}"
