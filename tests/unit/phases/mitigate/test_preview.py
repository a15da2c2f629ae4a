# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host refuses is taken out of the plan as a whole mitigation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ScriptError
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate import content
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.preview import (
    preview,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.records import (
    HostPlan,
    Step,
)


def pools(mitigation: str, part: str) -> Step:
    parameters = {"mitigation": mitigation, "pools": [part]}
    return Step(f"{mitigation}/{part}", content.POOLS, parameters, "open", None, None)


def test_one_refused_step_drops_all_of_its_mitigation_and_no_other() -> None:
    asked = []

    class Session:
        def ask(self, _operation: str, parameters: dict[str, Any]) -> Any:
            assert parameters["check"] is True
            (part,) = parameters["pools"]
            asked.append(part)
            if part == "gone":
                raise ScriptError("there is no such pool")
            return SimpleNamespace(result={"before": [], "after": [part]})

    parts = (("one", "first"), ("one", "gone"), ("one", "last"), ("two", "other"))
    plan = HostPlan("mitigate", "proxylogon", tuple(pools(*part) for part in parts))
    found: Any = SimpleNamespace(plan=plan, found=())
    session: Any = Session()
    shown = preview(session, found)
    assert [step.id for step in shown.steps] == ["two/other"]
    assert shown.refused == ("one: there is no such pool",)
    assert asked == ["first", "gone", "other"]
