# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan a fleet over real WinRM, apply exactly that, and refuse everything else before it changes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import events, verify
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.fleet import read
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.signing import keys

from ..conftest import ROOT
from .conftest import PASSPHRASE, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Site

pytestmark = pytest.mark.integration


def journal(site: Site) -> Path:
    return next(site.cases.glob("*/journal.jsonl"))


def kinds(site: Site) -> list[str]:
    return [line.content["event"] for line in events(journal(site))]


def test_plan_is_signed_shown_applied_and_done_once_i9(site: Site) -> None:
    plan = site.plan()
    assert site.changes == []
    shown = site.run("plan", "show", plan)
    assert shown.returncode == 1
    assert "build: 15.1.2176.2 -> 15.1.2176.9" in shown.stdout
    assert "[ED 21-02 action 1 update, supplement 1 hardening 2]" in shown.stdout
    assert "1 of 1 hosts with steps" in shown.stdout
    assert "signed by ops" in shown.stdout

    rehearsed = site.run("apply", plan, "-i", site.inventory())
    assert (rehearsed.returncode, site.changes) == (1, []), rehearsed.stdout + rehearsed.stderr
    assert "planned" in rehearsed.stdout

    applied = site.run("apply", plan, "-i", site.inventory(), "--confirm")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "patched" in applied.stdout
    found = site.changes
    assert sum(change["kind"] == "program" for change in found) == 1
    signed = read(plan, keys.trusted(site.folder / "keys")).host("ex01").plan
    assert signed is not None
    done = {line.content["data"].get("operation") or line.content["data"]["step"]
            for line in events(journal(site)) if line.content["event"] == "intent"}  # fmt: skip
    assert {step.operation for step in signed.steps} - {"Get-UpdateSnapshot"} <= done

    again = site.run("apply", plan, "-i", site.inventory(), "--confirm")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "nothing-to-do" in again.stdout
    assert site.changes == found
    assert verify(journal(site)).ok


def test_every_host_is_in_the_plan_also_without_steps_i3(site: Site) -> None:
    hosts: dict[str, dict[str, Any]] = {
        "ex01": {},
        "ex02": {
            "ansible_host": "127.77.0.9",
            "ansible_winrm_scheme": "http",
            "ansible_winrm_transport": "basic",
        },
        "ex03": {"ansible_host": "127.77.0.10"},
    }
    inventory = site.inventory(**hosts)
    done = site.run("plan", "patch", "-i", inventory, "--limit", "ex01,ex02")
    assert done.returncode == 3, done.stdout + done.stderr
    path = next(site.cases.glob("*/plan.json"))
    plan = read(path, keys.trusted(site.folder / "keys"))
    states = {name: entry.state for name, entry in plan.hosts.items()}
    assert states == {"ex01": "planned", "ex02": "failed", "ex03": "left-out"}
    assert "Basic" in plan.host("ex02").reason
    assert "ex03: left-out: left out by --limit" in done.stdout

    applied = site.run("apply", path, "-i", inventory, "--confirm")
    assert applied.returncode == 3, applied.stdout + applied.stderr
    assert sum(change["kind"] == "program" for change in site.changes) == 1
    assert {line.content["host"] for line in events(journal(site))} == {"ex01", "ex02"}


DRIFT: dict[str, tuple[dict[str, Any], str, str]] = {
    "another machine": ({"domain": "other.example"}, "stopped", "and is ex01.other.example"),
    "forbidden": ({"pending_reboot": ["ComponentBasedServicing"]}, "stopped", "restart is pending"),
}


@pytest.mark.parametrize("name", DRIFT)
def test_server_that_changed_since_is_not_touched(name: str, site: Site) -> None:
    changes, state, says = DRIFT[name]
    plan = site.plan()
    site.becomes(**changes)
    done = site.run("apply", plan, "-i", site.inventory(), "--confirm")
    assert done.returncode == 1, done.stdout + done.stderr
    assert state in done.stdout
    assert says in done.stdout
    assert site.changes == []
    assert "admitted" not in kinds(site)
    assert "lock" not in kinds(site)


def test_other_options_are_another_plan(site: Site) -> None:
    plan = site.plan()
    done = site.run("apply", plan, "-i", site.inventory(), "--confirm", "-e", "patch_restart=false")
    assert done.returncode == 1
    assert "step restart is not needed any more" in done.stdout
    assert site.changes == []


def _tamper(site: Site, plan: Path) -> tuple[Path, list[str]]:
    sealed = json.loads(plan.read_text())
    sealed["payload"] = sealed["payload"].replace("A", "B", 1)
    plan.write_text(json.dumps(sealed))
    return site.inventory(), []


