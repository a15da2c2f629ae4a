# SPDX-License-Identifier: GPL-3.0-or-later
"""An update that its maker took back is chosen by nobody, and installed with a recorded reason alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog import catalog as module
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.builds import (
    Withdrawal,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.remedy import remedy
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.patch.choose import choose
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.catalogue import (
    PackageCatalogue,
)
from patched_host import record

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.builds import (
        Package,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
        UpdateSelection,
    )

BEFORE, AT = Build.parse("15.1.2176.2"), date(2021, 3, 5)
GONE = Withdrawal(date(2021, 3, 4), "it stops the mail", "a blog")


@pytest.fixture
def withdrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """KB5000871 was taken back; what came later was not."""
    known = module.Catalog.packages

    def packages(self: module.Catalog, wanted: Build | str | None = None) -> tuple[Package, ...]:
        return tuple(
            replace(one, withdrawn=GONE) if one.kb == "KB5000871" else one
            for one in known(self, wanted)
        )

    monkeypatch.setattr(module.Catalog, "packages", packages)


def _choice(kb: str | None = None, accepted: str | None = None) -> UpdateSelection:
    return choose(load(), "proxylogon", BEFORE, AT, None, kb=kb, accepted=accepted)


@pytest.mark.usefixtures("withdrawn")
def test_a_later_one_is_chosen_in_its_place() -> None:
    found = _choice()
    assert (found.action.value, found.kb != "KB5000871") == ("install", True)
    assert _choice(accepted="nobody asked for it by name").kb == found.kb


@pytest.mark.usefixtures("withdrawn")
def test_one_that_is_in_the_store_already_is_not_taken_from_there() -> None:
    now = datetime(2021, 3, 5, tzinfo=UTC)
    store = PackageCatalogue("x", 1, now, now, (record(),))
    found = choose(load(), "proxylogon", BEFORE, AT, store)
    assert (found.action.value, found.package) == ("stop", None)
    assert "KB5000871" not in found.reason
    found = choose(load(), "proxylogon", BEFORE, AT, store, kb="KB5000871", accepted="CHG0042")
    assert (found.action.value, found.package) == ("install", record())


@pytest.mark.usefixtures("withdrawn")
def test_by_name_it_needs_a_reason() -> None:
    found = _choice("KB5000871")
    assert found.action.value == "stop"
    assert "Microsoft withdrew KB5000871 on 2021-03-04: it stops the mail (a blog)" in found.reason
    assert "patch_approvals: {withdrawn: REASON}" in (found.remedy or "")
    found = _choice("KB5000871", "no transport rules here, CHG0042")
    assert (found.action.value, found.kb) == ("install", "KB5000871")


@pytest.mark.usefixtures("withdrawn")
def test_where_no_other_closes_it_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    every = module.Catalog.packages
    monkeypatch.setattr(
        module.Catalog, "packages",
        lambda self, wanted=None: tuple(p for p in every(self, wanted) if p.kb == "KB5000871"),
    )  # fmt: skip
    assert _choice().action.value == "stop"
    status = load().campaign_status("proxylogon", BEFORE)
    assert remedy(load(), BEFORE, status.fixes).update is None


def test_the_one_of_november_2024_is_marked_for_each_cumulative_update() -> None:
    rows = load().packages("KB5044062")
    assert {(row.product, row.cu) for row in rows} == {
        ("Exchange2016", "CU23"), ("Exchange2019", "CU13"), ("Exchange2019", "CU14"),
    }  # fmt: skip
    assert {row.withdrawn.date for row in rows if row.withdrawn} == {date(2024, 11, 14)}
    others = [row for row in load().packages() if row.withdrawn and row.kb != "KB5044062"]
    assert others == []
