# SPDX-License-Identifier: GPL-3.0-or-later
"""A test that hangs fails by its name, and what comes after it is run."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HANGS = """
import time

def test_that_hangs():
    time.sleep(60)

def test_behind_it():
    pass
"""

STARTS = """
import subprocess
import pytest

@pytest.fixture(scope="module")
def server():
    with subprocess.Popen(["sleep", "50"]) as process:
        yield process
        process.kill()

def test_that_hangs(server):
    # As a playbook: a shell, a program in a session of its own, and its child.
    subprocess.run(["bash", "-c", "setsid --wait bash -c 'sleep 50 & sleep 50; true'; true"])

def test_behind_it(server):
    assert server.poll() is None, "what others need goes on"
"""


def pytest_of(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", folder,
         "-p", "no:cacheprovider", "-q", *options, folder],
        cwd=folder, capture_output=True, text=True, timeout=100, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT / "tests/support"), "HANGING": str(folder)},
    )  # fmt: skip


def test_hanging_test_fails_by_its_name_and_the_worker_goes_on(tmp_path: Path) -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert options["timeout"] <= 600
    (tmp_path / "test_two.py").write_text(HANGS)
    done = pytest_of(tmp_path, "-n", "1", "-o", "timeout=1")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED test_two.py::test_that_hangs - Failed: Timeout (>1.0s)" in done.stdout
    assert "1 failed, 1 passed" in done.stdout


def test_what_a_hanging_test_started_ends_with_it(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from process_tree import pytest_fixture_setup, pytest_timeout_set_timer\n"
    )
    (tmp_path / "test_two.py").write_text(STARTS)
    done = pytest_of(tmp_path, "-o", "timeout=2")
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert not marked(tmp_path), "still at work"


def marked(folder: Path) -> list[str]:
    """The command lines of processes that the tests in a folder started."""
    mark = f"HANGING={folder}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it ended, or belongs to another user
    return found
