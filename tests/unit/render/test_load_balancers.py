# SPDX-License-Identifier: GPL-3.0-or-later
"""Load balancers without a checker of their own: every line is one command of a grammar that was read.

The grammars are those of the pages that the templates name in ``follows``; a line that fits none of
them, or a value that brings in a second command, is found here.
"""

from __future__ import annotations

import re
import shlex
from urllib.parse import parse_qsl, urlsplit

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.render import kinds
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.template import templates
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rendered import part, rendered, samples

_PATH = r"(?:/[A-Za-z0-9][A-Za-z0-9._-]*){1,4}"
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
_ADDRESS = r"[0-9a-f:.]+"
_GRAMMAR = {
    "f5-bigip": [
        (
            rf"modify ltm pool {_PATH} members modify \{{ {_PATH}:\d+ "
            r"\{ session user-(enabled|disabled) state user-(up|down) \} \}"
        ),
        rf"list ltm pool {_PATH} members",
        rf"(show|delete) sys connection ss-server-addr {_ADDRESS}",
        r"save sys config",
    ],
    "netscaler": [
        rf"disable service {_NAME}( -graceFul YES)?",
        rf"disable serviceGroup {_NAME} {_NAME} \d+( -graceFul YES)?",
        rf"enable service {_NAME}",
        rf"enable serviceGroup {_NAME} {_NAME} \d+",
        rf"show service(Group)? {_NAME}",
        r"save ns config",
    ],
    "kemp": [
        r"curl --netrc --silent --show-error --fail 'https://[^'/]+/access/(showrs|modrs)\?[^'?#]+'"
    ],
}
_CASES = [(name, level) for name, level in sorted(samples()) if name in _GRAMMAR]
_PLACES = [
    (name, level, value)
    for name, level in _CASES
    for value in templates()[name].values
    if value.name in samples()[name, level] and not value.choices
]


def _taken(kind: str) -> st.SearchStrategy[str | int]:
    """Anything that a kind takes, words of the devices' languages among it."""
    words = ["all", "none", "any", "no", "save", "modify", "reboot", "/Common/all", "192.0.2.99"]
    found: st.SearchStrategy[str | int]
    if kind == "port":
        found = st.integers(1, 65535)
    elif kind == "address":
        found = st.sampled_from(["192.0.2.99", "2001:db8::99", "::ffff:192.0.2.99"])
    else:
        found = st.from_regex(kinds._PATTERNS[kind]) | st.sampled_from(words)
    return found.filter(lambda drawn: _is_taken(kind, drawn))


def _is_taken(kind: str, drawn: str | int) -> bool:
    try:
        kinds.KINDS[kind](drawn, "here")
    except ConfigError:
        return False
    return True


def _commands(text: str, name: str) -> list[str]:
    mark, lines = templates()[name].comment, text.splitlines()
    return [line for line in lines if not mark or not line.startswith(f"{mark} ")]


@pytest.mark.parametrize(("name", "level"), _CASES)
def test_each_line_is_one_command_that_was_read(name: str, level: str) -> None:
    for entry in rendered(name, level, samples()[name, level]):
        if entry.part == "about":
            continue
        for line in _commands(entry.text, name):
            assert any(re.fullmatch(rule, line) for rule in _GRAMMAR[name]), line
            assert line.count("{") == line.count("}")
            assert line.count("'") % 2 == 0


@pytest.mark.parametrize(("name", "level", "value"), _PLACES)
@given(data=st.data())
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_value_that_is_taken_brings_in_a_command(
    name: str, level: str, value: object, data: st.DataObject
) -> None:
    entry = next(v for v in templates()[name].values if v == value)
    values = samples()[name, level]
    drawn = data.draw(_taken(entry.kind))
    more = {value.name: [drawn] * len(values[value.name]) if entry.many else drawn}
    plain = {p.part: p.text for p in rendered(name, level, values)}

    for made in rendered(name, level, {**values, **more}):
        if made.part == "about":
            continue
        lines = _commands(made.text, name)
        assert len(lines) == len(_commands(plain[made.part], name))
        for line in lines:
            assert any(re.fullmatch(rule, line) for rule in _GRAMMAR[name]), line


@pytest.mark.parametrize("level", ["drained", "out-of-service"])
def test_big_ip_ends_connections_to_this_server_alone(level: str) -> None:
    ended = _commands(part("f5-bigip", level, "end-sessions"), "f5-bigip")
    values = samples()["f5-bigip", level]

    assert ended == [f"delete sys connection ss-server-addr {a}" for a in values["servers"]]


def test_big_ip_tells_drained_from_offline() -> None:
    # F5: user-disabled alone still takes clients bound by persistence; user-down takes nobody.
    drained = part("f5-bigip", "drained", "apply")
    offline = part("f5-bigip", "out-of-service", "apply")

    assert drained.count("session user-disabled state user-up") == 2
    assert offline.count("session user-disabled state user-down") == 1


def test_netscaler_waits_for_clients_only_when_drained() -> None:
    drained = _commands(part("netscaler", "drained", "apply"), "netscaler")
    hard = _commands(part("netscaler", "out-of-service", "apply"), "netscaler")

    assert all(line.endswith(" -graceFul YES") for line in drained)
    assert not any("graceFul" in line for line in hard)
    assert len(hard) == 3


def test_netscaler_enables_nothing_that_was_disabled_before() -> None:
    lines = _commands(part("netscaler", "drained", "undo"), "netscaler")

    assert lines == [
        "enable service svc_ex01_owa",
        "disable service svc_ex01_smtp",
        "enable serviceGroup sg_exchange_https ex01 443",
    ]


@pytest.mark.parametrize(
    ("which", "command", "enable"),
    [("apply", "modrs", "000"), ("undo", "modrs", "101"), ("verify", "showrs", "")],
)
def test_a_loadmaster_is_asked_for_one_real_server_of_one_service(
    which: str, command: str, enable: str
) -> None:
    values = samples()["kemp", "drained"]
    lines = _commands(part("kemp", "drained", which), "kemp")
    asked = []
    for line in lines:
        url = urlsplit(shlex.split(line)[-1])
        assert (url.scheme, url.netloc, url.path) == (
            "https", values["loadmaster"], f"/access/{command}",
        )  # fmt: skip
        asked.append(dict(parse_qsl(url.query, strict_parsing=True)))

    assert "".join(row.pop("Enable", "") for row in asked) == enable
    assert asked == [
        {"vs": vs, "port": str(port), "prot": "tcp", "rs": values["server"], "rsport": str(own)}
        for vs, port, own in zip(
            values["services"], values["vs_ports"], values["ports"], strict=True
        )
    ]
