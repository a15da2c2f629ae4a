# SPDX-License-Identifier: GPL-3.0-or-later
"""Every state that anybody can end in has one meaning, and it is written in one place."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    RemediationError,
    is_unseen,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import HostState
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.states import (
    Phase,
    Standing,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    InstallState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.detect.result import (
    DetectState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.by_tool.answer import (
    ByScriptState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.result import (
    MitigateState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.registry import (
    INTENTS,
    PHASES,
    phase_of,
    standing,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.upgrade.result import (
    STATES,
)

ROOT = Path(__file__).resolve().parents[3]
INSTALL = {state.value for state in InstallState}
ENDS = {
    "assess": {state.value for state in HostState},
    "patch": INSTALL,
    "upgrade": {STATES.get(state, state) for state in INSTALL},
    "detect": {state.value for state in DetectState},
    "mitigate": {state.value for enum in (MitigateState, ByScriptState) for state in enum},
}


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_every_state_has_a_meaning_and_every_meaning_a_state(phase: Phase) -> None:
    assert set(phase.states) == ENDS[phase.name]


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
def test_a_phase_has_a_room_a_role_and_one_intent_a_playbook(phase: Phase) -> None:
    name = phase.name
    assert (ROOT / "roles" / name / "tasks" / "main.yml").is_file()
    assert (ROOT / "plugins/plugin_utils/phases" / name / "phase.py").is_file()
    for intent in phase.intents:
        assert (ROOT / "playbooks" / f"{intent.name}.yml").is_file()


def test_every_room_of_a_phase_is_registered() -> None:
    rooms = {path.parent.name for path in (ROOT / "plugins/plugin_utils/phases").glob("*/phase.py")}
    assert rooms == {phase.name for phase in PHASES}


@pytest.mark.parametrize(
    ("intent", "state", "code", "expected"),
    [
        ("mitigate", "mitigated", None, Standing.DONE),
        ("mitigate", "not-mitigated", None, Standing.WRONG),
        ("unmitigate", "not-mitigated", None, Standing.DONE),  # rolled back by Microsoft's script
        ("unmitigate", "mitigated", None, Standing.WRONG),
        ("mitigate", "refused", None, Standing.WRONG),
        ("mitigate", "partial", None, Standing.WRONG),
        ("patch", "stopped", "host-crash", Standing.UNKNOWN),
        ("patch", "stopped", "config", Standing.WRONG),
        ("patch", "from a later version", None, Standing.UNKNOWN),
        ("isolate", "stopped", None, Standing.UNKNOWN),
    ],
)
def test_what_an_end_means(intent: str, state: str, code: str | None, expected: Standing) -> None:
    assert standing(intent, state, code) is expected


def test_only_errors_of_the_way_and_of_the_answer_leave_a_host_unseen() -> None:
    pending, codes = [RemediationError], {}
    while pending:
        error = pending.pop()
        codes[error.code] = error.unseen
        pending += error.__subclasses__()
    assert {code for code, unseen in codes.items() if unseen} == {
        "transport", "unreachable", "authentication-failed", "timeout", "reply", "reply-empty",
        "reply-malformed", "reply-truncated", "reply-wrong-nonce", "reply-too-large",
        "reply-schema", "host-crash",
    }  # fmt: skip
    assert all(is_unseen(code) is unseen for code, unseen in codes.items())
    assert not is_unseen(None)


@pytest.mark.parametrize("intent", INTENTS)
def test_the_plan_schema_knows_every_intent(intent: str) -> None:
    schema = (ROOT / "plugins/plugin_utils/plan/plan.schema.json").read_text()
    assert intent in yaml.safe_load(schema)["properties"]["intent"]["enum"]
    assert phase_of(intent).result in {
        "security_update",
        "cumulative_update",
        "detection",
        "mitigation",
    }


@pytest.mark.parametrize(
    "phase", [phase for phase in PHASES if phase.intents], ids=lambda p: p.name
)
def test_the_module_documents_the_states_and_what_they_mean(phase: Phase) -> None:
    page = (ROOT / "plugins/modules" / f"{phase.result}.py").read_text()
    returned = yaml.safe_load(page.partition('RETURN = r"""')[2].partition('"""')[0])
    entry = returned[phase.result]["contains"]
    assert entry["state"]["choices"] == list(phase.states)
    assert {"standing", "unchanged"} <= entry.keys()
