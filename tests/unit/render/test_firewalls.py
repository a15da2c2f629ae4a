# SPDX-License-Identifier: GPL-3.0-or-later
"""What the network templates must not do: slip in a statement, widen a step, guess what was before."""

from __future__ import annotations

import re
import string
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.kinds import KINDS
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.template import templates
from devices_cisco import Asa, Ios
from devices_firewalls import Fortigate
from hypothesis import given, settings
from hypothesis import strategies as st
from rendered import part, rendered, samples

_NAMES = ("aws-security-group", "cisco-asa", "cisco-ios", "fortigate", "palo-alto")
_SAMPLES = [(name, level) for name, level in sorted(samples()) if name in _NAMES]
_LETTERS = string.ascii_letters + string.digits
# Everything that a kind of text takes, its edges included.
_TEXTS = {
    "name": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True),
    "prefix": st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,17}", fullmatch=True),
    "label": st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,61}[A-Za-z0-9._-])?", fullmatch=True),
    "interface": st.from_regex(r"[A-Za-z][A-Za-z0-9/._:-]{0,62}", fullmatch=True),
    "host": st.text(_LETTERS, min_size=1, max_size=63),
    "aws_id": st.from_regex(r"(?:eni|sg|vpc|subnet|i)-[0-9a-f]{8,17}", fullmatch=True),
    # As many groups as in the sample: each is a word more.
    "aws_interface": st.from_regex(r"eni-[0-9a-f]{8,17}/sg-[0-9a-f]{8,17}", fullmatch=True),
    "aws_region": st.from_regex(r"[a-z]{2}(?:-[a-z]+){1,3}-[0-9]", fullmatch=True),
}


def _shape(text: str) -> list[str]:
    """The statements without their values: words of the language and how many follow each."""
    lines = []
    for line in text.splitlines():
        words = re.findall(r'"[^"]*"|\S+', line)
        lines.append(f"{len(line) - len(line.lstrip())}:{len(words)}:{words[0] if words else ''}")
    return lines


@pytest.mark.parametrize(("name", "level"), _SAMPLES)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_no_text_that_is_taken_changes_the_statements(
    name: str, level: str, data: st.DataObject
) -> None:
    values = dict(samples()[name, level])
    if "interfaces" in values:
        values["interfaces"] = [
            row.rsplit("/", row.count("/") - 1)[0] for row in values["interfaces"]
        ]
    plain = {entry.part: _shape(entry.text) for entry in rendered(name, level, values)}
    for value in templates()[name].values:
        # "none" is a word of its own in the lists that were recorded.
        if value.kind not in _TEXTS or value.name not in values or values[value.name] == "none":
            continue
        text = _TEXTS[value.kind].filter(lambda found: found.lower() != "none")
        if value.many:
            count = len(values[value.name])
            values[value.name] = data.draw(st.lists(text, min_size=count, max_size=count))
        else:
            values[value.name] = data.draw(text)
    try:
        made = rendered(name, level, values)
    except ConfigError as error:
        assert "names our own list" in str(error)  # noqa: PT017
        return

    for entry in made:
        if entry.part != "about":
            assert _shape(entry.text) == plain[entry.part]


@pytest.mark.parametrize(("name", "level"), _SAMPLES)
def test_only_sessions_of_the_servers_are_ended(name: str, level: str) -> None:
    """Each command that ends sessions names a server, or follows a filter that does."""
    values = samples()[name, level]
    parts = {entry.part: entry.text for entry in rendered(name, level, values)}
    for which, text in parts.items():
        if which == "about":
            continue
        filtered: str | None = None
        for line in text.splitlines():
            if line == "diagnose sys session filter clear":
                filtered = None
            elif line.startswith("diagnose sys session filter "):
                assert filtered is None, "a filter of before still counts"
                filtered = line.split()[-1]
            elif line in {"diagnose sys session clear", "diagnose sys session list"}:
                assert filtered in values["servers"], line
            elif line.startswith(("clear conn", "clear session", "show conn", "show session")):
                assert line.split()[-1] in values["servers"], line
        assert which == "end-sessions" or "session clear" not in text
        assert which == "end-sessions" or not re.search(r"^clear ", text, re.MULTILINE)


@pytest.mark.parametrize(("name", "level"), _SAMPLES)
def test_nothing_is_saved_before_the_last_step(name: str, level: str) -> None:
    for entry in rendered(name, level, samples()[name, level]):
        saving = re.search(r"write memory|copy running|cfg save|configure confirm", entry.text)
        assert bool(saving) is (entry.part == "save") or entry.part == "about"


@pytest.mark.parametrize("minutes", [None, 1, 120])
def test_ios_goes_back_by_itself_only_where_that_is_asked_for(minutes: int | None) -> None:
    apply = part("cisco-ios", "disconnected", "apply", timer_minutes=minutes)
    save = part("cisco-ios", "disconnected", "save", timer_minutes=minutes)

    asked = f"configure terminal revert timer {minutes}" if minutes else "configure terminal"
    assert apply.splitlines()[1] == asked
    assert ("configure confirm" in save) is bool(minutes)


