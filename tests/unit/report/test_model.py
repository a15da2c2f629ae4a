# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import json_schema
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.document import (
    SCHEMA,
    build,
    group,
    load,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.report.exit_code import exit_code
from hypothesis import given
from hypothesis import strategies as st

from ..facts.test_validate import changed, places
from .samples import CLEAN, DARK, FOUND, OPEN, RUN, TOOL, host_result, report, unreached

if TYPE_CHECKING:
    from pathlib import Path


def test_every_inventory_host_is_in_the_report_in_inventory_order() -> None:
    model = report(CLEAN, unreached("ex9"), inventory=["ex9", "lost", "ex1"])
    assert [host["host"] for host in model["hosts"]] == ["ex9", "lost", "ex1"]
    assert model["hosts"][1]["state"] == "not-attempted"
    assert "never got to it" in model["hosts"][1]["reason"]


def test_host_twice_in_the_inventory_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="lists ex1 more than once"):
        build(run=RUN, tool=TOOL, inventory=["ex1", "ex1"], results={})


def test_result_for_a_stranger_is_refused() -> None:
    with pytest.raises(ConfigError, match="outside the inventory: ex1"):
        report(CLEAN, inventory=["ex2"])


def test_payload_cannot_take_another_hosts_name() -> None:
    model = build(run=RUN, tool=TOOL, inventory=["ex1"], results={"ex1": CLEAN | {"host": "ex7"}})
    assert model["hosts"][0]["host"] == "ex1"


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([CLEAN], 0),
        ([CLEAN, FOUND], 1),
        ([CLEAN, OPEN], 3),
        ([CLEAN, DARK], 3),
        ([FOUND, unreached("ex9")], 3),
        ([CLEAN, unreached("ex9", "authentication-failed")], 3),
        ([CLEAN, unreached("ex9", "refused")], 3),
        ([], 3),
    ],
)
def test_exit_code(results: list[dict[str, object]], code: int) -> None:
    assert exit_code(report(*results)) == code


@pytest.mark.parametrize(
    ("result", "expected"),
    [(CLEAN, "nothing-found"), (FOUND, "findings"), (OPEN, "findings"), (DARK, "unknown"),
     (unreached("ex9"), "unreached")],
)  # fmt: skip
def test_group(result: dict[str, object], expected: str) -> None:
    model = report(result)
    assert group(model["hosts"][0]) == expected
    assert model["totals"]["by_group"][expected] == 1


@given(st.lists(st.sampled_from(["clean", "open", "found", "dark", "gone", "lost"]), max_size=12))
def test_totals_conserve_the_inventory(kinds: list[str]) -> None:
    samples = {"clean": CLEAN, "open": OPEN, "found": FOUND, "dark": DARK}
    names = [f"h{number}" for number in range(len(kinds))]
    results = {
        name: unreached(name) if kind == "gone" else samples[kind] | {"host": name}
        for name, kind in zip(names, kinds, strict=True)
        if kind != "lost"
    }
    totals = build(run=RUN, tool=TOOL, inventory=names, results=results)["totals"]
    assert totals["inventory"] == sum(totals["by_state"].values()) == len(kinds)
    assert sum(totals["by_group"].values()) == len(kinds)
    assert sum(totals["by_verdict"].values()) == totals["by_state"]["assessed"]


def test_saved_report_is_read_back_equal(tmp_path: Path) -> None:
    model = report(CLEAN, OPEN, unreached("ex9"))
    path = tmp_path / "report.json"
    path.write_text(json.dumps(model))
    assert load(path) == model


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "newer than 1.*upgrade"),
        ({"schema": "something"}, "not a report"),
        ({"hosts": [{"host": "x"}]}, r"hosts\[0\]"),
        ({"totals": report(OPEN)["totals"]}, "totals do not match"),
        ({"run": RUN | {"id": "../../etc"}}, "run.id"),
    ],
)
def test_damaged_report_is_refused_with_the_place(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report(CLEAN) | change))
    with pytest.raises(ConfigError, match=message):
        load(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff\xfe"])
def test_file_that_is_not_json_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"report\.json"):
        load(path)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "nothing.json")


def test_unreached_host_must_say_why() -> None:
    with pytest.raises(ConfigError, match=r"hosts\[0\]"):
        report(unreached("ex9", reason=""))


def test_assessed_host_must_have_an_assessment() -> None:
    with pytest.raises(ConfigError, match=r"hosts\[0\]"):
        report(host_result("ex1") | {"assessment": None})


def test_deeply_nested_facts_of_a_changed_file_are_a_clear_error(tmp_path: Path) -> None:
    text = json.dumps(report(CLEAN)).replace(
        '"facts": {}', '"facts": ' + '{"a":' * 900 + r'"\u001b"' + "}" * 900
    )
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"report\.json"):
        load(path)


def test_the_compiled_schema_agrees_with_json_schema() -> None:
    """Each value of a report, replaced by each of some others: both say the same."""
    reference = jsonschema.Draft202012Validator(json_schema.schema(SCHEMA))
    compiled = json_schema.compiled(SCHEMA)
    sample = report(OPEN, unreached("ex9"))
    values = [None, True, -1, 1.5, "", "text", [], [1], {}, {"name": "x"}]
    for where in places(sample):
        for value in values:
            document = changed(sample, where, value)
            assert (compiled(document) is None) is reference.is_valid(document), (where, value)
