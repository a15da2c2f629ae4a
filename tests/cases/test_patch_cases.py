# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the patch room: what is chosen, what stops it, what an exit code means, what proves it."""

from __future__ import annotations

import copy
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from proven_content import PROVEN
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.assess import assess
from ansible_collections.exchange.remediation.plugins.plugin_utils.facts.read import Facts
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.catalogue import PackageCatalogue
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import PackageRecord
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.patch.choose import choose
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.components import Maintenance
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.failures import classify
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import UpdateSelection, HostReading, InstallState
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.patch.verdict import judge
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.checks import blocking
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.policy import DagAnswer, Policy
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.patch.checks import prechecks
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import build_world
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.facts.collect import collect

HERE = Path(__file__).parent / "patch"
AT = datetime(2021, 3, 5, 10, tzinfo=UTC)
BEFORE, TARGET = "15.1.2176.2", "15.1.2176.9"
BIN = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Bin\\"
SPEC = {
    "exchange": {"product": "Exchange2016", "cu": "CU19", "build": BEFORE},
    "now": "2021-03-05T10:00:00Z",
}


def _cases(name: str) -> list[Any]:
    rows = yaml.safe_load((HERE / f"{name}.yml").read_text(encoding="utf-8"))["cases"]
    return [pytest.param(row, id=row["name"]) for row in rows]


@cache
def _facts_once(role: str, product: str) -> dict[str, Any]:
    spec = SPEC | {"role": role}
    if product != "Exchange2016":
        spec |= {"exchange": {"product": product, "cu": "CU23", "build": "15.0.1497.2"}}
    return collect(build_world(spec, "EX01", at=AT))[0]


def _facts(
    changes: dict[str, Any] | None = None, role: str = "Mailbox", product: str = "Exchange2016"
) -> dict[str, Any]:
    """A server in good order on CU19; changes are laid over by dotted name."""
    facts = copy.deepcopy(_facts_once(role, product))
    facts["disks"] = [
        {"root": "C:\\", "purposes": ["system", "exchange", "temp"], "free_bytes": 50 << 30}
    ]
    for dotted, value in (changes or {}).items():
        *way, last = dotted.split(".")
        place: Any = facts
        for name in way:
            assert name in place, f"{dotted}: the facts have no {name}"
            place = place[name]
        assert last in place, f"{dotted}: the facts have no {last}"
        place[last] = value
    return facts


def _record(target: str, applies_to: str) -> PackageRecord:
    info = load().find_build(Build.parse(target))
    assert info is not None
    return PackageRecord(
        "0" * 64,
        150 << 20,
        f"{info.product}-{info.kb}-x64-en.msp",
        "msp",
        info.product,
        info.cu,
        info.kind,
        info.kb,
        info.build,
        (Build.parse(applies_to),),
        (),
        None,
        (),
        None,
        "2021-03-03T00:00:00Z",
        PROVEN,
    )


def _store(rows: list[list[str]] | None) -> PackageCatalogue | None:
    if rows is None:
        return None
    records = tuple(_record(*row) for row in rows)
    return PackageCatalogue("x", 1, AT, AT, records)


@pytest.mark.parametrize("row", _cases("choose"))
def test_choice(row: dict[str, Any]) -> None:
    build = Build.parse(row["build"]) if row["build"] else None
    found = choose(
        load(),
        row.get("campaign", "proxylogon"),
        build,
        date.fromisoformat(str(row.get("at", "2021-03-05"))),
        _store(row.get("store")),
        kb=row.get("kb"),
        repair=row.get("repair", False),
    )
    expect = row["expect"]
    assert found.action.value == expect["action"]
    assert "target" not in expect or str(found.target) == expect["target"]
    assert found.kb == expect.get("kb", found.kb)
    for words in expect.get("says", ()):
        assert words in f"{found.reason} {found.remedy}"
    for name in expect.get("cumulative_updates", ()):
        assert name in found.cumulative_updates
    assert (found.package is not None) == expect.get("package", False)


def _choice(*, store: bool = True) -> UpdateSelection:
    rows = [[TARGET, BEFORE]] if store else None
    return choose(
        load(), "proxylogon", Build.parse(BEFORE), AT.date(), _store(rows), kb="KB5000871"
    )


def _policy(given: dict[str, Any]) -> Policy:
    values = dict(given)
    if "window_end" in values:
        values["window_end"] = datetime.fromisoformat(values["window_end"])
    if "guard" in values:
        values["guard"] = DagAnswer(**values["guard"])
    if "given" in values:
        values["given"] = tuple(values["given"].items())
    if "required" in values:
        values["required"] = tuple(values["required"])
    return Policy(**values)