@pytest.mark.parametrize("minutes", [0, 121, -1, True, "10", 1.5])
def test_a_wait_that_no_router_takes_is_refused(minutes: object) -> None:
    with pytest.raises(ConfigError, match=r"timer_minutes: .* minutes from 1 to 120"):
        part("cisco-ios", "disconnected", "apply", timer_minutes=minutes)


@pytest.mark.parametrize(
    ("name", "given_", "words"),
    [
        ("cisco-ios", {"list_out": "ER-EX01-OUT"}, "list_out names our own list"),
        ("cisco-ios", {"list_in6": "er-ex01-in6"}, "list_in6 names our own list"),
        ("cisco-asa", {"list_out": "ER-EX01-OUT"}, "list_out names our own list"),
        ("cisco-asa", {"list_in": "none"}, "needs list_in, .* higher security level"),
        ("fortigate", {"policy_id": 0}, "a policy number is 0"),
        ("fortigate", {"first_policy": 0}, "a policy number is 0"),
        ("fortigate", {"first_policy": 4003}, "first_policy 4003 is one of ours"),
    ],
)
def test_a_record_that_cannot_be_from_before_is_refused(
    name: str, given_: dict[str, Any], words: str
) -> None:
    for which in ("apply", "undo"):
        with pytest.raises(ConfigError, match=words):
            part(name, "disconnected", which, **given_)


@pytest.mark.parametrize("name", ["cisco-asa", "cisco-ios"])
@pytest.mark.parametrize("level", ["https-blocked", "vpn-only"])
def test_only_traffic_to_the_servers_is_judged_where_port_443_is_closed(
    name: str, level: str
) -> None:
    values = {**samples()[name, level], "list_out": "none", "list_out6": "none"}
    if name == "cisco-asa":
        del values["list_out6"]
        asa = Asa(values).enter(part(name, level, "apply", **values))
        assert set(asa.lists) == {"ER-EX01-OUT"}
        return
    ios = Ios(values).enter(part(name, level, "apply", **values))
    assert {way for _, way in ios.bound} == {"out"}


def test_asa_judges_each_direction_in_its_own_list() -> None:
    values = {**samples()["cisco-asa", "disconnected"], "list_out": "dmz_out", "list_in": "dmz_in"}
    asa = Asa(values).enter(part("cisco-asa", "disconnected", "apply", **values))
    servers = "object-group ER-EX01-SERVERS"

    assert all(entry.endswith(servers) for entry in asa.lists["dmz_out"][:-1])
    assert all(f"ip {servers} " in entry for entry in asa.lists["dmz_in"][:-1])
    assert [len(rows) for rows in asa.lists.values()] == [3, 3]


def test_ios_lets_neighbour_discovery_pass_first() -> None:
    values = samples()["cisco-ios", "disconnected"]
    ios = Ios(values).enter(part("cisco-ios", "disconnected", "apply"))
    for way in ("IN6", "OUT6"):
        entries = list(ios.lists[f"ipv6 access-list ER-EX01-{way}"].values())
        assert entries[:2] == ["permit icmp any any nd-na", "permit icmp any any nd-ns"]


@pytest.mark.parametrize("level", ["disconnected", "https-blocked"])
def test_fortigate_denies_virtual_addresses_as_it_does_real_ones(level: str) -> None:
    """A policy on the servers' own addresses does not see traffic to a virtual one."""
    values = samples()["fortigate", level]
    device = Fortigate(values).enter(part("fortigate", level, "apply"))
    policies = device.tables["firewall policy"]
    to4, vip = policies["4001"], policies["4005"]
    names = " ".join(f'"{name}"' for name in values["vips"])

    assert list(policies)[-1] == str(values["first_policy"])
    for mine, other in zip(to4, vip, strict=True):
        if mine.startswith("set dstaddr "):
            assert other == f"set dstaddr {names}"
        elif not mine.startswith("set name "):
            assert mine == other


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("prefix", "1ER"), ("prefix", "ER.EX01"), ("prefix", "E" * 19), ("prefix", "ER EX01"),
        ("aws_interface", "eni-0123456789abcdef0"), ("aws_interface", "sg-0123456789abcdef0"),
        ("aws_interface", "eni-0123456789abcdef0/"), ("aws_interface", "eni-0123456789abcdef0/eni-01234567"),
        ("aws_interface", "eni-0123456789abcdef0/sg-0123456789abcdef0/sg-x"),
    ],
)  # fmt: skip
def test_a_kind_is_as_narrow_as_it_says(kind: str, text: str) -> None:
    with pytest.raises(ConfigError, match="here: "):
        KINDS[kind](text, "here")
