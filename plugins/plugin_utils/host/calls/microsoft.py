# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tool left on the host: the reply of ``Get-ToolState``, read without trusting it.

Times in it follow the culture of the account (``2021-03-10 12.00.01``, ``2564-03-10 ...``),
so they are compared as texts and never read.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...facts.read import flag, number, text
from .asking import mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .asking import Asks

_TIMESTAMP = "timestamp"
_VALUE = re.compile(r"([01]) (.*)", re.DOTALL)
_LINE = re.compile(r"\S+ \S.*? (?:Info|Notice|Error): (.*)\Z")
_MOST_VALUES = 200
_ENCODINGS = {"utf-16": "utf-16-le", "utf-8": "utf-8", "ansi": "cp1252"}
LOG_BYTES = 262_144  # of the end of the log that the host sends


@dataclass(frozen=True, slots=True)
class Stage:
    """One value of the registry: whether the tool calls it good, and its text."""

    name: str
    ok: bool
    text: str


@dataclass(frozen=True, slots=True)
class Trace:
    """The state at one moment. ``None``: it could not be read."""

    stages: Mapping[str, Stage] | None  # by name in lower case
    timestamp: str | None
    log_size: int | None  # 0: there is no log
    log: tuple[str, ...] | None  # messages since the offset that was asked for
    log_whole: bool  # false: the log is longer than what was sent
    downloads: Mapping[str, int] | None  # names and sizes in its folder
    sha256: str | None = None  # of the script

    def stage(self, name: str) -> Stage | None:
        """Return one stage, whatever the case of its name."""
        return None if self.stages is None else self.stages.get(name.casefold())


def trace(host: Asks, tool: str, file: str, log_from: int = 0) -> dict[str, Any]:
    """Ask what a tool left on the host so far; JSON for the case, read by :func:`read_trace`.

    ``file``: the script's path on the host; ``log_from``: bytes of its log that are known.
    """
    asked = {"tool": tool, "file": file, "log_from": log_from}
    return mapping(host.ask("Get-ToolState", asked).result)


def read_trace(result: Any) -> Trace:
    """Read the ``result`` of ``Get-ToolState``; a wrong shape counts as not read."""
    found = result if isinstance(result, dict) else {}
    stages, timestamp = _registry(found.get("registry"))
    size, messages, whole = _log(found.get("log"))
    file = found.get("file")
    return Trace(
        stages=stages,
        timestamp=timestamp,
        log_size=size,
        log=messages,
        log_whole=whole,
        downloads=_downloads(found.get("downloads")),
        sha256=text(file.get("sha256")) if isinstance(file, dict) else None,
    )


def _registry(section: Any) -> tuple[dict[str, Stage] | None, str | None]:
    values = section.get("values") if isinstance(section, dict) else None
    if not isinstance(values, list) or len(values) > _MOST_VALUES:
        return None, None
    stages: dict[str, Stage] = {}
    timestamp = None
    for row in values:
        name = text(row.get("name")) if isinstance(row, dict) else None
        if name is None:
            return None, None
        content = row.get("text")
        if name.casefold() == _TIMESTAMP:
            timestamp = text(content)
        elif isinstance(content, str) and (match := _VALUE.fullmatch(content)):
            stages[name.casefold()] = Stage(name, match[1] == "1", match[2])
    return stages, timestamp


def _log(section: Any) -> tuple[int | None, tuple[str, ...] | None, bool]:
    if not isinstance(section, dict) or flag(section.get("exists")) is None:
        return None, None, False
    if not section["exists"]:
        return 0, (), True
    size, encoding = number(section.get("size")), _ENCODINGS.get(str(section.get("encoding")))
    try:
        data = base64.b64decode(section.get("data") or "", validate=True)
    except (binascii.Error, TypeError, ValueError):
        return size, None, False
    if size is None or encoding is None:
        return size, None, False
    lines = data.decode(encoding, "replace").lstrip("\ufeff").splitlines()
    # What has no time and level continues the message above it: stack traces, notices.
    messages = tuple(match[1] for line in lines if (match := _LINE.match(line)))
    return size, messages, flag(section.get("truncated")) is False


def _downloads(listed: Any) -> dict[str, int] | None:
    if not isinstance(listed, list):
        return None
    found = {}
    for row in listed[:_MOST_VALUES]:
        name = text(row.get("name")) if isinstance(row, dict) else None
        if name is not None:
            found[name.casefold()] = number(row.get("size")) or 0
    return found
