# SPDX-License-Identifier: GPL-3.0-or-later
"""One server under two names of the inventory, told by what it says of itself."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.machine import (
    MachineIdentity,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.doubles import (
    CHECK,
    with_doubles,
)

ONE = {"name": "EX01", "domain": "corp.example", "machine_guid": "6d0c"}


def entry(**computer: Any) -> dict[str, Any]:
    return {"facts": {"computer": {**ONE, **computer}}, "assessment": {"checks": []}}


def doubles(**entries: dict[str, Any]) -> dict[str, list[str]]:
    noted = with_doubles(entries)
    return {
        name: [c["evidence"]["others"] for c in one["assessment"]["checks"] if c["check"] == CHECK]
        for name, one in noted.items()
        if one.get("assessment")
    }


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, True),
        ({"name": "ex01", "domain": "Corp.Example.", "machine_guid": "6D0C"}, True),
        ({"machine_guid": None}, True),
        ({"domain": None}, True),
        ({"name": "EX02"}, False),  # a cloned machine keeps the MachineGuid
        ({"domain": "other.example"}, False),
        ({"machine_guid": "77aa"}, False),
        ({"name": None}, False),
    ],
)
def test_machines_are_one_unless_a_sign_tells_them_apart(
    other: dict[str, Any], *, same: bool
) -> None:
    found = doubles(ex01=entry(), mail=entry(**other), ex09=entry(name="EX09", machine_guid="9"))
    wanted = {"ex01": [["mail"]], "mail": [["ex01"]]} if same else {"ex01": [], "mail": []}
    assert found == {**wanted, "ex09": []}


def test_each_of_three_names_hears_of_both_others() -> None:
    found = doubles(a=entry(), b=entry(), c=entry())
    assert found == {"a": [["b", "c"]], "b": [["a", "c"]], "c": [["a", "b"]]}


def test_what_was_not_assessed_is_no_double_and_the_entries_stay_as_they_were() -> None:
    entries = {"a": entry(), "b": {"facts": None, "assessment": None}, "c": entry()}
    noted = with_doubles(entries)
    assert noted["b"] is entries["b"]
    assert entries["a"]["assessment"]["checks"] == []
    (check,) = noted["a"]["assessment"]["checks"]
    assert (check["status"], check["severity"]) == ("finding", "high")
    assert "a and c are one server, ex01.corp.example (MachineGuid 6d0c)" in check["summary"]


@pytest.mark.parametrize("facts", [None, [], {"computer": []}, {"computer": {"name": 7}}])
def test_senseless_facts_identify_nothing(facts: object) -> None:
    assert MachineIdentity.read(facts) == MachineIdentity(None, None, None)
