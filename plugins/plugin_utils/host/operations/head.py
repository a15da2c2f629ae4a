# SPDX-License-Identifier: GPL-3.0-or-later
"""What the comments at the head of a host script say, for the documentation.

The head has the paragraphs ``.SYNOPSIS``, ``.RESULT`` and, where an operation has failures of its
own, ``.FAILS`` (``Locked: HostLocked, LockNotHeld. RequestInvalid: Update.``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from ...base.errors import ConfigError
from . import loader

_PARAGRAPH = re.compile(r"^# \.([A-Z]+)\n((?:#   .*\n)+)", re.MULTILINE)
_NAMES = (["SYNOPSIS", "RESULT"], ["SYNOPSIS", "RESULT", "FAILS"])
_FAILS = re.compile(r"([A-Za-z]+): ([A-Za-z0-9]+(?:, [A-Za-z0-9]+)*)\.")


@dataclass(frozen=True, slots=True)
class ScriptHead:
    """``fails`` holds class and id of each failure that the operation may end with."""

    synopsis: str
    result: str
    fails: tuple[tuple[str, str], ...]


@cache
def head(operation: str) -> ScriptHead:
    """Read the head of an operation's script.

    :raises ConfigError: there is no such operation, or its head has another form.
    """
    loader.script(operation)  # refuses an unknown name
    try:
        return read(loader.source(operation))
    except ValueError as error:
        raise ConfigError(f"host operation {operation}: {error}") from error


def read(text: str) -> ScriptHead:
    """Read the head of a script's text; raises `ValueError` for a form not known."""
    comments = text.partition("[CmdletBinding()]")[0]
    found = {name: _joined(body) for name, body in _PARAGRAPH.findall(comments)}
    if list(found) not in _NAMES:
        raise ValueError("the head has .SYNOPSIS, .RESULT and at most .FAILS, in this order")
    fails = found.get("FAILS", "")
    if _FAILS.sub("", fails).strip():
        raise ValueError(f".FAILS is not of the form 'Class: Id, Id.': {fails}")
    rows = [(kind, one) for kind, ids in _FAILS.findall(fails) for one in ids.split(", ")]
    return ScriptHead(found["SYNOPSIS"], found["RESULT"], tuple(rows))


def _joined(body: str) -> str:
    return " ".join(line.removeprefix("#").strip() for line in body.splitlines())
