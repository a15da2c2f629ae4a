# SPDX-License-Identifier: GPL-3.0-or-later
"""The command itself: what is Ansible's, and a case that is verified."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.journal import Journal
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli import apply as cli_apply
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli import assess as cli_assess
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli import main as cli
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.report import (
    ReportRun,
    make_report,
)

if TYPE_CHECKING:
    import argparse

_AT = datetime(2021, 3, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("argv", "ansible"),
    [
        (["assess", "-i", "x", "--", "--ask-pass", "-vv"], ["--ask-pass", "-vv"]),
        (["apply", "plan.json", "-i", "x", "--confirm", "--", "-vv"], ["-vv"]),
        (["apply", "-i", "x", "plan.json"], []),
    ],
)
def test_what_stands_behind_two_dashes_is_for_ansible(
    argv: list[str], ansible: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[argparse.Namespace] = []

    def run(args: argparse.Namespace) -> int:
        seen.append(args)
        return 0

    monkeypatch.setattr(cli_assess, "run", run)
    monkeypatch.setattr(cli_apply, "run", run)
    assert cli.main(argv) == 0
    assert (seen[0].ansible, [str(path) for path in seen[0].inventory]) == (ansible, ["x"])


def test_other_commands_keep_their_two_dashes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["verify", "--", str(tmp_path / "-odd")]) == cli.USAGE
    assert "-odd: cannot be read" in capsys.readouterr().err


def test_verify_names_the_line_i14(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal(tmp_path, "ex01", "run-1")
    journal.record("begin", {})
    journal.record("end", {"state": "stopped"})
    assert cli.main(["verify", str(tmp_path)]) == 0
    assert "2 lines as written" in capsys.readouterr().out
    journal.path.write_bytes(journal.path.read_bytes().replace(b"stopped", b"patched"))
    assert cli.main(["verify", str(journal.path)]) == 1
    assert "journal.jsonl:2: the journal was changed" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["show", "check"])
def test_saved_report_ends_as_its_run_did(verb: str, tmp_path: Path) -> None:
    now = datetime(2021, 3, 5, 10, tzinfo=UTC)
    run = ReportRun(
        "r1", "proxylogon", now, now, check_mode=False, folder=tmp_path, formats=("json",)
    )
    made = make_report(run, ["ex01"], lambda _host: None)
    assert made["exit_code"] == 3
    assert cli.main(["report", verb, str(tmp_path)]) == 3


def test_a_full_disk_is_an_error_and_no_finding(tmp_path: Path) -> None:
    run = ReportRun(
        "r1", "proxylogon", _AT, _AT, check_mode=False, folder=tmp_path, formats=("json",)
    )
    make_report(run, ["ex01"], lambda _host: None)
    words = [sys.executable, "-m", cli.__name__, "report", "check", str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[6])}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            words, stdout=full, stderr=subprocess.PIPE, env=environment, check=False, text=True
        )
    assert (done.returncode, "No space left" in done.stderr) == (2, True), done.stderr
    assert "Traceback" not in done.stderr
