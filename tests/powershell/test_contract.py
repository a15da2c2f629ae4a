# SPDX-License-Identifier: GPL-3.0-or-later
"""The model engine and the real scripts on PowerShell give the same reply on the same host.

This is what keeps the model honest. Whatever is known to differ stands in
known_differences.yml, each with its reason.
"""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    ConnectionState,
    Credentials,
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
    PowerShellEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario import (
    scenario,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
    World,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
        CommandResult,
        Engine,
    )

pytestmark = pytest.mark.engine

HERE = Path(__file__).parent
AT = datetime(2021, 3, 5, 10, 0, 0, tzinfo=UTC)
ACCOUNT = Credentials("administrator", "nobody logs on here")
SOURCES = {name: scenario.FOLDER / f"{name}.yml" for name in scenario.names()}
SOURCES["contract"] = HERE / "contract.yml"
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
    operation: str, parameters: dict[str, Any] | None = None, key: str | None = None
) -> bytes:
    wanted = codec.Operation(operation, parameters or {}, key)
    return codec.encode_request(wanted, operation_id="a" * 32, nonce="b" * 32)


@pytest.fixture(scope="module")
def powershell(pwsh: str) -> Iterator[PowerShellEngine]:
    engine = PowerShellEngine(pwsh, workers=1)
    yield engine
    asyncio.run(engine.close())


@pytest.mark.parametrize(("fleet", "name"), HOSTS)
def test_facts_are_the_same(fleet: str, name: str, powershell: PowerShellEngine) -> None:
    pair = Pair(FLEETS[fleet][name], powershell)
    model, real = pair.ask(request("Get-ExchangeServerInfo"))
    assert differences(model, real) == []
    assert [world.mutations for world in pair.worlds] == [[], []]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(lambda text: text.replace(b'"protocol":1', b'"protocol":2'), id="protocol"),
        pytest.param(lambda text: text.replace(b'"sha256":"', b'"sha256":"0'), id="sha256"),
        pytest.param(
            lambda text: text.replace(b'"parameters":{}', b'"parameters":{"x":1}'), id="parameter"
        ),
    ],
)
def test_unusable_requests_are_refused_alike(line: Any, powershell: PowerShellEngine) -> None:
    pair = Pair(FLEETS["small"]["ex01"], powershell)
    model, real = pair.ask(line(request("Get-ExchangeServerInfo")))
    assert differences(model, real) == []
    assert model["reply"]["status"] == "error"


def test_psrp_pipeline_answers_alike(powershell: PowerShellEngine) -> None:
    line = request("Get-ExchangeServerInfo").decode().strip()
    frames = []
    for host, engine in Pair(FLEETS["small"]["ex02"], powershell).sides:
        result = asyncio.run(engine.run_script(host, loader.bootstrap(), [line]))
        frames.append(without_known_differences(parsed(result)))
    assert differences(*frames) == []
    assert frames[0]["reply"]["status"] == "ok"


