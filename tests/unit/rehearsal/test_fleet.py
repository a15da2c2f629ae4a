# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet import (
    state as fleet_state,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet.control import (
    Control,
    ask,
    socket_path,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet.inventory import (
    inventory_text,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet.start import (
    Fleet,
    account_of,
    load,
    make_engine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet.state import (
    FleetState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.fleet.text import (
    announcement,
    table,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.auth import (
    AuthPolicy,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.limits import (
    ServiceLimits,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.ports import (
    Ports,
)

_SCENARIO = """\
schema: 1
faults:
  - {kind: reset, action: Send}
limits: {shells_per_user: 5}
authentication: {unencrypted: true}
hosts:
  ex01:
    description: first
    exchange: {product: Exchange2016, cu: CU19, build: 15.1.2176.2}
    faults:
      - {kind: http503, action: Create}
  ex02:
    exchange: {product: Exchange2019, cu: CU8, build: 15.2.792.10}
    groups: [exchange, dag]
  ex03:
    connection: wrong-credentials
    exchange: {product: Exchange2019, cu: CU8, build: 15.2.792.10}
"""
_STATE = FleetState(
    pid=1, started="1", scenario="s", digest="d", engine="model", http_port=1, https_port=2, control="c",
    started_at="2026-11-01T00:00:00+00:00", stops_at=None,
)  # fmt: skip


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "fleet.yml"
    path.write_text(_SCENARIO)
    return str(path)


def test_a_scenario_tells_hosts_rules_limits_and_authentication(scenario: str) -> None:
    spec = load(scenario)
    assert [host.name for host in spec.hosts] == ["ex01", "ex02", "ex03"]
    assert [(rule.kind, rule.host) for rule in spec.faults] == [("reset", "*"), ("http503", "ex01")]
    assert spec.limits.shells_per_user == 5
    assert spec.policy.unencrypted
    assert spec.descriptions["ex01"] == "first"
    assert spec.descriptions["ex02"] == "Exchange2019 CU8 15.2.792.10"


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("kind: reset", "kind: explode", "explode"),
        ("shells_per_user", "shells", "shells"),
        ("unencrypted: true", "kerberos: true", "kerberos"),
        ("unencrypted: true", "unencrypted: maybe", "maybe"),
    ],
)
def test_what_is_wrong_in_a_scenario_is_named_with_its_file(
    scenario: str, old: str, new: str, what: str
) -> None:
    Path(scenario).write_text(_SCENARIO.replace(old, new))
    with pytest.raises(ConfigError, match=rf"fleet\.yml.*{what}"):
        load(scenario)


def test_the_example_in_the_documentation_is_a_scenario(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "rehearsal.md"
    example = page.read_text().partition("```yaml\n")[2].partition("```")[0]
    path = tmp_path / "example.yml"
    path.write_text(example)
    spec = load(str(path))
    assert spec.limits == ServiceLimits()  # the page says that these are the defaults
    assert spec.policy == AuthPolicy()
    assert [rule.kind for rule in spec.faults] == ["optimeout", "http401"]


def test_an_unknown_engine_is_named() -> None:
    with pytest.raises(ConfigError, match="bash: no such engine; known are model, powershell"):
        make_engine("bash")


def test_the_day_a_scenario_plays_on_reaches_the_assessment(tmp_path: Path) -> None:
    fleet = Fleet(load("proxylogon"), make_engine("model"), tmp_path)
    document = yaml.safe_load(inventory_text(fleet, Ports(1, 2), tmp_path))
    assert document["exchange"]["vars"]["assess_at"] == "2021-03-15"


def test_only_the_host_with_wrong_credentials_refuses_the_inventory(
    scenario: str, tmp_path: Path
) -> None:
    spec = load(scenario)
    fleet = Fleet(spec, make_engine("model"), tmp_path)
    document = yaml.safe_load(inventory_text(fleet, Ports(1, 2), tmp_path))
    variables = document["exchange"]["vars"]
    right = {host.name: account_of(host).password == variables["ansible_password"] for host in spec.hosts}  # fmt: skip
    assert right == {"ex01": True, "ex02": True, "ex03": False}
    assert variables["ansible_port"] == 2
    assert document["exchange"]["hosts"]["ex02"] == {"ansible_host": "127.77.0.2"}
    assert document["exchange"]["children"] == {"dag": {"hosts": {"ex02": {}}}}


def test_every_fleet_has_its_own_password(scenario: str) -> None:
    assert load(scenario).credentials.password != load(scenario).credentials.password


def _controlled(spec: Any, folder: Path, *requests: dict[str, Any]) -> list[Any]:
    async def run() -> list[Any]:
        control = Control(Fleet(spec, make_engine("model"), folder), socket_path(folder))
        await control.start()
        assert stat.S_IMODE(control.path.stat().st_mode) == 0o600
        try:
            return [await asyncio.to_thread(_try, str(control.path), item) for item in requests]
        finally:
            await control.stop()
            assert not control.path.exists()

    return asyncio.run(run())


def _try(path: str, request: dict[str, Any]) -> Any:
    try:
        return ask(path, request)
    except ConfigError as error:
        return str(error)


def test_rules_are_added_listed_and_cleared_over_the_control_channel(
    scenario: str, tmp_path: Path
) -> None:
    added, listed, cleared, empty = _controlled(
        load(scenario),
        tmp_path,
        {"do": "faults.add", "rule": {"kind": "drop", "host": "ex02"}},
        {"do": "faults.list"},
        {"do": "faults.clear"},
        {"do": "faults.list"},
    )
    assert [rule["kind"] for rule in added] == ["reset", "http503", "drop"]
    assert listed == added
    assert (cleared, empty) == (3, [])


def test_the_control_channel_tells_what_is_wrong(scenario: str, tmp_path: Path) -> None:
    answers = _controlled(
        load(scenario),
        tmp_path,
        {"do": "explode"},
        {},
        {"do": "faults.add", "rule": {"kind": "explode"}},
        {"do": "status"},
    )
    assert "explode" in answers[0]
    assert isinstance(answers[1], str)
    assert "fault rule" in answers[2]
    assert [host["host"] for host in answers[3]] == ["ex01", "ex02", "ex03"]


def test_a_long_state_path_puts_the_socket_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 120)
    path = socket_path(deep)
    assert not path.is_relative_to(deep)
    path.parent.rmdir()


def test_the_folder_is_private_and_so_are_the_files_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    fleet_state.prepare(folder)
    fleet_state.save(folder, _STATE)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "state.json").stat().st_mode) == 0o600


def test_the_state_goes_elsewhere_where_the_folder_is_not_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/1")
    assert fleet_state.default_folder() == tmp_path / ".rehearsal"
    monkeypatch.setattr(fleet_state.os, "access", lambda *_: False)
    assert fleet_state.default_folder() == Path("/run/user/1/exchange-remediation/rehearsal")


def test_a_table_is_as_wide_as_its_widest_cells() -> None:
    assert table(("A", "B"), [("long", "x"), ("s", "")]) == "  A     B\n  long  x\n  s"


def test_an_announcement_names_the_folder_if_it_is_not_the_usual_one() -> None:
    host = {"host": "ex01", "address": "127.77.0.1", "connection": "ok", "what": "a server"}
    text = announcement(replace(_STATE, hosts=[host]), Path("x/inventory.yml"), " --state x")
    assert "ex01  127.77.0.1  yes      a server" in text
    assert "rehearse down --state x" in text
    assert "runs until stopped" in text


def test_a_folder_with_other_things_in_it_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    tmp_path.chmod(0o755)
    fleet_state.prepare(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_a_fleet_runs_only_if_the_process_is_the_one_that_wrote_the_state(tmp_path: Path) -> None:
    started = fleet_state.process_start(os.getpid()) or ""
    mine = replace(_STATE, pid=os.getpid(), started=started)
    fleet_state.save(tmp_path, mine)
    assert fleet_state.running(tmp_path) == mine
    fleet_state.save(tmp_path, replace(mine, started="12345"))
    assert fleet_state.running(tmp_path) is None
    fleet_state.save(tmp_path, replace(mine, pid=2**22 + 1))
    assert fleet_state.running(tmp_path) is None


def test_a_process_that_took_over_the_number_is_never_signalled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signals: list[int] = []
    monkeypatch.setattr(
        fleet_state.signal, "pidfd_send_signal", lambda *_: signals.append(1), raising=False
    )
    monkeypatch.setattr(fleet_state.os, "kill", lambda *_: signals.append(1))
    assert fleet_state.end(replace(_STATE, pid=os.getpid(), started="not-me"))
    assert signals == []


def test_a_damaged_state_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(ConfigError, match=r"state\.json: not readable .* remove it"):
        fleet_state.running(tmp_path)


def test_no_state_is_no_fleet(tmp_path: Path) -> None:
    assert fleet_state.running(tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_does_not_exist_has_no_start_time() -> None:
    assert fleet_state.process_start(2**22 + 1) is None
