# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator notes about a change is in its journal and in its result, whatever changes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from action_host import Connection, action
from ansible.errors import AnsibleActionFail
from ansible_collections.exchange.remediation.plugins.action import (
    cumulative_update,
    mitigation,
    security_update,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import events

if TYPE_CHECKING:
    from pathlib import Path

CHANGES = {
    "security_update": security_update,
    "cumulative_update": cumulative_update,
    "mitigation": mitigation,
}
NOTE = "Asked for by the hospital, who call back at ten"


def planned(name: str, case: Path, **options: Any) -> dict[str, Any]:
    task = action(Connection(), CHANGES[name], case=str(case), **options)
    task._display = SimpleNamespace(display=lambda _text: None)
    result: dict[str, Any] = task.run(task_vars={"inventory_hostname": "ex01"})
    return result


@pytest.mark.parametrize("name", CHANGES)
def test_note_is_kept_with_the_change(name: str, tmp_path: Path) -> None:
    result = planned(name, tmp_path, note=NOTE)
    begin = next(iter(events(tmp_path / "journal.jsonl"))).content
    assert (begin["event"], begin["data"]["note"]) == ("begin", NOTE)
    assert result[name]["note"] == NOTE


def test_change_without_a_note_says_so(tmp_path: Path) -> None:
    assert planned("mitigation", tmp_path)["mitigation"]["note"] is None


@pytest.mark.parametrize("note", ["two\nlines", "\x1b[2J", "x" * 401])
def test_more_than_a_line_is_refused_before_anything_is_written(note: str, tmp_path: Path) -> None:
    with pytest.raises(
        AnsibleActionFail, match=r"note: .* is not one line of up to 400 characters"
    ):
        planned("mitigation", tmp_path, note=note)
    assert not list(tmp_path.iterdir())