class Story:
    """Steps on one host: (minutes later, operation, parameters, key)."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair

    def later(self, minutes: int) -> None:
        for world in self.pair.worlds:
            moved = world.clock().timestamp() + 60 * minutes
            world.data["now"] = datetime.fromtimestamp(moved, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            world.record("clock", "later", "test")

    def step(self, operation: str, parameters: dict[str, Any], key: str | None = None) -> Any:
        model, real = self.pair.ask(request(operation, parameters, key))
        assert differences(model, real) == []
        return model["reply"]


@pytest.fixture
def story(powershell: PowerShellEngine) -> Story:
    return Story(Pair(FLEETS["small"]["ex01"], powershell))


def take(who: dict[str, str], ttl: int = 900) -> dict[str, Any]:
    return {**who, "purpose": "install KB5000871", "ttl_seconds": ttl}


def test_lock_is_taken_renewed_refused_and_released_alike(story: Story) -> None:
    assert story.step("Get-HostLock", {})["result"]["state"] == "free"
    assert story.step("Lock-Host", take(ONE))["result"]["state"] == "acquired"
    story.later(5)
    assert story.step("Lock-Host", take(TWO))["errors"][0]["class"] == "Locked"
    assert story.step("Unlock-Host", TWO)["errors"][0]["class"] == "Locked"
    assert story.step("Update-HostLock", ONE)["result"]["state"] == "renewed"
    assert story.step("Get-HostLock", {})["result"]["state"] == "held"
    assert story.step("Unlock-Host", ONE)["result"]["state"] == "released"
    assert story.step("Unlock-Host", ONE)["result"]["state"] == "free"
    assert story.step("Update-HostLock", ONE)["errors"][0]["id"] == "LockLost"


def test_dead_lock_is_taken_over_alike(story: Story) -> None:
    story.step("Lock-Host", take(ONE, ttl=60))
    story.later(2)
    for world in story.pair.worlds:
        world.data["processes"] = ["msiexec.exe"]
        world.record("process", "msiexec", "test")
    assert story.step("Get-HostLock", {})["result"]["state"] == "held"
    for world in story.pair.worlds:
        machine.reboot(world, by="test")
    assert story.step("Get-HostLock", {})["result"]["reason"] == "boot"
    assert story.step("Lock-Host", take(TWO, ttl=60))["result"]["state"] == "taken-over"
    story.later(2)
    assert story.step("Get-HostLock", {})["result"]["reason"] == "heartbeat"


def test_lock_of_a_silent_run_is_taken_over_alike_i16(story: Story) -> None:
    mine = {**take(ONE, ttl=21600), "controller": "ops"}
    again = {**mine, "owner": "controller-a/2", "run": "run-2"}
    story.step("Lock-Host", mine)
    story.later(10)
    assert story.step("Lock-Host", again)["errors"][0]["id"] == "HostLocked"
    story.later(1)
    for world in story.pair.worlds:
        world.data["processes"] = ["msiexec.exe"]
        world.record("process", "msiexec", "test")
    assert story.step("Lock-Host", again)["errors"][0]["id"] == "InstallerRunning"
    forced = {**take(TWO), "takeover": "it burnt down"}
    assert story.step("Lock-Host", forced)["errors"][0]["id"] == "InstallerRunning"
    for world in story.pair.worlds:
        world.data["processes"] = []
        world.record("process", "msiexec", "test")
    assert story.step("Lock-Host", {**again, "controller": "x"})["errors"][0]["id"] == "HostLocked"
    assert story.step("Lock-Host", again)["result"]["reason"] == "controller"
    taken = story.step("Lock-Host", forced)["result"]
    assert taken["reason"] == "operator"
    assert taken["lock"]["takeover"].endswith(": it burnt down")
    assert story.step("Update-HostLock", TWO)["result"]["lock"] == taken["lock"]


def test_damaged_lock_is_held_by_nobody_known_alike(story: Story) -> None:
    story.step("Lock-Host", take(ONE))
    for world in story.pair.worlds:
        world.write_text("C:\\ProgramData\\ExchangeRemediation\\host.lock", "{", by="test")
    assert story.step("Get-HostLock", {})["result"]["lock"]["purpose"] == "unreadable lock file"
    assert story.step("Lock-Host", take(TWO))["errors"][0]["class"] == "Locked"


def test_keyed_operation_acts_once_alike(story: Story) -> None:
    first = story.step("Lock-Host", take(ONE), KEYS[0])
    assert first["replayed"] is False
    story.later(1)
    again = story.step("Lock-Host", take(ONE), KEYS[0])
    assert again["replayed"] is True
    assert again["result"] == first["result"]
    assert story.step("Lock-Host", take(TWO), KEYS[1])["errors"][0]["class"] == "Locked"
    states = story.step("Get-OperationStatus", {"keys": list(KEYS[:3])})["result"]
    assert [states[key]["state"] for key in KEYS[:3]] == ["finished", "unknown", "unknown"]


def test_interrupted_operation_is_not_repeated_alike(story: Story) -> None:
    story.step("Unlock-Host", ONE, KEYS[0])
    for world in story.pair.worlds:
        folder = "C:\\ProgramData\\ExchangeRemediation\\operations"
        world.delete_file(f"{folder}\\{KEYS[0]}.json", by="test")
        marker = {
            "started": "2021-03-05T09:00:00.0000000Z",
            "process_id": 99999,
            "process_started": "2021-03-05T09:00:00.0000000Z",
        }
        world.write_text(f"{folder}\\{KEYS[0]}.started", json.dumps(marker), by="test")
    refused = story.step("Unlock-Host", ONE, KEYS[0])
    assert refused["errors"][0]["id"] == "OperationInterrupted"
    states = story.step("Get-OperationStatus", {"keys": [KEYS[0]]})["result"]
    assert states[KEYS[0]]["state"] == "started"


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"directory": True, "owner": "S-1-5-21-1-2-3-1001"}, id="owner"),
        pytest.param({"text": "a file", "mtime": "2021-03-01T00:00:00Z"}, id="file"),
    ],
)
def test_prepared_state_folder_is_refused_alike(entry: dict[str, Any], story: Story) -> None:
    for world in story.pair.worlds:
        world.put_file("C:\\ProgramData\\ExchangeRemediation", entry, by="test")
    assert story.step("Lock-Host", take(ONE))["errors"][0]["id"] == "StateRefused"


@pytest.mark.parametrize(
    ("operation", "parameters", "key"),
    [
        ("Lock-Host", ONE, None),
        ("Lock-Host", {**ONE, "purpose": ""}, None),
        ("Lock-Host", {**ONE, "purpose": "x", "ttl_seconds": 0}, None),
        ("Unlock-Host", {**ONE, "purpose": "x"}, None),
        ("Get-OperationStatus", {"keys": ["not a key"]}, None),
        ("Get-OperationStatus", {"keys": []}, None),
    ],
)
def test_wrong_parameters_are_refused_alike(
    operation: str, parameters: dict[str, Any], key: str | None, story: Story
) -> None:
    assert story.step(operation, parameters, key)["errors"][0]["class"] == "RequestInvalid"
