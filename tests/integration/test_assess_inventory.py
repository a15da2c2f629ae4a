# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong inventories and settings: a message with host, variable and cure, and nobody else stops."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import warm_ansible

from .conftest import ROOT, environment, toolkit

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Fleet, Run

pytestmark = pytest.mark.integration

OPEN = {"ansible_host": "127.77.0.1"}
FIXED = {"ansible_host": "127.77.0.2"}


def read_inventory(path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return warm_ansible.run(
        [sys.executable, "-m", "ansible", "inventory", "-i", str(path), "--list"],
        timeout=60, cwd=ROOT, env=environment(**env),
    )  # fmt: skip


def test_the_same_server_under_two_names_is_not_contacted_and_the_others_are(
    play: Callable[..., Run], inventory_with: Callable[..., Path], fleet: Fleet
) -> None:
    before = fleet.status()["open"]["requests"]
    run = play(inventory=inventory_with({"ex01": OPEN, "mail": OPEN, "ex02": FIXED}))
    assert run.code == 0, run.output
    assert fleet.status()["open"]["requests"] == before
    assert run.host("ex01")["state"] == "refused"
    assert "and so is mail; the same server would be counted twice" in run.host("ex01")["reason"]
    assert "and so is ex01" in run.host("mail")["reason"]
    assert run.host("ex02")["state"] == "assessed"


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({"ansible_port": "abc"}, "ansible_port must be a port number from 1 to 65535"),
    ({"ansible_user": ["a"]}, "ansible_user must be text, not ['a'] (list)"),
    ({"ansible_password": "{{ nobody_set_this }}"}, "ansible_password cannot be worked out"),
    ({"ansible_password": None}, "ansible_password is not set for user"),
    ({"ansible_user": ""}, "ansible_user is not set"),
    ({"ansible_winrm_transport": "credssp"}, "CredSSP hands the full credentials"),
    ({"ansible_winrm_transport": "kerberoz"}, "ansible_winrm_transport names kerberoz"),
    ({"ansible_winrm_operation_timeout_sec": 60}, "ansible_winrm_read_timeout_sec (30) must be"),
    ({"exchange_allow_insecure": "everything"}, "exchange_allow_insecure names everything"),
    ({"ansible_winrm_server_cert_validation": "ignore"}, "insecure: [unverified_tls]"),
    ({"ansible_connection": "ssh"}, "ansible.builtin.ssh, which does not speak WinRM"),
)


def test_a_wrong_variable_refuses_its_host_before_the_first_packet_and_no_other(
    play: Callable[..., Run], inventory_with: Callable[..., Path], fleet: Fleet
) -> None:
    before = fleet.status()["open"]["connections"]
    # Another path makes another endpoint, else they would all be the same server.
    hosts = {
        f"ex{index:02}": OPEN | {"ansible_winrm_path": f"/wsman{index}"} | wrong
        for index, (wrong, _) in enumerate(WRONG)
    }
    run = play(inventory=inventory_with(hosts | {"fine": FIXED}))
    assert run.code == 0, run.output
    assert run.host("fine")["state"] == "assessed"
    for name, (_, text) in zip(hosts, WRONG, strict=True):
        assert run.host(name)["state"] == "refused", run.host(name)["reason"]
        assert text in run.host(name)["reason"]
        assert f" {name}: " in run.host(name)["reason"]
    assert fleet.status()["open"]["connections"] == before


@pytest.mark.parametrize("connection", ["ansible.builtin.winrm", "ansible.builtin.psrp"])
def test_the_action_refuses_for_ansibles_own_connections_too(
    play: Callable[..., Run], inventory_with: Callable[..., Path], fleet: Fleet, connection: str
) -> None:
    before = fleet.status()["open"]["connections"]
    run = play(
        inventory=inventory_with(
            {"ex01": OPEN},
            ansible_connection=connection,
            ansible_winrm_transport="basic",
            ansible_winrm_scheme="http",
            ansible_psrp_protocol="http",
            ansible_psrp_auth="basic",
            ansible_port=fleet.http_port(),
        )
    )
    assert run.host("ex01")["state"] == "refused"
    assert "[basic_over_http]" in run.host("ex01")["reason"]
    assert "[stock_connection]" in run.host("ex01")["reason"]
    assert fleet.status()["open"]["connections"] == before


@pytest.mark.parametrize("connection", ["winrm", "ansible.builtin.winrm", "psrp"])
@pytest.mark.parametrize("mode", [(), ("--check",)], ids=["run", "check mode"])
def test_stock_connections_are_refused_before_the_first_packet(
    play: Callable[..., Run],
    inventory_with: Callable[..., Path],
    fleet: Fleet,
    connection: str,
    mode: tuple[str, ...],
) -> None:
    before = fleet.status()["open"]["connections"]
    run = play(*mode, inventory=inventory_with({"ex01": OPEN}, ansible_connection=connection))
    assert run.host("ex01")["state"] == "refused"
    full = f"ansible.builtin.{connection.rpartition('.')[2]}"
    assert f"ex01: ansible_connection is {full}, which follows" in run.host("ex01")["reason"]
    assert fleet.status()["open"]["connections"] == before


