# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server is: settled first, from more than one sign, because every check follows from it. Pure.

Signs are the role keys of setup, its ``Services`` value, the services, and the sites of IIS. A role
that makes checks fall away counts only if nothing speaks against it; signs that contradict each
other make a server with all checks, and a conflict that stops every change (I19).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..base.model import Build
from ..facts.read import Facts, flag, named, text
from .mitigations.rewrite import front_end_sites

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..facts.read import Named

SERVER, EDGE, TOOLS = "server", "edge", "tools"
_EXCHANGE_2010, _EXCHANGE_2013 = (14,), (15, 0)
# After microsoft/CSS-Exchange, Get-ExchangeDependentServices.ps1; those of Edge after the services
# that setup installs with the role (EdgeTransportRole: AD LDS instance, EdgeSync credentials).
EDGE_SERVICES = ("MSExchangeTransport", "ADAM_MSExchange", "MSExchangeEdgeCredential")
_ONLY_EDGE = ("ADAM_MSExchange", "MSExchangeEdgeCredential")
_ONLY_MAILBOX = ("MSExchangeIS", "MSExchangeRepl", "MSExchangeDelivery")
_ONLY_FRONT_END = ("MSExchangeFrontEndTransport",)
_TITLES = {
    EDGE: "an Edge Transport server",
    TOOLS: "a computer with the management tools only",
    SERVER: "an Exchange server",
}


@dataclass(frozen=True, slots=True)
class ServerRole:
    """What a host is. ``conflict``: why its signs contradict each other; then all checks apply."""

    kind: str = SERVER  # server | edge | tools; a server where the facts do not tell
    client_access: bool = True  # clients are served: it has a front end to be asked
    mailbox: bool = True
    conflict: str | None = None

    @property
    def title(self) -> str:
        """For sentences: ``an Edge Transport server``."""
        if self.kind == SERVER and not self.client_access:
            return "an Exchange server without client access services"
        if self.kind == SERVER and not self.mailbox:
            return "a Client Access server without mailboxes"
        return _TITLES[self.kind]


def server_role(facts: Facts) -> ServerRole:
    """Settle what a host is."""
    exchange = facts.section("exchange")
    roles = exchange.get("roles") if exchange else None
    if not isinstance(roles, list | tuple) or not all(isinstance(role, str) for role in roles):
        return ServerRole()  # nothing is known, so nothing falls away
    signs = _Signs.of(facts, frozenset(roles))
    claimed = _claimed(signs)
    against = "; ".join(_against(claimed, signs))
    if against:
        return ServerRole(conflict=f"setup's keys make it {claimed.title}, but {against}")
    return claimed


def scope_conflict(facts: Facts) -> str | None:
    """Why a host of the inventory's group cannot be left out, nor changed, whatever it says.

    A host that denies Exchange would fall out of every check by its own word.
    """
    if flag(facts.value("exchange", "installed")) is False:
        return (
            "the inventory has it as an Exchange server, and it says that Exchange is not installed; "
            "if that is right, take it out of the group, else find out from outside what it is"
        )
    return server_role(facts).conflict


@dataclass(frozen=True, slots=True)
class _Signs:
    roles: frozenset[str]
    version: tuple[int, ...]
    services: Named
    sites: tuple[str, ...] | None  # that serve clients; None: not read
    services_value: bool | None  # whether the setup key has it
    runs_from: str | None  # the service by whose path Exchange was found
    services_why: str
    sites_why: str

    @classmethod
    def of(cls, facts: Facts, roles: frozenset[str]) -> _Signs:
        sites, service = front_end_sites(facts), facts.value("exchange", "service_path")
        return cls(
            roles,
            _version(facts),
            named(facts.listing("services")),
            None if sites is None else tuple(str(row["name"]) for row in sites.rows),
            flag(facts.value("exchange", "services_value")),
            text(service.get("service")) if isinstance(service, dict) else None,
            facts.why("services"),
            facts.why("iis"),
        )

    def there(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self.services.get(name) is not None]


def _version(facts: Facts) -> tuple[int, ...]:
    """The first two parts of the build, by the file, else by the registry."""
    exsetup = facts.value("exchange", "exsetup")
    file = exsetup.get("file_version") if isinstance(exsetup, dict) else None
    for value in (file, facts.value("exchange", "registry_version")):
        try:
            build = Build.parse(str(value).strip())
        except ValueError:
            continue
        return (build.major, build.minor)
    return ()


def _claimed(signs: _Signs) -> ServerRole:
    """What the keys of setup say.

    After Shared/Confirm-ExchangeShell.ps1 of microsoft/CSS-Exchange: Edge has its own key; management
    tools alone have no ``Services`` value. Until Exchange 2013 client access was a role of its own,
    since 2016 the Mailbox role holds it.
    """
    if "Edge" in signs.roles:
        return ServerRole(EDGE, client_access=False, mailbox=False)
    if signs.services_value is False and signs.roles <= {"ManagementTools"}:
        return ServerRole(TOOLS, client_access=False, mailbox=False)
    apart = signs.version[:1] == _EXCHANGE_2010 or signs.version == _EXCHANGE_2013
    if apart and signs.roles & {"ClientAccess", "Mailbox", "HubTransport", "UnifiedMessaging"}:
        return ServerRole(
            SERVER,
            client_access="ClientAccess" in signs.roles,
            mailbox="Mailbox" in signs.roles,
        )
    return ServerRole()


def _against(claimed: ServerRole, signs: _Signs) -> Iterator[str]:
    """What speaks against a role, above all against one that makes checks fall away."""
    if claimed.kind == SERVER and (edge := signs.there(_ONLY_EDGE)):
        yield f"the service {edge[0]} of an Edge server exists"
    if claimed.kind == EDGE and (others := sorted(signs.roles - {"Edge", "ManagementTools"})):
        yield f"they also name the role {', '.join(others)}"
    if claimed.kind != SERVER and not signs.services.whole:
        yield f"the services could not be read to bear it out ({signs.services_why})"
    elif claimed.kind == EDGE and not signs.there(_ONLY_EDGE):
        yield f"none of the services {', '.join(_ONLY_EDGE)} exists"
    if claimed.kind == TOOLS and (service := _any_service(signs)):
        yield f"the service {service} exists"
    if not claimed.mailbox and (found := signs.there(_ONLY_MAILBOX)):
        yield f"the service {found[0]} of the Mailbox role exists"
    if not claimed.client_access and (found := signs.there(_ONLY_FRONT_END)):
        yield f"the service {found[0]} of client access exists"
    if not claimed.client_access and signs.sites is None:
        yield f"the sites of IIS could not be read to bear it out ({signs.sites_why})"
    elif not claimed.client_access and signs.sites:
        yield f"the site {signs.sites[0]:.80} serves clients"


def _any_service(signs: _Signs) -> str | None:
    """A service of Exchange: management tools have none."""
    if signs.runs_from is not None:
        return f"{signs.runs_from:.80}"
    found = (name for name in sorted(signs.services.index) if name.startswith("msexchange"))
    name = next(found, None)
    row = signs.services.get(name) if name else None
    return f"{text(row.get('name')) or name:.80}" if row is not None else None
