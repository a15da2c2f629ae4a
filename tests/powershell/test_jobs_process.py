# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner with a real process: no shims, the engine's own process and file classes."""

from __future__ import annotations

import hashlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.engine

HEAD = "Set-StrictMode -Version 2.0\n$ErrorActionPreference = 'Stop'\n"
# What only Windows has: the scheduler; the rest is the runner as it is.
WINDOWS = "function Unregister-JobTask { $true }\nfunction Get-BootId { 'boot:1' }\n"


def run(pwsh: str, folder: Path, program: str, **order: Any) -> dict[str, Any]:
    """Let the runner run this shell script as the job's program; returns its last state."""
    file = folder / "job.exe"
    file.write_text(f"#!/bin/sh\n{program}\n")
    file.chmod(0o700)
    job = {
        "job": "real",
        "file": str(file),
        "arguments": ["a b", "c"],
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "deadline_utc": "2099-01-01T00:00:00.0000000Z",
        "progress_paths": [str(folder)],
        "progress_timeout_seconds": 600,
        "output_cap_bytes": 1_000_000,
        "relaunch_after_reboot": False,
    }
    state = {
        **dict.fromkeys(("reason", "message", "boot_id", "heartbeat", "finished", "exit_code")),
        "job": "real",
        "state": "staged",
        "attempt": 0,
        "output_bytes": 0,
        "missed_writes": 0,
    }
    (folder / "job.json").write_text(json.dumps({**job, **order}))
    (folder / "state.json").write_text(json.dumps(state))
    functions = loader._functions_for("Start-JobRunner")
    script = f"{HEAD}{functions}{WINDOWS}Start-JobRunner '{folder}'\n"
    path = folder / "all.ps1"
    path.write_text(script)
    done = subprocess.run(
        [pwsh, "-NoProfile", "-NonInteractive", "-File", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    found: dict[str, Any] = json.loads((folder / "state.json").read_text())
    return found


def test_exit_code_arguments_and_both_streams_are_kept(pwsh: str, tmp_path: Path) -> None:
    state = run(pwsh, tmp_path, 'echo "<$1><$2>"; echo problem >&2; exit 37')
    assert (state["state"], state["exit_code"], state["attempt"]) == ("finished", 37, 1)
    log = (tmp_path / "output.log").read_text()
    assert sorted(log.splitlines()) == ["<a b><c>", "problem"]
    assert state["output_bytes"] == len(log)


def test_chatty_program_is_not_held_up_and_its_output_is_cut(pwsh: str, tmp_path: Path) -> None:
    state = run(
        pwsh,
        tmp_path,
        "dd if=/dev/zero bs=1000 count=3000 2>/dev/null; exit 0",
        output_cap_bytes=50_000,
    )
    assert state["output_bytes"] == 3_000_000
    assert (tmp_path / "output.log").stat().st_size == 50_000
    assert state["exit_code"] == 0


def test_question_on_the_console_gets_the_end_of_the_input(pwsh: str, tmp_path: Path) -> None:
    assert run(pwsh, tmp_path, "read answer && exit 1; exit 9")["exit_code"] == 9


def test_child_that_keeps_the_pipe_does_not_keep_the_job(pwsh: str, tmp_path: Path) -> None:
    state = run(pwsh, tmp_path, "sleep 6 & echo started; exit 5")
    assert (state["state"], state["exit_code"]) == ("finished", 5)
    assert (tmp_path / "output.log").read_text() == "started\n"


def test_file_that_windows_cannot_start_is_refused(pwsh: str, tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    state = run(pwsh, tmp_path, "exit 0", file=str(tmp_path / "job.json"))
    assert (state["state"], state["reason"]) == ("refused", "sha256")
    content = (tmp_path / "all.ps1").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    state = run(pwsh, tmp_path, "exit 0", file=str(tmp_path / "all.ps1.exe"), sha256=digest)
    assert (state["state"], state["reason"]) == ("refused", "file")
    assert state["message"]
    (tmp_path / "plain.exe").write_text("no program")
    digest = hashlib.sha256(b"no program").hexdigest()
    state = run(pwsh, tmp_path, "exit 0", file=str(tmp_path / "plain.exe"), sha256=digest)
    assert (state["state"], state["reason"]) == ("refused", "launch")
    assert state["message"]


def test_launch_is_on_the_disk_before_the_program_runs_i15(pwsh: str, tmp_path: Path) -> None:
    """Whatever happens from its first instruction on, nothing may launch it a second time."""
    run(pwsh, tmp_path, f"cp {tmp_path}/state.json {tmp_path}/seen.json; exit 0")
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert (seen["state"], seen["attempt"], seen["boot_id"]) == ("running", 1, "boot:1")
