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
from ansible_collections.exchange.remediation.plugins.doc_fragments import change, package_source

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
PHASES = ["preflight", "act", "verify"]
# They are played; the role change only holds what they have in common.
PLAYED = [role for role in ROLES if role.name != "change"]
CHANGING = [role for role in ROLES if role.name in ("mitigate", "patch", "upgrade")]


def load_text(text: str) -> Any:
    return yaml.safe_load(text)


def load(path: Path) -> Any:
    return load_text(path.read_text())


def options(role: Path) -> dict[str, Any]:
    known: dict[str, Any] = load(role / "meta/argument_specs.yml")["argument_specs"]["main"][
        "options"
    ]
    return known


def by_name(role: Path) -> str:
    return role.name


@pytest.mark.parametrize("role", PLAYED, ids=by_name)
def test_the_main_task_file_is_a_table_of_contents(role: Path) -> None:
    tasks = load(role / "tasks/main.yml")
    assert [task["ansible.builtin.import_tasks"] for task in tasks] == [f"{p}.yml" for p in PHASES]
    assert [task["tags"] for task in tasks] == [[f"{role.name}_{phase}"] for phase in PHASES]


@pytest.mark.parametrize("role", ROLES, ids=by_name)
def test_defaults_and_argument_specs_agree_in_names_and_values(role: Path) -> None:
    text = (role / "defaults/main.yml").read_text()
    defaults = load(role / "defaults/main.yml")
    defaults = {k: v for k, v in defaults.items() if not k.startswith("__")}
    known = options(role)
    given = {
        k: v
        for k, v in defaults.items()
        if v is not None and v != f"{{{{ change_{k.partition('_')[2]} }}}}"
    }
    assert given == {k: v["default"] for k, v in known.items() if "default" in v}
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


@pytest.mark.parametrize("role", PLAYED, ids=by_name)
def test_tasks_are_named_after_their_file_and_what_has_a_public_name_is_described(
    role: Path,
) -> None:
    described = (role / "meta/argument_specs.yml").read_text()
    for phase in PHASES:
        tasks = load(role / f"tasks/{phase}.yml")
        for task in tasks:
            assert task["name"].startswith(f"{phase.capitalize()} | "), task["name"]
            assert not task["name"].endswith(".")
            if registered := task.get("register"):
                assert registered.startswith((f"__{role.name}_", f"{role.name}_"))
                assert registered.startswith("__") or re.search(rf"C\({registered}\b", described)
            if task.get("delegate_to") == "localhost":
                assert task["become"] is False, "the controller's own work needs no other account"


@pytest.mark.parametrize("role", CHANGING, ids=by_name)
def test_a_shared_variable_stands_behind_each_of_the_same_name(role: Path) -> None:
    """An inventory that sets patch_case goes on working, and change_case is for all of them."""
    shared = {name.removeprefix("change_") for name in options(ROOT / "roles" / "change")}
    defaults = load(role / "defaults/main.yml")
    assert load(role / "meta/main.yml")["dependencies"] == [{"role": "exchange.remediation.change"}]
    for name in shared:
        own = f"{role.name}_{name}"
        if own in options(role):
            assert defaults[own] == f"{{{{ change_{name} }}}}", own
            assert (
                options(role)[own]["description"]
                == f"Stands before C(change_{name}) for this role."
            )
    assert {name for name in shared if f"{role.name}_{name}" in defaults} >= {
        "case",
        "run",
        "confirm",
    }


def test_every_shared_variable_is_an_option_of_every_change() -> None:
    """One that is missing in the map would be accepted and never reach a server."""
    told = load(ROOT / "roles/change/defaults/main.yml")["__change_options"]
    fragments = {
        name
        for fragment in (change, package_source)
        for name in load_text(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
    }
    shared = {name.removeprefix("change_") for name in options(ROOT / "roles" / "change")}
    assert shared == fragments == set(told)


def test_what_a_role_says_stands_before_the_defaults_of_a_play_i9() -> None:
    """Defaults for an action of a group lose against a play's for the action itself."""
    found = {}
    for path in (ROOT / "roles").rglob("tasks/*.yml"):
        for task in load(path):
            defaults = task.get("module_defaults") or {}
            if "{{ __change_options }}" in defaults.values():
                (action,) = [name for name in task if name.startswith("exchange.remediation.")]
                found[action] = list(defaults)
    actions = {
        f"exchange.remediation.{name}"
        for name in ("detection", "mitigation", "security_update", "cumulative_update")
    }
    assert found == {action: [action] for action in actions}


def test_no_role_lists_states() -> None:
    """What a state means is said by the result; a list goes stale with the next state."""
    states = re.compile(r"\.state (==|!=|in|not in)|\['?(patched|upgraded|mitigated)")
    for path in (ROOT / "roles").rglob("tasks/*.yml"):
        assert not states.search(path.read_text()), path


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
