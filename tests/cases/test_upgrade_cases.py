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
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.facts import Facts
from ansible_collections.exchange.remediation.plugins.plugin_utils.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.packages.catalogue import (
    PackageCatalogue,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.packages.records import (
    PackageRecord,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.builder import (
    build_world,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.model.facts import (
    collect,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.upgrade.choose import choose_cu
from ansible_collections.exchange.remediation.plugins.plugin_utils.upgrade.requirements import (
    cu_prechecks,
    setup_arguments,
)

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
