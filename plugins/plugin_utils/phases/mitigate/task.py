# SPDX-License-Identifier: GPL-3.0-or-later
"""One task of a playbook: our own operations, or a script of Microsoft where one is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...base.clock import utc_now
from ...base.errors import ConfigError
from ...base.names import case_name
from ...catalog.records.tools import ScriptIntent
from ...change.policy import objection
from ...change.session import HostSession
from ...change.source import PackageSource
from ...iis_module.models import IisModuleRuntime
from ...microsoft.identify import Pin
from ...microsoft.request import ScriptRequest
from ...plan.serialize import plan_to_dict
from .by_tool.run import run_tool_on
from .phase import PHASE, UNMITIGATE
from .result import MitigateState, to_dict
from .run import mitigate_host
from .runtime import MitigateRuntime

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...change.runtime import Runtime
    from ...host.transport.base import Transport
    from ...plan.records import HostPlan
    from .request import MitigateRequest

REWRITE = "url-rewrite"  # of catalog/data/iis_modules


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a task ended: ``entry`` is its result, ``ok`` whether what was asked for is so."""

    entry: dict[str, Any]
    ok: bool
    changed: bool
    plan: HostPlan
    code: str | None = None  # of the error that ended it


def native(
    wanted: MitigateRequest, options: Mapping[str, Any], transport: Transport, runtime: Runtime
) -> TaskResult:
    """Carry it out with our own operations."""
    own = MitigateRuntime(
        runtime.catalog,
        notice=runtime.notice,
        record=runtime.record,
        admit=runtime.admit,
        life=runtime.life,
        claim=runtime.claim,
        module=_module(wanted, options, runtime),
    )
    result = mitigate_host(wanted, transport, own)
    entry = to_dict(wanted, result)
    return TaskResult(entry, _ok(wanted, entry["state"]), result.changed, result.plan, result.code)


def _ok(wanted: MitigateRequest, state: str) -> bool:
    """Whether the task succeeds: in check mode also where the change would not be made."""
    good = PHASE.meaning(wanted.intent, state).good
    return good or (wanted.check and state != MitigateState.STALE_PLAN.value)


def _module(
    wanted: MitigateRequest, options: Mapping[str, Any], runtime: Runtime
) -> IisModuleRuntime | None:
    """The URL Rewrite module of the operator's package store, where one is named."""
    source = PackageSource.of(options)
    if source.catalogue is None:
        return None
    return IisModuleRuntime(
        wanted.host,
        runtime.catalog.module(REWRITE),
        source.catalogue.modules,
        source.deliver,
        seconds=wanted.policy.seconds,
        notice=runtime.notice,
    )


def by_tool(
    wanted: MitigateRequest,
    options: Mapping[str, Any],
    transport: Transport,
    runtime: Runtime,
    secrets: Iterable[str] = (),
) -> TaskResult:
    """Let a script of Microsoft do it; raises :class:`ConfigError` for wrong options."""
    if not options.get("tool_file"):
        raise ConfigError("tool_file: needed with tool, the script that you have downloaded")
    request = ScriptRequest(
        host=wanted.host,
        tool=options["tool"],
        source=Path(options["tool_file"]),
        intent=ScriptIntent.ROLLBACK if wanted.intent == UNMITIGATE else ScriptIntent.MITIGATE,
        kept=_folder(options.get("case") or f"cases/{wanted.run}", wanted.host),
        mitigations=wanted.only,
        pin=_pin(options),
        campaign=wanted.campaign,
        check=wanted.check,
        seconds=wanted.policy.seconds,
        objection=objection(wanted.policy, utc_now()),
        timeout_seconds=options.get("tool_timeout"),
        accept_rollback_defaults=options["tool_accept_rollback_defaults"],
        although_open=wanted.although_open,
        secrets=tuple(secrets),
    )
    session = HostSession.of(wanted, transport, runtime)
    answer = run_tool_on(session, request, None, runtime)
    said = answer.to_dict()
    entry = {
        "host": wanted.host,
        "run": wanted.run,
        "state": said["state"],
        **PHASE.told(wanted.intent, said["state"]),
        "reason": " ".join(said["reasons"]),
        "plan": plan_to_dict(answer.plan),
        "tool": said,
        "approvals": dict(wanted.policy.given),
        "commands": session.asked,
    }
    return TaskResult(entry, answer.ok or wanted.check, answer.changed, answer.plan, answer.code)


def _folder(case: str, host: str) -> Path:
    """The folder of a host in the case."""
    return Path(case) / case_name(host, "host")


def _pin(options: Mapping[str, Any]) -> Pin | None:
    sha256, version = options.get("tool_sha256"), options.get("tool_version")
    if bool(sha256) != bool(version):
        raise ConfigError("tool_sha256 and tool_version: give both, or none for a listed file")
    return Pin(str(sha256).lower(), str(version)) if sha256 else None
