# SPDX-License-Identifier: GPL-3.0-or-later
"""The two other ways in: ``pip install .`` from anywhere, and a clone that is not installed at all."""

from __future__ import annotations

import sys
import venv
from typing import TYPE_CHECKING

import pytest
from other_environment import run

if TYPE_CHECKING:
    from pathlib import Path

# Packages are installed, on a machine that may have other things to do.
pytestmark = pytest.mark.timeout(1200)
NAME = "exchange.remediation"
INSIDE = "lib/python{}.{}/site-packages/ansible_collections/exchange/remediation".format(
    *sys.version_info[:2]
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, clone: Path) -> Path:
    """An empty virtual environment with nothing but ``pip install <clone>``."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=True)
    run("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", clone,
        cwd=folder, path=folder)  # fmt: skip
    return folder


def test_installed_command_and_collection_work_from_any_folder(
    installed: Path, tmp_path: Path
) -> None:
    assert (installed / INSIDE / "plugins/action/exchange_server_info.py").is_file()
    shown = run(
        "exchange-remediation", "catalog", "show", "15.1.2176.9", cwd=tmp_path, path=installed
    )
    assert "Exchange Server 2016 CU19" in shown
    listed = run("ansible-galaxy", "collection", "list", NAME, cwd=tmp_path, path=installed)
    assert NAME in listed
    documented = run("ansible-doc", f"{NAME}.exchange_server_info", cwd=tmp_path, path=installed)
    assert "EXCHANGE_SERVER_INFO" in documented.upper()


def test_installed_fleet_is_assessed_from_any_folder(installed: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    run("exchange-remediation", "rehearse", "up", "--scenario", "small", "--state", state,
        "--port", "0", "--stop-after", "5", cwd=tmp_path, path=installed)  # fmt: skip
    try:
        shown = run(
            "exchange-remediation", "assess", "--inventory", state / "inventory.yml",
            "--cases", tmp_path / "cases", cwd=tmp_path, path=installed, codes=(3,),
        )  # fmt: skip
        played = run(
            "ansible-playbook", "-i", state / "inventory.yml", f"{NAME}.assess",
            "-e", f"report_cases={tmp_path / 'played'}", cwd=tmp_path, path=installed,
        )  # fmt: skip
    finally:
        run(
            "exchange-remediation",
            "rehearse",
            "down",
            "--state",
            state,
            cwd=tmp_path,
            path=installed,
        )
    assert "ex01" in shown
    assert "failed=0" in played
    assert list(tmp_path.glob("cases/*/report/report.html"))
    assert list(tmp_path.glob("played/*/report/report.html"))


def test_clone_works_without_being_installed(installed: Path, clone: Path, tmp_path: Path) -> None:
    run("python", "-m", "pip", "uninstall", "--quiet", "--yes", "exchange-remediation",
        cwd=tmp_path, path=installed)  # fmt: skip
    assert not (installed / INSIDE).exists()
    command = clone / "bin/exchange-remediation"
    shown = run("python", command, "catalog", "show", "15.1.2176.9", cwd=tmp_path, path=installed)
    assert "Exchange Server 2016 CU19" in shown
    run("ansible-playbook", "--syntax-check", "-i", "localhost,", "playbooks/assess.yml",
        cwd=clone, path=installed)  # fmt: skip
