# SPDX-License-Identifier: GPL-3.0-or-later
"""Every role has the same skeleton, and says the same in defaults, argument_specs and README."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
PHASES = ["preflight", "act", "verify"]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def options(role: Path) -> dict[str, Any]:
    known: dict[str, Any] = load(role / "meta/argument_specs.yml")["argument_specs"]["main"][
        "options"
    ]
    return known


def by_name(role: Path) -> str:
    return role.name


@pytest.mark.parametrize("role", ROLES, ids=by_name)
def test_the_main_task_file_is_a_table_of_contents(role: Path) -> None:
    tasks = load(role / "tasks/main.yml")
    assert [task["ansible.builtin.import_tasks"] for task in tasks] == [f"{p}.yml" for p in PHASES]
    assert [task["tags"] for task in tasks] == [[f"{role.name}_{phase}"] for phase in PHASES]


@pytest.mark.parametrize("role", ROLES, ids=by_name)
def test_defaults_and_argument_specs_agree_in_names_and_values(role: Path) -> None:
    text = (role / "defaults/main.yml").read_text()
    defaults = load(role / "defaults/main.yml")
    known = options(role)
    assert defaults == {k: v["default"] for k, v in known.items() if "default" in v}
    listed = set(defaults) | set(re.findall(r"^# (\w+):", text, re.MULTILINE))
    assert listed == set(known), "an input without a default stands commented out in defaults"


@pytest.mark.parametrize("role", ROLES, ids=by_name)
def test_every_input_is_described_and_carries_the_roles_name(role: Path) -> None:
    for name, option in options(role).items():
        assert name.startswith(f"{role.name}_")
        assert option["description"]
        assert option["type"]
        secret = re.search("password|secret|token", name)
        assert not secret or option.get("no_log") is True


@pytest.mark.parametrize("role", ROLES, ids=by_name)
def test_tasks_are_named_after_their_file_and_registered_names_are_private(role: Path) -> None:
    for phase in PHASES:
        tasks = load(role / f"tasks/{phase}.yml")
        for task in tasks:
            assert task["name"].startswith(f"{phase.capitalize()} | "), task["name"]
            assert not task["name"].endswith(".")
            assert task.get("register", f"__{role.name}_x").startswith(f"__{role.name}_")
            if task.get("delegate_to") == "localhost":
                assert task["become"] is False, "the controller's own work needs no other account"


@pytest.mark.parametrize("role", ROLES, ids=by_name)
def test_platforms_are_stated(role: Path) -> None:
    assert load(role / "meta/main.yml")["galaxy_info"]["platforms"]


def test_only_one_task_of_the_assessment_runs_for_each_host() -> None:
    """A fleet pays some 20 ms of controller time for each task and host."""
    each = [
        task["name"]
        for role in ("assess", "report")
        for phase in PHASES
        for task in load(ROOT / "roles" / role / "tasks" / f"{phase}.yml")
        if not task.get("run_once")
    ]
    assert each == ["Act | Ask the server and judge the answer"]


def test_the_readmes_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/role_readme.py", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + "run: python scripts/role_readme.py"


def test_no_playbook_or_role_reads_host_data_back_as_variables() -> None:
    """Measured: include_vars, extra-vars files and templates make host data trusted again."""
    banned = re.compile(
        r"include_vars|vars_files|lookup\('(pipe|template|url)'|ansible\.builtin\.template|trust_as_template|set_fact"
    )
    for path in [*(ROOT / "roles").rglob("*.yml"), *(ROOT / "playbooks").rglob("*.yml")]:
        assert not banned.search(path.read_text()), path


@pytest.mark.parametrize(
    ("name", "serial", "stops"),
    [
        ("patch", [1, 2, "25%"], True),
        ("upgrade", [1, 2, "25%"], True),
        ("mitigate", [1, "100%"], False),
        ("unmitigate", [1, "100%"], False),
    ],
)
def test_every_rollout_begins_with_one_server_and_installations_stop_at_the_first_failure(
    name: str, serial: list[int | str], *, stops: bool
) -> None:
    (play,) = load(ROOT / "playbooks" / f"{name}.yml")
    assert f"default({serial})" in play["serial"]
    assert play["order"] == "inventory"
    assert (play.get("max_fail_percentage") == 0) is stops
