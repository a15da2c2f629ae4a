# SPDX-License-Identifier: GPL-3.0-or-later
"""Model and real scripts agree on what a host job does, and on what it leaves behind.

The real runner runs to its end when its task starts, the model's as time passes; what they agree
on is every state at which both have arrived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from engine_pair import FLEETS, KEYS, Pair, Story, differences, request
from job_requests import EFFECTS, JOBS, LOCK, OWNER, PATCH, launches, order, prepare

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine

LATER = "2021-03-05T13:00:00Z"
ACTIVE = ("running", "stalled", "deadline")


@pytest.fixture
def story(shim_engine: PowerShellEngine) -> Story:
    return Story(Pair(FLEETS["small"]["ex01"], shim_engine))


def ready(story: Story, **behaviour: Any) -> Story:
    for world in story.pair.worlds:
        world.data["now"] = "2021-03-05T10:00:00Z"
        prepare(world, **behaviour)
    story.step("Lock-Host", LOCK)
    return story


def at(story: Story, moment: str) -> None:
    for world in story.pair.worlds:
        world.data["now"] = moment
        world.record("clock", "later", "test")


def observed(story: Story, moment: str = LATER) -> dict[str, Any]:
    """What both say about the job at one moment; the beat of a heart at work is its own."""
    at(story, moment)
    frames = story.pair.ask(request("Get-HostJob", {"job": "kb5000871", "output_limit": 1000}))
    for frame in frames:
        if frame["reply"]["result"].get("state") in ACTIVE:
            del frame["reply"]["result"]["heartbeat"]
    assert differences(*frames) == []
    found: dict[str, Any] = frames[0]["reply"]["result"]
    return found


def left_behind(story: Story) -> list[dict[str, Any]]:
    """What a job may change on the host, without our own state folder."""
    found = []
    for world in story.pair.worlds:
        files = {
            path: {name: entry.get(name) for name in ("text", "version")}
            for path, entry in world.data["files"].items()
            if "ExchangeRemediation" not in path and not entry.get("directory")
        }
        names = ("registry", "services", "iis_runtime", "boot_id", "shutdown", "boot_effects")
        rest = {name: world.data[name] for name in names}
        tasks = sorted(world.data["scheduled_tasks"])
        found.append({**rest, "files": files, "tasks": tasks, "launches": launches(world)})
    return found


def check_worlds(story: Story, count: int = 1) -> dict[str, Any]:
    model, real = left_behind(story)
    assert differences(model, real) == []
    assert len(model["launches"]) == count
    return model


ENDS = [
    pytest.param({"duration_seconds": 1200, "exit_code": 0}, ("finished", None, 0), id="ok"),
    pytest.param(
        {"duration_seconds": 1200, "exit_code": 3010, "effects": EFFECTS, "output": "häll\no"},
        ("finished", None, 3010),
        id="3010",
    ),
    pytest.param({"duration_seconds": 90, "exit_code": 1603}, ("finished", None, 1603), id="1603"),
    pytest.param({"duration_seconds": 1, "exit_code": 1618}, ("finished", None, 1618), id="1618"),
    pytest.param({"refused": "blocked by policy"}, ("refused", "launch", None), id="refused"),
    pytest.param({"hang": True, "busy_seconds": 300}, ("stalled", None, None), id="hang"),
    pytest.param({"hang": True}, ("stalled", None, None), id="dialog"),
    pytest.param(
        {"hang": True, "busy_seconds": 90000, "watched_seconds": 21900},
        ("deadline", None, None),
        id="deadline",
    ),
    pytest.param(
        {"duration_seconds": 600, "reboots": True, "effects": EFFECTS},
        ("interrupted", "reboot", None),
        id="reboots",
    ),
]


@pytest.mark.parametrize(("behaviour", "expected"), ENDS)
def test_job_ends_alike(
    behaviour: dict[str, Any], expected: tuple[str, str | None, int | None], story: Story
) -> None:
    ready(story, **behaviour)
    started = story.step("Start-HostJob", order(), KEYS[0])["result"]
    assert (started["changed"], started["after"]["state"]) == (True, "staged")
    seen = observed(story, "2021-03-05T16:05:00Z" if expected[0] == "deadline" else LATER)
    assert (seen["state"], seen["reason"], seen["exit_code"]) == expected
    check_worlds(story, 0 if "refused" in behaviour else 1)
    again = story.step("Start-HostJob", order(), KEYS[0])
    assert again["replayed"] is True
    check_worlds(story, 0 if "refused" in behaviour else 1)


def test_second_order_is_the_same_job_alike(story: Story) -> None:
    ready(story, duration_seconds=60)
    story.step("Start-HostJob", order(), KEYS[0])
    observed(story)
    again = story.step("Start-HostJob", order(), KEYS[1])["result"]
    assert again["changed"] is False
    conflict = story.step("Start-HostJob", order(arguments=[]), KEYS[2])["errors"][0]
    assert conflict["id"] == "JobConflict"
    check_worlds(story)


def test_declared_job_is_launched_again_after_a_restart_alike(story: Story) -> None:
    ready(story)
    for world in story.pair.worlds:
        world.data["programs"] = [
            {"match": "*KB5000871*", "times": 1, "behaviour": {"reboots": True}},
            {"match": "KB5000871", "behaviour": {"duration_seconds": 30, "effects": EFFECTS}},
        ]
    story.step("Start-HostJob", order(relaunch_after_reboot=True), KEYS[0])
    seen = observed(story)
    assert (seen["state"], seen["attempt"]) == ("finished", 2)
    check_worlds(story, 2)


def test_program_that_restarts_windows_for_ever_is_given_up_alike(story: Story) -> None:
    ready(story, reboots=True)
    story.step("Start-HostJob", order(relaunch_after_reboot=True), KEYS[0])
    seen = observed(story)
    assert (seen["state"], seen["reason"], seen["attempt"]) == ("interrupted", "reboot", 5)
    check_worlds(story, 5)


def test_effects_at_the_next_start_happen_there_alike(story: Story) -> None:
    old = {"kind": "file-version", "path": "C:\\Bin\\ExSetup.exe", "version": "15.01.2176.002"}
    ready(story, effects=[*EFFECTS, {"kind": "at-boot", "effects": [old]}], exit_code=3010)
    story.step("Start-HostJob", order(), KEYS[0])
    observed(story)
    before = check_worlds(story)["files"]["C:\\Bin\\ExSetup.exe"]["version"]["file"]
    restarted = story.step("Restart-Host", {"reason": "KB5000871", "lock_of": OWNER}, KEYS[1])
    assert restarted["result"]["changed"] is True
    second = story.step("Restart-Host", {"reason": "KB5000871", "lock_of": OWNER}, KEYS[2])
    assert second["result"]["scheduled"] is True
    boot = observed(story, "2021-03-05T13:01:00Z")
    after = check_worlds(story)["files"]["C:\\Bin\\ExSetup.exe"]["version"]["file"]
    assert (before, after) == ("15.01.2176.009", "15.01.2176.002")
    assert boot["state"] == "finished"


def test_changed_bytes_are_not_launched_alike(story: Story) -> None:
    """I10: what was hashed on the controller is not what lies there now."""
    ready(story)
    for world in story.pair.worlds:
        world.write_text(PATCH, "other bytes", by="test")
    story.step("Start-HostJob", order(), KEYS[0])
    seen = observed(story)
    assert (seen["state"], seen["reason"]) == ("refused", "sha256")
    check_worlds(story, 0)


def test_order_that_is_too_late_is_not_launched_alike(story: Story) -> None:
    ready(story)
    story.step("Start-HostJob", order(deadline_utc="2021-03-05T10:00:00Z"), KEYS[0])
    seen = observed(story)
    assert (seen["state"], seen["reason"]) == ("refused", "deadline")
    check_worlds(story, 0)


def test_check_changes_nothing_alike(story: Story) -> None:
    ready(story)
    before = [world.mutations for world in story.pair.worlds]
    assert story.step("Start-HostJob", order(check=True))["result"]["changed"] is True
    assert story.step("Remove-HostJob", {"job": "a", "check": True, "lock_of": OWNER})
    restart = {"reason": "x", "check": True, "lock_of": OWNER}
    assert story.step("Restart-Host", restart)["result"]["changed"] is True
    assert [world.mutations for world in story.pair.worlds] == before


def test_job_is_removed_alike(story: Story) -> None:
    ready(story, duration_seconds=60)
    story.step("Start-HostJob", order(), KEYS[0])
    observed(story)
    gone = {"job": "kb5000871", "lock_of": OWNER}
    assert story.step("Remove-HostJob", gone, KEYS[1])["result"]["changed"] is True
    assert story.step("Remove-HostJob", gone, KEYS[2])["result"]["changed"] is False
    assert observed(story) == {"job": "kb5000871", "state": "absent"}
    assert [world.file(f"{JOBS}\\kb5000871") for world in story.pair.worlds] == [None, None]


def test_job_at_work_is_left_alone_alike(story: Story) -> None:
    """I16: not removed, not restarted over, and no second one beside it."""
    ready(story, hang=True)
    story.step("Start-HostJob", order(), KEYS[0])
    observed(story)

    def refused(operation: str, parameters: dict[str, Any], key: str) -> str:
        wanted = story.holders.operation(operation, {**parameters, "lock_of": OWNER}, key)
        frames = story.pair.ask(request(wanted))
        for frame in frames:
            details = frame["reply"]["errors"][0]["details"] or {}
            details.pop("heartbeat", None)
            details.pop("renewed", None)
            message = frame["reply"]["errors"][0]["message"]
            frame["reply"]["errors"][0]["message"] = message.partition("program ")[0]
        assert differences(*frames) == []
        entry = frames[0]["reply"]["errors"][0]
        return f"{entry['class']} {entry['id']}"

    assert refused("Remove-HostJob", {"job": "kb5000871"}, KEYS[1]) == "Locked JobActive"
    assert refused("Restart-Host", {"reason": "x"}, KEYS[2]) == "Locked JobActive"
    assert refused("Start-HostJob", order(job="other"), KEYS[3]) == "Locked JobActive"
    check_worlds(story)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"job": "Bad Name"}, "Job"),
        ({"sha256": "00"}, "Sha256"),
        ({"file": "\\\\server\\share\\a.exe"}, "File"),
        ({"file": "C:\\a\\..\\b.exe"}, "File"),
        ({"file": "C:\\a.bat"}, "File"),
        ({"file": "C:\\missing.exe"}, "FileMissing"),
        ({"deadline_utc": "tomorrow"}, "DeadlineUtc"),
        ({"kind": "service"}, "ParameterArgumentValidationError,Invoke-OperationScript"),
        (
            {"progress_timeout_seconds": 1},
            "ParameterArgumentValidationError,Invoke-OperationScript",
        ),
        ({"lock_of": "controller-b"}, "HostLocked"),
    ],
)
def test_wrong_order_is_refused_alike(changes: dict[str, Any], reason: str, story: Story) -> None:
    ready(story)
    assert story.step("Start-HostJob", order(**changes), KEYS[0])["errors"][0]["id"] == reason
    check_worlds(story, 0)


def test_nothing_is_changed_without_the_lock_alike(story: Story) -> None:
    for world in story.pair.worlds:
        prepare(world)
    for operation, parameters in (
        ("Start-HostJob", order()),
        ("Remove-HostJob", {"job": "a", "lock_of": OWNER}),
        ("Restart-Host", {"reason": "x", "lock_of": OWNER}),
    ):
        assert story.step(operation, parameters)["errors"][0]["id"] == "LockNotHeld"


def test_stopped_scheduler_leaves_nothing_alike(story: Story) -> None:
    ready(story)
    for world in story.pair.worlds:
        stopped = {"Schedule": {"status": "Stopped", "display_name": "Task Scheduler"}}
        world.data["services"] = {**world.data["services"], **stopped}
        world.generation += 1
    assert story.step("Start-HostJob", order(), KEYS[0])["errors"][0]["id"] == "TaskRefused"
    check_worlds(story, 0)


def test_prepared_job_folder_is_refused_alike(story: Story) -> None:
    ready(story)
    for world in story.pair.worlds:
        world.put_file(
            f"{JOBS}\\kb5000871", {"directory": True, "owner": "S-1-5-21-1-2-3-1001"}, by="test"
        )
    assert story.step("Start-HostJob", order(), KEYS[0])["errors"][0]["id"] == "StateRefused"
    check_worlds(story, 0)


def test_damaged_state_is_said_alike(story: Story) -> None:
    ready(story, duration_seconds=60)
    story.step("Start-HostJob", order(), KEYS[0])
    observed(story)
    for world in story.pair.worlds:
        world.write_text(f"{JOBS}\\kb5000871\\state.json", "{", by="test")
    assert story.step("Get-HostJob", {"job": "kb5000871"})["errors"][0]["id"] == "JobDamaged"
