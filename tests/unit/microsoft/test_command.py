# SPDX-License-Identifier: GPL-3.0-or-later
"""What we start Microsoft's scripts with, and when we do not start them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog import (
    scripts as loader,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptIntent,
    ScriptVersion,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.command import (
    ScriptOptions,
    arguments,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.situation import (
    situation,
)

from .conftest import facts

COOKIE = ScriptOptions(ScriptIntent.MITIGATE, ("backend-cookie",))
UNDO = ScriptOptions(ScriptIntent.ROLLBACK, ("backend-cookie",))
MAY = "21.05.27.0855"


def given(
    wish: ScriptOptions = COOKIE,
    *,
    tool: str = "eomt",
    version: str = MAY,
    host: Any = None,
    check: bool = False,
) -> tuple[str, ...]:
    found = situation(facts() if host is None else host)
    return arguments(loader.tool(tool), ScriptVersion.parse(version), wish, found, check=check)


def refusal(*args: Any, **named: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        given(*args, **named)
    return str(caught.value)


def test_eomt_mitigates_only_and_never_updates_itself() -> None:
    assert given() == ("-DoNotAutoUpdateEOMT", "-DoNotRunMSERT")
    assert given(UNDO) == ("-DoNotAutoUpdateEOMT", "-RollbackMitigation")
    assert given(version="23.11.21.1852") == given()


def test_the_other_tool_gets_one_switch_and_the_site_that_it_writes_to() -> None:
    head = ("-WebSiteNames", "Default Web Site", "-Verbose")
    tool = "exchange_mitigations"
    assert given(tool=tool) == (*head, "-ApplyBackendCookieMitigation")
    assert given(UNDO, tool=tool) == (*head, "-RollbackBackendCookieMitigation")
    every = ScriptOptions(ScriptIntent.MITIGATE, loader.tool(tool).mitigations, timeout_seconds=300)
    assert given(every, tool=tool) == (
        *head,
        "-operationTimeOutDuration",
        "300",
        "-ApplyAllMitigations",
    )


@pytest.mark.parametrize("tool", ["eomt", "exchange_mitigations"])
@pytest.mark.parametrize("wish", [COOKIE, UNDO])
def test_never_in_check_mode(tool: str, wish: ScriptOptions) -> None:
    assert "check mode" in refusal(wish, tool=tool, check=True)


def test_the_tool_of_2026_is_not_run() -> None:
    assert "another tool" in refusal(tool="eomt_unified", version="26.05.19.1400")
    assert "26.05.19.1400 is not one of" in refusal(version="26.05.19.1400")


def test_a_release_that_cannot_be_kept_from_updating_is_refused() -> None:
    message = refusal(version="21.04.01.1200")
    assert "-DoNotAutoUpdateEOMT" in message
    # On the day of the change nobody knows whether the release has it.
    assert "-DoNotAutoUpdateEOMT" in refusal(version="21.04.19.2359")
    assert given(version="21.04.20.0001")


def test_a_site_without_the_front_end_is_refused() -> None:
    host = facts()
    for site in host["iis"]["sites"]:
        site["applications"] = [app for app in site["applications"] if app["path"] == "/"]
    assert "serves no clients" in refusal(host=host)
    assert given(UNDO, host=host)


@pytest.mark.parametrize("tool", ["eomt", "exchange_mitigations"])
def test_other_sites_are_refused(tool: str) -> None:
    other = replace(COOKIE, site="Intranet")
    assert "'Default Web Site' only" in refusal(other, tool=tool)
    assert given(replace(COOKIE, site="default web site"), tool=tool)
    host = facts()
    site = next(s for s in host["iis"]["sites"] if s["name"] == "Default Web Site")
    site["name"] = "Mail"
    assert "Mail" in refusal(tool=tool, host=host)
    assert given(UNDO, tool=tool, host=host)


def test_a_second_security_update_is_refused_before_it_fails() -> None:
    host = facts()
    row = {"source": "uninstall", "view": "64", "installed": None}
    names = [f"Security Update for Exchange Server 2016 CU18 (KB{kb})" for kb in (4, 5)]
    host["updates"] = [{**row, "name": name, "kb": None} for name in names]
    assert "2 security updates" in refusal(host=host)
    assert given(tool="exchange_mitigations", host=host)
    host["updates"][1]["view"] = "32"  # it does not look there
    assert given(host=host)
    host["updates"] = None
    assert "could not be read" in refusal(host=host)


@pytest.mark.parametrize("tool", ["eomt", "exchange_mitigations"])
@pytest.mark.parametrize(
    ("section", "change", "words"),
    [
        ("exchange", {"installed": False}, "not installed"),
        ("exchange", None, "Exchange is unknown"),
        ("session", {"elevated": False}, "not elevated"),
        ("session", None, "session is unknown"),
        ("powershell", {"version": "2.0"}, "too old"),
        ("powershell", None, "PowerShell is unknown"),
        ("url_rewrite", {"installed": False}, "unverified"),
        ("url_rewrite", None, "URL Rewrite is unknown"),
        ("iis", None, "could not be read"),
    ],
)
def test_hosts_where_it_would_do_nothing_or_something_else(
    tool: str, section: str, change: Any, words: str
) -> None:
    host = facts()
    host[section] = None if change is None else {**host[section], **change}
    assert words in refusal(tool=tool, host=host)


def test_rollback_that_does_not_restore_needs_consent() -> None:
    services = ScriptOptions(ScriptIntent.ROLLBACK, ("um-services",))
    tool = "exchange_mitigations"
    assert "administrator had stopped" in refusal(services, tool=tool)
    agreed = replace(services, accept_rollback_defaults=True)
    assert given(agreed, tool=tool)[-1] == "-RollbackUnifiedMessagingMitigation"


@pytest.mark.parametrize(
    ("wish", "tool", "words"),
    [
        (ScriptOptions(ScriptIntent.MITIGATE, ()), "eomt", "no mitigation"),
        (ScriptOptions(ScriptIntent.MITIGATE, ("um-services",)), "eomt", "knows nothing of"),
        (
            ScriptOptions(ScriptIntent.MITIGATE, ("backend-cookie",), timeout_seconds=5),
            "eomt",
            "no timeout",
        ),
        (
            ScriptOptions(ScriptIntent.MITIGATE, ("um-services", "oab-app-pool")),
            "exchange_mitigations",
            "one mitigation or all",
        ),
        (
            ScriptOptions(ScriptIntent.MITIGATE, ("um-services",), timeout_seconds=0),
            "exchange_mitigations",
            "between 1 and 3600",
        ),
    ],
)
def test_wishes_that_it_cannot_fulfil(wish: ScriptOptions, tool: str, words: str) -> None:
    assert words in refusal(wish, tool=tool)


def test_no_argument_can_carry_a_value_of_ours_but_site_and_seconds() -> None:
    for name in ("eomt", "exchange_mitigations"):
        for parameter in loader.tool(name).parameters:
            assert parameter.value in (None, "site", "timeout")
            if parameter.name in ("WhatIf", "Confirm", "RunFullScan", "AutoDownloadURLRewrite"):
                assert parameter.use == "never"