def _wrong_key(site: Site, _plan: Path) -> tuple[Path, list[str]]:
    keys.create(site.folder / "others", "mallory", PASSPHRASE.encode())
    return site.inventory(), ["--keys", str(site.folder / "others")]


def _host_more(site: Site, _plan: Path) -> tuple[Path, list[str]]:
    return site.inventory(ex01={}, ex02={}), []


def _host_less(site: Site, _plan: Path) -> tuple[Path, list[str]]:
    return site.inventory(ex02={}), []


def _changed_journal(site: Site, _plan: Path) -> tuple[Path, list[str]]:
    path = journal(site)
    path.write_bytes(path.read_bytes().replace(b"planned", b"patched"))
    return site.inventory(), []


REFUSED: dict[Callable[[Any, Any], tuple[Path, list[str]]], str] = {
    _tamper: "no good signature",
    _wrong_key: "no good signature",
    _host_more: "ex02 not in the plan",
    _host_less: "ex01 not in the inventory; ex02 not in the plan",
    _changed_journal: "the journal was changed",
}


@pytest.mark.parametrize("how", REFUSED, ids=lambda how: how.__name__)
def test_what_must_not_be_applied_is_refused_before_a_host_is_asked(
    how: Callable[[Any, Any], tuple[Path, list[str]]], site: Site
) -> None:
    plan = site.plan()
    inventory, more = how(site, plan)
    asked = site.endpoint.call(lambda: site.endpoint.host.world.mutations)
    done = site.run("apply", plan, "-i", inventory, "--confirm", *more)
    assert done.returncode == 2, done.stdout + done.stderr
    assert REFUSED[how] in done.stderr
    assert asked == site.changes == []
    assert not list(site.cases.glob("*/apply-*"))


def test_no_secret_is_in_any_file_or_output_i8(site: Site) -> None:
    plan = site.folder / "plan.json"
    done = site.run(
        "plan", "patch", "-i", site.inventory(), "-o", plan, "--show", "-e",
        json.dumps({"patch_approvals": {"note": f"logged on with {PASSWORD}"}}), "--", "-vvvvv",
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    applied = site.run("apply", plan, "-i", site.inventory(), "--confirm", "--show", "--", "-vvvvv")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    written = [path for path in site.cases.rglob("*") if path.is_file()] + [plan]
    assert len(written) >= 5
    for path in written:
        text = path.read_bytes()
        assert PASSWORD.encode() not in text, path
        assert PASSPHRASE.encode() not in text, path
        assert path.stat().st_mode & 0o077 == 0, path
    (begin,) = [line for line in events(journal(site)) if line.content["event"] == "begin"][:1]
    assert begin.content["data"]["approvals"] == {"note": "logged on with ********"}
    for output in (applied.stdout, applied.stderr):
        assert PASSWORD not in output
        assert PASSPHRASE not in output


# Which write of each start is cut off, and how much of it gets out: nothing, a part, all but the
# line break, everything. Later starts get further, as what is done is not done again.
KILLS = [(2, 0.5), (5, 0.0), (8, 0.999), (9, 0.3), (10, 1.0), (11, 0.7), (14, 0.1), (17, 1.0)]


def test_controller_killed_again_and_again_in_the_middle_of_a_write_ends_right_i15(
    site: Site, tmp_path: Path
) -> None:
    plan = site.plan()
    killer = Path(__file__).parent / "killer"
    for number, share in KILLS:
        counter = tmp_path / f"count-{number}"
        done = site.run(
            "apply", plan, "-i", site.inventory(), "--confirm",
            JOURNAL_KILL=f"{number},{share},{counter},{os.getpid()}",
            PYTHONPATH=os.pathsep.join([str(killer), str(ROOT / ".dev")]),
        )  # fmt: skip
        assert done.returncode == -9, f"{number}: {done.returncode} {done.stdout}{done.stderr}"
        assert len(counter.read_bytes()) == number
    done = site.run("apply", plan, "-i", site.inventory(), "--confirm")
    assert done.returncode == 0, done.stdout + done.stderr
    found = site.changes
    assert sum(change["kind"] == "program" for change in found) == 1
    assert sum(change["kind"] == "reboot" for change in found) == 1
    service = site.world.key("HKLM\\SYSTEM\\CurrentControlSet\\Services\\MSExchangeIS")
    assert service is not None
    assert service["Start"]["value"] == 2
    answer = verify(journal(site))
    assert answer.ok, str(answer)
    torn = [share for _number, share in KILLS if 0 < share < 1]
    assert answer.recovered == len(torn)
    assert len(list(journal(site).parent.glob("*.torn-*"))) == len(torn)
