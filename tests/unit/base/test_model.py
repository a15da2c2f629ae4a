# SPDX-License-Identifier: GPL-3.0-or-later
"""A build is read exactly or not at all: a host chooses the text."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build


@pytest.mark.parametrize("text", ["15.1.2176.9", "15.01.2176.009"])
def test_spellings_of_one_build_are_the_same(text: str) -> None:
    assert Build.parse(text) == Build(15, 1, 2176, 9)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "15.1.2176",
        "15.1.2176.9.1",
        "15.1.2176.9\n",
        " 15.1.2176.9",
        "15.1.217611.9",
        "a.b.c.d",
        None,
        15,
        ["15.1.2176.9"],
    ],
)
def test_anything_else_is_no_build(text: Any) -> None:
    with pytest.raises(ValueError, match="not a four-part Exchange build"):
        Build.parse(text)
