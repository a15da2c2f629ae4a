# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.catalog import (
        Catalog,
    )


@pytest.mark.parametrize(
    ("product", "cu", "day", "status"),
    [
        # N and N-1 when ProxyLogon broke, and two weeks later, when a new CU moved the line
        ("Exchange2016", "CU19", "2021-03-02", "supported"),
        ("Exchange2016", "CU18", "2021-03-02", "supported"),
        ("Exchange2016", "CU17", "2021-03-02", "unsupported"),
        ("Exchange2016", "CU18", "2021-03-16", "unsupported"),
        ("Exchange2016", "CU20", "2021-03-16", "supported"),
        ("Exchange2016", "CU20", "2021-03-02", "unknown"),
        ("Exchange2019", "CU7", "2021-03-02", "supported"),
        ("Exchange2019", "CU6", "2021-03-02", "unsupported"),
        ("Exchange2013", "CU23", "2021-03-02", "supported"),
        ("Exchange2013", "CU22", "2021-03-02", "unsupported"),
        ("Exchange2010", "SP3 UR32", "2021-03-02", "unsupported"),
        ("Exchange2010", "SP3 UR31", "2020-10-13", "supported"),
        ("Exchange2010", "SP3 UR31", "2020-10-14", "unsupported"),
        # the last public day, and the two paid periods with the gap between them
        ("Exchange2013", "CU23", "2023-04-11", "supported"),
        ("Exchange2013", "CU23", "2023-04-12", "unsupported"),
        ("Exchange2016", "CU22", "2022-11-08", "supported"),
        ("Exchange2016", "CU22", "2023-01-10", "unsupported"),
        ("Exchange2016", "CU23", "2025-10-14", "supported"),
        ("Exchange2016", "CU23", "2025-10-15", "extended"),
        ("Exchange2016", "CU23", "2026-04-14", "extended"),
        ("Exchange2016", "CU23", "2026-04-15", "unknown"),
        ("Exchange2016", "CU23", "2026-05-01", "extended"),
        ("Exchange2016", "CU23", "2026-10-31", "extended"),
        ("Exchange2016", "CU23", "2026-11-01", "unsupported"),
        ("Exchange2019", "CU13", "2025-10-15", "unsupported"),
        ("Exchange2019", "CU14", "2025-10-15", "extended"),
        ("Exchange2019", "CU15", "2026-10-31", "extended"),
        ("ExchangeSE", "RTM", "2026-11-23", "supported"),
        ("ExchangeSE", "RTM", "2025-06-30", "unknown"),
        ("Exchange2016", "CU99", "2021-03-02", "unknown"),
    ],
)
def test_support_of_a_cumulative_update_on_a_day(catalog: Catalog, product, cu, day, status):
    answer = catalog.support(product, cu, date.fromisoformat(day))
    assert answer.status == status
    assert answer.note
    assert answer.source


def test_the_answer_names_what_was_in_support(catalog: Catalog):
    answer = catalog.support("Exchange2016", "CU17", date(2021, 3, 2))
    assert answer.supported_updates == ("CU18", "CU19")
    assert "CU18, CU19" in answer.note


def test_product_as_a_whole(catalog: Catalog):
    assert catalog.support("Exchange2016", None, date(2021, 3, 2)).status == "supported"
    assert catalog.support("Exchange2010", None, date(2021, 3, 2)).status == "unsupported"


def test_a_value_from_memory_is_marked(catalog: Catalog):
    assert "[memory]" in catalog.support("Exchange2010", "SP3", date(2015, 1, 1)).note


def test_a_preview_is_never_the_supported_one(catalog: Catalog):
    answer = catalog.support("Exchange2016", "Preview", date(2015, 10, 2))
    assert answer.status == "unsupported"
    assert answer.supported_updates == ("RTM",)
