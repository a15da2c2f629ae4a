# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that takes longer than the task_timeout of the controller, over real WinRM.

The 900 seconds of our ansible.cfg are 6 here and the installer's half an hour is 12 seconds.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import warm_ansible
import yaml

from .conftest import ROOT, environment, start_fleet, toolkit
from .test_patch import store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Fleet

pytestmark = pytest.mark.integration
HERE = Path(__file__).parent
SHORT = 6


@pytest.fixture(scope="module")
def slow_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    state = tmp_path_factory.mktemp("slow")
    yield start_fleet(state, HERE / "time_limits_fleet.yml")
    assert toolkit("rehearse", "down", "--state", state).returncode == 0


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, Any]:
    made = store(tmp_path)
    return {
        **made,
        "patch_usable_seconds": 30,
        "patch_confirm": True,
        "patch_case": str(tmp_path / "case"),
    }


def play(
    fleet: Fleet, playbook: str, folder: Path, variables: dict[str, Any], limit: str
) -> tuple[int, str]:
    """Run it with our ansible.cfg, in which a task has a hundredth of the time."""
    ours = (ROOT / "ansible.cfg").read_text()
    assert "task_timeout = 900\n" in ours
    config = folder / "ansible.cfg"
    config.write_text(ours.replace("task_timeout = 900\n", f"task_timeout = {SHORT}\n"))
    done = warm_ansible.run(
        [sys.executable, "-m", "ansible", "playbook", playbook, "--inventory", str(fleet.inventory),
         "--extra-vars", json.dumps(variables), "--limit", limit],
        merged=True, timeout=280, cwd=ROOT,
        env=environment(ANSIBLE_CONFIG=str(config), XDG_STATE_HOME=str(fleet.state / "controller")),
    )  # fmt: skip
    return done.returncode, done.stdout


def ends(case: str) -> list[str]:
    """The states in the journal, in their order."""
    lines = map(json.loads, (Path(case) / "journal.jsonl").read_text().splitlines())
    return [line["data"]["state"] for line in lines if line["event"] == "end"]


def test_update_and_maintenance_hook_take_as_long_as_they_must(
    slow_fleet: Fleet, variables: dict[str, Any], tmp_path: Path
) -> None:
    hooked = variables | {"maintenance_tasks": str(HERE / "slow_hook.yml")}
    code, output = play(slow_fleet, "exchange.remediation.patch", tmp_path, hooked, "slow")
    assert code == 0, output
    assert ends(variables["patch_case"])[-1] == "patched"


def own_play(folder: Path, variables: dict[str, Any], **task: Any) -> str:
    """A play of the operator's with the module itself, without our roles."""
    options = {name.removeprefix("patch_"): value for name, value in variables.items()}
    tasks = [{"name": "Patch", "exchange.remediation.security_update": options, **task}]
    path = folder / "own.yml"
    path.write_text(yaml.safe_dump([{"hosts": "exchange", "gather_facts": False, "tasks": tasks}]))
    return str(path)


def test_own_play_is_refused_with_too_little_time_and_works_without_a_word_about_it(
    slow_fleet: Fleet, variables: dict[str, Any], tmp_path: Path
) -> None:
    tight = own_play(tmp_path, variables, timeout=SHORT + 1)
    code, output = play(slow_fleet, tight, tmp_path, {}, "direct")
    assert code != 0
    assert "this task or its play is given 7 s" in " ".join(output.split())
    assert not (tmp_path / "case").exists(), "refused before anything was begun"
    code, output = play(slow_fleet, own_play(tmp_path, variables), tmp_path, {}, "direct")
    assert code == 0, output
    assert ends(variables["patch_case"]) == ["patched"]
