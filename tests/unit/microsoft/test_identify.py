# SPDX-License-Identifier: GPL-3.0-or-later
"""A file is what its bytes and its parameters say, not what it is called."""

from __future__ import annotations

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog import (
    scripts as loader,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptVersion,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft import identify
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.identify import Pin

EOMT = "param ([switch]$DoNotAutoUpdateEOMT, [switch]$DoNotRunMSERT)\n"
UNIFIED = "param ([string[]]$SkipExchangeServerNames, [switch]$ShowMitigationStatus)\n"
MIT = "param ($ApplyBackendCookieMitigation, $RollbackBackendCookieMitigation)\n"
STAMPED = f"# Version 21.05.27.0855\r\n{EOMT}"
LISTED = loader.tool("eomt").releases[0]
MINE = "ab" * 32


def refusal(name: str, sha256: str, text: str, pin: Pin | None = None) -> str:
    with pytest.raises(RefusedError) as caught:
        identify.choose(name, sha256, text, pin)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "tool"), [(EOMT, "eomt"), (UNIFIED, "eomt_unified"), (MIT, "exchange_mitigations")]
)
def test_recognised_by_its_own_parameters(text: str, tool: str) -> None:
    assert identify.recognise(text) == (tool,)
    assert identify.recognise(text.upper()) == (tool,)


def test_listed_file_needs_no_pin() -> None:
    found = identify.choose("eomt", LISTED.sha256, EOMT)
    assert (str(found.version), found.pinned_by) == ("23.11.21.1852", "catalogue")
    same = Pin(LISTED.sha256.upper(), "23.11.21.1852")
    assert identify.choose("eomt", LISTED.sha256, EOMT, same) == found
    assert "say otherwise" in refusal("eomt", LISTED.sha256, EOMT, Pin(MINE, "23.11.21.1852"))


def test_other_file_needs_a_pin_that_fits() -> None:
    assert "ScriptVersions.csv" in refusal("eomt", MINE, EOMT)
    found = identify.choose("eomt", MINE, STAMPED, Pin(MINE.upper(), "21.05.27.0855"))
    assert (str(found.version), found.pinned_by) == ("21.05.27.0855", "operator")


@pytest.mark.parametrize(
    ("pin", "words"),
    [
        (Pin("cd" * 32, "21.05.27.0855"), "another file"),
        (Pin("short", "21.05.27.0855"), "not 64 hex digits"),
        (Pin(MINE, "21.5.27"), "not a version"),
        (Pin(MINE, "21.05.28.0855"), "the file says version 21.05.27.0855"),
    ],
)
def test_pins_that_do_not_fit(pin: Pin, words: str) -> None:
    assert words in refusal("eomt", MINE, STAMPED, pin)


@pytest.mark.parametrize("version", ["21.03.14.2359", "26.05.01.0000"])
def test_versions_that_cannot_be_this_tool(version: str) -> None:
    assert "is known from version" in refusal("eomt", MINE, EOMT, Pin(MINE, version))


def test_the_tool_of_2026_under_the_old_name() -> None:
    message = refusal("eomt", MINE, UNIFIED, Pin(MINE, "23.11.21.1852"))
    assert "2026" in message
    assert "bring the file of 2021" in message
    assert "recognised and not run" in refusal("eomt_unified", MINE, UNIFIED)


def test_files_that_are_none_of_them_or_several() -> None:
    assert "does not declare" in refusal("eomt", MINE, "Get-Date")
    assert "and" in refusal("eomt", MINE, EOMT + UNIFIED)
    assert "not Exchange On-premises" in refusal("eomt", LISTED.sha256, MIT)
    assert "is Exchange On-premises" in refusal("exchange_mitigations", LISTED.sha256, MIT)


def test_file_with_two_stamps_is_neither_release() -> None:
    both = f"{STAMPED}\n# Version 21.12.01.0000\n"
    for version in ("21.05.27.0855", "21.12.01.0000"):
        assert "the file says version" in refusal("eomt", MINE, both, Pin(MINE, version))


def test_versions_are_compared_by_their_parts() -> None:
    assert ScriptVersion.parse("21.05.27.0855") < ScriptVersion.parse("21.12.01.0000")
    assert str(ScriptVersion.parse("21.05.27.0855")) == "21.05.27.0855"
    with pytest.raises(ValueError, match="not a version"):
        ScriptVersion.parse("21.05.27")


def test_unknown_tool_names_the_known() -> None:
    with pytest.raises(ConfigError, match="eomt_unified"):
        loader.tool("nmap")
