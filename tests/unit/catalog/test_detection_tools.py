# SPDX-License-Identifier: GPL-3.0-or-later
"""The files about detection tools: what they say of each version, and each mistake with its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    CatalogError,
    ConfigError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.detection_tools import (
    detection_tool,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.detection_tools import (
    HOWS,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptVersion,
)

if TYPE_CHECKING:
    from pathlib import Path

TOOLS = load().detection_tools()
PROXYLOGON = detection_tool("test-proxylogon")


def test_the_tools_there_are_and_which_of_them_are_run() -> None:
    assert {tool.id: tool.support for tool in TOOLS.values()} == {
        "eomt-scan": "read",
        "eomt-unified-scan": "read",
        "healthchecker": "read",
        "msert": "run",
        "nmap-script": "run",
        "test-proxylogon": "run",
    }
    with pytest.raises(ConfigError, match="known are eomt-scan, eomt-unified-scan, healthchecker"):
        detection_tool("nessus")


def test_what_removes_files_is_a_mode_of_its_own_and_never_the_other_ones() -> None:
    scanner = detection_tool("msert")
    assert [mode.name for mode in scanner.modes if mode.removes] == ["full-remove"]
    for mode in scanner.modes:
        assert ("/N" in mode.arguments) is not mode.removes
    assert scanner.mode("full").arguments == ("/Q", "/F", "/N")
    assert scanner.expires_days == 10
    with pytest.raises(KeyError):
        scanner.mode("default")


@pytest.mark.parametrize(
    ("version", "how", "ages", "files"),
    [
        ("21.03.04.0202", "text", False, True),
        ("21.03.05.1632", "text", False, True),
        ("21.03.05.2306", "files", False, True),
        ("21.03.08.0701", "files", False, True),
        ("21.03.08.1912", "files", True, True),
        ("21.03.09.2040", "files", True, True),
        ("21.03.12.2223", "files", True, True),
        ("21.03.18.1900", "objects", True, False),
        ("22.03.03.2154", "objects", True, False),
        ("26.05.01.0000", "objects", True, False),
    ],
)
def test_how_a_release_behaves(version: str, how: str, *, ages: bool, files: bool) -> None:
    era = PROXYLOGON.era(ScriptVersion.parse(version))
    assert era is not None
    assert era.how == how
    assert ("how old the logs are" not in era.cannot_see) is ages
    assert ("test-proxylogon/suspicious-files" in era.checks) is files


def test_whom_each_release_overlooks() -> None:
    def overlooked(version: str) -> str:
        era = PROXYLOGON.era(ScriptVersion.parse(version))
        assert era is not None
        return "; ".join(era.cannot_see)

    assert "with a user" not in overlooked("21.03.05.2306")
    assert "with a user" in overlooked("21.03.10.1923")
    assert "localhost" not in overlooked("21.03.10.1923")
    assert "localhost" in overlooked("21.03.11.2127")
    assert "with a user" not in overlooked("21.03.11.2127")
    assert "Reset-*" in overlooked("21.03.12.2223")
    assert "Reset-*" not in overlooked("21.03.18.1900")


def test_a_version_that_is_not_known_or_too_old_has_no_era() -> None:
    assert PROXYLOGON.era(None) is None
    assert PROXYLOGON.era(ScriptVersion.parse("21.02.23.1416")) is None
    assert detection_tool("msert").era(None) is not None


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_every_tool_says_what_it_sees_and_what_it_does_not(tool) -> None:
    assert (tool.reason is None) is (tool.support == "run")
    for era in tool.eras:
        assert era.how in HOWS
        assert era.sees
        assert era.cannot_see
        assert all(check.startswith(f"{tool.id}/") for check in era.checks)
    for mode in tool.modes:
        assert 0 < mode.expected_seconds < mode.longest_seconds


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("msert", "\nsource: docs", "\nsource: nowhere", "'nowhere' is not defined"),
        ("msert", "format: exe", "format: ps1", "is not of that format"),
        ("msert", "supplement 1 triage 1 weekly", "triage 9", "has no clause 'triage 9'"),
        ("msert", "{ed-21-02:", "{ed-99-02:", "directive 'ed-99-02' is not in the catalogue"),
        ("msert", "name: full-remove", "name: full", "mode 'full' exists twice"),
        ("msert", "support: run", "support: read", "a reason belongs to a tool that is not run"),
        ("msert", "  - how: scan", "  - how: guess", "not one of"),
        (
            "test-proxylogon",
            " check: CVE-2021-26855",
            " check: suspicious-files",
            "no check of each",
        ),
        ("eomt-scan", "support: read", "support: run", "a reason belongs"),
        ("nmap-script", "f4f7dda9", "F4F7DDA9", "64 hex digits"),
        ("test-proxylogon", '"21.03.08.1912"', '"21.03.05.2000"', "not in the order"),
        ("test-proxylogon", '  - first: "21.03.04.0202"\n    how', "  - how", "is the only one"),
        ("test-proxylogon", "title:", "headline:", "unknown key 'headline'"),
        ("test-proxylogon", "id: test-proxylogon", "id: msert", "exists twice"),
    ],
)
def test_mistakes_in_a_file_name_their_line(
    copied: Path, file: str, old: str, new: str, words: str
) -> None:
    path = copied / "detection_tools" / f"{file}.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(CatalogError) as error:
        load(copied)
    assert str(error.value).startswith(f"catalog/detection_tools/{file}.yml:")
    assert words in str(error.value)
