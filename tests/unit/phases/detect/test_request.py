# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of one host, read from the options: wrong ones are named before anything is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect.request import read

OPTIONS: dict[str, Any] = {
    "tools": ["test-proxylogon"],
    "campaign": "proxylogon",
    "confirm": True,
    "port": 443,
    "approvals": {},
    "required_approvals": [],
}


def test_what_is_not_said_follows_from_campaign_and_tool() -> None:
    wanted = read("ex01", {**OPTIONS, "tools": ["test-proxylogon", "msert/full"]}, check=False)
    assert [one.id for one in wanted.tools] == ["test-proxylogon/default", "msert/full"]
    assert [one.seconds for one in wanted.tools] == [14400, 172800]
    assert wanted.since <= datetime(2021, 1, 1, tzinfo=UTC)
    assert wanted.run.startswith("detect-proxylogon-")
    assert wanted.longest > 14400 + 172800
    assert not wanted.check
    assert read("ex01", {**OPTIONS, "confirm": False}, check=False).check


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"tools": []}, "name at least one"),
    ({"tools": ["nessus"]}, "there is no detection tool 'nessus'; known are"),
    ({"tools": ["msert"]}, "write msert/quick or msert/full"),
    ({"tools": ["msert/slow"]}, "has no mode 'slow'"),
    ({"tools": ["msert/full", "msert/quick"]}, "named twice"),
    ({"tools": ["eomt-scan"]}, "is not run from here: it fetches"),
    ({"tools": ["msert/full-remove"]}, "say in removal_decision who decided"),
    ({"tools": ["msert/full-remove"], "removal_decision": "  "}, "who decided"),
    ({"removal_decision": "the owner"}, "removes anything"),
    ({"since": "yesterday"}, "is no ISO-8601 date"),
    ({"port": 0}, "is no port"),
    ({"seconds": 0}, "is no duration"),
]


@pytest.mark.parametrize(("change", "says"), WRONG)
def test_wrong_option_is_named_with_its_cure(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=r".*") as error:
        read("ex01", {**OPTIONS, **change}, check=True)
    assert says in str(error.value)


def test_decided_removal_is_kept() -> None:
    options = {**OPTIONS, "tools": ["msert/full-remove"], "removal_decision": "A. Example, CHG0042"}
    assert read("ex01", options, check=False).removal == "A. Example, CHG0042"
