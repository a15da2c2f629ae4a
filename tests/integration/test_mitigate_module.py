# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers without the URL Rewrite module over real WinRM with real Ansible: brought, used, taken off."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import verify
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.iis_module import (
    product_code,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.iis_module_records import (
    ModuleRecord,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.store import (
    PackageStore,
    Trust,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.signing import keys

from .conftest import start_fleet, toolkit
from .test_mitigate import mutations, play, states
from .test_patch import SECRET, SIGNATURE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Fleet
    from .test_mitigate import Play

__all__ = ["play"]
pytestmark = pytest.mark.integration

SPEC: dict[str, Any] = {
    "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"},
    "url_rewrite": None,
}
QUICK = {"duration_seconds": 1}  # the fleet's clock is the real one
HOSTS: dict[str, Any] = {
    "bare": {**SPEC, "rewrite_installer": QUICK},
    "german": {**SPEC, "locale": "de-DE", "rewrite_installer": QUICK},
    "fails": {**SPEC, "rewrite_installer": {**QUICK, "exit_code": 1603, "effects": []}},
    "foreign": {**SPEC, "url_rewrite": "7.1.1993.2351"},
}
GOOD = ("bare", "german", "foreign")
IDS = ["rewrite-module/record", "rewrite-module/package", "rewrite-module/install"]


@pytest.fixture(scope="module")
def mitigate_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    state = tmp_path_factory.mktemp("module")
    scenario = state / "scenario.yml"
    defaults = {"domain": "rehearsal.example"}
    document = {"schema": 1, "title": "No URL Rewrite", "defaults": defaults, "hosts": HOSTS}
    scenario.write_text(json.dumps(document))  # JSON is YAML
    yield start_fleet(state, scenario)
    assert toolkit("rehearse", "down", "--state", state).returncode == 0


def store(folder: Path) -> dict[str, Any]:
    """A signed catalogue with the module in two languages, as variables of the role."""
    keys.create(folder / "keys", "ops", SECRET)
    trust = Trust(keys.trusted(folder / "keys"), folder / "seen.json")
    packages = PackageStore(folder / "store", trust, lambda: datetime.now(UTC))
    records = []
    for language in ("en-US", "de-DE"):
        data = f"the bytes of the MSI in {language}".encode() * 1000
        record = ModuleRecord(
            hashlib.sha256(data).hexdigest(), len(data), f"rewrite_amd64_{language}.msi",
            "url-rewrite", "IIS URL Rewrite Module 2", "7.2.1993", product_code(language), "x64",
            language, SIGNATURE, ("ProductCode",), "2021-03-05T00:00:00Z",
        )  # fmt: skip
        packages.path(record).parent.mkdir(parents=True)
        packages.path(record).write_bytes(data)
        records.append(record)
    signer = keys.signer(folder / "keys", "ops", SECRET)
    packages.change(tuple, signer, days=30, modules=lambda _: tuple(records))
    return {
        "mitigate_store": str(folder / "store"),
        "mitigate_keys": str(folder / "keys"),
        "mitigate_seen": str(folder / "seen.json"),
        "mitigate_mitigations": ["backend-cookie"],
        "mitigate_serial": 10,
    }


def steps(result: dict[str, Any]) -> list[str]:
    return [row["step"] for row in result["mitigation"]["steps"]]


def test_module_comes_before_the_rules_and_goes_after_them(
    play: Callable[..., Play], mitigate_fleet: Fleet, tmp_path: Path
) -> None:
    confirm = {
        **store(tmp_path),
        "mitigate_case": str(tmp_path / "case"),
        "mitigate_confirm": True,
    }
    before = mutations(mitigate_fleet)

    code, planned, text = play("mitigate", confirm, "--check")
    assert code == 0, text
    assert states(planned) == dict.fromkeys(HOSTS, "planned")
    plans = {
        host: [step["id"] for step in result["mitigation"]["plan"]["steps"]]
        for host, result in planned.items()
    }
    assert all(plans[host][:3] == IDS for host in ("bare", "german", "fails"))
    assert not set(IDS) & set(plans["foreign"])
    assert mutations(mitigate_fleet) == before  # I9

    code, done, text = play("mitigate", confirm, "--limit", ",".join(GOOD))
    assert code == 0, text
    assert states(done) == dict.fromkeys(GOOD, "mitigated")
    for host in GOOD:
        assert steps(done[host]) == plans[host]
        assert {row["outcome"] for row in done[host]["mitigation"]["probes"]["after"]} >= {
            "aborted"
        }

    middle = mutations(mitigate_fleet)
    code, again, text = play("mitigate", confirm, "--limit", ",".join(GOOD))
    assert (code, any(result["changed"] for result in again.values())) == (0, False), text
    assert mutations(mitigate_fleet) == middle

    why = {**confirm, "mitigate_although_open": "a test"}
    code, gone, text = play("unmitigate", why, "--limit", ",".join(GOOD))
    assert code == 0, text
    assert states(gone) == dict.fromkeys(GOOD, "removed")
    for host in ("bare", "german"):
        assert steps(gone[host])[-2:] == ["rewrite-module/remove", "rewrite-module/forget"]
    assert not any(step.startswith("rewrite-module") for step in steps(gone["foreign"]))
    report = verify(tmp_path / "case" / "journal.jsonl")
    assert report.ok, report


def test_rules_are_not_written_where_the_module_does_not_come(
    play: Callable[..., Play], tmp_path: Path
) -> None:
    confirm = {**store(tmp_path), "mitigate_confirm": True}
    code, done, text = play("mitigate", confirm, "--limit", "fails")
    assert code != 0, text
    assert states(done) == {"fails": "stopped"}
    result = done["fails"]["mitigation"]
    assert "exit code 1603" in result["reason"]
    assert "backend-cookie/rules/Default Web Site: not tried" in result["reason"]
    assert {row["outcome"] for row in result["probes"]["before"]} == {"status"}
