# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of updates, as Microsoft writes them in files and as names of files."""

from __future__ import annotations

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.titles import (
    name_claim,
    title_claims,
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5000871)",
            ("Exchange2016", "CU19", "KB5000871"),
        ),
        (
            "Security Update For Exchange Server 2019 CU8 (KB5000871)",
            ("Exchange2019", "CU8", "KB5000871"),
        ),
        (
            "Update Rollup 32 for Microsoft Exchange Server 2010 Service Pack 3 (KB5000978)",
            ("Exchange2010", "SP3", "KB5000978"),
        ),
        ("Hotfix for Exchange Server SE RTM - KB5063224", ("ExchangeSE", "RTM", "KB5063224")),
        ("Exchange Server Subscription Edition RTM", ("ExchangeSE", "RTM", None)),
        ("Microsoft Exchange Server 2016", ("Exchange2016", None, None)),
        ("Exchange Server 2016 (KB5000871, replaces KB4602269)", ("Exchange2016", None, None)),
    ],
)
def test_title_says(text: str, said: tuple[str | None, ...]) -> None:
    (claim,) = title_claims(text)
    assert (claim.product, claim.cu, claim.kb) == said


@pytest.mark.parametrize(
    "text", ["", "Exchange", "Exchange Server", "Security Update for Word 2016 (KB5000871)"]
)
def test_title_of_something_else_says_nothing(text: str) -> None:
    assert title_claims(text) == ()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Exchange2016-KB5000871-x64-en.msp", ("Exchange2016", None, "KB5000871")),
        ("exchange2016-kb5000871-v2-x64-en.exe", ("Exchange2016", None, "KB5000871")),
        (
            "ExchangeSubscriptionEdition-KB5129955-x64-en.exe",
            ("ExchangeSE", None, "KB5129955"),
        ),
        ("ExchangeServer2016-x64-cu19.iso", ("Exchange2016", "CU19", None)),
        ("Exchange2013-x64-cu23.exe", ("Exchange2013", "CU23", None)),
    ],
)
def test_name_says(name: str, said: tuple[str | None, ...]) -> None:
    claim = name_claim(name)
    assert claim is not None
    assert (claim.product, claim.cu, claim.kb) == said


def test_another_name_says_nothing() -> None:
    assert name_claim("update.msp") is None
