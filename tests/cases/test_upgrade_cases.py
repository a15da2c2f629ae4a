# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the upgrade room: what is chosen, what stops it, what proves it, what is to be done again."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.assess import assess
from ansible_collections.exchange.remediation.plugins.plugin_utils.facts.read import Facts
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.catalogue import PackageCatalogue
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import PackageRecord
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import UpdateSelection, HostReading, InstallState
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.checks import blocking
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.policy import DagAnswer, Policy
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import build_world
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.facts.collect import collect
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.upgrade.choose import choose_cu
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.upgrade.mitigations import MitigationsInEffect, to_reapply
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.upgrade.checks import UpgradeReadings, upgrade_prechecks
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.upgrade.requirements import cu_prechecks, setup_arguments
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.upgrade.verdict import classify_setup, judge_upgrade

HERE = Path(__file__).parent / "upgrade"
AT = datetime(2021, 4, 1, 10, tzinfo=UTC)
BEFORE, TARGET = "15.1.2176.2", "15.1.2242.4"
SPEC = {
    "exchange": {"product": "Exchange2016", "cu": "CU19", "build": BEFORE},
    "now": "2021-04-01T10:00:00Z",
}


def _cases(name: str) -> list[Any]:
    rows = yaml.safe_load((HERE / f"{name}.yml").read_text(encoding="utf-8"))["cases"]
    return [pytest.param(row, id=row["name"]) for row in rows]


@cache
def _facts_once() -> dict[str, Any]:
    return collect(build_world(SPEC, "EX01", at=AT))[0]


