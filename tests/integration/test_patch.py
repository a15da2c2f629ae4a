# SPDX-License-Identifier: GPL-3.0-or-later
"""The rollout over real WinRM: plan, canary, stop at the first failure, exactly once."""

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
    Signature,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.store import (
    PackageStore,
    Trust,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.signing import keys
from proven_content import PROVEN

from .conftest import ROOT, environment, start_fleet, toolkit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Fleet

pytestmark = pytest.mark.integration
CONTENT = b"the bytes of an update" * 1000
SECRET = b"a passphrase for the tests"
# What 'package add' would have verified; it is tested with its own files.
SIGNATURE = Signature(
    "CN=x", "CN=y", "0" * 64, "01", "1" * 64, "Mar  2 10:11:12 2021 GMT", "SHA256"
)


def store(folder: Path) -> dict[str, Any]:
    """A signed package catalogue with one package, as variables of the role."""
    keys.create(folder / "keys", "ops", SECRET)
    trust = Trust(keys.trusted(folder / "keys"), folder / "seen.json")
    packages = PackageStore(folder / "store", trust, lambda: datetime.now(UTC))
    digest = hashlib.sha256(CONTENT).hexdigest()
    file = "Exchange2016-KB5000871-x64-en.msp"
    record = PackageRecord(
        digest, len(CONTENT), file, "msp", "Exchange2016", "CU19", "SU", "KB5000871",
        Build.parse("15.1.2176.9"), (Build.parse("15.1.2176.2"),), (), SIGNATURE, (),
        None, "2021-03-03T00:00:00Z", PROVEN,
    )  # fmt: skip
    packages.path(record).parent.mkdir(parents=True)
    packages.path(record).write_bytes(CONTENT)
    packages.change(lambda _: (record,), keys.signer(folder / "keys", "ops", SECRET), days=30)
    return {
        "patch_store": str(folder / "store"),
        "patch_keys": str(folder / "keys"),
        "patch_seen": str(folder / "seen.json"),
    }


@pytest.fixture(scope="module")
def patch_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    state = tmp_path_factory.mktemp("patch")
    yield start_fleet(state, Path(__file__).parent / "patch_fleet.yml")
    assert toolkit("rehearse", "down", "--state", state).returncode == 0


def controller(fleet: Fleet) -> dict[str, str]:
    """The environment of a controller of its own: what it keeps is kept beside the fleet."""
    kept = str(fleet.state / "controller")
    return environment(ANSIBLE_CALLBACK_RESULT_FORMAT="yaml", XDG_STATE_HOME=kept)


def play(fleet: Fleet, variables: dict[str, Any], *options: str) -> tuple[int, str]:
    done = warm_ansible.run(
        [sys.executable, "-m", "ansible", "playbook", "exchange.remediation.patch",
         "--inventory", str(fleet.inventory), "--extra-vars", json.dumps(variables), *options],
        merged=True, timeout=300,
        cwd=ROOT, env=controller(fleet),
    )  # fmt: skip
    return done.returncode, done.stdout


def test_rollout_plans_installs_and_stops_at_the_first_failure(
    patch_fleet: Fleet, tmp_path: Path
) -> None:
    variables = {**store(tmp_path), "patch_usable_seconds": 30, "patch_serial": 1}
    code, output = play(patch_fleet, {**variables, "patch_confirm": True}, "--check", "--diff")
    assert code == 0, output
    assert "+build: 15.1.2176.9" in output
    assert (
        "+++ after: Files that were in use are replaced at a restart. [ED 21-02 action 1" in output
    )

    code, output = play(patch_fleet, variables, "--limit", "canary")
    assert (code, "set confirm to install" in output) == (0, True), output

    run = {**variables, "patch_confirm": True, "patch_approvals": {"ticket": "CHG1"}}
    code, output = play(patch_fleet, {**run, "patch_required_approvals": ["approved_by"]})
    assert code != 0
    assert "The policy asks for approved_by" in output

    run |= {"patch_stop_file": str(tmp_path / "budget.jsonl")}
    code, output = play(patch_fleet, run)
    assert code != 0
    recap = {line.split()[0]: line for line in output.splitlines() if " ok=" in line}
    assert "changed=1" in recap["canary"], output
    assert "failed=0" in recap["canary"], output
    assert "failed=1" in recap["fails"], output
    assert "not-patched: A fatal error" in output
    assert "next" not in recap, output
    lines = (tmp_path / "budget.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"host": "canary", "state": "patched", "standing": "done"},
        {"host": "fails", "state": "not-patched", "standing": "wrong"},
    ]

    code, output = play(patch_fleet, run, "--limit", "next")  # another slice: the budget is used up
    assert code != 0
    assert "The stop budget of 0 is used up by fails" in " ".join(output.split())

    code, output = play(patch_fleet, run | {"patch_stop_after": 1}, "--limit", "canary")
    assert (code, "changed=0" in output) == (0, True), output
