# SPDX-License-Identifier: GPL-3.0-or-later
"""Model and real scripts agree on every step of bringing a package to a host."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from engine_pair import FLEETS, KEYS, Pair, Story
from test_packages import CONTENT, FIRST, NAME, OWNER, REST, chunk, digest, wanted

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine

SHARE = "\\\\files.example\\updates"
PACKAGES = "C:\\ProgramData\\ExchangeRemediation\\packages"
LOCK = {"owner": OWNER, "run": "r", "purpose": "push"}


@pytest.fixture
def story(shim_engine: PowerShellEngine) -> Story:
    return Story(Pair(FLEETS["small"]["ex01"], shim_engine))


def put(story: Story, path: str, content: bytes) -> None:
    for world in story.pair.worlds:
        entry = {
            "size": len(content),
            "data": base64.b64encode(content).decode(),
            "mtime": "2021-03-05T09:00:00Z",
        }
        world.put_file(path, entry, by="test")


def pull(source: str, **changes: Any) -> dict[str, Any]:
    return wanted(source=source, lock_of=OWNER, **changes)


def test_push_alike(story: Story) -> None:
    assert story.step("Get-PackageState", wanted())["result"]["state"] == "absent"
    assert story.step("Add-PackageChunk", chunk(0, FIRST))["errors"][0]["id"] == "LockNotHeld"
    assert story.step("Add-PackageChunk", chunk(0, FIRST, check=True))["result"]["changed"]
    story.step("Lock-Host", LOCK)
    first = story.step("Add-PackageChunk", chunk(0, FIRST), KEYS[0])
    assert story.step("Add-PackageChunk", chunk(0, FIRST), KEYS[0])["replayed"]
    assert first["result"]["after"] == {"state": "partial", "bytes": len(FIRST)}
    assert story.step("Get-PackageState", wanted())["result"]["sha256"] == digest(FIRST)
    refused = story.step("Add-PackageChunk", chunk(1, REST))
    assert refused["errors"][0]["details"] == {"state": "partial", "bytes": len(FIRST)}
    assert story.step("Add-PackageChunk", chunk(6000, REST))["result"]["path"].endswith(NAME)
    assert story.step("Get-PackageState", wanted())["result"]["state"] == "complete"
    assert story.step("Add-PackageChunk", chunk(0, FIRST))["result"]["changed"] is False


@pytest.mark.parametrize(
    "parameters",
    [
        chunk(6001, REST[1:]),
        chunk(6000, REST + b"x"),
        chunk(-1, REST),
        chunk(6000, REST, chunk_sha256=digest(FIRST)),
        chunk(6000, REST, data="not base64!"),
        chunk(6000, REST, package="..\\evil.msp"),
        chunk(6000, REST, sha256="0" * 63),
        chunk(6000, REST, size=0),
        chunk(6000, REST, size=1 << 40),
        chunk(6000, REST, lock_of="other"),
        {"package": NAME},
        chunk(6000, REST, surprise=1),
    ],
)
def test_wrong_chunks_are_refused_alike(parameters: dict[str, Any], story: Story) -> None:
    story.step("Lock-Host", LOCK)
    story.step("Add-PackageChunk", chunk(0, FIRST))
    assert story.step("Add-PackageChunk", parameters, KEYS[1])["status"] == "error"
    assert story.step("Get-PackageState", wanted())["result"]["bytes"] == len(FIRST)


def test_wrong_bytes_are_discarded_alike(story: Story) -> None:
    story.step("Lock-Host", LOCK)
    story.step("Add-PackageChunk", chunk(0, bytes(6000)))
    damaged = story.step("Add-PackageChunk", chunk(6000, REST))
    assert damaged["errors"][0]["id"] == "PackageDamaged"
    assert story.step("Get-PackageState", wanted())["result"]["state"] == "absent"


def test_pull_from_a_share_alike(story: Story) -> None:
    story.step("Lock-Host", LOCK)
    put(story, f"{SHARE}\\{NAME}", CONTENT)
    planned = story.step("Receive-Package", pull(f"{SHARE}\\{NAME}", check=True))["result"]
    assert planned["after"]["state"] == "complete"
    assert story.step("Get-PackageState", wanted())["result"]["state"] == "absent"
    got = story.step("Receive-Package", pull(f"{SHARE}\\{NAME}"), KEYS[0])["result"]
    assert got["after"]["sha256"] == digest(CONTENT)
    assert story.step("Receive-Package", pull(f"{SHARE}\\{NAME}"))["result"]["changed"] is False


@pytest.mark.parametrize(
    ("content", "identity"),
    [
        (None, "SourceUnreadable"),
        (CONTENT + b"x", "PackageDamaged"),
        (CONTENT[:-1], "PackageDamaged"),
        (bytes([CONTENT[0] ^ 1]) + CONTENT[1:], "PackageDamaged"),
    ],
)
def test_other_files_on_the_share_leave_nothing_alike(
    content: bytes | None, identity: str, story: Story
) -> None:
    story.step("Lock-Host", LOCK)
    if content is not None:
        put(story, f"{SHARE}\\{NAME}", content)
    failed = story.step("Receive-Package", pull(f"{SHARE}\\{NAME}"))
    assert failed["errors"][0]["id"] == identity
    assert story.step("Get-PackageState", wanted())["result"]["state"] == "absent"


def test_damaged_package_is_replaced_alike(story: Story) -> None:
    story.step("Lock-Host", LOCK)
    story.step("Add-PackageChunk", chunk(0, CONTENT))
    put(story, f"{PACKAGES}\\{digest(CONTENT)}\\{NAME}", bytes([1]) + CONTENT[1:])
    assert story.step("Get-PackageState", wanted())["result"]["state"] == "damaged"
    put(story, f"{SHARE}\\{NAME}", CONTENT)
    assert story.step("Receive-Package", pull(f"{SHARE}\\{NAME}"))["result"]["changed"]
    assert story.step("Get-PackageState", wanted())["result"]["state"] == "complete"
    put(story, f"{PACKAGES}\\{digest(CONTENT)}\\{NAME}", bytes([2]) + CONTENT[1:])
    assert story.step("Add-PackageChunk", chunk(0, FIRST))["result"]["before"]["state"] == "damaged"
    assert story.step("Add-PackageChunk", chunk(6000, REST))["result"]["changed"]
    assert story.step("Get-PackageState", wanted())["result"]["state"] == "complete"


def test_full_disk_is_said_before_the_first_byte_alike(story: Story) -> None:
    story.step("Lock-Host", LOCK)
    for world in story.pair.worlds:
        drive = {**world.data["drives"]["C"], "free_bytes": 512 << 20}
        world.data["drives"] = {**world.data["drives"], "C": drive}
        world.record("drive", "C", "test")
    full = story.step("Add-PackageChunk", chunk(0, FIRST))
    assert full["errors"][0]["id"] == "DiskFull"
    assert story.step("Receive-Package", pull(f"{SHARE}\\{NAME}"))["errors"][0]["id"] == "DiskFull"


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"directory": True, "reparse": True}, id="link"),
        pytest.param({"directory": True, "owner": "S-1-5-21-1-2-3-1001"}, id="owner"),
        pytest.param({"text": "a file", "mtime": "2021-03-01T00:00:00Z"}, id="file"),
    ],
)
@pytest.mark.parametrize("place", [PACKAGES, f"{PACKAGES}\\{digest(CONTENT)}"])
def test_prepared_package_folder_is_refused_alike(
    place: str, entry: dict[str, Any], story: Story
) -> None:
    story.step("Lock-Host", LOCK)
    ours = {"directory": True, "owner": "S-1-5-32-544", "reparse": False}
    for world in story.pair.worlds:
        world.put_file(PACKAGES, ours, by="test")
        world.put_file(place, entry, by="test")
    assert story.step("Get-PackageState", wanted())["errors"][0]["id"] == "StateRefused"
    assert story.step("Add-PackageChunk", chunk(0, FIRST))["errors"][0]["id"] == "StateRefused"
