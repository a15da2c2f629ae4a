# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers without a front end through the playbooks, over real WinRM: a perfect update is one."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import warm_ansible
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario import (
    scenario,
)

from .conftest import ROOT, environment, start_fleet, toolkit
from .test_patch import store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Fleet

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def roles_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    state = tmp_path_factory.mktemp("roles")
    yield start_fleet(state, scenario.FOLDER / "every-role.yml")
    assert toolkit("rehearse", "down", "--state", state).returncode == 0


def patch(fleet: Fleet, variables: dict[str, Any], limit: str) -> tuple[int, str]:
    done = warm_ansible.run(
        [sys.executable, "-m", "ansible", "playbook", "exchange.remediation.patch",
         "--inventory", str(fleet.inventory), "--extra-vars", json.dumps(variables), "--limit", limit],
        merged=True, timeout=300, cwd=ROOT,
        env=environment(XDG_STATE_HOME=str(fleet.state / "controller")),
    )  # fmt: skip
    return done.returncode, done.stdout


def test_edge_and_tools_are_patched_and_one_that_contradicts_itself_stops_the_rollout(
    roles_fleet: Fleet, tmp_path: Path
) -> None:
    case = tmp_path / "case"
    variables = {
        **store(tmp_path), "patch_usable_seconds": 30, "patch_confirm": True, "patch_case": str(case),
    }  # fmt: skip
    code, output = patch(roles_fleet, variables, "edge,tools")
    assert code == 0, output
    code, output = patch(roles_fleet, variables, "says-edge,says-nothing")
    assert code != 0, output
    lines = [json.loads(line) for line in (case / "journal.jsonl").read_text().splitlines()]
    ends = {line["host"]: line["data"] for line in lines if line["event"] == "end"}
    states = {host: (end["state"], end["code"]) for host, end in ends.items()}
    assert states == {
        "edge": ("patched", None), "tools": ("patched", None), "says-edge": ("stopped", "conflict"),
    }  # fmt: skip
