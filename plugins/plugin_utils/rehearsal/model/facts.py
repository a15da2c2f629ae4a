# SPDX-License-Identifier: GPL-3.0-or-later
"""Get-ExchangeServerInfo: the same facts as the real script, read from the same world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import facts_exchange, facts_iis, facts_logs, facts_rewrite, facts_services, facts_system
from .context import Context

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..world import World

PARTS: tuple[tuple[str, Callable[[Context], Any]], ...] = (
    ("computer", facts_system.computer),
    ("os", facts_system.operating_system),
    ("powershell", facts_system.powershell),
    ("dotnet", facts_system.dotnet),
    ("session", facts_system.session),
    ("exchange", facts_exchange.exchange),
    ("dag", facts_exchange.dag),
    ("updates", facts_exchange.updates),
    ("services", facts_services.services),
    ("iis", facts_iis.iis),
    ("url_rewrite", facts_rewrite.url_rewrite),
    ("pending_reboot", facts_system.pending_reboot),
    ("disks", facts_system.disks),
    ("logs", facts_logs.logs),
    ("event_logs", facts_logs.event_logs),
    ("antimalware", facts_services.antimalware),
    ("clock", facts_system.clock),
    ("environment", facts_system.environment),
)


def collect(world: World) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the facts and the list of what could not be read."""
    context = Context(world)
    facts = {source: context.part(source, function) for source, function in PARTS}
    return facts, context.errors
