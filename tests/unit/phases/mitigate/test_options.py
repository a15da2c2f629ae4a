# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong options are told before anything is sent, and an empty approval approves nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    RemediationError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.policy import objection
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.request import (
    read,
)


def given(**changes: Any) -> dict[str, Any]:
    base = {"campaign": "proxylogon", "state": "present", "confirm": True, "seconds": 900}
    return {**base, **changes}


@pytest.mark.parametrize("value", [None, "", "  "])
def test_an_empty_approval_approves_nothing(value: str | None) -> None:
    wanted = read(
        "ex01",
        given(required_approvals=["ticket"], approvals={"ticket": value}),
        check=False,
    )
    assert "ticket" in (objection(wanted.policy, datetime.now(UTC)) or "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"campaign": "nosuch"}, "known are proxylogon"),
        ({"seconds": -5}, "seconds: -5"),
        ({"seconds": 0}, "seconds: 0"),
        ({"window_end": "tomorrow"}, "window_end: 'tomorrow'"),
    ],
)
def test_a_wrong_option_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(RemediationError, match=words):
        read("ex01", given(**changes), check=True)
