# SPDX-License-Identifier: GPL-3.0-or-later
"""The cells of CISA's template: never "nothing found" for a run that does not say so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import CompromiseState
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.cisa_cells import (
    NO,
    TICKET,
    YES_FOUND,
    YES_NOTHING,
    cells_of,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.schedule import (
    ScanRecord,
)

_NOW = datetime(2021, 9, 1, tzinfo=UTC)
_ENDED = datetime(2021, 4, 4, 22, tzinfo=UTC)
_DATED = datetime(2021, 4, 4, 8, tzinfo=UTC)
_FOUND, _CONFLICT = CompromiseState.INDICATOR_FOUND, CompromiseState.CONFLICT
_OPEN, _NONE = CompromiseState.INCONCLUSIVE, CompromiseState.NO_INDICATOR


def _run(state: CompromiseState, tool: str = "msert", mode: str = "full", *, whole: bool = True,
         host: str = "EX01") -> ScanRecord:  # fmt: skip
    return ScanRecord(host, tool, mode, _ENDED, "a" * 64, _DATED, state, whole)


def test_the_words_are_those_of_the_pick_list() -> None:
    assert (YES_NOTHING, YES_FOUND, NO) == (
        "Yes (no indications of compromise found)",
        "Yes (indications of compromise found)",
        "No (must provide narrative explanation in comments section)",
    )


def test_two_whole_runs_that_found_nothing() -> None:
    found = cells_of("EX01", [_run(_NONE), _run(_NONE, "test-proxylogon", "default")], _NOW)
    assert (found.msert, found.script, found.notes) == (YES_NOTHING, YES_NOTHING, "")


@pytest.mark.parametrize(
    ("runs", "cell", "note"),
    [
        ([], NO, "1) MSERT: no full scan is on record."),
        ([_run(_NONE, mode="quick")], NO, "1) MSERT: only a quick scan was run."),
        ([_run(_OPEN)], NO, "1) MSERT: the full scan of 2021-04-04 does not count: its result is inconclusive."),
        ([_run(_NONE, whole=False)], NO, "1) MSERT: the full scan of 2021-04-04 did not run to its end."),
        ([_run(_NONE), _run(_CONFLICT)], NO, "its result is conflict."),
        ([_run(_NONE), _run(_FOUND, whole=False)], NO, f"and found indications before that. 2) Test-ProxyLogon.ps1: no run is on record. Indications of compromise were found. {TICKET}"),
        ([_run(_NONE), _run(_FOUND)], YES_FOUND, TICKET),
        ([_run(_NONE), _run(_OPEN)], YES_NOTHING, "2) Test-ProxyLogon.ps1: no run is on record."),
        ([_run(_NONE, host="EX02")], NO, "1) MSERT: no full scan is on record."),
    ],
)  # fmt: skip
def test_column_1(runs: list[ScanRecord], cell: str, note: str) -> None:
    found = cells_of("EX01", runs, _NOW)
    assert found.msert == cell
    assert note in found.notes


@pytest.mark.parametrize(("state", "cell"), [(_OPEN, NO), (_CONFLICT, NO), (_FOUND, YES_FOUND)])
def test_column_2(state: CompromiseState, cell: str) -> None:
    found = cells_of("EX01", [_run(state, "test-proxylogon", "default")], _NOW)
    assert found.script == cell
    assert (TICKET in found.notes) == (state is _FOUND)


def test_a_quick_scan_that_found_something_wants_a_ticket() -> None:
    found = cells_of("EX01", [_run(_FOUND, mode="quick")], _NOW)
    assert found.msert == NO
    assert TICKET in found.notes
