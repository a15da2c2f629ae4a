# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer of the front end proves: only a refusal beside a page that answers."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.probes import (
    Answers,
    Question,
    Questions,
)

COOKIE = load().mitigation("backend-cookie")
SITE = "Default Web Site"
ALIVE = {"name": "health", "outcome": "status", "status": 200}
REFUSED = {"name": "cookie", "outcome": "aborted", "status": None, "error": "ReceiveFailure"}


def proof(*rows: dict[str, Any], unreachable: tuple[str, ...] = ()) -> tuple[bool | None, Any]:
    asked = (
        Question("health", SITE, "/owa/healthcheck.htm", None, {}),
        Question("cookie", SITE, "/owa/healthcheck.htm", COOKIE.id, {}),
    )
    return Answers(Questions(asked, unreachable), rows).proof(COOKIE)


def test_refusal_beside_a_page_that_answers_is_proof() -> None:
    assert proof(ALIVE, REFUSED) == (True, "our request was refused")


def test_request_that_is_answered_is_proof_of_the_contrary() -> None:
    proven, words = proof(ALIVE, {**REFUSED, "outcome": "status", "status": 200})
    assert proven is False
    assert "the request was answered (HTTP 200)" in words


@pytest.mark.parametrize(
    ("health", "cookie", "words"),
    [
        ({**ALIVE, "status": 503}, REFUSED, "a refusal proves nothing"),
        ({**ALIVE, "outcome": "failed", "status": None}, REFUSED, "a refusal proves nothing"),
        (ALIVE, {**REFUSED, "outcome": "status", "status": 503}, "the rule was not reached"),
        (ALIVE, {**REFUSED, "outcome": "failed"}, "the rule was not reached"),
        (ALIVE, {"name": "another"}, "no answer"),
    ],
)
def test_anything_else_proves_nothing(
    health: dict[str, Any], cookie: dict[str, Any], words: str
) -> None:
    proven, said = proof(health, cookie)
    assert proven is None
    assert words in said


def test_site_that_cannot_be_asked_leaves_it_unproven() -> None:
    proven, said = proof(ALIVE, REFUSED, unreachable=("Second Site",))
    assert proven is None
    assert "Second Site" in said
