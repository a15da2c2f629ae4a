# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated host on both engines: every request goes to both, and what differs is told.

Whatever is known to differ stands in tests/contract/known_differences.yml, each with its reason.
"""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    ConnectionState,
    Credentials,
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario import (
    scenario,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
    World,
)
from holders import Holders

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
        CommandResult,
        Engine,
    )

HERE = Path(__file__).parents[1] / "contract"
AT = datetime(2021, 3, 5, 10, 0, 0, tzinfo=UTC)
ACCOUNT = Credentials("administrator", "nobody logs on here")
SOURCES = {name: scenario.FOLDER / f"{name}.yml" for name in scenario.names()}
SOURCES["contract"] = HERE / "hosts.yml"
KNOWN: list[dict[str, str]] = yaml.safe_load((HERE / "known_differences.yml").read_text())[
    "replies"
]
FRAME = b'{"exchange_remediation":'
ONE = {"owner": "controller-a", "run": "run-1"}
TWO = {"owner": "controller-b", "run": "run-2"}
KEYS = tuple(f"{number:064x}" for number in range(1, 6))

FLEETS = {
    name: {host.name: host for host in scenario.load(path, at=AT, credentials=ACCOUNT).hosts}
    for name, path in SOURCES.items()
}
HOSTS = [
    (fleet, host.name)
    for fleet, hosts in FLEETS.items()
    for host in hosts.values()
    if host.connection is not ConnectionState.UNREACHABLE
]


def stopped(host: SimulatedHost) -> SimulatedHost:
    """The host with its clock stopped: then not even the times may differ."""
    data = host.world.snapshot()
    clock = host.world.clock(AT).strftime("%Y-%m-%dT%H:%M:%SZ")
    return SimulatedHost(host.name, host.address, World({**data, "now": clock}))


class Pair:
    """The same host twice, once for each engine."""

    def __init__(self, host: SimulatedHost, powershell: Engine) -> None:
        self.sides = ((stopped(host), ModelEngine()), (stopped(host), powershell))

    @property
    def worlds(self) -> tuple[World, ...]:
        return tuple(host.world for host, _ in self.sides)

    def ask(self, request: bytes) -> list[dict[str, Any]]:
        """Both frames, without what is known to differ."""
        return [
            without_known_differences(parsed(asyncio.run(self.run(host, engine, request))))
            for host, engine in self.sides
        ]

    @staticmethod
    async def run(host: SimulatedHost, engine: Engine, request: bytes) -> CommandResult:
        return await engine.run(host, codec.BOOTSTRAP_COMMAND, request)


def parsed(result: CommandResult) -> dict[str, Any]:
    """The frame; without one, what a controller can tell from such a result."""
    lines = [line for line in result.stdout.splitlines() if line.startswith(FRAME)]
    if not lines:
        return {"stdout": result.stdout, "exit_code": result.exit_code, "said": bool(result.stderr)}
    frame: dict[str, Any] = json.loads(lines[-1])
    return frame


def without_known_differences(frame: dict[str, Any]) -> dict[str, Any]:
    for known in KNOWN:
        _forget(frame, known["path"].split("."), known.get("pattern"))
    return frame


def _forget(node: Any, path: list[str], pattern: str | None) -> None:
    """Remove the members at a path, or what the pattern's first group does not keep."""
    step, *rest = path
    members = dict(enumerate(node)) if isinstance(node, list) else node
    if not isinstance(members, dict):
        return
    for member in list(members) if step == "*" else [step]:
        if member in members and rest:
            _forget(members[member], rest, pattern)
        elif member in members and pattern:
            node[member] = re.sub(pattern, r"\1", str(node[member]), flags=re.DOTALL)
        elif member in members:
            del node[member]


def differences(model: Any, real: Any, path: str = "frame") -> list[str]:
    """Every place where the two differ, short enough to read."""
    if isinstance(model, dict) and isinstance(real, dict):
        names = sorted(model.keys() | real.keys())
        pairs = [(f"{path}.{n}", model.get(n, "absent"), real.get(n, "absent")) for n in names]
    elif isinstance(model, list) and isinstance(real, list) and len(model) == len(real):
        pairs = [
            (f"{path}.{i}", one, two) for i, (one, two) in enumerate(zip(model, real, strict=True))
        ]
    else:
        return [] if model == real else [f"{path}: model {model!r}, powershell {real!r}"]
    return [line for name, one, two in pairs for line in differences(one, two, name)]


def request(
    operation: str | codec.Operation,
    parameters: dict[str, Any] | None = None,
    key: str | None = None,
) -> bytes:
    wanted = operation
    if not isinstance(wanted, codec.Operation):
        wanted = codec.Operation(str(operation), parameters or {}, key)
    return codec.encode_request(wanted, operation_id="a" * 32, nonce="b" * 32)


class Story:
    """Steps on one host: (minutes later, operation, parameters, key)."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.holders = Holders()

    def later(self, minutes: int) -> None:
        for world in self.pair.worlds:
            moved = world.clock().timestamp() + 60 * minutes
            world.data["now"] = datetime.fromtimestamp(moved, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            world.record("clock", "later", "test")

    def step(self, operation: str, parameters: dict[str, Any], key: str | None = None) -> Any:
        wanted = self.holders.operation(operation, parameters, key)
        model, real = self.pair.ask(request(wanted))
        found = differences(model, real)
        assert found == [], found
        self.holders.answered(model["reply"].get("result"))
        return model["reply"]


def take(who: dict[str, str], ttl: int = 900) -> dict[str, Any]:
    return {**who, "purpose": "install KB5000871", "ttl_seconds": ttl}
