# SPDX-License-Identifier: GPL-3.0-or-later
"""One task of a playbook: our own operations, or a script of Microsoft where one is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..case.journal import utc_now
from ..catalog.loader import load
from ..change.session import HostSession
from ..errors import ConfigError
from ..package_source import PackageSource
from ..plan.serialize import plan_to_dict
from ..tools.identify import Pin
from ..tools.records import Intent
from .models import UNMITIGATE, MitigateState, Tools
from .module_models import ModuleTools
from .options import GOOD, to_dict
from .policy import objection
from .run import mitigate_host
from .tool import ToolRequest, ToolWorld, run_tool_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..plan.records import HostPlan
    from ..transport.base import Transport
    from .models import Request

REWRITE = "url-rewrite"  # of catalog/modules


@dataclass(frozen=True, slots=True)
class Done:
    """How a task ended: ``entry`` is its result, ``ok`` whether what was asked for is so."""

    entry: dict[str, Any]
    ok: bool
    changed: bool
    plan: HostPlan


def native(
    wanted: Request,
    options: Mapping[str, Any],
    transport: Transport,
    record: Callable[[str, dict[str, Any]], None],
    admit: Callable[[HostPlan], None],
) -> Done:
    """Carry it out with our own operations."""
    catalog = load()
    tools = replace(Tools(catalog), record=record, admit=admit, module=_module(wanted, options))
    result = mitigate_host(wanted, transport, tools)
    ok = result.state in GOOD or (wanted.check and result.state is not MitigateState.STALE_PLAN)
    return Done(to_dict(wanted, result), ok, result.changed, result.plan)


def _module(wanted: Request, options: Mapping[str, Any]) -> ModuleTools | None:
    """The URL Rewrite module of the operator's package store, where one is named."""
    source = PackageSource.of(options)
    if source.catalogue is None:
        return None
    known = load().module(REWRITE)
    modules = source.catalogue.modules
    return ModuleTools(wanted.host, known, modules, source.deliver, seconds=wanted.seconds)


def by_tool(
    wanted: Request,
    options: Mapping[str, Any],
    transport: Transport,
    record: Callable[[str, dict[str, Any]], None],
    secrets: Iterable[str],
) -> Done:
    """Let a script of Microsoft do it; raises :class:`ConfigError` for wrong options."""
    if not options.get("tool_file"):
        raise ConfigError("tool_file: needed with tool, the script that you have downloaded")
    if options.get("plan"):
        raise ConfigError(
            "plan: what a script of Microsoft will do cannot be approved step by step"
        )
    if not options.get("case"):
        raise ConfigError("case: needed with tool; what stood on the server before is kept there")
    request = ToolRequest(
        host=wanted.host,
        tool=options["tool"],
        source=Path(options["tool_file"]),
        intent=Intent.ROLLBACK if wanted.intent == UNMITIGATE else Intent.MITIGATE,
        kept=_folder(options["case"], wanted.host),
        mitigations=wanted.only,
        pin=_pin(options),
        campaign=wanted.campaign,
        check=wanted.check,
        seconds=wanted.seconds,
        objection=objection(wanted, utc_now()),
        timeout_seconds=options.get("tool_timeout"),
        accept_rollback_defaults=options["tool_accept_rollback_defaults"],
        although_open=wanted.although_open,
        secrets=tuple(secrets),
    )
    session = HostSession(
        transport,
        wanted.run,
        wanted.owner,
        record=record,
        controller=wanted.controller,
        takeover=wanted.takeover,
    )
    answer = run_tool_on(session, request, None, ToolWorld(load()))
    said = answer.to_dict()
    entry = {
        "host": wanted.host,
        "run": wanted.run,
        "state": said["state"],
        "reason": " ".join(said["reasons"]),
        "plan": plan_to_dict(answer.plan),
        "tool": said,
        "approvals": dict(wanted.given),
        "commands": session.asked,
    }
    return Done(entry, answer.ok or wanted.check, answer.changed, answer.plan)


def _folder(case: str, host: str) -> Path:
    """The folder of a host in the case; a name that leads elsewhere has none (I6)."""
    if host in ("", ".", "..") or Path(host).name != host:
        raise ConfigError(f"{host!r}: cannot name a folder of the case; rename the host")
    return Path(case) / host


def _pin(options: Mapping[str, Any]) -> Pin | None:
    sha256, version = options.get("tool_sha256"), options.get("tool_version")
    if bool(sha256) != bool(version):
        raise ConfigError("tool_sha256 and tool_version: give both, or none for a listed file")
    return Pin(str(sha256).lower(), str(version)) if sha256 else None
