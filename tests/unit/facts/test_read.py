# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.facts.read import (
    Facts,
    flag,
    moment,
    named,
    number,
    rows,
    text,
)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2021-03-05T10:00:00.0000000Z", datetime(2021, 3, 5, 10, tzinfo=UTC)),
        ("2021-03-05T10:00:00.1234567Z", datetime(2021, 3, 5, 10, 0, 0, 123456, tzinfo=UTC)),
        ("2021-03-05T10:00:00.5+01:00", datetime(2021, 3, 5, 9, 0, 0, 500000, tzinfo=UTC)),
        ("2021-03-05T10:00:00Z", datetime(2021, 3, 5, 10, tzinfo=UTC)),
        ("2021-03-05T10:00:00", datetime(2021, 3, 5, 10, tzinfo=UTC)),
        ("2021-03-05", datetime(2021, 3, 5, tzinfo=UTC)),
        ("05.03.2021 10:00", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("٢٠٢١-03-05", None),
        ("", None),
        (None, None),
        (1614938400, None),
        ([], None),
    ],
)
def test_times_are_read_in_utc_or_not_at_all(written: Any, read: datetime | None) -> None:
    assert moment(written) == read


def test_a_value_of_another_type_is_no_value() -> None:
    assert [text(value) for value in ("", 1, None, [])] == [None] * 4
    assert [flag(value) for value in ("true", 1, 0, None)] == [None] * 4
    assert [number(value) for value in (True, "1", 1.0, None)] == [None] * 4


def test_absurd_sizes_count_as_unreadable() -> None:
    assert text("x" * 4_097) is None
    assert number(10**30) is None
    assert moment("2" * 100_000) is None
    assert rows([{"name": "a"}] * 501) == (({"name": "a"},) * 500, False)


def test_a_list_with_something_else_in_it_is_not_whole() -> None:
    assert rows([{"name": "a"}, 7]) == ((({"name": "a"}),), False)
    assert rows({"name": "a"}) == ((), False)
    assert rows([{"name": "a"}], "name").whole
    assert not rows([{"name": "a"}, {"name": None}], "name").whole


def test_a_record_that_is_there_twice_says_nothing_about_itself() -> None:
    listed = named(rows([{"name": "EX", "status": "Running"}, {"name": "ex", "status": "Stopped"}]))

    assert listed.get("Ex") == {}


class _Error(NamedTuple):
    source: str
    message: str


def test_the_reason_is_the_one_of_the_part_or_of_the_whole() -> None:
    facts = Facts.of(
        {},
        [
            {"source": "exchange.exsetup", "message": "denied."},
            _Error("iis", "no such file"),
            {"source": 3, "message": None},
            "nonsense",
        ],
    )

    assert facts.why("exchange.exsetup") == "denied"
    assert facts.why("exchange") == "denied"
    assert facts.why("iis.sites") == "no such file"
    assert facts.why("disks") == "the host gave no reason"


@pytest.mark.parametrize("errors", [None, 3, "abc", b"abc", {}, [None, 1, "x", [], {}]])
def test_errors_of_any_shape_are_survived(errors: Any) -> None:
    assert Facts.of({}, errors).why("iis") == "the host gave no reason"


def test_every_missing_part_is_a_gap() -> None:
    gaps = Facts.of({"services": [], "disks": "full", "iis": []}, []).gaps()

    assert "services" not in gaps
    assert gaps["disks"] == "is not a list of records"
    assert gaps["iis"] == "is not a record"
    assert gaps["updates"] == "the host gave no reason"
