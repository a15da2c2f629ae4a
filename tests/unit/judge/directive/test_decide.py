# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cases by hand do not cover: permissions, deadlines, what is met, and who said what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.directive.answers import (
    QUESTIONS,
    ServerSituation,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.directive.decide import (
    Allowed,
    DirectiveDecision,
    decide,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.directive.describe import (
    decision_dict,
    decision_lines,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.directive.sources import (
    GivenAnswers,
    combine,
)

_TRIAGED = frozenset({"action 1 collect", "action 1 examine"})


def _decision(
    directive: str = "ed-21-02",
    *,
    met: frozenset[str] = frozenset(),
    clock: datetime | None = None,
    **answers: Any,
) -> DirectiveDecision:
    situation = ServerSituation.of({"roles": ["mailbox"], **answers})
    return decide(load().need_directive(directive), situation, met=met, clock=clock)


@pytest.mark.parametrize(
    ("answers", "met", "patch", "reconnect"),
    [
        # With expertise and nothing found: evidence first, then the update.
        ({"expertise": "yes", "indicator": "no"}, frozenset(), Allowed.HELD_BACK, Allowed.OPEN),
        ({"expertise": "yes", "indicator": "no"}, _TRIAGED, Allowed.ORDERED, Allowed.OPEN),
        # Not examined yet: nothing is patched, also if somebody says that it was collected.
        ({"expertise": "yes"}, frozenset({"action 1 collect"}), Allowed.HELD_BACK, Allowed.OPEN),
        ({"expertise": "no"}, frozenset(), Allowed.HELD_BACK, Allowed.FORBIDDEN),
        ({"expertise": "yes", "indicator": "yes"}, _TRIAGED, Allowed.HELD_BACK, Allowed.FORBIDDEN),
        ({}, frozenset(), Allowed.OPEN, Allowed.OPEN),
    ],
)
def test_evidence_comes_before_change(
    answers: dict[str, str], met: frozenset[str], patch: Allowed, reconnect: Allowed
) -> None:
    decision = _decision(met=met, **answers)

    assert decision.permission("patch").allowed is patch
    assert decision.permission("reconnect").allowed is reconnect
    assert decision.permission("patch").free is (patch is Allowed.ORDERED)


def test_a_permission_names_the_clauses_and_the_reason() -> None:
    found = _decision(expertise="no").permission("reconnect")

    assert found.clauses == ("action 3b",)
    assert found.reason == "the forensic expertise is not there"


def test_a_step_that_no_clause_speaks_of_is_not_asked_for() -> None:
    assert _decision(expertise="no").permission("triage").allowed is Allowed.NOT_ASKED


def test_what_is_late_is_what_is_due_and_not_met() -> None:
    decision = _decision(expertise="yes", indicator="no", internet="yes", updatable="yes")
    before = datetime(2021, 3, 5, 16, 59, tzinfo=UTC)
    after = datetime(2021, 3, 5, 17, 1, tzinfo=UTC)

    assert [action.clause.id for action in decision.late(before)] == []
    assert [action.clause.id for action in decision.late(after)] == ["action 5"]
    done = _decision(
        expertise="yes",
        indicator="no",
        internet="yes",
        updatable="yes",
        met=frozenset({"action 5"}),
    )
    assert done.late(after) == ()


def test_advice_is_never_late_nor_next_and_permits_nothing() -> None:
    decision = _decision(expertise="yes", indicator="no", updatable="no", met=_TRIAGED)

    assert decision.permission("mitigate").allowed is Allowed.HELD_BACK
    off = _decision(
        expertise="yes", indicator="no", updatable="no", met=_TRIAGED | {"supplement 2 removal"}
    )
    assert off.permission("mitigate").allowed is Allowed.NOT_ASKED
    assert "alert mitigations" in [action.clause.id for action in decision.actions]
    assert decision.next is not None
    assert decision.next.clause.kind == "order"


def test_times_that_run_from_a_clock_are_due_by_it() -> None:
    clock = datetime(2026, 5, 15, tzinfo=UTC)
    decision = _decision("bod-26-04", clock=clock, triage="yes")
    due = {action.clause.id: action.due for action in decision.actions}

    assert due["triage evidence"] == datetime(2026, 5, 16, tzinfo=UTC)
    assert due["triage decision"] == datetime(2026, 5, 18, tzinfo=UTC)
    assert decision.permission("patch").allowed is Allowed.HELD_BACK


def test_ed_25_02_disconnects_first_what_cannot_be_updated() -> None:
    decision = _decision("ed-25-02", updatable="no", hybrid="yes")

    assert decision.disconnect_first
    assert decision.actions[0].clause.id == "2a"
    assert decision.permission("patch").allowed is Allowed.HELD_BACK
    assert _decision("ed-25-02", updatable="no", met=frozenset({"2a"})).permission("patch").free


def test_a_clock_at_the_end_of_time_is_answered() -> None:
    decision = _decision("bod-26-04", clock=datetime(9999, 12, 31, 23, tzinfo=UTC), triage="yes")

    assert {a.due for a in decision.actions if a.clause.within_hours} == {
        datetime.max.replace(tzinfo=UTC)
    }


def _late(moment: datetime, **answers: Any) -> list[str]:
    return [action.clause.id for action in _decision(**answers).late(moment)]


def test_what_is_done_again_and_again_is_late_after_its_last_time() -> None:
    assert "supplement 1 triage 1 weekly" not in _late(
        datetime(2021, 5, 3, 16, tzinfo=UTC), internet="yes"
    )
    assert "supplement 1 triage 1 weekly" in _late(
        datetime(2021, 5, 3, 17, tzinfo=UTC), internet="yes"
    )


def test_a_deadline_that_is_over_opens_the_removal_unless_the_update_is_on_record() -> None:
    directive = load().need_directive("ed-21-02")
    situation = ServerSituation.of({
        "roles": ["mailbox"], "updatable": "yes", "expertise": "yes", "indicator": "no",
    })  # fmt: skip

    def isolate(day: int, *met: str, roles: str = "mailbox") -> Allowed:
        given = situation.with_answers(roles=(roles,))
        now = datetime(2021, 4, day, tzinfo=UTC)
        return decide(directive, given, met=frozenset(met), now=now).permission("isolate").allowed

    assert isolate(15) is Allowed.NOT_ASKED
    assert isolate(20) is Allowed.OPEN
    assert isolate(20, "supplement 2 action 1") is Allowed.NOT_ASKED
    assert isolate(20, roles="management-tools") is Allowed.NOT_ASKED


@pytest.mark.parametrize(
    ("answers", "met", "allowed"),
    [
        ({"expertise": "no"}, {"action 3a", "action 3b", "action 3c"}, Allowed.FORBIDDEN),
        ({"expertise": "no"}, {"action 3b", "action 3d"}, Allowed.OPEN),
        ({"expertise": "no", "updatable": "yes"}, {"action 3b", "action 3d"}, Allowed.NOT_ASKED),
        ({"updatable": "no"}, {"supplement 2 removal"}, Allowed.FORBIDDEN),
        (
            {"updatable": "no", "expertise": "yes", "indicator": "no"},
            {"supplement 2 removal", "supplement 2 action 1"},
            Allowed.NOT_ASKED,
        ),
    ],
)
def test_a_ban_ends_with_what_it_waits_for_and_not_before(
    answers: dict[str, str], met: set[str], allowed: Allowed
) -> None:
    decision = _decision(met=frozenset(met), **answers)

    assert decision.permission("reconnect").allowed is allowed


def test_what_only_waits_for_others_does_not_hide_what_comes_after_it() -> None:
    ids = [clause.id for clause in load().need_directive("ed-21-02").clauses]
    before = frozenset(ids[: ids.index("action 3b")])
    found = _decision(expertise="yes", indicator="yes", disk_image="yes", met=before).next

    assert found is not None
    assert found.clause.id == "action 3c"
    found = _decision(
        expertise="yes", indicator="yes", disk_image="yes", met=before | {"action 3c"}
    ).next
    assert found is not None
    assert found.clause.id == "action 4"
    rest = frozenset(ids) - {"action 3b", "action 3d"}
    found = _decision(expertise="no", met=rest).next
    assert found is not None
    assert found.clause.id == "action 3b"


def test_cautions_are_given_unless_the_answer_is_no() -> None:
    def cautions(dag: str) -> int:
        return sum(len(a.cautions) for a in _decision(expertise="no", dag=dag).actions)

    assert cautions("yes") == cautions("unknown") > 0
    assert cautions("no") == 0


def test_lines_fit_80_columns_and_json_has_all_actions() -> None:
    decision = _decision()
    now = datetime(2026, 11, 30, tzinfo=UTC)
    lines = list(decision_lines(decision, now))[1:]
    shown = decision_dict(decision, now)

    assert max(map(len, lines)) <= 80
    assert len(shown["actions"]) + len(shown["not_ordered"]) == len(decision.directive.clauses)
    assert set(shown["permissions"]) == {"isolate", "reconnect", "mitigate", "patch", "upgrade"}


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"expertice": "yes"}, "here: 'expertice' is no answer; known are dag, disk_image"),
        ({"expertise": "maybe"}, "here: expertise 'maybe' is none of yes, no, unknown"),
        ({"expertise": 1}, "here: expertise 1 is none of yes, no, unknown"),
        ({"roles": ["postman"]}, "here: role 'postman' is none of mailbox, "),
        ({"roles": 7}, "here: roles is 7, not a list of roles"),
        ({"organisation": "club"}, "here: organisation 'club' is none of agency, "),
    ],
)
def test_a_wrong_answer_names_place_and_cure(answers: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        ServerSituation.of(answers, where="here")

    assert str(error.value).startswith(message)


def test_answers_are_read_as_people_write_them() -> None:
    for question in QUESTIONS:
        for given, read in (
            ("yes", True),
            (" No ", False),
            (True, True),
            ("unknown", None),
            (None, None),
        ):
            situation = ServerSituation.of({question.name: given})
            assert situation.given(question.name) is read


def test_a_later_source_counts_and_the_conflict_is_said() -> None:
    said = combine([
        GivenAnswers("the server", {"roles": ["mailbox"], "dag": True}),
        GivenAnswers("the inventory", {"expertise": "yes", "dag": "no"}),
        GivenAnswers("attested by J.", {"expertise": "no"}, met=("action 5",)),
    ])  # fmt: skip

    assert said.situation.expertise is False
    assert said.said_by == {
        "roles": "the server", "dag": "the inventory", "expertise": "attested by J.",
    }  # fmt: skip
    assert said.met_by == {"action 5": "attested by J."}
    assert said.conflicts == (
        "dag: the server says yes, the inventory says no; the later one counts",
        "expertise: the inventory says yes, attested by J. says no; the later one counts",
    )


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_a_finding_is_never_taken_back(order: tuple[bool, bool]) -> None:
    said = combine([GivenAnswers(f"source {value}", {"indicator": value}) for value in order])

    assert said.situation.indicator is True
    assert len(said.conflicts) == 1


def test_an_unknown_answer_takes_nothing_back() -> None:
    said = combine([
        GivenAnswers("the inventory", {"expertise": "no"}),
        GivenAnswers("attested", {"expertise": "unknown", "roles": []}),
    ])  # fmt: skip

    assert said.situation.expertise is False
    assert said.conflicts == ()


def test_a_role_that_nobody_knows_makes_the_roles_unknown() -> None:
    roles = ["management-tools", "unknown"]
    situation = ServerSituation.of({"roles": roles, "expertise": "no"})

    assert situation.roles == ()
    decision = decide(load().need_directive("ed-21-02"), situation)
    assert decision.disconnect_first
    assert "roles" in decision.questions


def _attested(hour: int, met: bool | None = None, **answers: str) -> GivenAnswers:  # noqa: FBT001
    return GivenAnswers(
        f"attested at {hour}", answers,
        met=("action 5",) if met else (), not_met=("action 5",) if met is False else (),
        at=datetime(2021, 3, 4, hour, tzinfo=UTC), retracts=True,
    )  # fmt: skip


def test_a_person_takes_an_answer_back() -> None:
    said = combine([_attested(1, updatable="yes"), _attested(2, updatable="unknown")])

    assert said.situation.updatable is None
    assert said.said_by == {}
    assert said.conflicts == (
        "updatable: attested at 1 says yes, attested at 2 says unknown; the later one counts",
    )
    found = combine([_attested(1, indicator="yes"), _attested(2, indicator="unknown")])
    assert found.situation.indicator is True
    assert found.conflicts[0].endswith("a finding stands")
    again = combine([_attested(1, dag="yes"), _attested(2, dag="unknown"), _attested(3, dag="no")])
    assert again.situation.dag is False


@pytest.mark.parametrize("first", ["yes", "no"])
def test_of_two_of_one_moment_neither_is_the_later(first: str) -> None:
    second = "no" if first == "yes" else "yes"
    said = combine([
        _attested(1, expertise=first, indicator=first),
        _attested(1, expertise=second, indicator=second),
        _attested(1, expertise=first),
    ])  # fmt: skip

    assert said.situation.expertise is None
    assert said.situation.indicator is True


def test_a_clause_that_was_met_can_be_taken_back_and_met_again() -> None:
    one, two, three = _attested(1, met=True), _attested(2, met=False), _attested(3, met=True)

    assert combine([one]).met_by == {"action 5": "attested at 1"}
    taken = combine([one, two])
    assert taken.met == frozenset()
    assert taken.conflicts == (
        "action 5: attested at 1 says it is met, attested at 2 says it is not; the later one counts",
    )
    assert combine([one, two, three]).met_by == {"action 5": "attested at 3"}
    assert combine([two, two]).met == frozenset()
    same = [_attested(1, met=True), _attested(1, met=False)]
    assert combine(same).met == combine(same[::-1]).met == frozenset()
