# SPDX-License-Identifier: GPL-3.0-or-later
"""A detection tool as lines of text, for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .records.detection_tools import DetectionEra, DetectionMode, DetectionTool

_WIDTH = 79


def tool_lines(tool: DetectionTool) -> Iterator[str]:
    """Say what a tool is, how it is run, what each of its versions can see, and what it leaves."""
    yield f"{tool.title}: {tool.file} ({tool.id})"
    signed = "signed by Microsoft" if tool.signed else "not signed"
    room = f", {tool.needs_mib} MiB of room" if tool.needs_mib else ""
    shell = f", PowerShell {tool.needs_powershell}" if tool.needs_powershell else ""
    yield from _wrapped("  ", [f"runs on the {tool.where}{shell}{room}; {signed}"])
    if tool.expires_days:
        yield f"  its file is good for {tool.expires_days} days"
    if tool.reason:
        yield from _wrapped("  ", [f"is not run from here: {tool.reason}"])
    for mode in tool.modes:
        yield from _mode(mode)
    for era in tool.eras:
        yield from _era(era)
    yield ""
    yield "What it leaves"
    for written in tool.writes:
        yield from _wrapped("  ", [f"{written.what}: {written.where} ({written.form})"])
    yield ""
    yield from _wrapped("", [f"source: {tool.source}; as of {tool.as_of}"])


def _mode(mode: DetectionMode) -> Iterator[str]:
    yield ""
    yield f"Mode {mode.name}: {' '.join(mode.arguments)}"
    effect = "removes what it finds" if mode.removes else "only detects"
    hours = mode.longest_seconds / 3600
    yield f"  {effect}; about {mode.expected_seconds // 60} min, watched for {hours:g} h"


def _era(era: DetectionEra) -> Iterator[str]:
    yield ""
    yield f"From version {era.first} on" if era.first else "Every version"
    yield from _listed("  sees      ", era.sees)
    yield from _listed("  not       ", era.cannot_see)
    yield from _wrapped("  source    ", [era.source])


def _listed(head: str, texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from _wrapped(head, [text])
        head = " " * len(head)


def _wrapped(head: str, texts: Iterable[str]) -> Iterator[str]:
    indent = " " * len(head) if head.strip() else f"{head}  "
    for text in texts:
        yield from textwrap.wrap(text, _WIDTH, initial_indent=head, subsequent_indent=indent)
