# SPDX-License-Identifier: GPL-3.0-or-later
"""The upgrade over real WinRM: plan, canary with mitigations, stop at the first failure, exactly once."""

from __future__ import annotations

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import warm_ansible
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
    PackageRecord,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.store import (
    PackageStore,
    Trust,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.signing import keys

from .conftest import ROOT, start_fleet, toolkit
from .test_patch import SECRET, controller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Fleet

pytestmark = pytest.mark.integration
CONTENT = b"the bytes of an image" * 1000


def store(folder: Path) -> dict[str, Any]:
    """A signed package catalogue with one image, as variables of the role."""
    keys.create(folder / "keys", "ops", SECRET)
    trust = Trust(keys.trusted(folder / "keys"), folder / "seen.json")
    packages = PackageStore(folder / "store", trust, lambda: datetime.now(UTC))
    record = PackageRecord(
        hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "ExchangeServer2016-x64-CU19.iso", "iso",
        "Exchange2016", "CU19", "CU", None, Build.parse("15.1.2176.2"),
        (Build.parse("15.1.2106.2"),), (), None, (), "from the licensing page", "2021-03-03T00:00:00Z",
    )  # fmt: skip
    packages.path(record).parent.mkdir(parents=True)
    packages.path(record).write_bytes(CONTENT)
    packages.change(lambda _: (record,), keys.signer(folder / "keys", "ops", SECRET), days=30)
    return {
        "upgrade_store": str(folder / "store"),
        "upgrade_keys": str(folder / "keys"),
        "upgrade_seen": str(folder / "seen.json"),
        "upgrade_cumulative_update": "CU19",
        "upgrade_usable_seconds": 30,
        "upgrade_serial": 1,
    }


@pytest.fixture(scope="module")
def upgrade_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    state = tmp_path_factory.mktemp("upgrade")
    yield start_fleet(state, Path(__file__).parent / "upgrade_fleet.yml")
    assert toolkit("rehearse", "down", "--state", state).returncode == 0


def play(fleet: Fleet, name: str, variables: dict[str, Any], *options: str) -> tuple[int, str]:
    done = warm_ansible.run(
        [sys.executable, "-m", "ansible", "playbook", f"exchange.remediation.{name}",
         "--inventory", str(fleet.inventory), "--extra-vars", json.dumps(variables), *options],
        merged=True, timeout=300,
        cwd=ROOT, env=controller(fleet),
    )  # fmt: skip
    return done.returncode, done.stdout


def test_upgrade_lists_what_to_mitigate_again_and_stops_at_the_first_failure(
    upgrade_fleet: Fleet, tmp_path: Path
) -> None:
    mitigations = ["backend-cookie", "um-services"]
    asked = {"mitigate_mitigations": mitigations, "mitigate_confirm": True}
    code, output = play(upgrade_fleet, "mitigate", asked, "--limit", "canary")
    assert code == 0, output

    variables = store(tmp_path)
    code, output = play(
        upgrade_fleet, "upgrade", {**variables, "upgrade_confirm": True}, "--limit", "canary"
    )
    assert code != 0
    assert "upgrade_prepared_by is not set" in output

    variables["upgrade_prepared_by"] = "jane"
    confirmed = {**variables, "upgrade_confirm": True}
    code, output = play(
        upgrade_fleet, "upgrade", confirmed, "--check", "--diff", "--limit", "canary"
    )
    assert code == 0, output
    assert "+build: 15.1.2176.2" in output
    assert "release/um-services (Undo-Mitigation)" in output

    hook = tmp_path / "hook.yml"
    hook.write_text(
        "- name: Say it\n  ansible.builtin.debug:\n"
        '    msg: "hook {{ maintenance_mode }} on {{ inventory_hostname }}"\n'
    )
    run = {
        **confirmed,
        "upgrade_stop_file": str(tmp_path / "budget.jsonl"),
        "maintenance_tasks": str(hook),
    }
    code, output = play(upgrade_fleet, "upgrade", run)
    assert code != 0
    recap = {line.split()[0]: line for line in output.splitlines() if " ok=" in line}
    assert "changed=2" in recap["canary"], output  # in maintenance mode, and proven out of it
    assert "failed=0" in recap["canary"], output
    flat = " ".join(output.split())
    assert "canary: run mitigate right after the upgrade, for backend-cookie, um-services" in flat
    # A failure in maintenance mode is rescued and said again, with where the server is.
    assert "failed=1" in recap["fails"], output
    assert "not-upgraded: Setup ended with 1" in flat
    assert "It was taken out of maintenance mode again, nothing was changed." in flat
    for host in ("canary", "fails"):
        said = [mode for mode in ("enter", "leave") if f"hook {mode} on {host}" in flat]
        assert said == ["enter", "leave"]
    assert "next" not in recap, output
    lines = (tmp_path / "budget.jsonl").read_text().splitlines()
    noted = {json.loads(line)["host"]: json.loads(line)["state"] for line in lines}
    assert noted == {"canary": "upgraded", "fails": "not-upgraded"}

    code, output = play(upgrade_fleet, "upgrade", confirmed, "--limit", "canary")
    assert (code, "changed=0" in output) == (0, True), output
    code, output = play(upgrade_fleet, "mitigate", asked, "--limit", "canary")
    assert (code, "changed=1" in output) == (0, True), output
