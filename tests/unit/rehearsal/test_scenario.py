# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    ConnectionState,
    Credentials,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.facts.collect import (
    collect,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario import (
    generator,
    scenario,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.mitigations import (
    MITIGATIONS,
)
from jsonschema import Draft202012Validator

AT = datetime(2021, 3, 5, 10, tzinfo=UTC)
ACCOUNT = Credentials("administrator", "of this test only")
ROOT = Path(__file__).parents[3]
FACTS = Draft202012Validator(
    json.loads((ROOT / "plugins/plugin_utils/facts/facts.schema.json").read_text())
)
CONTRACT = ROOT / "tests/contract/hosts.yml"


def load(source: str | Path) -> scenario.Scenario:
    return scenario.load(source, at=AT, credentials=ACCOUNT)


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.yml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("source", [*scenario.names(), CONTRACT])
def test_facts_of_every_host_fit_their_schema(source: str | Path) -> None:
    for host in load(source).hosts:
        facts, errors = collect(host.world)
        problems = [f"{host.name}: {e.json_path}: {e.message}" for e in FACTS.iter_errors(facts)]
        assert problems == []
        sources = {error["source"].partition(".")[0] for error in errors}
        assert sources >= {name for name, fact in facts.items() if fact is None}


def test_default_fleet_has_one_host_of_each_kind() -> None:
    hosts = {host.name: host for host in load("proxylogon").hosts}
    facts = {name: collect(host.world)[0] for name, host in hosts.items()}
    assert len(hosts) >= 16
    assert {f["exchange"]["registry_version"][:4] for f in facts.values()} == {
        "14.3",
        "15.0",
        "15.1",
        "15.2",
    }
    assert [f["dag"]["name"] for f in facts.values() if f["dag"]["name"]] == ["DAG01", "DAG01"]
    assert {f["os"]["locale"] for f in facts.values()} >= {"en-US", "de-DE", "ja-JP", "tr-TR"}
    assert {f["powershell"]["version"][:3] for f in facts.values()} == {"3.0", "4.0", "5.1"}
    assert {h.connection for h in hosts.values()} == set(ConnectionState)
    assert facts["ex-muenchen"]["exchange"]["install_path"].startswith("D:\\")
    assert facts["edge01"]["exchange"]["roles"] == ["Edge", "ManagementTools"]
    assert facts["ex-plain-user"]["session"]["elevated"] is False
    assert hosts["ex-locked-down"].world.data["powershell"]["language_mode"] != "FullLanguage"


def test_half_patched_host_contradicts_itself() -> None:
    host = next(h for h in load("proxylogon").hosts if h.name == "ex2019-half")
    facts, _ = collect(host.world)
    assert facts["exchange"]["exsetup"]["file_version"] == "15.02.0792.003"
    assert {update["kb"] for update in facts["updates"]} == {"KB5000871"}


def test_hostile_host_reaches_facts_unharmed_and_unexecuted() -> None:
    host = next(h for h in load("proxylogon").hosts if h.name == "ex-hostile")
    text = json.dumps(collect(host.world)[0], ensure_ascii=False)
    for piece in ("{{ lookup('pipe'", "=cmd|' /C calc'!A0", "<script>alert", "\\u001b]0;owned"):
        assert piece in text


def test_addresses_follow_the_order_of_the_file() -> None:
    assert [host.address for host in load("small").hosts] == [
        "127.77.0.1",
        "127.77.0.2",
        "127.77.0.3",
    ]


def test_wrong_credentials_are_other_ones() -> None:
    loaded = load("proxylogon")
    wrong = [h for h in loaded.hosts if h.connection is ConnectionState.WRONG_CREDENTIALS]
    assert [host.credentials == loaded.credentials for host in wrong] == [False]
    assert "test only" not in repr(loaded.credentials)


def test_password_is_made_up_when_none_is_given() -> None:
    first, second = scenario.load("small", at=AT), scenario.load("small", at=AT)
    assert first.credentials.password != second.credentials.password
    assert len(first.credentials.password) >= 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.yml:1: the file is empty"),
        ("schema: 1\nhosts: [", "mine.yml:3: not valid YAML"),
        ("schema: 2\nhosts:\n  a: {}\n", "mine.yml:1: schema: 2 is not 1"),
        ("schema: 1\n", "mine.yml:1: the file: hosts is missing; add it"),
        ("schema: 1\nhosts:\n  a:\n    rolle: Edge\n", "mine.yml:4: hosts.a: unknown key rolle; known are"),
        ("schema: 1\nhosts:\n  a:\n    role: Postbox\n", "mine.yml:4: hosts.a.role: 'Postbox' is not known; use one of Mailbox"),
        ("schema: 1\nhosts:\n  a:\n    logs_from: last week\n", "mine.yml:4: hosts.a.logs_from: 'last week' is not a day"),
        ("schema: 1\nhosts:\n  a:\n    logs_from: 2021-13-01\n", "mine.yml:4: '2021-13-01' is no day"),
        ("schema: 1\nhosts:\n  a:\n    exchange: {product: Exchange2016, build: '15.1'}\n", "'15.1' is not a four-part build such as 15.1.2176.2; write it as"),
        ("schema: 1\nhosts:\n  a:\n    exchange: {product: Exchange2016, build: 15.1.2176.2}\n    mitigations: [cookie]\n", "mine.yml:4: A: mitigation 'cookie' has no variant 'exact'; known"),
        ("schema: 1\nhosts:\n  a:\n    services_stopped: [Nope]\n", "mine.yml:4: unknown name 'Nope'; correct the entry of a"),
        ("schema: 1\nhosts:\n  a: {}\n  a: {}\n", "mine.yml:4: the key 'a' stands twice"),
        ("schema: 1\nhosts:\n  A B: {}\n", "mine.yml:"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_line_and_cure(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(write(tmp_path, text))
    assert message in str(caught.value)


def test_unknown_scenario_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no scenario 'nope'.*proxylogon, rewrite-module, small"):
        load("nope")


def test_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(path)


def test_defaults_are_under_every_host(tmp_path: Path) -> None:
    text = "schema: 1\ndefaults: {locale: de-DE}\nhosts:\n  a: {}\n  b: {locale: tr-TR}\n"
    found = [collect(host.world)[0]["os"]["locale"] for host in load(write(tmp_path, text)).hosts]
    assert found == ["de-DE", "tr-TR"]


def documents(fleet: scenario.Scenario) -> list[dict[str, Any]]:
    return [host.world.data for host in fleet.hosts]


def test_generated_fleet_depends_on_its_seed_only() -> None:
    first = generator.fleet(30, 7, at=AT, credentials=ACCOUNT)
    assert documents(first) == documents(generator.fleet(30, 7, at=AT, credentials=ACCOUNT))
    assert documents(first) != documents(generator.fleet(30, 8, at=AT, credentials=ACCOUNT))
    assert len({host.address for host in first.hosts}) == 30


def test_generated_fleet_is_a_scenario_file_as_well(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(generator.document(12, 7)))
    assert documents(load(path)) == documents(generator.fleet(12, 7, at=AT, credentials=ACCOUNT))


def test_large_fleet_runs_over_the_last_octet() -> None:
    hosts = generator.fleet(300, 1, at=AT, credentials=ACCOUNT).hosts
    assert hosts[254].address == "127.77.0.255"
    assert hosts[255].address == "127.77.1.0"


PAGE = (ROOT / "docs/rehearsal-scenarios.md").read_text(encoding="utf-8")


def test_example_of_the_documentation_loads(tmp_path: Path) -> None:
    example = PAGE.split("```yaml\n", 1)[1].split("```", 1)[0]
    assert [host.name for host in load(write(tmp_path, example)).hosts] == ["ex01", "ex02"]


def test_every_member_and_mitigation_is_documented() -> None:
    schema = json.loads(
        (ROOT / "plugins/plugin_utils/rehearsal/scenario/scenario.schema.json").read_text()
    )
    members = set(schema["$defs"]["host"]["properties"]) - {"description"}
    missing = [name for name in sorted(members | set(MITIGATIONS)) if f"`{name}`" not in PAGE]
    assert missing == []
