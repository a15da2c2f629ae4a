# SPDX-License-Identifier: GPL-3.0-or-later
"""The model engine and the real scripts on PowerShell give the same reply on the same host.

This is what keeps the model honest. The cases are data, in a folder for each area; here are only
those that say nothing of an operation. What each member means: tests/support/contract_cases.py.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import contract_cases
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    Operation,
)
from engine_pair import (
    FLEETS,
    HOSTS,
    ONE,
    TWO,
    Pair,
    Story,
    differences,
    parsed,
    request,
    take,
    without_known_differences,
)

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine
OURS = "C:\\ProgramData\\ExchangeRemediation"


@pytest.mark.parametrize("case", contract_cases.load(), ids=lambda case: case.id)
def test_both_engines_answer_alike(
    case: contract_cases.Case, shim_engine: PowerShellEngine
) -> None:
    case.play(Story(Pair(FLEETS[case.fleet][case.host], shim_engine)))


CHANGES = [name for name in loader.operations() if loader.under_lock(name)]
OLD = {"ticket": f"1614938399-{'0' * 32}"}


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_for_the_holder_of_the_lock_alone_i16(
    name: str, shim_engine: PowerShellEngine
) -> None:
    """Whatever else is wrong with a request: who may not change the host hears that, on both engines."""
    story = Story(Pair(FLEETS["small"]["ex01"], shim_engine))

    def refused(parameters: dict[str, Any]) -> str:
        (error,) = story.step(name, parameters)["errors"]
        assert error["class"] == "Locked", error
        return str(error["id"])

    assert [refused({}), refused(OLD)] == ["LockNotHeld", "LockLost"]
    assert story.step("Lock-Host", take(ONE))["status"] == "ok"
    assert [refused({"ticket": None}), refused(OLD)] == ["HostLocked", "LockLost"]
    assert story.step("Lock-Host", take(TWO) | {"takeover": "it burnt down"})["status"] == "ok"
    assert refused({"lock_of": ONE["owner"]}) == "LockLost", "the former holder"
    keyless = Operation(name, {}, None, story.holders.ticket)
    model, real = story.pair.ask(request(keyless))
    assert differences(model, real) == []
    assert model["reply"]["errors"][0]["id"] == "KeyMissing"
    for world in story.pair.worlds:
        assert not [m for m in world.mutations if OURS not in str(m["target"])]


@pytest.mark.sweep(count=24)
@pytest.mark.parametrize(("fleet", "name"), HOSTS)
def test_facts_are_the_same(fleet: str, name: str, shim_engine: PowerShellEngine) -> None:
    pair = Pair(FLEETS[fleet][name], shim_engine)
    model, real = pair.ask(request("Get-ExchangeServerInfo"))
    assert differences(model, real) == []
    assert [world.mutations for world in pair.worlds] == [[], []]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(lambda text: text.replace(b'"protocol":1', b'"protocol":2'), id="protocol"),
        pytest.param(lambda text: text.replace(b'"sha256":"', b'"sha256":"0'), id="sha256"),
        pytest.param(
            lambda text: text.replace(b'"parameters":{}', b'"parameters":{"x":1}'), id="parameter"
        ),
    ],
)
def test_unusable_requests_are_refused_alike(line: Any, shim_engine: PowerShellEngine) -> None:
    pair = Pair(FLEETS["small"]["ex01"], shim_engine)
    model, real = pair.ask(line(request("Get-ExchangeServerInfo")))
    assert differences(model, real) == []
    assert model["reply"]["status"] == "error"


def test_psrp_pipeline_answers_alike(shim_engine: PowerShellEngine) -> None:
    line = request("Get-ExchangeServerInfo").decode().strip()
    frames = []
    for host, engine in Pair(FLEETS["small"]["ex02"], shim_engine).sides:
        result = asyncio.run(engine.run_script(host, loader.bootstrap(), [line]))
        frames.append(without_known_differences(parsed(result)))
    assert differences(*frames) == []
    assert frames[0]["reply"]["status"] == "ok"
