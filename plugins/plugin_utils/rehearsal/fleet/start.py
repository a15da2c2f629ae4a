# SPDX-License-Identifier: GPL-3.0-or-later
"""From a scenario to a running fleet: accounts, certificates, fault rules, listening sockets."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...base.errors import ConfigError
from ..scenario import scenario
from ..wsman.accounts import Account, write_user_file
from ..wsman.auth import AuthPolicy
from ..wsman.faults import FaultPlan, FaultRule
from ..wsman.host_service import HostService
from ..wsman.limits import ServiceLimits
from ..wsman.output_faults import MeddlingEngine
from ..wsman.server import WsmanServer
from ..wsman.tls import Authority
from .state import ENGINES

if TYPE_CHECKING:
    from ..engine import Credentials, Engine, SimulatedHost
    from ..wsman.ports import Ports
    from .realm import Realm

_SWITCHES = ("basic", "negotiate", "unencrypted", "channel_binding")


@dataclass(frozen=True, slots=True)
class FleetSpec:
    """A scenario as the endpoint needs it."""

    name: str
    hosts: tuple[SimulatedHost, ...]
    credentials: Credentials
    digest: str = ""
    descriptions: dict[str, str] = field(default_factory=dict)
    faults: tuple[FaultRule, ...] = ()
    limits: ServiceLimits = field(default_factory=ServiceLimits)
    policy: AuthPolicy = field(default_factory=AuthPolicy)
    assess_at: str | None = None  # the day the scenario plays on


def load(source: str) -> FleetSpec:
    """Read a scenario by name or from a file; raises ConfigError with file and cure."""
    loaded = scenario.load(source)
    shipped = source in scenario.names()
    path = scenario.FOLDER / f"{source}.yml" if shipped else Path(source)
    document = scenario.read(path).data
    try:
        return FleetSpec(
            name=loaded.name,
            hosts=loaded.hosts,
            credentials=loaded.credentials,
            digest=hashlib.sha256(path.read_bytes()).hexdigest(),
            descriptions={
                name: _describe(entry or {}) for name, entry in document["hosts"].items()
            },
            faults=_rules(document, loaded.hosts),
            limits=ServiceLimits.from_mapping(document.get("limits") or {}),
            policy=_policy(document.get("authentication") or {}),
            assess_at=document.get("assess_at"),
        )
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def _rules(document: dict[str, Any], hosts: tuple[SimulatedHost, ...]) -> tuple[FaultRule, ...]:
    rules = [FaultRule.from_mapping(rule) for rule in document.get("faults") or ()]
    for host in hosts:
        rules += [FaultRule.from_mapping({**rule, "host": host.name}) for rule in host.faults]
    return tuple(rules)


def _policy(values: dict[str, Any]) -> AuthPolicy:
    for key, value in values.items():
        if key not in _SWITCHES or not isinstance(value, bool):
            raise ConfigError(
                f"authentication: {key}: {value!r}; give true or false for {', '.join(_SWITCHES)}."
            )
    return AuthPolicy(**values)


def _describe(entry: dict[str, Any]) -> str:
    """Say in a few words what a scenario entry is."""
    if entry.get("description"):
        return " ".join(str(entry["description"]).split())
    exchange = entry.get("exchange")
    if not isinstance(exchange, dict):
        return ""
    parts = (exchange.get(key) for key in ("product", "cu", "build"))
    return " ".join(str(part) for part in parts if part)


def make_engine(name: str) -> Engine:
    """Return a new engine by name."""
    if name == "model":
        from ..engines.model.engine import ModelEngine  # noqa: PLC0415 - only the engine that is used

        return ModelEngine()
    if name == "powershell":
        from ..engines.powershell.engine import PowerShellEngine  # noqa: PLC0415 - only the one that is used

        return PowerShellEngine()
    raise ConfigError(f"{name}: no such engine; known are {', '.join(ENGINES)}.")


class Fleet:
    """A scenario brought to life. ``folder`` is private and holds the NTLM user files."""

    def __init__(
        self, spec: FleetSpec, engine: Engine, folder: Path, realm: Realm | None = None
    ) -> None:
        """Build the service of every host; with a realm they take its tickets. Nothing listens yet."""
        self.spec = spec
        self.plan = FaultPlan(spec.faults)
        self.authority = Authority.create()
        meddling = MeddlingEngine(engine, self.plan)
        self.services = [
            HostService(
                host,
                meddling,
                account := account_of(host),
                write_user_file(folder, host.name, account),
                policy=spec.policy,
                limits=spec.limits,
                plan=self.plan,
                keys=realm.keys(host) if realm else None,
            )
            for host in spec.hosts
        ]
        self.server = WsmanServer(self.services, self.authority)

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
                **asdict(service.counters),
                "faults": self.plan.fired[service.host.name],
                "open_shells": service.open_shells,
                "mutations": len(service.host.world.mutations),
            }
            for service in self.services
        ]


def account_of(host: SimulatedHost) -> Account:
    """Return the account of a host, with every spelling of its domain that Windows takes."""
    if host.credentials is None:
        raise ConfigError(f"hosts.{host.name}: no credentials.")
    domain = str(host.world.data.get("domain") or "")
    domains = (str(host.world.data["name"]), domain.partition(".")[0].upper(), domain)
    return Account(
        host.credentials.username,
        host.credentials.password,
        tuple(dict.fromkeys(item for item in domains if item)),
    )
