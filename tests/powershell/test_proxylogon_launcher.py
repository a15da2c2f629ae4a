# SPDX-License-Identifier: GPL-3.0-or-later
"""The launcher of Test-ProxyLogon on a real engine, with a stand-in that fails where it is told to."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils import rehearsal
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader

pytestmark = pytest.mark.engine
STAND_IN = Path(rehearsal.__path__[0]) / "stand_ins" / "Test-ProxyLogon.ps1"
OBJECT: dict[str, Any] = {
    "ComputerName": "EX01",
    "IssuesFound": True,
    "LogAgeDays": {"OabGen": "68,3", "Ecp": ""},
    "Cve26855": {"Hits": [{"DateTime": "2021-03-03", "AnchorMailbox": "ServerInfo~a]@x/`$(1)"}]},
    "Cve26858": [0, {"downloadPaths": ["'C:\\x.aspx'"]}],
}


def run_script(pwsh: str, script: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [pwsh, "-NoProfile", "-NonInteractive", "-File", str(script)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def launcher(pwsh: str, folder: Path, tool: Path) -> str:
    """The text that the host writes into the folder of the job, with the paths of this machine."""
    words = " ".join("'" + str(word).replace("'", "''") + "'" for word in (folder, tool))
    make = folder / "make.ps1"
    make.write_text(f"{loader._functions_for('Get-LauncherText')}Get-LauncherText {words}\n")
    done = run_script(pwsh, make)
    assert done.returncode == 0, done.stderr
    return done.stdout.replace("\\output'", "/output'")


def launch(pwsh: str, folder: Path, said: dict[str, Any], text: str | None = None) -> Any:
    """Run the launcher as the runner does; returns the process, and what lies in the output."""
    tool = folder / "it's a tool.ps1"
    shutil.copy(STAND_IN, tool)
    if text is not None:
        tool.write_text(text)
    (folder / "stand-in.json").write_text(
        json.dumps({"errors": [], "text": [], "fail": "", **said})
    )
    output = folder / "output"
    output.mkdir()
    script = folder / "launch.ps1"
    script.write_text(launcher(pwsh, folder, tool))
    done = run_script(pwsh, script)
    found = {
        path.relative_to(output).as_posix(): path.read_text(encoding="utf-8-sig")
        for path in output.rglob("*")
        if path.is_file()
    }
    return done, found


def test_object_text_files_and_end_are_there(pwsh: str, tmp_path: Path) -> None:
    text = "  Nothing suspicious detected"
    done, found = launch(pwsh, tmp_path, {"object": OBJECT, "text": [text], "errors": ["no path"]})
    assert done.returncode == 0, done.stderr
    assert json.loads(found["object.json"]) == OBJECT
    assert text in done.stdout.splitlines()
    assert "68,3" in found["report/EX01-LogAgeDays.csv"]
    end = json.loads(found["complete.json"])
    assert (end["schema"], end["objects"], end["report"]) == (1, 1, True)
    assert [(row["id"].partition(",")[0], row["message"]) for row in end["errors"]] == [
        ("Microsoft.PowerShell.Commands.WriteErrorException", "no path")
    ]
    assert end["started"] <= end["finished"]


@pytest.mark.parametrize(
    ("fail", "object_kept", "ended"),
    [("export", False, False), ("test", False, False), ("report", True, True)],
)
def test_failure_is_seen_and_what_was_found_stays(
    fail: str, *, object_kept: bool, ended: bool, pwsh: str, tmp_path: Path
) -> None:
    done, found = launch(pwsh, tmp_path, {"object": OBJECT, "fail": fail})
    assert done.returncode != 0
    assert ("object.json" in found) is object_kept
    assert ("complete.json" in found) is ended
    if ended:
        assert json.loads(found["complete.json"])["report"] is False


def test_script_that_is_another_one_fails(pwsh: str, tmp_path: Path) -> None:
    done, found = launch(pwsh, tmp_path, {}, text="param ([switch]$Other)\n'hello'\n")
    assert done.returncode != 0
    assert found == {}


def test_no_object_is_told_apart_from_one(pwsh: str, tmp_path: Path) -> None:
    done, found = launch(pwsh, tmp_path, {"object": None})
    assert done.returncode == 0, done.stderr
    assert json.loads(found["object.json"]) in ([], None, [None]), (
        "no reader takes it for an object"
    )
