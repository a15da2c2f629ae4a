# SPDX-License-Identifier: GPL-3.0-or-later
"""What the changing roles have in common, played by Ansible on ends that no server is needed for.

One host for each end of a change; the result is handed in as the variable that the role registers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
ENDS: dict[str, dict[str, Any]] = {
    "patched": {"state": "patched", "standing": "done", "unchanged": False},
    "nothing": {"state": "nothing-to-do", "standing": "done", "unchanged": True},
    "planned": {"state": "planned", "standing": "planned", "unchanged": True},
    "stopped": {"state": "stopped", "standing": "wrong", "unchanged": True},
    "degraded": {"state": "degraded", "standing": "wrong", "unchanged": False},
    "unknown": {"state": "unknown", "standing": "unknown", "unchanged": False},
    "broken": {},
}
_GOOD = ("All assertions passed", "The arg spec validation passed")


def play(folder: Path, tasks_from: str, **variables: Any) -> tuple[dict[str, str], list[str]]:
    """Play one file of the role for all ends: why hosts failed, and the names of the tasks run."""
    hosts = {
        name: {"patch_result": {"security_update": end} if end else {"failed": True}}
        for name, end in ENDS.items()
    }
    about = {"__change_role": "patch", "__change_key": "security_update"}
    given = {"ansible_connection": "local", "patch_confirm": True, **about, **variables}
    role = {"name": "exchange.remediation.change", "tasks_from": tasks_from}
    tasks = [{"ansible.builtin.include_role": role}]
    book = [{"hosts": "all", "gather_facts": False, "tasks": tasks}]
    (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": given}}))
    (folder / "book.json").write_text(json.dumps(book))
    environment = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".dev"),
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests/integration/callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "results_file",
        "RESULTS_FILE": str(folder / "results.jsonl"),
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook"))]
    subprocess.run(
        [*command, "--inventory", "hosts.json", "book.json"],
        cwd=folder, env=os.environ | environment, capture_output=True, check=False,
    )  # fmt: skip
    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert {row["host"] for row in rows} == ENDS.keys(), "the role was included for every end"
    said = [(row["host"], row["result"]["msg"]) for row in rows if "msg" in row["result"]]
    failed = {host: words for host, words in said if not words.endswith(_GOOD)}
    return failed, [f"{row['host']}: {row['task']}" for row in rows if " | " in row["task"]]


def test_only_a_server_that_is_done_is_as_asked_for(tmp_path: Path) -> None:
    failed, _ = play(tmp_path, "verify")
    assert failed.keys() == ENDS.keys() - {"patched", "nothing"}


def test_nothing_is_required_of_a_run_that_only_looks(tmp_path: Path) -> None:
    failed, tasks = play(tmp_path, "verify", patch_confirm=False)
    assert (failed, tasks) == ({}, [])


def test_server_leaves_maintenance_mode_only_if_nothing_was_changed(tmp_path: Path) -> None:
    failed, tasks = play(tmp_path, "rescue")
    assert failed.keys() == ENDS.keys(), "whoever is rescued has failed"
    stay = {host for host, reason in failed.items() if "STAYS IN MAINTENANCE MODE" in reason}
    assert stay == {"patched", "nothing", "degraded", "unknown", "broken"}
    left = {name.split(":")[0] for name in tasks if "maintenance" in name}
    assert left == {"planned", "stopped"}
    assert "(state degraded)" in failed["degraded"]
    assert "(state unknown)" in failed["broken"]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "patch_store is not set"),
        ({"patch_store": "/srv"}, None),
        ({"patch_store": "/srv", "ansible_host": "10.0.0.1"}, "the same server would be"),
        (
            {"patch_store": "/srv", "patch_required_approvals": ["ticket"]},
            "give them in patch_approvals",
        ),
        ({"patch_store": None, "__change_needs_store": False}, None),
        ({"patch_confirm": False, "patch_required_approvals": ["ticket"]}, None),
    ],
)
def test_policy_is_asked_before_anything_is_sent(
    variables: dict[str, Any], reason: str | None, tmp_path: Path
) -> None:
    unset = {"patch_store": None, "patch_approvals": {}, "patch_required_approvals": []}
    failed, _ = play(tmp_path, "preflight", **{"__change_needs_store": True, **unset, **variables})
    assert len(failed) == (len(ENDS) if reason else 0)
    assert all(reason in said for said in failed.values() if reason)


def test_a_play_cannot_confirm_for_a_role_that_was_not_confirmed_i9(tmp_path: Path) -> None:
    """The journal says with what the action was begun; no server is reached."""
    (tmp_path / "book.json").write_text(
        json.dumps([{
            "hosts": "all", "gather_facts": False,
            "module_defaults": {"exchange.remediation.mitigation": {"confirm": True}},
            "roles": ["exchange.remediation.mitigate"],
        }])
    )  # fmt: skip
    (tmp_path / "hosts.json").write_text(
        json.dumps(
            {
                "all": {
                    "hosts": {
                        "ex01": {
                            "ansible_connection": "local",
                            "mitigate_case": str(tmp_path / "case"),
                        }
                    }
                }
            }
        )
    )
    environment = {
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".dev"),
    }
    subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "--inventory", "hosts.json", "book.json"],
        cwd=tmp_path, env=os.environ | environment, capture_output=True, check=False,
    )  # fmt: skip
    journal = (tmp_path / "case/journal.jsonl").read_text().splitlines()
    begun = [json.loads(line) for line in journal if json.loads(line)["event"] == "begin"]
    assert [line["data"]["check"] for line in begun] == [True]
