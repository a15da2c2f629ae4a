# SPDX-License-Identifier: GPL-3.0-or-later
"""A package is bound to exact builds; the name of its file may contradict and proves nothing."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.binding import (
    bind,
    check_name,
)

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
        Catalog,
    )

CU19_MARCH = Build.parse("15.1.2176.9")
FILE = "Exchange2016-KB5000871-x64-en.msp"


def test_update_applies_to_the_earlier_builds_of_its_own_cumulative_update(
    catalog: Catalog,
) -> None:
    binding = bind(catalog, "KB5000871", CU19_MARCH)
    assert (binding.product, binding.cu, binding.kb) == ("Exchange2016", "CU19", "KB5000871")
    assert binding.applies_to[0] == Build.parse("15.1.2176.2")
    assert {build.cumulative_update for build in binding.applies_to} == {(15, 1, 2176)}
    assert CU19_MARCH not in binding.applies_to


def test_cumulative_update_applies_to_every_earlier_build_of_the_product(catalog: Catalog) -> None:
    binding = bind(catalog, None, Build.parse("15.1.2176.2"))
    assert binding.kind == "CU"
    assert Build.parse("15.1.2106.13") in binding.applies_to
    assert {(b.major, b.minor) for b in binding.applies_to} == {(15, 1)}


def test_rollup_of_2010_applies_to_earlier_rollups_of_its_service_pack(catalog: Catalog) -> None:
    rollup = next(p for p in reversed(catalog.packages()) if p.product == "Exchange2010")
    binding = bind(catalog, None, rollup.build)
    assert binding.applies_to
    assert all(build < rollup.build for build in binding.applies_to)


@pytest.mark.parametrize(
    ("kb", "build", "words"),
    [
        ("KB5000871", None, "exists once for each cumulative update"),
        ("KB5000871", "15.1.2176.12", "not KB5000871"),
        (None, "15.1.2176.3", "belongs to no cumulative update|exact builds only"),
        (None, "19.9.9.9", "exact builds only"),
        ("KB1", None, "no update in the catalogue"),
    ],
)
def test_what_is_not_exactly_one_known_update_is_refused(
    kb: str | None, build: str | None, words: str, catalog: Catalog
) -> None:
    with pytest.raises(RefusedError, match=words):
        bind(catalog, kb, Build.parse(build) if build else None)


@pytest.mark.parametrize(
    ("name", "build"),
    [
        (FILE, "15.1.2176.9"),
        ("exchange2016-kb5000871-x64-en.exe", "15.1.2176.9"),
        ("Exchange2016-KB5000871-v2-x64-en.msp", "15.1.2176.9"),
        ("ExchangeServer2016-x64-cu19.iso", "15.1.2176.2"),
        ("mu_exchange_server.iso", "15.1.2176.2"),
        ("update.msp", "15.1.2176.9"),
    ],
)
def test_a_fitting_or_silent_file_name_says_nothing(
    name: str, build: str, catalog: Catalog
) -> None:
    check_name(bind(catalog, None, Build.parse(build)), name)


@pytest.mark.parametrize(
    ("name", "build", "words"),
    [
        ("Exchange2019-KB5000871-x64-en.msp", "15.1.2176.9", "says Exchange2019"),
        ("Exchange2016-KB5001779-x64-en.msp", "15.1.2176.9", "says KB5001779"),
        ("ExchangeServer2016-x64-CU18.ISO", "15.1.2176.2", "says CU18"),
        (FILE, "15.1.2176.2", "is that of an update"),
    ],
)
def test_file_name_of_something_else_is_refused(
    name: str, build: str, words: str, catalog: Catalog
) -> None:
    with pytest.raises(RefusedError, match=words):
        check_name(bind(catalog, None, Build.parse(build)), name)


def test_release_and_uniqueness_come_from_the_catalogue(catalog: Catalog) -> None:
    march = bind(catalog, None, CU19_MARCH)
    assert (march.released, march.release_known_to_the_day) == (date(2021, 3, 2), True)
    assert not march.only_build_of_kb
    assert bind(catalog, None, Build.parse("15.2.2562.20")).only_build_of_kb


def test_what_an_update_starts_from_is_no_other_update(catalog: Catalog) -> None:
    binding = bind(catalog, None, CU19_MARCH)
    assert not set(binding.applies_to) & binding.other_updates
    assert Build.parse("15.1.2106.13") in binding.other_updates
    upgrade = bind(catalog, None, Build.parse("15.1.2176.2"))
    assert Build.parse("15.1.2106.2") in upgrade.other_updates


def test_published_hash_is_that_of_the_file_that_is_named(catalog: Catalog) -> None:
    """The .msp of the same update has another one."""
    binding = bind(catalog, None, Build.parse("15.2.2562.53"))
    assert (binding.pinned("exe") or "").startswith("40b3825435c0")
    assert binding.pinned("msp") is None
    assert bind(catalog, None, CU19_MARCH).pinned("msp") is None
