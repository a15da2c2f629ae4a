# SPDX-License-Identifier: GPL-3.0-or-later
"""What detecting on one server came to, and the same as data for playbooks, case and reports."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from ...base import disk
from ...base.dates import utc_text
from ...base.errors import ConfigError
from ...base.model import COMPROMISE_ORDER
from ...case.masking import writable
from ...judge.compromise.records import CompromiseVerdict
from ...judge.compromise.serialize import check_from_dict, verdict_from_dict, verdict_to_dict
from ...judge.compromise.verdict import compromise_of
from ...plan.serialize import plan_to_dict
from .phase import DETECT, PHASE

if TYPE_CHECKING:
    from pathlib import Path

    from ...plan.records import HostPlan
    from .request import DetectRequest


class DetectState(Enum):
    """How it ended for one server: a verdict, or why there is none."""

    INDICATOR_FOUND = "indicator-found"
    CONFLICT = "conflict"
    INCONCLUSIVE = "inconclusive"
    NO_INDICATOR = "no-indicator"
    PLANNED = "planned"  # check mode, or not confirmed: nothing was started
    STOPPED = "stopped"  # nothing was started, because something forbids it
    STALE_PLAN = "stale-plan"  # nothing was started: the host is not what was approved
    UNKNOWN = "unknown"  # a tool may be at work, or it is not known how it ended


@dataclass(slots=True)
class DetectResult:
    """How it went. ``tools``: one entry a tool that was started, as :mod:`.reading` makes it."""

    state: DetectState
    reason: str
    plan: HostPlan
    code: str | None = None
    tools: list[dict[str, Any]] = field(default_factory=list)
    exposure: list[dict[str, Any]] = field(default_factory=list)
    verdict: CompromiseVerdict | None = None
    notes: list[str] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    changed: bool = False
    commands: int = 0


def to_dict(wanted: DetectRequest, result: DetectResult) -> dict[str, Any]:
    """Return one result for playbooks and reports."""
    return {
        "host": wanted.host,
        "run": wanted.run,
        "state": result.state.value,
        **PHASE.told(DETECT, result.state.value),
        "examined": result.verdict is not None,
        "reason": result.reason,
        "since": utc_text(wanted.since),
        "verdict": verdict_to_dict(result.verdict) if result.verdict else None,
        "tools": result.tools,
        "exposure": result.exposure,
        "notes": list(result.notes),
        "plan": plan_to_dict(result.plan),
        "steps": result.steps,
        "removal_decision": wanted.removal,
        "approvals": dict(wanted.policy.given),
        "commands": result.commands,
    }


def record_of(wanted: DetectRequest, result: DetectResult) -> dict[str, Any]:
    """Return what the case keeps of the run: ``detection.json`` in the folder of the host."""
    return {
        "schema": 1,
        "host": wanted.host,
        "run": wanted.run,
        "campaign": wanted.campaign,
        "tools": [{**_about(wanted), **row} for row in result.tools],
        "exposure": result.exposure,
        "verdict": verdict_to_dict(result.verdict) if result.verdict else None,
    }


def _about(wanted: DetectRequest) -> dict[str, Any]:
    """What is said of each run, since a file holds those of several requests."""
    return {"by": wanted.owner, "campaign": wanted.campaign, "since": utc_text(wanted.since)}


NAME = "detection.json"
_PATIENCE = 60.0  # seconds for the other writers; each needs some milliseconds


def read_kept(path: Path) -> dict[str, Any]:
    """Return what the case has of the host so far; an empty one without a file.

    :raises ConfigError: it is there and cannot be read, so it must not be written over.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        rows = [*found["tools"], *found["exposure"]]
        if found["schema"] != 1 or not all(isinstance(row, dict) for row in rows):
            raise ValueError("it has another shape")  # noqa: TRY301 - one message for all
        for check in (check for tool in found["tools"] for check in tool["checks"]):
            check_from_dict(check)
        if found["verdict"] is not None:
            verdict_from_dict(found["verdict"])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); move it away and run again") from error
    return dict(found)


def keep(path: Path, new: dict[str, Any], since: datetime, secrets: tuple[str, ...]) -> None:
    """Add what a run has found to what the case has of the host; the verdict is that of both.

    :raises ConfigError: what is there cannot be read, or nothing can be written.
    """
    try:
        disk.make_folder(path.parent)
        with FileLock(f"{path}.lock", _PATIENCE, disk.FILE_MODE):
            record = _together(new, read_kept(path), since)
            text = json.dumps(writable(record, secrets), indent=1, sort_keys=True)
            disk.replace(path, f"{text}\n".encode())
        disk.sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}; check it") from error


_OPEN = "it was not answered"  # how compromise_of says it


def _moment(verdict: dict[str, Any]) -> datetime | None:
    since = verdict.get("since")
    return datetime.fromisoformat(since) if since else None


def _together(new: dict[str, Any], old: dict[str, Any], since: datetime) -> dict[str, Any]:
    """Add what an earlier run in the same case has found: nothing that was seen is written over.

    The verdict in the file is that of everything in it.
    """
    names = {row["job"] for row in new["tools"]}
    earlier = [row for row in old.get("tools", ()) if row.get("job") not in names]
    exposure = [row for row in old.get("exposure", ()) if row not in new["exposure"]]
    verdict = new["verdict"]
    if earlier:
        about = {key: old[key] for key in ("campaign",) if key in old}
        told = old.get("verdict") or {}
        earlier = [{**about, "since": told.get("since"), **row} for row in earlier]
        checks = [check_from_dict(row) for tool in earlier for row in tool["checks"]]
        after = verdict_from_dict(verdict) if verdict else None
        found = (*checks, *(after.checks if after else ()))
        # What all have seen is what the one has that had to look back least.
        least = max([since, *filter(None, [_moment(told)])])
        whole = compromise_of(found, (), least)
        states = [whole.state, *([after.state] if after else [])]
        worst = min(states, key=COMPROMISE_ORDER.index)
        open_ends = [text for text in (after.reasons if after else ()) if text.endswith(_OPEN)]
        reasons = dict.fromkeys((*(whole.reasons if worst is whole.state else ()), *open_ends))
        verdict = verdict_to_dict(CompromiseVerdict(worst, tuple(reasons), found, least))
    tools, exposed = [*earlier, *new["tools"]], [*exposure, *new["exposure"]]
    return {**new, "tools": tools, "exposure": exposed, "verdict": verdict}
