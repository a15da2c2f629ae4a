# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a script of Microsoft has anything to do on a server, and the steps. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....base.errors import RefusedError
from ....catalog.records.tools import ScriptIntent
from ....microsoft.result import compare
from ....plan.records import Step
from .answer import standings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ....host.calls.packages import FileState
    from ....judge.mitigations.state import JudgedMitigation
    from ....microsoft.command import ScriptOptions
    from ....microsoft.file import RemoteScript
    from ..choose import MitigationSelection


def nothing_to_do(selection: MitigationSelection, options: ScriptOptions) -> tuple[str, ...] | None:
    """Say why nothing is to be done, or None; the choice is that for native mitigations.

    :raises RefusedError: something forbids it, or what it rests on could not be read (I19).
    """
    if selection.stop:
        raise RefusedError(selection.stop)
    place, _ = compare(options, states(selection))
    if place:
        mitigate = options.intent is ScriptIntent.MITIGATE
        what = "in place by full content" if mitigate else "not on the server"
        return (f"{', '.join(options.mitigations)}: {what} already, nothing was started",)
    if selection.plan.refused:
        raise RefusedError("; ".join(selection.plan.refused))
    if not selection.plan.steps:
        return selection.plan.notes
    if options.intent is ScriptIntent.ROLLBACK and selection.plan.notes:
        # It takes off all that it is asked for, and something of that is to stay.
        raise RefusedError("; ".join(selection.plan.notes))
    return None


def states(selection: MitigationSelection) -> dict[str, JudgedMitigation]:
    """The states of the mitigations that are meant."""
    return {one.mitigation.id: one.judged for one in selection.found}


def steps(
    script: RemoteScript,
    options: ScriptOptions,
    job: dict[str, Any],
    package: FileState,
    found: Mapping[str, JudgedMitigation],
) -> tuple[Step, ...]:
    """The steps of one run. ``package``: what the host has of the file.

    Where the file will stand and the deadline are the host's: they are not part of the plan.
    """
    tool = script.identity.tool
    planned: list[Step] = []
    if not package.complete:
        planned.append(
            Step(
                id=f"tool/{tool.id}/deliver",
                operation="Add-PackageChunk",
                parameters={
                    "package": script.file,
                    "sha256": script.sha256,
                    "size": script.size,
                },
                reason=f"{script.file} {script.identity.version} is brought to the server.",
                before={"state": package.state, "bytes": package.size},
                after={"state": "complete", "bytes": script.size},
            )
        )
    mitigate = options.intent is ScriptIntent.MITIGATE
    wanted, verb = ("holds", "mitigated") if mitigate else ("missing", "rolled back")
    planned.append(
        Step(
            id=f"tool/{tool.id}/run",
            operation="Start-HostJob",
            parameters={**job, "file": script.file, "sha256": script.sha256},
            reason=f"{', '.join(options.mitigations)} {verb} by {script.file}, as asked for.",
            before=standings(found),
            after={name: {"state": wanted} for name in options.mitigations},
            needs=tuple(step.id for step in planned),
        )
    )
    return tuple(planned)
