# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, approve, apply: the same steps, a stale plan refused, and a controller killed at every write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import disk
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.journal import Journal
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import events, verify
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.admission import (
    ApprovedPlan,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.journal import HostChange
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    InstallState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.serialize import (
    plan_from_dict,
    plan_to_dict,
)
from patched_host import AT, DISABLED, INSTALLS, PatchedHost
from rehearsed_host import Killed

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.install.result import (
        InstallResult,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.records import HostPlan

QUICK = {**INSTALLS, "duration_seconds": 60, "effects": [*INSTALLS["effects"], *DISABLED]}
DIGEST = "d" * 64


def change(
    folder: Path, plan: HostPlan | None, run: str = "run-1", *, check: bool = False
) -> HostChange:
    journal = Journal(folder / "case", "ex01", run, now=lambda: AT)
    return HostChange(check, journal, ApprovedPlan(plan, DIGEST, "not reached") if plan else None)


def planned(host: PatchedHost, run: str = "run-1") -> HostPlan:
    plan = host.patch(run, check=True).planned
    assert plan is not None
    return plan_from_dict(plan_to_dict(plan))  # as it comes out of the file


def apply(host: PatchedHost, folder: Path, plan: HostPlan | None, **changes: Any) -> InstallResult:
    one = change(folder, plan, changes.get("run", "run-1"), check=changes.get("check", False))
    one.begin("patch", "proxylogon", {"ticket": "CHG1"})
    result = host.patch(record=one.record, admit=one.admit, **changes)
    one.end(result.outcome.state.value, result.outcome.reason, changed=result.changed)
    return result


def test_plan_of_check_mode_is_what_apply_does_i9(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, QUICK)
    plan = planned(host)
    assert host.world.mutations == []
    result = apply(host, tmp_path, plan)
    assert result.outcome.state is InstallState.PATCHED, result.outcome.reason
    assert result.planned == plan
    assert [row["step"] for row in result.done] == [step.id for step in plan.steps]
    kinds = [line.content["event"] for line in events(tmp_path / "case/journal.jsonl")]
    assert kinds[:4] == ["begin", "plan", "admitted", "lock"]
    assert kinds[-2:] == ["unlock", "end"]


def test_every_step_says_why_and_from_what_to_what(tmp_path: Path) -> None:
    plan = planned(PatchedHost(tmp_path))
    assert [step.id for step in plan.steps] == [
        "snapshot", "deliver", "install", "restart", "restore", "prove",
    ]  # fmt: skip
    for previous, step in zip((None, *plan.steps), plan.steps, strict=False):
        assert step.clause == "ED 21-02 action 1 update, supplement 1 hardening 2"
        assert step.reason
        assert step.before != step.after
        assert step.needs == ((previous.id,) if previous else ())
    install = plan.steps[2]
    assert "CVE-2021-26855" in install.reason
    assert (install.before["build"], install.after["build"]) == ("15.1.2176.2", "15.1.2176.9")
    assert install.parameters["arguments"] == ["/quiet", "/norestart", "/l*v", "<job>.log"]
    assert dict(plan.sections).keys() == {
        "computer",
        "dag",
        "exchange",
        "pending_reboot",
        "updates",
    }
    without = PatchedHost(tmp_path).patch(check=True, restart=False).plan
    assert "restart" not in without


def test_every_change_is_in_the_journal_before_and_after_i15(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, QUICK)
    apply(host, tmp_path, None)
    said = [(line.content["event"], line.content["data"].get("step"))
            for line in events(tmp_path / "case/journal.jsonl")]  # fmt: skip
    for step in ("snapshot", "deliver", "install", "restart", "restore", "proven"):
        assert said.index(("intent", step)) + 1 == said.index(("done", step))


def test_answers_are_bound_to_who_gave_them_and_with_which_script_i20(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, QUICK)
    apply(host, tmp_path, None)
    (saved,) = [line.content["data"] for line in events(tmp_path / "case/journal.jsonl")
                if line.content["event"] == "done"][:1]  # fmt: skip
    assert (saved["by"]["name"], saved["by"]["boot_id"] is None) == ("EX01", False)
    assert saved["by"]["clock"].startswith("2021-03-05T10:00")
    assert len(saved["script_sha256"]) == 64
    assert saved["replayed"] is False


DRIFT: dict[str, tuple[dict[str, Any], str]] = {
    "build": (
        {"exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.4"}},
        "the facts in exchange have changed; step install: before.build was '15.1.2176.2'",
    ),
    "update": ({"updates": ["KB4571788"]}, "the facts in updates have changed"),
}


@pytest.mark.parametrize("name", DRIFT)
@pytest.mark.parametrize("check", [True, False])
def test_stale_plan_changes_nothing_and_says_what_changed(
    name: str,
    check: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    spec, says = DRIFT[name]
    plan = planned(PatchedHost(tmp_path))
    drifted = PatchedHost(tmp_path, spec=spec)
    result = apply(drifted, tmp_path, plan, check=check)
    assert result.outcome.state is InstallState.STALE_PLAN
    assert says in result.outcome.reason
    assert drifted.world.mutations == []
    kinds = [line.content["event"] for line in events(tmp_path / "case/journal.jsonl")]
    assert kinds == ["begin", "plan", "end"]


def test_other_package_than_approved_is_not_installed_i10(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path)
    plan = plan_to_dict(planned(host))
    for step in plan["steps"][1:3]:
        step["parameters"]["sha256"] = "0" * 64
    result = apply(host, tmp_path, plan_from_dict(plan))
    assert result.outcome.state is InstallState.STALE_PLAN
    assert "step deliver: parameters.sha256 was '0000" in result.outcome.reason
    assert host.world.mutations == []


def test_plan_that_was_carried_out_is_done(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, QUICK)
    plan = planned(host)
    apply(host, tmp_path, plan)
    count = len(host.world.mutations)
    again = apply(host, tmp_path, plan)
    assert (again.outcome.state, again.changed) == (InstallState.NOTHING_TO_DO, False)
    assert len(host.world.mutations) == count


class Writes:
    """Counts what is written to the journal, and kills the controller at one of the writes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, how: str, kill_at: int) -> None:
        self.count, self.how, self.kill_at = 0, how, kill_at
        self._real = {"write_at": disk.write_at, "replace": disk.replace}
        self._line = False
        for name in self._real:
            monkeypatch.setattr(disk, name, getattr(self, name))

    def write_at(self, number: int, data: bytes, offset: int) -> None:
        """A line of the journal, or the file with its head."""
        if not data.startswith(b"{"):
            return self._real["write_at"](number, data, offset)
        self.count += 1
        self._line = self.count == self.kill_at
        if self._line and self.how == "before":
            raise Killed
        if self._line and self.how == "torn":
            self._real["write_at"](number, data[: len(data) // 2], offset)
            raise Killed
        self._real["write_at"](number, data, offset)
        if self._line and self.how == "written":
            raise Killed
        return None

    def replace(self, path: Path, data: bytes) -> None:
        self._real["replace"](path, data)
        if self._line and self.how == "noted":
            self._line = False
            raise Killed


def _uninterrupted(folder: Path) -> tuple[int, dict[str, Any]]:
    host = PatchedHost(folder, QUICK)
    plan = planned(host)
    with pytest.MonkeyPatch.context() as patch:
        writes = Writes(patch, "never", 0)
        apply(host, folder, plan)
    return writes.count, _end(host)


def _end(host: PatchedHost) -> dict[str, Any]:
    """What must be the same, however it came about."""
    services = host.world.data["services"]
    return {
        "services": {name: (entry.get("status"), host.start(name)) for name, entry in services.items()},
        "launches": host.launches,
        "restarts": host.boots,
        "lock": host.world.file("C:\\ProgramData\\ExchangeRemediation\\host.lock"),
        "build": host.world.file("C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Bin\\ExSetup.exe"),
    }  # fmt: skip


@pytest.mark.parametrize("how", ["before", "torn", "written", "noted"])
def test_controller_killed_at_every_journal_write_ends_the_same_i15(
    how: str, tmp_path: Path
) -> None:
    (tmp_path / "whole").mkdir()
    count, wanted = _uninterrupted(tmp_path / "whole")
    assert count >= 15
    assert (wanted["launches"], wanted["restarts"]) == (1, 1)
    for number in range(1, count + 1):
        folder = tmp_path / str(number)
        folder.mkdir()
        host = PatchedHost(folder, QUICK)
        plan = planned(host)
        with pytest.MonkeyPatch.context() as patch:
            Writes(patch, how, number)
            with pytest.raises(Killed):
                apply(host, folder, plan)
        result = apply(host, folder, plan)
        where = f"killed {how} write {number}: {result.outcome.reason}"
        assert result.outcome.state in (InstallState.PATCHED, InstallState.NOTHING_TO_DO), where
        assert _end(host) == wanted, where
        answer = verify(folder / "case/journal.jsonl")
        assert answer.ok, f"{where}: {answer}"
        assert answer.recovered == (how == "torn"), where


def test_what_was_begun_under_a_plan_that_is_gone_goes_on_under_a_new_one_i15(
    tmp_path: Path,
) -> None:
    """It expired, or the collection was updated meanwhile: plan again, the host knows the rest."""
    (tmp_path / "whole").mkdir()
    count, wanted = _uninterrupted(tmp_path / "whole")
    for number in range(6, count + 1):  # from the first change on
        folder = tmp_path / str(number)
        folder.mkdir()
        host = PatchedHost(folder, QUICK)
        with pytest.MonkeyPatch.context() as patch:
            Writes(patch, "written", number)
            with pytest.raises(Killed):
                apply(host, folder, planned(host))
        host.sleep(25 * 3600)  # the plan has expired, and the lock of run-1 is nobody's any more
        before = len(host.world.mutations)
        again = host.patch("run-2", check=True).planned
        assert len(host.world.mutations) == before
        result = apply(host, folder, again, run="run-2")
        where = f"killed at write {number}: {result.outcome.reason}"
        assert result.outcome.state in (InstallState.PATCHED, InstallState.NOTHING_TO_DO), where
        assert _end(host) == wanted, where
