# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts are compared character by character, whatever the culture of the host ignores."""

from __future__ import annotations

import json
import subprocess

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader

pytestmark = pytest.mark.engine
PAIRS = [
    ("a", "a", True), ("a", "A", False), ("a", "a\u00ad", False), ("\u00ad", "", False),
    ("a\0b", "ab", False), ("a\u200db", "ab", False), ("\u0085x", "x", False),
    ("e\u0301", "\u00e9", False), ("\u0130", "I", False), ("", None, False), (None, None, True),
    (None, "", False), ("1", 1, True),
]  # fmt: skip


def test_ordinal_and_nothing_else(pwsh: str) -> None:
    script = (
        loader._functions_for("Test-SameText")
        + """
$pairs = [Console]::In.ReadToEnd() | ConvertFrom-Json -NoEnumerate
$found = foreach ($pair in $pairs) {
    [bool] (Test-SameText $pair[0] $pair[1])
    [bool] ($pair[0] -ceq $pair[1])
}
ConvertTo-Json -Compress @($found)
"""
    )
    done = subprocess.run(
        [pwsh, "-NoProfile", "-NonInteractive", "-Command", script],
        input=json.dumps([pair[:2] for pair in PAIRS]), capture_output=True, text=True, check=True,
    )  # fmt: skip
    answers = json.loads(done.stdout)
    assert answers[0::2] == [same for _, _, same in PAIRS]
    # Otherwise this shows nothing: the operator takes texts that differ for equal.
    assert answers[1::2] != answers[0::2]
