# SPDX-License-Identifier: GPL-3.0-or-later
"""From the journal to the fleet: every host is somewhere, and the table says what and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.bounds import ENTRY_BYTES
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.journal import Journal
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.lines import JournalError
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.collect import (
    ends,
    entries,
    require_same_inventory,
    size_of,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.standing import (
    fleet_status,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.table import (
    outcome_table,
    plan_table,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.registry import (
    INTENTS,
    phase_of,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.fleet import (
    CatalogVersion,
    FleetPlan,
    HostEntry,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.records import (
    HostPlan,
    Step,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.serialize import (
    plan_to_dict,
)

AT = datetime(2021, 3, 5, 10, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[3]
PLAN = HostPlan(
    "patch",
    "proxylogon",
    (
        Step("install", "Start-HostJob", {}, "KB5000871 closes it.", {"build": "15.1.2176.2"},
             {"build": "15.1.2176.9"}, "ED 21-02 action 1"),
        Step("restart", "Restart-Host", {}, "Files in use.", None, "restarted"),
    ),
    rests_on="a" * 64,
    notes=("Defender may block it.",),
)  # fmt: skip


def write(folder: Path, rows: list[tuple[str, str, dict[str, Any]]], run: str = "run-1") -> Path:
    for host, event, data in rows:
        Journal(folder, host, run, now=lambda: AT).record(event, data)
    return folder / "journal.jsonl"


PLANNED = ("plan", {"plan": plan_to_dict(PLAN)})


def test_last_end_of_each_host_counts(tmp_path: Path) -> None:
    path = write(tmp_path, [
        ("ex01", "begin", {}), ("ex01", *PLANNED), ("ex01", "end", {"state": "planned", "reason": "x"}),
        ("ex02", "begin", {}), ("ex02", "end", {"state": "stopped", "reason": "disk"}),
        ("ex03", "begin", {}), ("ex03", *PLANNED),
    ])  # fmt: skip
    write(tmp_path, [("ex04", "end", {"state": "patched", "reason": "another run"})], "run-2")
    found = ends(path, "run-1")
    states = {name: (end.state, end.plan) for name, end in found.items()}
    assert states == {
        "ex01": ("planned", PLAN), "ex02": ("stopped", None), "ex03": ("unknown", None),
    }  # fmt: skip
    assert "begun and not ended" in found["ex03"].reason
    assert size_of(path) == 8
    assert ends(path, "run-1", after=3).keys() == {"ex02", "ex03"}
    write(tmp_path, [("ex01", "begin", {})])  # again, and it was killed
    assert ends(path, "run-1")["ex01"].state == "unknown"


def test_every_host_of_the_inventory_has_an_entry_i3(tmp_path: Path) -> None:
    path = write(
        tmp_path, [("ex01", *PLANNED), ("ex01", "end", {"state": "planned", "reason": "x"})]
    )
    made = entries(ends(path, "run-1"), ["ex01", "ex02", "ex03"], ["ex01", "ex02"], Path("a.log"))
    assert {name: entry.state for name, entry in made.items()} == {
        "ex01": "planned", "ex02": "unknown", "ex03": "left-out",
    }  # fmt: skip
    assert "see a.log" in made["ex02"].reason


def test_plan_of_which_a_part_was_cut_is_nobodys_plan_i19(tmp_path: Path) -> None:
    large = plan_to_dict(replace(PLAN, notes=("x" * (2 * ENTRY_BYTES),)))
    path = write(tmp_path, [
        ("ex01", "begin", {}), ("ex01", "plan", {"plan": large}),
        ("ex01", "end", {"state": "planned", "reason": "y" * 100}),
        ("ex02", "begin", {}), ("ex02", "plan", {"plan": large}),
        ("ex02", "begin", {}), ("ex02", *PLANNED), ("ex02", "end", {"state": "planned", "reason": "x"}),
        ("ex03", "end", {"state": "stopped", "reason": "z" * (2 * ENTRY_BYTES)}),
    ])  # fmt: skip
    made = entries(ends(path, "run-1"), ["ex01", "ex02", "ex03"], ["ex01"], Path("a.log"))
    assert (made["ex01"].state, made["ex01"].plan, made["ex01"].has_steps) == (
        "unknown",
        None,
        False,
    )
    assert made["ex01"].reason.startswith("its plan is larger than the journal keeps")
    assert (made["ex02"].state, made["ex02"].plan) == ("planned", PLAN)
    assert made["ex03"].state == "stopped"
    assert made["ex03"].reason.endswith("zzz... (cut, 2097154 bytes in all)")
    assert fleet_status("patch", {"ex01": made["ex01"]}) == 3


@pytest.mark.parametrize(
    "word",
    ["plan", "state", "planned", "reason", "mitigate", "patch", "intent", "steps", "needs", "code",
     "Start-HostJob", "rests_on", "a" * 8, "operation", "campaign", "proxylogon", "changed"],
)  # fmt: skip
def test_password_that_is_a_word_of_ours_leaves_the_case_readable(
    tmp_path: Path, word: str
) -> None:
    plan = replace(PLAN, notes=(f"The host said {word}.",))
    made = Journal(tmp_path, "ex01", "run-1", frozenset({word}), lambda: AT)
    made.record("begin", {"intent": "patch"})
    made.record("plan", {"plan": plan_to_dict(plan)})
    made.record(
        "end", {"state": "planned", "reason": f"it said {word}", "changed": True, "code": "timeout"}
    )
    end = ends(made.path, "run-1")["ex01"]
    assert (end.state, end.reason, end.changed, end.code, end.plan_cut) == (
        "planned", "it said ********", True, "timeout", False,
    )  # fmt: skip
    assert end.plan is not None
    assert (end.plan.intent, end.plan.rests_on, end.plan.notes) == (
        "patch", "a" * 64, ("The host said ********.",),
    )  # fmt: skip
    assert [step.operation for step in end.plan.steps] == ["Start-HostJob", "Restart-Host"]


@pytest.mark.parametrize(
    "value", [None, 7, "x", [], {}, [7], {"steps": [7]}, {"steps": [{"a": 1}]}]
)
@pytest.mark.parametrize("name", ["plan", "state", "reason", "code", "********"])
def test_any_data_of_an_event_is_read(tmp_path: Path, name: str, value: Any) -> None:
    path = write(tmp_path, [
        ("ex01", "plan", {name: value}), ("ex01", "end", {name: value}),
        ("ex02", *PLANNED), ("ex02", "end", {"state": "planned", "reason": "x"}),
    ])  # fmt: skip
    found = ends(path, "run-1")
    assert (found["ex01"].state, found["ex02"].plan) == ("unknown", PLAN)
    assert entries(found, ["ex01"], ["ex01"], Path("a.log"))["ex01"].plan is None


def test_journal_that_was_changed_is_no_source_i14(tmp_path: Path) -> None:
    path = write(tmp_path, [("ex01", "end", {"state": "stopped", "reason": "x"})])
    path.write_bytes(path.read_bytes().replace(b"stopped", b"patched"))
    with pytest.raises(JournalError, match="jsonl:1"):
        ends(path, "run-1")
    with pytest.raises(JournalError, match="jsonl:1"):
        size_of(path)
    assert (size_of(tmp_path / "none"), ends(tmp_path / "none", "run-1")) == (0, {})


@pytest.mark.parametrize(
    ("inventory", "says"),
    [
        (["ex01"], "ex02 not in the inventory"),
        (["ex01", "ex02", "ex03"], "ex03 not in the plan"),
        (["a", "b", "c", "d", "e", "f"], "ex01, ex02 not in the inventory; a, b, c, d, e and 1 more"),
    ],
)  # fmt: skip
def test_other_inventory_is_refused(inventory: list[str], says: str) -> None:
    require_same_inventory(["ex01", "ex02"], ["ex02", "ex01"], "plan.json")
    with pytest.raises(RefusedError, match=says):
        require_same_inventory(["ex01", "ex02"], inventory, "plan.json")


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        ([], 3),
        ([("patched", ""), ("nothing-to-do", "")], 0),
        ([("patched", ""), ("left-out", "")], 0),
        ([("left-out", "")], 3),
        ([("patched", ""), ("planned", "")], 1),
        ([("patched", ""), ("stale-plan", "")], 1),
        ([("stopped", "")], 1),
        ([("stopped", "unreachable"), ("patched", "")], 3),
        ([("stopped", "authentication-failed"), ("degraded", "")], 3),
        ([("stopped", "host-crash"), ("patched", "")], 3),
        ([("stopped", "reply-schema")], 3),
        ([("stopped", "locked")], 1),
        ([("degraded", "timeout")], 3),
        ([("unknown", ""), ("planned", "")], 3),
        ([("from a later version", "")], 3),
    ],
)
def test_exit_status(hosts: list[tuple[str, str]], status: int) -> None:
    """A host is its state and the code of the error that ended it, whatever the words say."""
    entries_of = {
        f"ex{number}": HostEntry(state, "unreachable: words for people", code=code or None)
        for number, (state, code) in enumerate(hosts)
    }
    assert fleet_status("patch", entries_of) == status


@pytest.mark.parametrize("name", INTENTS)
def test_every_intent_has_its_playbook_and_variables(name: str) -> None:
    """What ``plan`` and ``apply`` set must be what the playbook and its role take."""
    prefix = phase_of(name).name
    playbook = (ROOT / "playbooks" / f"{name}.yml").read_text()
    assert f"exchange.remediation.{prefix}\n" in playbook
    assert f"{prefix}_serial |" in playbook
    spec = yaml.safe_load((ROOT / "roles" / prefix / "meta/argument_specs.yml").read_text())
    taken = {"campaign", "run", "case", "plan", "plan_keys", "confirm"}
    assert {f"{prefix}_{name}" for name in taken} <= spec["argument_specs"]["main"][
        "options"
    ].keys()


def fleet(hosts: dict[str, HostEntry]) -> FleetPlan:
    return FleetPlan("patch", "proxylogon", "run-1", AT, None, CatalogVersion("2021-03-02", "0" * 64),
                     tuple(hosts), hosts, signed_by=("ops",))  # fmt: skip


HOSTS = {
    "ex01": HostEntry("planned", "x", PLAN),
    "ex02": HostEntry("stopped", "The drive is full.", None),
    "ex03": HostEntry("stopped", "The drive is full.", None),
}


def test_table_has_every_host_step_reason_and_clause() -> None:
    assert plan_table(fleet(HOSTS), columns=110).splitlines() == [
        "HOST  STATE    STEP     OPERATION      BEFORE -> AFTER",
        "ex01  planned  install  Start-HostJob  build: 15.1.2176.2 -> 15.1.2176.9",
        "               restart  Restart-Host   - -> restarted",
        "",
        "Why:",
        "  install: KB5000871 closes it. [ED 21-02 action 1]",
        "  restart: Files in use.",
        "",
        "Without steps:",
        "  ex02, ex03: stopped: The drive is full.",
        "",
        "Note:",
        "  ex01: Defender may block it.",
        "",
        "patch for proxylogon: 1 of 3 hosts with steps; run run-1, does not expire, signed by ops.",
    ]


def test_colour_is_by_meaning_and_only_when_asked_for() -> None:
    ended = {
        "ex01": HostEntry("patched", "Done."),
        "ex02": HostEntry("stopped", "x", code="timeout"),
    }
    plain, painted = (outcome_table("patch", ended, colour=colour) for colour in (False, True))
    assert "\x1b" not in plain + plan_table(fleet(HOSTS))
    assert "\x1b[32mpatched" in painted
    assert "\x1b[35mstopped" in painted
    assert "\x1b[33mplanned" in plan_table(fleet(HOSTS), colour=True)


def test_long_reason_is_wrapped_and_not_cut() -> None:
    words = [f"word{number}" for number in range(60)]
    table = outcome_table("patch", {"ex01": HostEntry("degraded", " ".join(words))}, columns=80)
    assert all(len(line) <= 80 for line in table.splitlines())
    assert all(word in table for word in words)


def test_a_server_in_no_inventory_is_in_the_signed_plan_and_no_status_is_0() -> None:
    plan = replace(fleet(HOSTS), missing={"ex09.corp.example": "the directory knows it"})
    hosts = {"ex01": HostEntry("nothing-to-do", "")}

    assert plan.to_json()["missing"] == {"ex09.corp.example": "the directory knows it"}
    assert "In no inventory:\n  ex09.corp.example: the directory knows it" in plan_table(plan)
    assert fleet_status("patch", hosts) == 0
    assert fleet_status("patch", hosts, plan.missing) == 3


def test_what_the_directive_says_is_in_the_plan_once_with_its_hosts() -> None:
    said = ("ED 21-02: patch is held-back by action 1 collect: the forensic expertise is there",)
    plan = fleet(HOSTS)
    hosts = {name: replace(entry, directive=said) for name, entry in plan.hosts.items()}
    table = plan_table(replace(plan, hosts=hosts), columns=80)

    assert table.count("patch is held-back by action 1 collect") == 1
    assert all(name in table for name in hosts)
    assert "Directive:" in table


def test_the_directive_of_a_begin_reaches_the_plan(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "ex01", "run-1")
    journal.record("begin", {"intent": "patch", "directive": ["ED 21-02: late: action 5", 7]})
    journal.record("end", {"state": "nothing-to-do", "reason": "x"})
    journal.record("begin", {"intent": "patch", "directive": {"journal_cut": {}}})
    found = ends(tmp_path / "journal.jsonl", "run-1")

    assert found["ex01"].directive == ()
    journal.record("begin", {"intent": "patch", "directive": ["ED 21-02: late: action 5", 7]})
    journal.record("end", {"state": "nothing-to-do", "reason": "x"})
    found = ends(tmp_path / "journal.jsonl", "run-1")
    made = entries(found, ["ex01"], ["ex01"], tmp_path)
    assert made["ex01"].directive == ("ED 21-02: late: action 5",)