@pytest.mark.parametrize("row", _cases("prechecks"))
def test_precheck(row: dict[str, Any]) -> None:
    facts = _facts(row.get("facts"), row.get("role", "Mailbox"), row.get("product", "Exchange2016"))
    without = set(row.get("without", ()))
    if facts["services"]:
        facts["services"] = [r for r in facts["services"] if r["name"] not in without]
    snapshot = {"installers": [], "service_cache": []} | row.get("snapshot", {})
    catalog = load()
    judged = assess(facts, (), catalog, catalog.campaign("proxylogon"), AT)
    found = prechecks(
        _choice(store=row.get("package", True)),
        Facts.of(facts, row.get("errors", [])),
        snapshot,
        judged,
        _policy(row.get("policy", {})),
        AT,
    )
    stops = {check.check: check.status.value for check in blocking(found)}
    assert stops == row["stops"]
    aside = {check.check for check in found if check.status.value == "not-applicable"}
    assert aside == set(row.get("aside", ()))
    for words in row.get("says", ()):
        assert any(words in check.summary for check in found), [c.summary for c in found]


@pytest.mark.parametrize("row", _cases("exit_codes"))
def test_exit_code_class(row: dict[str, Any]) -> None:
    found = classify(row["code"])
    assert found.kind.value == row["class"]
    assert row.get("says", "") in found.meaning


def _components(given: dict[str, str] | None) -> Any:
    """``{"OwaProxy/HealthAPI": "Inactive"}`` as rows; null: not read."""
    if given is None:
        return None
    split = [(name.split("/"), state) for name, state in given.items()]
    return [{"component": n[0], "requester": n[1], "state": state} for n, state in split]


def _versions(given: dict[str, int] | None) -> Any:
    """``{"15.1.2176.9": 12}`` as the count of a snapshot; null: not counted."""
    if given is None:
        return None
    counts = [{"version": v, "files": n, "names": ["a.dll"]} for v, n in given.items()]
    return {"files": sum(given.values()), "truncated": False, "versions": counts}


def _observed(changes: dict[str, Any]) -> HostReading:
    facts = _facts(None, changes.get("role", "Mailbox"))
    snapshot: dict[str, Any] = {
        "services": copy.deepcopy(facts["services"]),
        "app_pools": copy.deepcopy(facts["iis"]["app_pools"]),
        "binaries": [],
        "service_cache": [],
        "components": _components(changes.get("components", {})),
        "versions": _versions(changes.get("versions")),
    }
    facts["exchange"]["exsetup"]["file_version"] = changes.get("exsetup", BEFORE)
    if changes.get("exsetup", "") is None:
        facts["exchange"]["exsetup"] = None
    if changes.get("listed"):
        facts["updates"].append({"source": "uninstall", "kb": "KB5000871", "name": "SU"})
    for section in ("services", "app_pools"):
        for name, row in (changes.get(section) or {}).items():
            known = next(r for r in snapshot[section] if r["name"] == name)
            known.update(row)
    pending = changes.get("pending", ())
    facts["pending_reboot"] = None if pending is None else [{"source": s} for s in pending]
    snapshot["binaries"] = [
        {"path": BIN + name, "file_version": version}
        for name, version in (changes.get("binaries") or {}).items()
    ]
    snapshot["service_cache"] = [{"path": p} for p in changes.get("service_cache", ())]
    probes: Any = ({"name": "owa", "as_expected": True}, {"name": "ecp", "as_expected": True})
    if "probe" in changes:
        probes = None
        if changes["probe"] is not None:
            probes = ({"name": "owa", "status": changes["probe"], "as_expected": False},)
    if changes.get("role", "Mailbox") != "Mailbox":
        probes = ()  # as nothing is asked of it
    for name in changes.get("gone", ()):
        for listed in (facts["services"], snapshot["services"]):
            listed[:] = [row for row in listed if row["name"] != name]
    if changes.get("extra_service"):
        row = {"status": "Running", "start_type": "Automatic", "image_path": None}
        facts["services"].append({"name": changes["extra_service"], **row})
    if "bindings" in changes:
        facts["iis"]["sites"][0]["bindings"] = changes["bindings"]
    if changes.get("snapshot", True) is None:
        return HostReading(facts, None, probes)
    return HostReading(facts, snapshot, probes)


@pytest.mark.parametrize("row", _cases("postconditions"))
def test_verdict(row: dict[str, Any]) -> None:
    """I18: nothing but conditions that hold makes `patched`."""
    between = _observed(row["installed"]) if "installed" in row else None
    server = {"role": row.get("role", "Mailbox")}
    found = judge(
        _choice(),
        _observed(server | row.get("before", {})),
        _observed({"exsetup": TARGET, "listed": True} | server | row.get("after", {})),
        classify(row.get("code", 0)),
        installed=between,
        maintenance=Maintenance(row.get("maintenance", "as-found")),
    )
    expect = row["expect"]
    assert found.state.value == expect["state"], found.reason
    wrong = {c.condition: c.holds.value for c in found.wrong}
    assert wrong == expect.get("wrong", {})
    aside = {c.condition for c in found.conditions if c.holds.value == "not-applicable"}
    assert aside == set(expect.get("aside", []))
    assert sorted(f.failure for f in found.failures) == sorted(expect.get("failures", []))
    for words in expect.get("says", ()):
        text = " ".join([found.reason, *(str(f.detail) for f in found.failures)])
        assert words in text
    if wrong:
        assert found.state is not InstallState.PATCHED
    assert all(f.repair and f.source for f in found.failures)
