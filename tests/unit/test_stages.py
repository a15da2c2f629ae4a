# SPDX-License-Identifier: GPL-3.0-or-later
"""``scripts/ci.sh`` with stages that pass, fail, hang and cannot be run: each ends, and is named."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ALL = ("setup", "lint", "unit", "powershell", "integration", "docs", "molecule", "other-python")


class Checkout:
    """A copy of the script, where each stage is a line of shell."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bin").mkdir()
        (folder / "scripts").mkdir()
        shutil.copy(ROOT / "scripts/ci.sh", folder / "scripts/ci.sh")
        # Whatever it installs is here: these tests are about its stages.
        for tool in ("chromium", "osslsigncode", "msibuild", "apt-get", "ansible", "dpkg-query"):
            self.program(folder / "bin" / tool, "exit 0")
        self.program(folder / "bin/make", f'exec "{folder}/stage-${{!#//[.\\/]/}}"')
        self.program(folder / "bin/pytest", f'exec "{folder}/stage-docs"')
        self.program(folder / "scripts/other_python.sh", f'exec "{folder}/stage-other-python"')
        for name in ALL:
            self.stage(name, "exit 0")

    def program(self, path: Path, shell: str) -> None:
        path.write_text(f"#!/usr/bin/env bash\n{shell}\n")
        path.chmod(0o755)

    def stage(self, name: str, shell: str) -> None:
        self.program(self.folder / f"stage-{'venvdev' if name == 'setup' else name}", shell)

    def run(self, *wanted: str, **environment: str) -> subprocess.CompletedProcess[str]:
        known = {name: value for name, value in os.environ.items() if name != "CI"}
        path = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        return subprocess.run(
            ["bash", "scripts/ci.sh", *wanted], cwd=self.folder, capture_output=True, text=True,
            env=known | path | environment, timeout=100, check=False,
        )  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def results(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Name and result of each stage in the summary."""
    table = done.stdout.partition("=== summary")[2].partition("\nsweeps: ")[0]
    return {line.split()[0]: line.split()[1] for line in table.splitlines()[1:]}


def test_all_stages_are_run_and_pass(checkout: Checkout) -> None:
    done = checkout.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert results(done) == dict.fromkeys(ALL, "ok")


def test_failed_stage_is_named_and_the_others_are_run(checkout: Checkout) -> None:
    checkout.stage("lint", "exit 2")
    done = checkout.run()
    assert done.returncode == 1
    assert results(done) == dict.fromkeys(ALL, "ok") | {"lint": "FAILED"}
    assert "failed: lint\n" in done.stderr


@pytest.mark.parametrize("name", ["molecule", "docs"])
def test_stage_that_hangs_ends_with_its_children_and_is_named(
    checkout: Checkout, name: str
) -> None:
    checkout.stage(name, f"sleep 90 & echo $! >{checkout.folder}/child; wait")
    began = time.monotonic()
    done = checkout.run(STAGE_SECONDS="2")
    assert time.monotonic() - began < 60
    assert done.returncode == 1
    assert results(done)[name] == "HUNG"
    assert results(done)["other-python"] == "ok"
    assert f"failed: {name} (ended after 2 s)\n" in done.stderr
    child = int((checkout.folder / "child").read_text())
    assert not Path(f"/proc/{child}/cmdline").exists() or state(child) == "Z"


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def test_what_a_stage_leaves_behind_does_not_hold_up_the_run(checkout: Checkout) -> None:
    """It has our output open: whoever reads that would wait for it."""
    checkout.stage("unit", "sleep 90 & exit 0")
    began = time.monotonic()
    done = checkout.run("unit")
    assert time.monotonic() - began < 60
    assert done.returncode == 0


def test_stage_that_cannot_be_run_is_no_pass(checkout: Checkout) -> None:
    checkout.stage("other-python", "exit 77")
    done = checkout.run()
    assert results(done)["other-python"] == "skipped"
    assert "skipped, see above why: other-python" in done.stderr
    assert done.returncode == 0, "who has no other interpreter can still try the rest"


def test_in_continuous_integration_nothing_may_be_skipped(checkout: Checkout) -> None:
    checkout.stage("other-python", "exit 77")
    done = checkout.run(CI="true")
    assert done.returncode == 1
    assert "failed: other-python (skipped)\n" in done.stderr


def test_single_stages_are_run_after_the_set_up(checkout: Checkout) -> None:
    assert list(results(checkout.run("lint", "unit"))) == ["setup", "lint", "unit"]


def test_stage_that_is_not_there_is_an_error(checkout: Checkout) -> None:
    done = checkout.run("lint", "unti")
    assert done.returncode == 1
    assert "there is no such stage" in done.stderr


def test_nothing_is_tested_without_the_set_up(checkout: Checkout) -> None:
    checkout.stage("setup", "exit 1")
    done = checkout.run()
    assert done.returncode == 1
    assert "nothing was tested" in done.stderr
    assert "=== lint" not in done.stdout


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").glob("*.sh")), ids=lambda s: s.stem)
def test_script_has_no_syntax_error(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)
