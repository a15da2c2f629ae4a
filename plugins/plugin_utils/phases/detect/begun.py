# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of tools that were begun and not read yet, as the case has them.

A scan takes hours: whoever asks again after midnight, or with a newer scanner in the store, has to go
on with the job that is there. A second one beside it would be none of the same search.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ...base.errors import RefusedError
from ...base.names import case_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_DAYS = 4  # the longest tool has two; the rest is for whoever comes back after a weekend
_CASES = "cases"


@dataclass(frozen=True, slots=True)
class Begun:
    """One run of a tool that has no verdict yet."""

    job: str
    run: str
    path: Path


def begun_in(folder: Path) -> list[Begun]:
    """All of a host's folder in a case.

    :raises RefusedError: one cannot be read, so nobody knows what was ordered.
    """
    found: list[Begun] = []
    for path in sorted(folder.glob("tool-*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            if data["verdict"] is None:
                found.append(Begun(str(data["job"]), str(data["run"]), path))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RefusedError(
                f"{path} cannot be read ({error}), so it is not known what was ordered; look for its job "
                "on the host, then move the file away, or take another case"
            ) from error
    return found


def default_run(campaign: str, host: str, case: str | None, now: datetime) -> str:
    """Return the run of today, or the one of a day before that has begun a tool on the host."""
    days = [f"detect-{campaign}-{now - timedelta(days=ago):%Y-%m-%d}" for ago in range(_DAYS)]
    name = case_name(host, "host")
    for run in days:
        folder = (Path(case) if case else Path(_CASES) / run) / name
        if any(one.run == run for one in begun_in(folder)):
            return run
    return days[0]


def lost(folder: Path, run: str, jobs: Iterable[str], tools: Iterable[str]) -> str | None:
    """Say which job of these tools this run has begun and cannot go on with, None where there is none."""
    known = set(jobs)
    for one in begun_in(folder):
        mine = one.run == run and any(one.job.startswith(f"{tool}-") for tool in tools)
        if mine and one.job not in known:
            return (
                f"job {one.job} of this run was begun with a file that the store has no more, or in another "
                f"mode ({one.path}); put that file back and ask for the same, or look for the job on the "
                "host and start another run"
            )
    return None
