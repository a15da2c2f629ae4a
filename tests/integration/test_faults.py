# SPDX-License-Identifier: GPL-3.0-or-later
"""One assessment of a fleet where every host breaks in another way: each ends with its own reason."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import warm_ansible
import yaml

if TYPE_CHECKING:
    import subprocess

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
SCENARIO = Path(__file__).parent / "faults_fleet.yml"
_MODULE = "ansible_collections.exchange.remediation.plugins.plugin_utils.cli.main"
_ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
    "PYTHONPATH": str(ROOT / ".dev"),
    "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".dev"),
}
# What is transient is overcome, since assessing may be repeated; what is not has its own name.
STATES = {
    "reset-receive": ("assessed", ""),
    "reset-send": ("assessed", ""),
    "drop-create": ("assessed", ""),
    "truncate": ("assessed", ""),
    "http500": ("assessed", ""),
    "fault": ("assessed", ""),
    "quota": ("assessed", ""),
    "optimeout": ("assessed", ""),
    "delay": ("assessed", ""),
    "noise": ("assessed", ""),
    "hang": ("unreachable", "timeout"),  # waited for once; the next host's turn is worth more
    "http401": ("authentication-failed", "authentication-failed"),
    "redirect": ("refused", "refused"),
    "gzip": ("refused", "refused"),
    "garbage": ("error", "reply-malformed"),
    "flood": ("error", "reply-too-large"),
    "empty": ("error", "reply-empty"),
    "cut": ("error", "reply-truncated"),
    "clixml": ("error", "host-crash"),
    "nonce": ("error", "reply-wrong-nonce"),
}


def toolkit(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return warm_ansible.run(
        [sys.executable, "-m", _MODULE, *map(str, arguments)],
        timeout=240, env=_ENVIRONMENT, cwd=ROOT,
    )  # fmt: skip


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Host -> its entry of the report, with what the endpoint counted under ``served``."""
    folder = tmp_path_factory.mktemp("faults")
    state = folder / "state"
    up = toolkit("rehearse", "up", "--scenario", SCENARIO, "--port", "0", "--state", state, "--stop-after", "10")  # fmt: skip
    assert up.returncode == 0, up.stderr
    inventory = yaml.safe_load((state / "inventory.yml").read_text())
    inventory["exchange"]["vars"] |= {
        "ansible_winrm_operation_timeout_sec": 4,
        "ansible_winrm_read_timeout_sec": 6,
        "exchange_command_max_bytes": 8 * 1024 * 1024,
    }
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
    done = toolkit("assess", "--inventory", folder / "inventory.yml", "--cases", folder / "cases")
    served = json.loads(toolkit("rehearse", "status", "--json", "--state", state).stdout)["hosts"]
    assert toolkit("rehearse", "down", "--state", state).returncode == 0
    (report,) = (folder / "cases").glob("*/report/report.json")
    hosts = {host["host"]: host for host in json.loads(report.read_text())["hosts"]}
    for item in served:
        hosts[item["host"]]["served"] = item
    assert done.returncode == 3, done.stdout + done.stderr
    return hosts


@pytest.mark.parametrize("host", STATES)
def test_each_kind_of_fault_ends_in_its_own_way(outcome: dict[str, Any], host: str) -> None:
    state, code = STATES[host]
    entry = outcome[host]
    assert (entry["state"], (entry["reason"] or "").partition(":")[0]) == (state, code)


def test_every_fault_has_been_injected(outcome: dict[str, Any]) -> None:
    assert [name for name, host in outcome.items() if not host["served"]["faults"]] == []


def test_a_rejected_login_is_not_tried_again(outcome: dict[str, Any]) -> None:
    assert outcome["http401"]["served"]["connections"] == 1
