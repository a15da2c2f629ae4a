# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate between a host's answer and everything that reads facts."""

from __future__ import annotations

import copy
import json
import re
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import json_schema
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ReplySchemaError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.facts import validate as facts
from ansible_collections.exchange.remediation.plugins.plugin_utils.facts.validate import (
    SCHEMA,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    Operation,
    encode_request,
)

SAMPLE = Path(__file__).parent / "facts_sample.json"
HOSTILE = "\x1b[2J<script>{{ 6 * 7 }}=cmd|' /C calc'!A0\u202e\ud800"


@pytest.fixture
def sample() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SAMPLE.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def reference() -> jsonschema.Draft202012Validator:
    document = json_schema.schema(SCHEMA)
    jsonschema.Draft202012Validator.check_schema(document)
    return jsonschema.Draft202012Validator(document)


def places(value: Any, where: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a JSON value, the value itself included."""
    found = [where]
    members = list(value.items()) if isinstance(value, dict) else []
    if isinstance(value, list):
        members = list(enumerate(value))
    for key, item in members:
        found += places(item, (*where, key))
    return found


def changed(document: Any, where: tuple[Any, ...], value: Any) -> Any:
    """A copy of the document with another value at one place."""
    if not where:
        return value
    document = copy.deepcopy(document)
    parent = document
    for step in where[:-1]:
        parent = parent[step]
    parent[where[-1]] = value
    return document


def accepts(result: Any) -> bool:
    try:
        facts.validate(result)
    except ReplySchemaError:
        return False
    return True


def test_facts_of_a_server_are_accepted(sample: dict[str, Any]) -> None:
    facts.validate(sample)


def test_every_part_may_be_missing_as_null(sample: dict[str, Any]) -> None:
    facts.validate(dict.fromkeys(sample))


def test_the_sample_has_every_key_of_the_schema_filled(sample: dict[str, Any]) -> None:
    """So that the mutation tests below reach every rule."""
    assert set(sample) == set(json_schema.schema(SCHEMA)["required"])
    assert all(value not in (None, [], {}) for value in sample.values())


@pytest.mark.parametrize("key", json_schema.schema(SCHEMA)["required"])
def test_a_missing_part_is_refused_by_name(sample: dict[str, Any], key: str) -> None:
    del sample[key]
    with pytest.raises(ReplySchemaError, match=f"facts has no '{key}'"):
        facts.validate(sample)


@pytest.mark.parametrize("value", [None, [], "text", 7, True])
def test_something_else_than_an_object_is_refused(value: Any) -> None:
    with pytest.raises(ReplySchemaError, match="not object"):
        facts.validate(value)


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        (("os", "build"), "17763", r"facts\.os\.build is '17763', not integer or null"),
        (("os", "build"), True, r"facts\.os\.build is True, not integer"),
        (("session", "elevated"), 1, r"facts\.session\.elevated is 1, not boolean"),
        (("iis", "sites", 0, "id"), -1, r"facts\.iis\.sites\[0\]\.id is -1, less than 0"),
        (("services", 0, "status"), "Läuft", r"services\[0\]\.status is 'L\\xe4uft', none of Run"),
        (("clock", "utc"), "5.3.2021", r"facts\.clock\.utc is '5\.3\.2021', which does not look"),
        (("logs",), [None] * 1025, r"facts\.logs has 1025 entries, more than 1024"),
        (("computer", "name"), "x" * 257, r"has 257 characters, more than 256"),
        (("url_rewrite", "rules", 0, "action", "type"), "Exec", r"rules\[0\]\.action\.type is"),
    ],
)
def test_a_refusal_names_the_place_and_the_rule(
    sample: dict[str, Any], where: tuple[Any, ...], value: Any, words: str
) -> None:
    with pytest.raises(ReplySchemaError, match=words):
        facts.validate(changed(sample, where, value))


def test_an_unknown_key_is_refused_wherever_it_stands(sample: dict[str, Any]) -> None:
    for where in places(sample):
        value = sample
        for step in where:
            value = value[step]
        if isinstance(value, dict):
            assert not accepts(changed(sample, where, {**value, "extra": None})), where


@pytest.mark.parametrize("key", ["install_path", "registry_version", "registry_key", "exsetup"])
def test_a_server_without_exchange_has_no_facts_about_it(sample: dict[str, Any], key: str) -> None:
    absent = dict.fromkeys(sample["exchange"]) | {"installed": False, "roles": []}
    facts.validate({**sample, "exchange": absent})
    absent[key] = sample["exchange"][key]
    assert not accepts({**sample, "exchange": absent})


def test_what_a_hostile_host_writes_is_shown_as_plain_ascii(sample: dict[str, Any]) -> None:
    sample["os"][HOSTILE] = 1
    with pytest.raises(ReplySchemaError) as caught:
        facts.validate(sample)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


def test_a_huge_value_is_cut_in_the_message(sample: dict[str, Any]) -> None:
    with pytest.raises(ReplySchemaError) as caught:
        facts.validate(changed(sample, ("os", "version"), {"a": "x" * 10_000}))
    assert len(str(caught.value)) < 400


def test_the_compiled_check_agrees_with_json_schema_on_every_place(
    sample: dict[str, Any], reference: jsonschema.Draft202012Validator
) -> None:
    values = [None, True, 0, -1, 2**64, "", "text", "x" * 70_000, [], [1], {}, {"name": "x"}]
    for where in places(sample):
        for value in values:
            document = changed(sample, where, value)
            assert accepts(document) is reference.is_valid(document), (where, str(value)[:40])


def test_a_keyword_that_the_compiler_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="multipleOf"):
        json_schema.compile_schema({"type": "integer", "multipleOf": 2}, {})


def test_text_and_lists_of_the_schema_are_all_bounded() -> None:
    """A host must not decide how much memory its facts take."""
    pending: list[tuple[tuple[Any, ...], Any]] = [((), json_schema.schema(SCHEMA))]
    while pending:
        where, node = pending.pop()
        if isinstance(node, dict):
            pending += [((*where, key), item) for key, item in node.items()]
            kinds = node.get("type", [])
            if "string" in kinds:
                assert "maxLength" in node or "enum" in node, where
            if "array" in kinds:
                assert "maxItems" in node, where
            if "object" in kinds and where[-1:] != ("if",):
                assert node.get("additionalProperties") is False, where
        elif isinstance(node, list):
            pending += [((*where, position), item) for position, item in enumerate(node)]


def test_the_reference_names_every_fact() -> None:
    text = (Path(__file__).parents[3] / "docs" / "facts.md").read_text(encoding="utf-8")
    for key, part in json_schema.schema(SCHEMA)["properties"].items():
        assert f"`{key}" in text, key
        for member in part.get("properties", {}):
            named = (f"`{key}.{member}`", f"`.{member}`", f"`{member}`", f"`{key}.{member}[]`")
            assert any(name in text for name in named), f"{key}.{member}"


def test_a_check_is_cheap_beside_a_general_validator(
    sample: dict[str, Any], reference: jsonschema.Draft202012Validator
) -> None:
    """2,000 hosts are checked in one run; compared, not timed, so that slow machines pass."""

    def best_of(call: Any) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            call(sample)
            times.append(time.perf_counter() - start)
        return min(times)

    facts.validate(sample)
    assert best_of(facts.validate) * 3 < best_of(reference.is_valid)


def test_every_part_of_the_script_travels_once() -> None:
    text = loader.script("Get-ExchangeServerInfo").text
    folder = Path(loader.__file__).parent / "facts"
    names = [
        name
        for part in sorted(folder.glob("*.ps1"))
        for name in re.findall(r"^function (\S+) {$", part.read_text("utf-8"), re.MULTILINE)
    ]
    assert len(names) > 40
    assert {name: text.count(f"function {name} {{") for name in names} == dict.fromkeys(names, 1)


def test_the_request_leaves_room_in_the_budget_of_one_command() -> None:
    """40 KB upstream a host over NTLM; command line, SOAP and HTTP need the rest."""
    operation = Operation("Get-ExchangeServerInfo", {})
    request = encode_request(operation, operation_id="0" * 32, nonce="0" * 32)
    assert len(request) <= 17 * 1024
