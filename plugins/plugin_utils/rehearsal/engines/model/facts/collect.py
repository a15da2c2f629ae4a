# SPDX-License-Identifier: GPL-3.0-or-later
"""Get-ExchangeServerInfo: the same facts as the real script, read from the same world."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..context import Context
from . import exchange as facts_exchange
from . import iis as facts_iis
from . import logs as facts_logs
from . import rewrite as facts_rewrite
from . import services as facts_services
from . import system as facts_system

if TYPE_CHECKING:
    from collections.abc import Callable

    from ....world.world import World

_Part = tuple[str, "Callable[[Context], Any]"]
_SYSTEM: tuple[_Part, ...] = (
    ("computer", facts_system.computer),
    ("os", facts_system.operating_system),
    ("powershell", facts_system.powershell),
    ("dotnet", facts_system.dotnet),
    ("session", facts_system.session),
)
_SERVICES: tuple[_Part, ...] = (
    ("dag", facts_exchange.dag),
    ("services", facts_services.services),
    ("antimalware", facts_services.antimalware),
)
_REST: tuple[_Part, ...] = (
    ("pending_reboot", facts_system.pending_reboot),
    ("disks", facts_system.disks),
    ("logs", facts_logs.logs),
    ("event_logs", facts_logs.event_logs),
    ("clock", facts_system.clock),
    ("environment", facts_system.environment),
)


def collect(world: World) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the facts and the list of what could not be read."""
    context = Context(world)
    facts: dict[str, Any] = {}
    _run(context, facts, _SYSTEM)
    _software(context, facts)
    _run(context, facts, (("iis", facts_iis.iis), ("url_rewrite", facts_rewrite.url_rewrite)))
    context.iis_logs = context.part("logs.iis", lambda: facts_logs.iis_log_folders(context), {})
    _run(context, facts, _REST)
    return facts, context.errors


def _run(context: Context, facts: dict[str, Any], parts: tuple[_Part, ...]) -> None:
    for source, function in parts:
        facts[source] = context.part(source, partial(function, context))


def _software(context: Context, facts: dict[str, Any]) -> None:
    """Read Exchange, its services and updates; later parts need the install path."""
    _run(context, facts, (("exchange", facts_exchange.exchange),))
    if facts["exchange"]:
        context.install_path = facts["exchange"]["install_path"]
    else:
        context.say("logs.exchange", "the install path is not known")
    _run(context, facts, _SERVICES)
    _run(context, facts, (("updates", facts_exchange.updates),))