def _facts(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """A server in good order on CU19; changes are laid over by dotted name."""
    facts = copy.deepcopy(_facts_once())
    for dotted, value in (changes or {}).items():
        *way, last = dotted.split(".")
        place: Any = facts
        for name in way:
            assert name in place, f"{dotted}: the facts have no {name}"
            place = place[name]
        assert last in place, f"{dotted}: the facts have no {last}"
        place[last] = value
    return facts


def _record(build: str, kind: str) -> PackageRecord:
    catalog = load()
    info = catalog.find_build(Build.parse(build))
    assert info is not None
    earlier = tuple(
        b.build for b in catalog.builds() if b.product == info.product and b.build < info.build
    )
    return PackageRecord(
        "0" * 64,
        6 << 30,
        f"ExchangeServer{info.product[-4:]}-x64-{info.cu}.{kind}",
        kind,
        info.product,
        info.cu,
        "CU",
        info.kb,
        info.build,
        earlier,
        (),
        None,
        (),
        "from the volume licensing page",
        "2021-03-03T00:00:00Z",
    )


def _store(rows: list[list[str]] | None) -> PackageCatalogue | None:
    if rows is None:
        return None
    return PackageCatalogue("x", 1, AT, AT, tuple(_record(*row) for row in rows))


@pytest.mark.parametrize("row", _cases("choose"))
def test_choice(row: dict[str, Any]) -> None:
    build = Build.parse(row["build"]) if row["build"] else None
    at = date.fromisoformat(str(row["at"]))
    found = choose_cu(load(), build, at, _store(row["store"]), row.get("wanted"))
    expect = row["expect"]
    assert found.action.value == expect["action"], found.reason
    assert "target" not in expect or str(found.target) == expect["target"]
    for words in expect.get("says", ()):
        assert words in f"{found.reason} {found.remedy}"
    assert (found.package is not None) == expect.get("package", False)
    assert found.package is None or found.package.format == "iso"


@pytest.mark.parametrize("row", _cases("requirements"))
def test_requirements(row: dict[str, Any]) -> None:
    facts = _facts({"dotnet": {"release": row["dotnet"]} if row["dotnet"] else None})
    found = cu_prechecks(row["product"], row["cu"], Facts.of(facts, ()), row.get("prepared"))
    assert {c.check: c.status.value for c in found if c.blocks} == row["stops"]
    assert " ".join(setup_arguments(row["product"], row["cu"]) or ()) == row["arguments"]


def _choice(*, store: bool = True) -> UpdateSelection:
    rows = [[TARGET, "iso"]] if store else None
    return choose_cu(load(), Build.parse(BEFORE), AT.date(), _store(rows), "CU20")


def _policy(given: dict[str, Any]) -> Policy:
    values = dict(given)
    if "window_end" in values:
        values["window_end"] = datetime.fromisoformat(values["window_end"])
    if "guard" in values:
        values["guard"] = DagAnswer(**values["guard"])
    if "required" in values:
        values["required"] = tuple(values["required"])
    return Policy(**values)


BIN = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Bin\\"


def _binaries(**versions: str | None) -> list[dict[str, Any]]:
    return [{"path": f"{BIN}{name}", "file_version": v} for name, v in versions.items()]


@pytest.mark.parametrize("row", _cases("prechecks"))
def test_precheck(row: dict[str, Any]) -> None:
    facts = _facts(row.get("facts"))
    snapshot = {"installers": [], "service_cache": []} | row.get("snapshot", {})
    recorded = None
    if "earlier" in row:
        snapshot["binaries"] = _binaries(**{"ExSetup.exe": BEFORE, "A.dll": BEFORE})
        was = {"same": BEFORE, "other": TARGET, "nothing": None}[row["earlier"]]
        files = {"ExSetup.exe": BEFORE, "A.dll": was} if was else {}
        recorded = {"binaries": _binaries(**files)}
    mitigated = MitigationsInEffect(**{k: tuple(v) for k, v in row.get("mitigated", {}).items()})
    catalog = load()
    ground = UpgradeReadings(
        HostReading(facts, snapshot),
        assess(facts, (), catalog, catalog.campaign("proxylogon"), AT),
        mitigated,
        row.get("prepared_by", "jane"),
        recorded,
        tuple(row.get("begun", ())),
    )
    choice = _choice(store=row.get("store", True))
    found = upgrade_prechecks(catalog, choice, ground, _policy(row.get("policy", {})), AT)
    assert {check.check: check.status.value for check in blocking(found)} == row["stops"]
    for words in row.get("says", ()):
        assert any(words in check.summary for check in found), [c.summary for c in found]
    assert all(check.remedy or check.status.value != "stop" for check in found)


def _observed(changes: dict[str, Any], build: str) -> HostReading:
    facts = _facts()
    exsetup = changes.get("exsetup", build)
    facts["exchange"]["exsetup"] = None
    if exsetup is not None:
        facts["exchange"]["exsetup"] = {"path": f"{BIN}ExSetup.exe", "file_version": exsetup}
    facts["exchange"]["registry_version"] = changes.get("registry", build)
    facts["pending_reboot"] = [{"source": source} for source in changes.get("pending", ())]
    snapshot: dict[str, Any] = {
        "services": copy.deepcopy(facts["services"]),
        "app_pools": copy.deepcopy(facts["iis"]["app_pools"]),
        "binaries": _binaries(
            **{"Microsoft.Exchange.Common.dll": exsetup or build, **changes.get("binaries", {})}
        ),
        "components": [],
        "service_cache": [],
    }
    for name, values in changes.get("services", {}).items():
        next(r for r in snapshot["services"] if r["name"] == name).update(values)
    probes: Any = ({"name": "owa", "as_expected": True},)
    if "probe" in changes:
        status = changes["probe"]
        probes = ({"name": "owa", "status": status, "as_expected": False},) if status else None
    return HostReading(facts, snapshot, probes)


@pytest.mark.parametrize("row", _cases("verdicts"))
def test_verdict(row: dict[str, Any]) -> None:
    """I18: nothing but conditions that hold makes an upgrade."""
    before, after = _observed({}, BEFORE), _observed(row.get("after", {}), TARGET)
    found = judge_upgrade(_choice(), before, after, classify_setup(row.get("code", 0)))
    expect = row["expect"]
    assert found.state.value == expect["state"], found.reason
    wrong = {c.condition: c.holds.value for c in found.wrong}
    assert wrong == expect.get("wrong", {})
    assert sorted(f.failure for f in found.failures) == sorted(expect.get("failures", []))
    for words in expect.get("says", ()):
        assert words in found.reason
    assert (found.state is InstallState.PATCHED) is not bool(wrong)
    assert all(f.repair and f.source for f in found.failures)


@pytest.mark.parametrize(
    ("remembered", "holding", "build", "expected"),
    [
        (["backend-cookie", "um-services"], [], BEFORE, ("backend-cookie", "um-services")),
        (["backend-cookie", "um-services"], ["backend-cookie"], BEFORE, ("um-services",)),
        ([], [], BEFORE, ()),
        # What the cumulative update itself closes comes off instead.
        (["backend-cookie"], [], TARGET, ()),
        (["um-services", "um-services"], [], BEFORE, ("um-services",)),
    ],
)
def test_what_is_to_be_applied_again(
    remembered: list[str], holding: list[str], build: str, expected: tuple[str, ...]
) -> None:
    after = MitigationsInEffect(holding=tuple(holding))
    assert to_reapply(load(), remembered, after, Build.parse(build)) == expected
