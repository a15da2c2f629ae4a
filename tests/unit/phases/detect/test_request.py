# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of one host, read from the options: wrong ones are named before anything is sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect.begun import (
    default_run,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect.request import read

if TYPE_CHECKING:
    from pathlib import Path

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


def _begun(folder: Path, run: str, verdict: object = None, text: str | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    record = json.dumps({"job": f"msert-{run[-2:]}-1", "run": run, "verdict": verdict})
    (folder / f"tool-msert-{run[-2:]}-1.json").write_text(record if text is None else text)


NOON = datetime(2021, 4, 5, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("ago", [0, 1, 2, 3])
def test_after_midnight_the_run_that_has_begun_a_tool_goes_on(
    ago: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = f"detect-proxylogon-{NOON - timedelta(days=ago):%Y-%m-%d}"
    _begun(tmp_path / "cases" / run / "ex01", run)
    assert default_run("proxylogon", "ex01", None, NOON) == run
    assert default_run("proxylogon", "ex02", None, NOON) == "detect-proxylogon-2021-04-05"
    assert default_run("proxyshell", "ex01", None, NOON) == "detect-proxyshell-2021-04-05"


def test_in_one_case_for_all_days_too(tmp_path: Path) -> None:
    case = tmp_path / "case"
    _begun(case / "ex01", "detect-proxylogon-2021-04-04")
    assert default_run("proxylogon", "ex01", str(case), NOON) == "detect-proxylogon-2021-04-04"


@pytest.mark.parametrize(
    ("run", "verdict"),
    [
        ("detect-proxylogon-2021-04-04", {"tool": "msert"}),
        ("detect-proxylogon-2021-04-01", None),
        ("weekly-2", None),
    ],
)
def test_what_is_read_or_long_ago_or_named_otherwise_is_over(
    run: str, verdict: object, tmp_path: Path
) -> None:
    _begun(tmp_path / "ex01", run, verdict)
    assert default_run("proxylogon", "ex01", str(tmp_path), NOON) == "detect-proxylogon-2021-04-05"


def test_a_record_that_cannot_be_read_starts_no_second_job(tmp_path: Path) -> None:
    _begun(tmp_path / "ex01", "detect-proxylogon-2021-04-04", text="{")
    with pytest.raises(RefusedError, match="it is not known what was ordered"):
        default_run("proxylogon", "ex01", str(tmp_path), NOON)
