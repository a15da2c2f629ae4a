# SPDX-License-Identifier: GPL-3.0-or-later
"""What is swept: one change of one rehearsed host, and what of the host is compared afterwards."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )
    from line import Line

_OURS = "C:\\ProgramData\\ExchangeRemediation"
# How a run talks to the host is no part of what the host is: keys and lock.
_TALK = re.compile(re.escape(_OURS) + r"\\(operations|host\.lock)", re.IGNORECASE)
# Times, and the part of a job's name that is made of one.
_MOMENTS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|(?<=-)[0-9a-f]{8}(?=-\d+\b)")
_CLOCKS = {"now", "mtime", "last_run", "started", "mutations", "clock_offset_seconds"}


@dataclass
class Rehearsed:
    """One host with one line to it. ``act(run)`` carries the change out and returns the verdict."""

    world: World
    act: Callable[[str], str]
    sleep: Callable[[float], None]  # on the one clock of host and controller


@dataclass(frozen=True)
class Drill:
    """``done`` is the verdict of the undisturbed run, ``again`` that of one with nothing to do."""

    name: str
    begin: Callable[[Line], Rehearsed]
    done: str
    again: str
    stopped: tuple[str, str] = ("stopped", "unknown")  # nothing changed; nobody knows


def end_state(world: World) -> dict[str, Any]:
    """What the host is, without clocks and without how it was talked to."""
    found: dict[str, Any] = _plain(world.data)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: entry for key, entry in value.items() if key not in _CLOCKS}
        return {_timeless(k): _plain(entry) for k, entry in kept.items() if not _TALK.match(k)}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return _timeless(value) if isinstance(value, str) else value


def _timeless(text: str) -> str:
    return _MOMENTS.sub("<moment>", text)


def changes(world: World) -> list[tuple[str, str]]:
    """Every change outside of our own folder in its order, once for each time it was made."""
    return [
        (entry["kind"], _timeless(entry["target"]))
        for entry in world.mutations
        if not entry["target"].startswith(_OURS)
    ]
