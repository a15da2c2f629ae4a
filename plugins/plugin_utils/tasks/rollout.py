# SPDX-License-Identifier: GPL-3.0-or-later
"""What the actions that install something on one server after the other have in common.

A rollout stops at a server that is not as wanted: such a task fails, and counts in the stop budget.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..base.errors import RefusedError, RemediationError
from ..base.progress import within
from ..change.states import Standing
from ..install.models import InstallState
from ..install.runtime import budget, open_runtime
from ..phases.registry import phase_of
from ..plan.show import step_diffs
from .task import changing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..host.transport.base import Transport
    from ..install.budget import Budget
    from ..install.request import InstallRequest
    from ..install.result import InstallResult
    from ..install.runtime import InstallRuntime
    from .task import Call


@dataclass(frozen=True, slots=True)
class Rollout:
    """One kind of installation. ``undone`` says that nothing was done."""

    intent: str
    undone: str
    request: Callable[..., InstallRequest]  # (host, options, *, check)
    install: Callable[[InstallRequest, Transport, InstallRuntime, dict[str, Any]], InstallResult]
    to_dict: Callable[[InstallRequest, InstallResult], dict[str, Any]]

    @property
    def key(self) -> str:
        """The member of the action's result that holds the entry of the host."""
        return phase_of(self.intent).result


def roll_out(call: Call, kind: Rollout) -> dict[str, Any]:
    """Carry out one task on one server."""
    options, host = call.options, call.host
    with changing(
        call,
        kind.intent,
        lambda: kind.request(host, options, check=call.check),
        lambda wanted: wanted.longest,
    ) as (wanted, change):
        # What stops a server counts where it would be changed, and where that comes next.
        counts = not wanted.check or (options["fail_when_stopped"] and not call.check)
        stop_budget = budget(options) if counts else None
        if stop_budget and (why := stop_budget.exhausted()) is not None:
            raise RefusedError(why)
        notice = within(call.notice, host, kind.intent)
        runtime = replace(
            open_runtime(options),
            record=change.record,
            admit=change.admit,
            life=change.life,
            claim=change.claim,
            notice=notice,
        )
        with _counted(host, stop_budget):
            done = kind.install(wanted, call.connection.open(), runtime, options)
    entry = kind.to_dict(wanted, done)
    meaning = phase_of(kind.intent).meaning(kind.intent, entry["state"])
    if stop_budget:
        stop_budget.note(host, entry["state"], meaning.standing.value)
    told = {name: entry[name] for name in ("reapply",) if name in entry}
    change.end(
        entry["state"],
        entry["reason"],
        changed=done.changed,
        code=done.outcome.code,
        peer=call.connection.peer(),
        **told,
    )
    said = f"{host}: {entry['state']}: {entry['reason']}"
    stale = done.outcome.state is InstallState.STALE_PLAN
    result: dict[str, Any] = {"changed": done.changed, kind.key: entry}
    if wanted.check:
        result["changed"] = call.check and bool(done.plan) and not stale
    failed = stale or (counts and not meaning.good)
    if failed:
        result |= {"failed": True, "msg": said}
    warnings = []
    if wanted.check and not failed and not meaning.good:
        warnings.append(said)
    if names := ", ".join(entry.get("reapply", ())):
        warnings.append(f"{host}: run mitigate right after the upgrade, for {names}")
    if wanted.check and not counts and not call.check and done.plan:
        warnings.append(f"{host}: {kind.undone}")
    result["warnings"] = warnings
    if call.diff:
        result["diff"] = step_diffs(host, done.planned) if done.planned else []
    return result


@contextmanager
def _counted(host: str, stop_budget: Budget | None) -> Iterator[None]:
    """Count a server whose task is cut off: nobody knows how it ends, so no slice goes on."""
    try:
        yield
    except BaseException as error:
        if stop_budget and not isinstance(error, RemediationError):
            stop_budget.note(host, InstallState.UNKNOWN.value, Standing.UNKNOWN.value)
        raise
