# SPDX-License-Identifier: GPL-3.0-or-later
"""An upgrade is planned, signed and applied as an update is; a server that was upgraded meanwhile is not touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ..test_upgrade import store

if TYPE_CHECKING:
    from .conftest import Site

pytestmark = pytest.mark.integration
FLEET = yaml.safe_load((Path(__file__).parents[1] / "upgrade_fleet.yml").read_text())
CANARY: dict[str, Any] = FLEET["hosts"]["canary"]


def test_upgrade_is_planned_shown_applied_and_done_once_i9(site: Site) -> None:
    site.becomes(exchange=CANARY["exchange"])
    site.world.data["programs"] = CANARY["programs"]
    packages = site.folder / "images"
    packages.mkdir()
    variables = {**store(packages), "upgrade_prepared_by": "jane"}
    wanted = ("-i", site.inventory(), "-e", json.dumps(variables))
    plan = site.folder / "plan.json"

    planned = site.run("plan", "upgrade", *wanted, "-o", plan)
    assert planned.returncode == 1, planned.stdout + planned.stderr
    assert site.changes == []
    shown = site.run("plan", "show", plan)
    assert "build: 15.1.2106.2 -> 15.1.2176.2" in shown.stdout, shown.stdout
    assert "1 of 1 hosts with steps" in shown.stdout

    applied = site.run("apply", plan, *wanted, "--confirm")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "upgraded" in applied.stdout
    found = site.changes
    assert [c["target"] for c in found if c["kind"] == "program"] == [
        "D:\\setup.exe /IAcceptExchangeServerLicenseTerms /Mode:Upgrade"
    ]
    again = site.run("apply", plan, *wanted, "--confirm")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "nothing-to-do" in again.stdout
    assert site.changes == found
