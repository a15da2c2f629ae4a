# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions about a job from observations alone."""

from __future__ import annotations

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ReplySchemaError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import (
    JobDecision,
    JobOutcome,
    Memory,
    Order,
    Patience,
    Wait,
    decide,
    remember,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.state import (
    STATES,
    JobState,
)
from hypothesis import given
from hypothesis import strategies as st

PATIENCE = Patience(deadline=1000.0, grace=100.0, start_patience=60.0, stall_patience=50.0)
FINAL = {
    "finished": JobOutcome.FINISHED,
    "refused": JobOutcome.FAILED,
    "interrupted": JobOutcome.INTERRUPTED,
    "deadline": JobOutcome.STALLED,
}


def after(*seen: tuple[str | None, float]) -> object:
    """The decision after these observations: (state, second)."""
    memory, state = Memory(), None
    for name, second in seen:
        state = JobState("kb", name) if name else None
        memory = remember(memory, state, second)
    return decide(memory, state, PATIENCE)


@pytest.mark.parametrize("state", FINAL)
@pytest.mark.parametrize("second", [0.0, 5000.0])
def test_final_state_ends_it_at_any_time(state: str, second: float) -> None:
    decision = after((state, second))
    assert isinstance(decision, JobDecision)
    assert decision.outcome is FINAL[state]


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        ([("absent", 0.0)], Order),
        ([(None, 0.0), ("absent", 10.0)], Order),
        ([("running", 0.0), ("absent", 10.0)], JobOutcome.UNKNOWN),
        ([("running", 0.0), (None, 5.0), ("absent", 10.0)], JobOutcome.UNKNOWN),
        ([("absent", 1100.0)], JobOutcome.UNKNOWN),
        ([("staged", 0.0), ("staged", 59.0)], Wait),
        ([("staged", 0.0), ("staged", 60.0)], JobOutcome.UNKNOWN),
        ([("staged", 0.0), ("running", 30.0), ("running", 900.0)], Wait),
        ([("running", 1099.0)], Wait),
        ([("running", 1100.0)], JobOutcome.UNKNOWN),
        ([("stalled", 0.0), ("stalled", 49.0)], Wait),
        ([("stalled", 0.0), ("stalled", 50.0)], JobOutcome.STALLED),
        ([("stalled", 0.0), (None, 20.0), ("stalled", 50.0)], JobOutcome.STALLED),
        ([("stalled", 0.0), ("running", 40.0), ("stalled", 60.0)], Wait),
        ([(None, 1099.0)], Wait),
        ([(None, 1100.0)], JobOutcome.UNKNOWN),
    ],
)
def test_time_and_history_decide(seen: list[tuple[str | None, float]], outcome: object) -> None:
    decision = after(*seen)
    if isinstance(outcome, JobOutcome):
        assert isinstance(decision, JobDecision)
        assert decision.outcome is outcome
    else:
        assert isinstance(decision, outcome)  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.sampled_from([None, *sorted(STATES)]), st.floats(0, 500))))
def test_whatever_was_seen_after_deadline_and_grace_it_ends(
    seen: list[tuple[str | None, float]],
) -> None:
    second, history = 0.0, []
    for state, step in seen:
        second += step
        history.append((state, second))
    for last in (None, *STATES):
        assert isinstance(after(*history, (last, second + 1100.0)), JobDecision)


@given(st.lists(st.sampled_from([None, *sorted(STATES)]), min_size=1))
def test_a_job_that_was_seen_is_never_ordered_again_i15(seen: list[str | None]) -> None:
    known = False
    for count in range(1, len(seen) + 1):
        history = [(state, float(second)) for second, state in enumerate(seen[:count])]
        known = known or seen[count - 1] not in (None, "absent")
        assert not (known and isinstance(after(*history), Order))


def test_pauses_grow_to_their_longest_and_hosts_are_spread() -> None:
    pauses = [PATIENCE.pause(count) for count in range(100)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (2.0, 120.0)
    assert PATIENCE.pause(99, 0.0) < PATIENCE.pause(99, 1.0)


@pytest.mark.parametrize(
    "result",
    [
        None,
        {"job": "kb"},
        {"job": "kb", "state": "clean"},
        {"job": "other", "state": "running"},
        {"job": "kb", "state": "finished"},
        {"job": "kb", "state": "finished", "exit_code": True},
        {"job": "kb", "state": "finished", "exit_code": 0.0},
        {"job": "kb", "state": "running", "program_running": 1},
        {"job": "kb", "state": "running", "heartbeat": 5},
    ],
)
def test_state_of_another_shape_is_refused(result: object) -> None:
    with pytest.raises(ReplySchemaError):
        JobState.read(result, "kb")
