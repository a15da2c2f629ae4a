# SPDX-License-Identifier: GPL-3.0-or-later
"""One task of a playbook: how it ended, and whether it fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .result import DetectState, to_dict
from .run import detect_host

if TYPE_CHECKING:
    from ...host.transport.base import Transport
    from ...plan.records import HostPlan
    from .request import DetectRequest
    from .runtime import DetectRuntime

# Ends after which the server was not examined as asked for.
_NOT_EXAMINED = (DetectState.STOPPED, DetectState.STALE_PLAN, DetectState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class DetectTask:
    """How a task ended: ``entry`` is its result. A server with findings does not fail it."""

    entry: dict[str, Any]
    changed: bool
    failed: bool
    plan: HostPlan
    code: str | None


def detect(wanted: DetectRequest, transport: Transport, runtime: DetectRuntime) -> DetectTask:
    """Carry it out."""
    result = detect_host(wanted, transport, runtime)
    return DetectTask(
        to_dict(wanted, result),
        result.changed,
        result.state in _NOT_EXAMINED and not wanted.check,
        result.plan,
        result.code,
    )
