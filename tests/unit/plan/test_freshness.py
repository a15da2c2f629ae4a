# SPDX-License-Identifier: GPL-3.0-or-later
"""The digest of the facts that a plan rests on."""

from __future__ import annotations

from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.freshness import (
    facts_digest,
)

FACTS = {"services": [{"name": "a", "status": "Running"}], "clock": {"utc": "1"}, "iis": {"x": 1}}


def test_only_the_named_sections_count() -> None:
    later = {**FACTS, "clock": {"utc": "2"}}
    assert facts_digest(FACTS, ["services"]) == facts_digest(later, ["services"])
    assert facts_digest(FACTS, ["services", "iis"]) == facts_digest(FACTS, ["iis", "services"])


def test_every_change_of_them_is_seen() -> None:
    stopped = {**FACTS, "services": [{"name": "a", "status": "Stopped"}]}
    gone = {name: value for name, value in FACTS.items() if name != "services"}
    digests = {facts_digest(f, ["services"]) for f in (FACTS, stopped, gone, None)}
    assert len(digests) == 3  # no facts at all is the same as a section that is missing
