# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a detection run: what is brought, started with which command line, and collected. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...plan.records import Step

if TYPE_CHECKING:
    from ...host.calls.packages import FileState
    from .choose import ChosenTool


def steps_of(
    chosen: ChosenTool, job: str, package: FileState, clause: str | None
) -> tuple[Step, ...]:
    """The steps of one tool. Where its file will stand and the deadline are the host's."""
    record, wanted = chosen.record, chosen.wanted
    planned: list[Step] = []
    if not package.complete:
        planned.append(
            Step(
                id=f"{wanted.id}/deliver",
                operation="Add-PackageChunk",
                parameters={
                    "package": record.file,
                    "sha256": record.sha256,
                    "size": record.size,
                },
                reason=f"{record.file} {record.version or ''} is brought to the server.".replace(
                    "  ", " "
                ),
                before={"state": package.state, "bytes": package.size},
                after={"state": "complete", "bytes": record.size},
            )
        )
    mode = wanted.mode
    effect = "removes what it finds" if mode.removes else "only detects"
    planned.append(
        Step(
            id=f"{wanted.id}/run",
            operation="Start-HostJob",
            parameters={
                "job": job,
                "kind": chosen.job_kind,
                "file": record.file,
                "sha256": record.sha256,
                "arguments": list(chosen.arguments),
                "low_priority": True,
            },
            reason=(
                f"{wanted.tool.title} is run ({mode.name}, it {effect}); expected to take "
                f"{_duration(mode.expected_seconds)}, watched for {_duration(wanted.seconds)}."
            ),
            before={"checks": "not answered"},
            after={"checks": list(chosen.checks)},
            clause=clause,
            needs=tuple(step.id for step in planned),
        )
    )
    return tuple(planned)


def _duration(seconds: int) -> str:
    """Return a duration as people say it."""
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"  # noqa: PLR2004 - two hours
