# SPDX-License-Identifier: GPL-3.0-or-later
"""The drills: patch, mitigate and take off again, on the hosts of the unit tests."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from drill import Drill, Rehearsed
from mitigated_host import MitigatedHost
from patched_host import DISABLED, INSTALLS, PatchedHost

if TYPE_CHECKING:
    from line import Line

# A minute of an installer that wants a restart and leaves services disabled.
_QUICK = {**INSTALLS, "duration_seconds": 60, "effects": [*INSTALLS["effects"], *DISABLED]}
_OPEN = {"although_open": "a drill of the way back"}


def _patch(line: Line) -> Rehearsed:
    host = PatchedHost(line.endpoint.folder, _QUICK)
    host.execute = line.execute  # type: ignore[method-assign]
    return Rehearsed(host.world, lambda run: host.patch(run).outcome.state.value, host.sleep)


def _mitigate(line: Line) -> Rehearsed:
    host = MitigatedHost()
    host.execute = line.execute  # type: ignore[method-assign]
    return Rehearsed(host.world, lambda run: host.mitigate(run).state.value, host.sleep)


@cache
def mitigated() -> dict[str, Any]:
    """The document of a host after an undisturbed run."""
    host = MitigatedHost()
    host.mitigate()
    return host.world.snapshot() | {"mutations": []}


def _unmitigate(line: Line) -> Rehearsed:
    host = MitigatedHost()
    host.world.replace(mitigated())
    host.execute = line.execute  # type: ignore[method-assign]
    return Rehearsed(host.world, lambda run: host.unmitigate(run, **_OPEN).state.value, host.sleep)


PATCH = Drill("patch", _patch, "patched", "nothing-to-do")
MITIGATE = Drill("mitigate", _mitigate, "mitigated", "mitigated")
UNMITIGATE = Drill("unmitigate", _unmitigate, "removed", "not-needed")
