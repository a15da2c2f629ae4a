# SPDX-License-Identifier: GPL-3.0-or-later
"""From a scenario to a running fleet: worlds, accounts, certificates, listening sockets."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ..errors import ConfigError
from .builder import build_world
from .engine import Connection, Credentials, SimulatedHost
from .wsman.accounts import Account, write_user_file
from .wsman.auth import Policy
from .wsman.faults import FaultPlan, FaultRule
from .wsman.host_service import HostService
from .wsman.limits import Limits
from .wsman.server import WsmanServer
from .wsman.tls import Authority

if TYPE_CHECKING:
    from .engine import Engine
    from .wsman.server import Ports

SCENARIOS = Path(__file__).parent / "scenarios"
DEFAULT_SCENARIO = "proxylogon"
USERNAME = "rehearsal"
ENGINES = ("model", "powershell")
_FIRST_ADDRESS = ipaddress.IPv4Address("127.77.0.1")
_HOSTS_PER_BLOCK = 254
_BLOCKS = 256


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario file, read and checked as far as the endpoint is concerned."""

    name: str
    hosts: dict[str, dict[str, Any]]
    faults: tuple[FaultRule, ...] = ()
    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)


def scenario_names() -> list[str]:
    """Return the names of the scenarios that come with the toolkit."""
    return sorted(path.stem for path in SCENARIOS.glob("*.yml"))


def load_scenario(name_or_file: str) -> Scenario:
    """Read a scenario by name or from a file; raises ConfigError with file and cure."""
    path = Path(name_or_file)
    if path.suffix not in (".yml", ".yaml"):
        path = SCENARIOS / f"{name_or_file}.yml"
    if not path.is_file():
        raise ConfigError(
            f"{name_or_file}: no such scenario; known are {', '.join(scenario_names()) or 'none'},"
            " or give the path of a .yml file."
        )
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not readable as YAML: {error}") from None
    try:
        return scenario_from(path.stem, document)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def scenario_from(name: str, document: object) -> Scenario:
    """Check a scenario document; raises ConfigError."""
    if not isinstance(document, dict) or not isinstance(document.get("hosts"), dict):
        raise ConfigError("a scenario is a mapping with `hosts`, a mapping of host names.")
    hosts = document["hosts"]
    if not hosts or len(hosts) > _HOSTS_PER_BLOCK * _BLOCKS:
        raise ConfigError(
            f"a scenario has 1 to {_HOSTS_PER_BLOCK * _BLOCKS} hosts, not {len(hosts)}."
        )
    for host, entry in hosts.items():
        if not isinstance(entry, dict | None):
            raise ConfigError(f"hosts.{host}: give a mapping, not {entry!r}.")
    rules = [FaultRule.from_mapping(rule) for rule in document.get("faults") or ()]
    for host, entry in hosts.items():
        rules += [
            FaultRule.from_mapping({**rule, "host": str(host)})
            for rule in (entry or {}).get("faults") or ()
        ]
    return Scenario(
        name,
        {str(host): entry or {} for host, entry in hosts.items()},
        tuple(rules),
        Limits.from_mapping(document.get("limits") or {}),
        _policy(document.get("authentication") or {}),
    )


def _policy(values: dict[str, Any]) -> Policy:
    known = ("basic", "negotiate", "unencrypted")
    for key, value in values.items():
        if key not in known or not isinstance(value, bool):
            raise ConfigError(
                f"authentication: {key}: {value!r}; give true or false for {', '.join(known)}."
            )
    return Policy(**values)


def address_of(index: int) -> str:
    """Return the loopback address of the host at a position: 127.77.0.1 to 127.77.255.254."""
    block, place = divmod(index, _HOSTS_PER_BLOCK)
    return str(_FIRST_ADDRESS + block * 256 + place)


def make_engine(name: str) -> Engine:
    """Return a new engine by name."""
    if name == "model":
        from .model.engine import ModelEngine  # noqa: PLC0415 - only the engine that is used

        return ModelEngine()
    if name == "powershell":
        from .powershell.engine import PowerShellEngine  # noqa: PLC0415 - starts nothing else

        return PowerShellEngine()
    raise ConfigError(f"{name}: no such engine; known are {', '.join(ENGINES)}.")


class Fleet:
    """A scenario brought to life. ``folder`` is private and holds the NTLM user files."""

    def __init__(
        self, scenario: Scenario, engine: Engine, folder: Path, *, password: str | None = None
    ) -> None:
        """Build every host; nothing listens yet."""
        self.scenario = scenario
        self.engine = engine
        self.password = password or secrets.token_urlsafe(18)
        self.plan = FaultPlan(scenario.faults)
        self.authority = Authority.create()
        self.hosts: list[SimulatedHost] = []
        services = []
        for index, (name, entry) in enumerate(scenario.hosts.items()):
            host = self._host(index, name, entry)
            self.hosts.append(host)
            services.append(self._service(host, folder))
        self.server = WsmanServer(services, self.authority)

    def _host(self, index: int, name: str, entry: dict[str, Any]) -> SimulatedHost:
        try:
            connection = Connection(entry.get("connection", "ok"))
        except ValueError:
            known = ", ".join(item.value for item in Connection)
            raise ConfigError(
                f"hosts.{name}.connection: {entry['connection']!r} is not one of {known}."
            ) from None
        right = connection is not Connection.WRONG_CREDENTIALS
        return SimulatedHost(
            name=name,
            address=address_of(index),
            world=build_world(entry, name),
            credentials=Credentials(
                USERNAME, self.password if right else secrets.token_urlsafe(18)
            ),
            connection=connection,
            faults=list(entry.get("faults") or ()),
            groups=tuple(entry.get("groups") or ()),
        )

    def _service(self, host: SimulatedHost, folder: Path) -> HostService:
        if host.credentials is None:
            raise ConfigError(f"hosts.{host.name}: no credentials.")
        domain = str(host.world.data.get("domain") or "")
        domains = [str(host.world.data["name"]), domain.partition(".")[0].upper(), domain]
        account = Account(
            host.credentials.username,
            host.credentials.password,
            tuple(dict.fromkeys(item for item in domains if item)),
        )
        return HostService(
            host,
            self.engine,
            account,
            write_user_file(folder, host.name, account),
            policy=self.scenario.policy,
            limits=self.scenario.limits,
            plan=self.plan,
        )

    async def start(self, ports: Ports) -> Ports:
        """Listen on all hosts; returns the ports in use, raises ConfigError."""
        return await self.server.start(ports)

    async def stop(self) -> None:
        """Stop listening; the engine is its maker's to close."""
        await self.server.close()

    def status(self) -> list[dict[str, Any]]:
        """Return what each host has served so far."""
        return [
            {
                "host": service.host.name,
                "address": service.host.address,
                "connection": service.host.connection.value,
                "connections": service.counters.connections,
                "requests": service.counters.requests,
                "refused": service.counters.refused,
                "commands": service.counters.commands,
                "faults": service.counters.faults,
                "open_shells": service.open_shells,
            }
            for service in self.server.services
        ]
