# SPDX-License-Identifier: GPL-3.0-or-later
"""Every recorded run of Microsoft's scripts gets the verdict that a person gave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog import (
    scripts as loader,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptIntent,
    ScriptVersion,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.attempts import JobEnd
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import (
    JobOutcome,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.command import (
    ScriptOptions,
    arguments,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.result import (
    ScriptOutcome,
    ScriptResult,
    ScriptRun,
    verdict,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.situation import (
    situation,
)

from .conftest import facts, read_back, recorded, trace

if TYPE_CHECKING:
    from .conftest import Recorded


def wish(recording: Recorded) -> ScriptOptions:
    tool = loader.tools()[recording.tool]
    named = recording.run.get("mitigation", "backend-cookie")
    names = tool.mitigations if named == "all" else (named,)
    return ScriptOptions(
        ScriptIntent(recording.run["intent"]), names, accept_rollback_defaults=True
    )


def after(recording: Recorded) -> dict[str, Any]:
    run = recording.run
    return facts(
        run.get("product", "Exchange2016"),
        rules=run["rules"],
        services=run.get("services"),
        pools=run.get("pools"),
    )


def judged(recording: Recorded, found: dict[str, Any] | None = None) -> ScriptResult:
    run, wanted = recording.run, wish(recording)
    before = trace(recording.before, [] if recording.before else None)
    later = trace(run.get("values"), run.get("log"), tuple(run.get("downloads", ())))
    end = JobEnd("job", JobOutcome.FINISHED, "", run.get("exit_code", 0))
    observed = ScriptRun(end, before, later)
    seen = read_back(found or after(recording), *wanted.mitigations)
    return verdict(loader.tools()[recording.tool], wanted, observed, seen)


def test_every_recorded_run_is_judged_as_a_person_did(recording: Recorded) -> None:
    result = judged(recording)
    text = "; ".join(result.reasons)
    assert result.outcome.value == recording.run["outcome"], text
    for words in recording.run["says"]:
        assert words in text
    assert bool(result.threats) is recording.run.get("threats", False)
    assert result.updated_itself is recording.run.get("updated_itself", False)


def test_success_without_the_state_on_the_host_is_never_success(recording: Recorded) -> None:
    wanted = wish(recording)
    opposite = facts(
        recording.run.get("product", "Exchange2016"), rules=wanted.intent is ScriptIntent.ROLLBACK
    )
    result = judged(recording, opposite)
    assert result.outcome is not ScriptOutcome.SUCCEEDED


def test_arguments_are_the_recorded_ones_where_we_would_run_it_so(recording: Recorded) -> None:
    tool = loader.tools()[recording.tool]
    given = arguments(
        tool,
        ScriptVersion.parse(recording.version),
        wish(recording),
        situation(facts()),
        check=False,
    )
    run = [word for word in recording.run["arguments"] if word != "-Confirm:false"]
    if recording.name == "service-does-not-stop":
        given = (*given, "-operationTimeOutDuration", "3")
    assert (sorted(given) == sorted(run)) is recording.run["ours"]
    assert not any(":" in word for word in given)


def test_nothing_is_missing() -> None:
    counts: dict[str, int] = {}
    for item in recorded():
        counts[item.tool] = counts.get(item.tool, 0) + 1
    assert counts == {"eomt": 44, "exchange_mitigations": 21}
