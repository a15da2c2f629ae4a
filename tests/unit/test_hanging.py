# SPDX-License-Identifier: GPL-3.0-or-later
"""A test that hangs fails by its name, and what comes after it is run."""

from __future__ import annotations

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


def test_hanging_test_fails_by_its_name_and_the_worker_goes_on(tmp_path: Path) -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert options["timeout"] <= 600
    (tmp_path / "test_two.py").write_text(HANGS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", tmp_path,
         "-p", "no:cacheprovider", "-n", "1", "-o", "timeout=1", "-q", tmp_path],
        cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED test_two.py::test_that_hangs - Failed: Timeout (>1.0s)" in done.stdout
    assert "1 failed, 1 passed" in done.stdout