def test_a_waived_rule_is_in_the_report(
    play: Callable[..., Run], inventory_with: Callable[..., Path]
) -> None:
    run = play(
        inventory=inventory_with(
            {"ex01": OPEN},
            ansible_winrm_server_cert_validation="ignore",
            ansible_winrm_ca_trust_path=None,
            exchange_allow_insecure=["unverified_tls"],
        )
    )
    assert run.host("ex01")["state"] == "assessed", run.host("ex01")["reason"]
    assert run.host("ex01")["peer"]["allowed_insecure"] == ["unverified_tls"]
    assert run.host("ex01")["peer"]["tls_fingerprint"].startswith("sha256:")


def test_a_certificate_of_another_authority_is_not_talked_to(
    play: Callable[..., Run], inventory_with: Callable[..., Path]
) -> None:
    run = play(inventory=inventory_with({"ex01": OPEN}, ansible_winrm_ca_trust_path=None))
    assert run.host("ex01")["state"] == "unreachable"
    assert "certificate verify failed" in run.host("ex01")["reason"]


def test_a_host_that_stands_twice_in_the_file_is_an_error_of_the_command(
    fleet: Fleet, tmp_path: Path
) -> None:
    text = fleet.inventory.read_text()
    assert "  hosts:\n" in text
    twice = tmp_path / "twice.yml"
    twice.write_text(
        text.replace("  hosts:\n", "  hosts:\n    open:\n      ansible_host: 127.0.0.9\n")
    )
    done = toolkit("assess", "-i", twice, "--cases", tmp_path / "cases")
    assert done.returncode == 2
    assert "open" in done.stderr
    assert "duplicate" in done.stderr.lower()


@pytest.mark.parametrize("place", ["beside it", "in its folder"])
def test_a_broken_file_beside_a_sound_one_is_an_error_of_the_command(
    fleet: Fleet, tmp_path: Path, place: str
) -> None:
    folder = tmp_path / "inventory"
    folder.mkdir()
    sound, broken = folder / "sound.yml", folder / "wrong.yml"
    sound.write_text(fleet.inventory.read_text())
    broken.write_text("exchange:\n  hosts:\n    lost: {}\n  vars: [unclosed\n")
    given = ["-i", folder] if place == "in its folder" else ["-i", sound, "-i", broken]
    done = toolkit("assess", *given, "--limit", "fixed", "--cases", tmp_path / "cases")
    assert done.returncode == 2, done.stdout
    assert str(broken) in done.stderr
    assert not list(tmp_path.glob("cases/*/report"))


def test_a_name_in_limit_that_no_host_has_is_an_error_of_the_command(
    fleet: Fleet, tmp_path: Path
) -> None:
    done = toolkit(
        "assess", "-i", fleet.inventory, "--limit", "fixed,fixd", "--cases", tmp_path / "cases"
    )
    assert done.returncode == 2, done.stdout
    assert "host pattern, ignoring: fixd" in done.stderr


def test_an_empty_inventory_says_what_is_missing(tmp_path: Path) -> None:
    empty = tmp_path / "empty.yml"
    empty.write_text("all:\n  hosts:\n    somebody:\n")
    done = toolkit("assess", "-i", empty, "--cases", tmp_path / "cases")
    assert done.returncode == 2
    assert "is there a group exchange with hosts" in done.stderr


def test_the_example_for_production_is_sound_and_holds_no_secret() -> None:
    done = read_inventory(ROOT / "inventories" / "production.example")
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    known = json.loads(done.stdout)["_meta"]["hostvars"]
    assert len(known) >= 4
    for host, variables in known.items():
        assert "ansible_password" not in variables, host
        assert variables["ansible_connection"] == "exchange.remediation.winrm"
        assert variables["ansible_winrm_scheme"] == "https"
        assert "exchange_allow_insecure" not in variables


def test_the_example_for_production_passes_our_own_checks(
    play: Callable[..., Run],
) -> None:
    run = play(
        "-e", "ansible_port=1", "-e", "ansible_host_name=x",
        inventory=ROOT / "inventories" / "production.example",
    )  # fmt: skip
    assert run.report, run.output
    edge = run.host("edge01.dmz.example")
    assert "ansible_password is not set for user responder" in edge["reason"]
    others = [host for host in run.report["hosts"] if host["host"] != edge["host"]]
    # Refused where the controller has no Kerberos library, no login where it has no ticket.
    reasons = [host["reason"] for host in others]
    assert {host["state"] for host in others} <= {
        "refused",
        "unreachable",
        "authentication-failed",
    }, reasons
    assert all("kerberos" in reason.lower() for reason in reasons), reasons


def test_the_rehearsals_inventory_finds_the_fleet(fleet: Fleet) -> None:
    done = read_inventory(
        ROOT / "inventories" / "rehearsal", EXCHANGE_REMEDIATION_REHEARSAL=str(fleet.state)
    )
    assert set(json.loads(done.stdout)["exchange"]["hosts"]) == set(fleet.status())
    assert done.stderr == ""


def test_without_a_fleet_the_rehearsals_inventory_says_how_to_start_one(tmp_path: Path) -> None:
    done = read_inventory(
        ROOT / "inventories" / "rehearsal", EXCHANGE_REMEDIATION_REHEARSAL=str(tmp_path)
    )
    assert json.loads(done.stdout)["_meta"]["hostvars"] == {}
    assert f"No rehearsal fleet runs from {tmp_path}. Start one with: exchange-remediation" in (
        " ".join(done.stderr.split())
    )
