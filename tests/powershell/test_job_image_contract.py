# SPDX-License-Identifier: GPL-3.0-or-later
"""Model and real scripts agree on jobs whose program lies on a disk image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from engine_pair import FLEETS, KEYS, Pair, Story, differences
from job_requests import EFFECTS, KEYS_OF_IMAGE, OWNER, SETUP_IMAGE, launches, order, prepare_image
from test_jobs_contract import LATER, at, check_worlds, observed

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine

CORRUPT = "The file or directory is corrupted and unreadable. "
NO_WMI = [{"kind": "service", "name": "WinMgmt", "start": 4, "status": "Stopped"}]
WORDS = "/IAcceptExchangeServerLicenseTerms /Mode:Upgrade"


@pytest.fixture
def story(shim_engine: PowerShellEngine) -> Story:
    return Story(Pair(FLEETS["small"]["ex01"], shim_engine))


def ready(story: Story, *problems: dict[str, Any], **behaviour: Any) -> Story:
    for world in story.pair.worlds:
        world.data["now"] = "2021-03-05T10:00:00Z"
        prepare_image(world, *problems, **behaviour)
    story.step("Lock-Host", {"owner": OWNER, "run": "run-1", "purpose": "x", "ttl_seconds": 86400})
    return story


def run(story: Story, key: str = KEYS[0], **changes: Any) -> dict[str, Any]:
    story.step("Start-HostJob", order(**KEYS_OF_IMAGE, **changes), key)
    return observed(story)


def attached(story: Story) -> dict[str, str]:
    found = [world.data["attached_images"] for world in story.pair.worlds]
    drives = [world.file("D:\\setup.exe") is not None for world in story.pair.worlds]
    assert differences(found[0], found[1]) == []
    assert drives == [bool(found[0]), bool(found[0])]
    return dict(found[0])


ENDS = [
    pytest.param({"duration_seconds": 1200, "exit_code": 0}, ("finished", None, 0), id="ok"),
    pytest.param(
        {"duration_seconds": 1200, "exit_code": 0, "effects": EFFECTS, "output": "Welcome"},
        ("finished", None, 0),
        id="effects",
    ),
    pytest.param({"duration_seconds": 90, "exit_code": 1}, ("finished", None, 1), id="fails"),
    pytest.param({"refused": "blocked by policy"}, ("refused", "launch", None), id="refused"),
    pytest.param(
        {"duration_seconds": 600, "reboots": True, "effects": EFFECTS},
        ("interrupted", "reboot", None),
        id="reboots",
    ),
]


@pytest.mark.parametrize(("behaviour", "expected"), ENDS)
def test_setup_of_the_image_runs_and_the_image_goes_alike(
    behaviour: dict[str, Any], expected: tuple[str, str | None, int | None], story: Story
) -> None:
    seen = run(ready(story, **behaviour))
    assert (seen["state"], seen["reason"], seen["exit_code"]) == expected
    assert (seen["image"], attached(story)) == (None, {})
    count = 0 if "refused" in behaviour else 1
    assert check_worlds(story, count)["launches"] == [f"D:\\setup.exe {WORDS}"] * count


def test_setup_that_hangs_keeps_its_image_alike(story: Story) -> None:
    seen = run(ready(story, hang=True))
    assert (seen["state"], seen["image"]) == ("stalled", "D:")
    assert attached(story) == {SETUP_IMAGE: "D"}
    check_worlds(story)


def test_image_is_gone_after_a_restart_and_nothing_is_launched_again_alike(story: Story) -> None:
    """I15: the mount does not survive, and the job does not pretend that it went on."""
    run(ready(story, hang=True))
    for world in story.pair.worlds:
        machine.restart(world)
    seen = observed(story, "2021-03-05T13:30:00Z")
    assert (seen["state"], seen["reason"], seen["image"]) == ("interrupted", "reboot", None)
    assert attached(story) == {}
    check_worlds(story)


@pytest.mark.parametrize(
    ("problems", "message"),
    [
        ([{"match": ".iso", "problem": "corrupt"}], CORRUPT),
        (
            [{"match": ".iso", "problem": "no-setup"}],
            "there is no setup.exe at the root of the image",
        ),
        ([{"match": ".iso", "problem": "no-letter"}], "Windows gave the image no drive letter"),
    ],
)
def test_image_that_cannot_be_used_launches_nothing_alike(
    problems: list[dict[str, Any]], message: str, story: Story
) -> None:
    seen = run(ready(story, *problems))
    assert (seen["state"], seen["reason"], seen["message"]) == ("refused", "image", message)
    assert attached(story) == {}
    check_worlds(story, 0)


@pytest.mark.parametrize("problem", ["no-letter", "corrupt"])
def test_passing_trouble_is_tried_again_alike(problem: str, story: Story) -> None:
    seen = run(ready(story, {"match": ".iso", "times": 2, "problem": problem}))
    assert (seen["state"], seen["message"]) == ("finished", None)
    check_worlds(story)


def test_image_that_somebody_attached_is_attached_anew_alike(story: Story) -> None:
    ready(story)
    for world in story.pair.worlds:
        world.data["attached_images"] = {SETUP_IMAGE: "Q"}
        world.write_text("Q:\\setup.exe", "somebody's", by="test")
    assert run(story)["state"] == "finished"
    assert check_worlds(story)["launches"] == [f"D:\\setup.exe {WORDS}"]
    assert attached(story) == {}


def test_image_that_somebody_holds_is_not_used_alike(story: Story) -> None:
    ready(story, {"match": ".iso", "problem": "stays"})
    for world in story.pair.worlds:
        world.data["attached_images"] = {SETUP_IMAGE: "D"}
        world.write_text("D:\\setup.exe", "somebody's", by="test")
    seen = run(story)
    assert (seen["reason"], seen["message"]) == (
        "image",
        "the image is attached already and does not go",
    )
    check_worlds(story, 0)


def test_setup_that_leaves_wmi_disabled_ends_with_its_exit_code_alike(story: Story) -> None:
    """Setup stops WMI: the image stays until a restart, and nothing else is wrong."""
    seen = run(ready(story, duration_seconds=60, exit_code=0, effects=NO_WMI))
    assert (seen["state"], seen["exit_code"], seen["image"]) == ("finished", 0, "D:")
    assert attached(story) == {SETUP_IMAGE: "D"}
    story.step("Restart-Host", {"reason": "CU", "lock_of": OWNER}, KEYS[1])
    at(story, "2021-03-05T13:10:00Z")
    observed(story, "2021-03-05T13:10:00Z")
    assert attached(story) == {}


def test_image_needs_wmi_before_anything_starts_alike(story: Story) -> None:
    ready(story)
    for world in story.pair.worlds:
        world.set_value(
            "HKLM\\SYSTEM\\CurrentControlSet\\Services\\WinMgmt", "Start", "DWord", 4, by="test"
        )
        world.set_service_status("WinMgmt", "Stopped", by="test")
    seen = run(story)
    assert (seen["state"], seen["reason"]) == ("refused", "image")
    assert seen["message"].startswith("The service cannot be started")
    check_worlds(story, 0)


def test_swapped_image_is_not_even_attached_alike(story: Story) -> None:
    """I10."""
    ready(story)
    for world in story.pair.worlds:
        world.write_text(SETUP_IMAGE, "other bytes", by="test")
    seen = run(story)
    assert (seen["state"], seen["reason"], attached(story)) == ("refused", "sha256", {})
    assert not any(m["kind"] == "image" for world in story.pair.worlds for m in world.mutations)
    check_worlds(story, 0)


def test_windows_without_the_storage_module_is_refused_alike(story: Story) -> None:
    ready(story)
    key = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
    for world in story.pair.worlds:
        world.set_value(key, "CurrentBuildNumber", "String", "7601", by="test")
    error = story.step("Start-HostJob", order(**KEYS_OF_IMAGE), KEYS[0])["errors"][0]
    assert (error["class"], error["id"]) == ("RequestInvalid", "ImageUnsupported")
    assert launches(story.pair.worlds[0]) == []
    assert observed(story, LATER)["state"] == "absent"
