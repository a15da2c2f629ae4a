# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong inventories: each refusal names host, variable and cure, and stops nobody else."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.fleet.inventory import (
    check_inventory,
)


def check(**hosts: dict[str, Any]) -> dict[str, str]:
    return check_inventory(hosts, hosts.__getitem__)


def test_a_sound_inventory_refuses_nobody() -> None:
    assert (
        check(
            ex01={"ansible_host": "10.0.0.1", "ansible_port": 5986},
            ex02={"ansible_host": "10.0.0.2", "ansible_port": "5986"},
            ex03={},
        )
        == {}
    )


def test_two_names_for_one_address_are_both_refused_and_the_third_is_not() -> None:
    refused = check(
        ex01={"ansible_host": "10.0.0.1"},
        ex02={"ansible_host": "10.0.0.2"},
        mail={"ansible_host": "10.0.0.1"},
    )
    assert sorted(refused) == ["ex01", "mail"]
    assert refused["ex01"] == (
        "ex01: is at 10.0.0.1 port 5986, and so is mail; the same server would be counted "
        "twice: remove one of them or correct its ansible_host"
    )


@pytest.mark.parametrize("other", ["EX01", "ex01.", " ex01", "Ex01.corp.example"])
def test_the_same_name_in_another_spelling_is_the_same_server(other: str) -> None:
    assert set(check(ex01={}, second={"ansible_host": other})) == {"ex01", "second"}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({}, {"ansible_port": 5986}),
        ({"ansible_winrm_scheme": "http"}, {"ansible_port": "5985"}),
        ({"ansible_psrp_protocol": "https"}, {"ansible_winrm_path": "/wsman/"}),
        ({}, {"ansible_winrm_path": "/WSMAN"}),
    ],
)
def test_a_default_is_the_same_as_its_value(one: dict[str, Any], two: dict[str, Any]) -> None:
    address = {"ansible_host": "10.0.0.1"}
    assert set(check(ex01=one | address, mail=two | address)) == {"ex01", "mail"}


@pytest.mark.parametrize(
    ("one", "two"),
    [("10.0.0.1", "::ffff:10.0.0.1"), ("[2001:db8::1]", "2001:DB8:0::1"), ("fe80::1", "FE80::1")],
)
def test_another_spelling_of_an_address_is_the_same_server(one: str, two: str) -> None:
    assert set(check(ex01={"ansible_host": one}, mail={"ansible_host": two})) == {"ex01", "mail"}


def test_a_short_name_may_be_each_long_one_that_begins_with_it() -> None:
    refused = check(
        **{"ex01": {}, "ex01.a.example": {}, "ex01.b.example": {}, "ex010.a.example": {}}
    )
    assert set(refused) == {"ex01", "ex01.a.example", "ex01.b.example"}
    assert refused["ex01.a.example"].count("ex01.b.example") == 0
    assert "(ex01.a.example and ex01)" in refused["ex01.a.example"]
    assert check(**{"ex01.a.example": {}, "ex01.b.example": {}}) == {}, "two forests"


def test_one_address_with_two_ports_are_two_servers() -> None:
    assert (
        check(
            ex01={"ansible_host": "127.0.0.1", "ansible_port": 5001},
            ex02={"ansible_host": "127.0.0.1", "ansible_port": 5002},
        )
        == {}
    )


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        ("ansible_port", "abc", "ansible_port must be a port number from 1 to 65535, not 'abc'"),
        ("ansible_port", 0, "must be a port number from 1 to 65535, not 0"),
        ("ansible_port", 70000, "not 70000"),
        ("ansible_port", True, "not True"),
        ("ansible_port", [5986], "not [5986]"),
        ("ansible_host", 10, "ansible_host must be text, not 10 (int); put it into quotes"),
        ("ansible_user", ["a"], "ansible_user must be text, not ['a'] (list)"),
        ("ansible_password", 12345, "ansible_password must be text, not what it is (int)"),
        ("exchange_response_max_bytes", "16 MB", "must be a whole number above 0, not '16 MB'"),
        ("exchange_allow_insecure", ["x"], "exchange_allow_insecure names x, which is no rule"),
        ("exchange_allow_insecure", 7, "exchange_allow_insecure must be a list of names"),
    ],
)
def test_a_variable_of_the_wrong_type_is_refused_by_name(
    variable: str, value: object, text: str
) -> None:
    refused = check(ex01={variable: value}, ex02={})
    assert list(refused) == ["ex01"]
    assert refused["ex01"].startswith("ex01: ")
    assert text in refused["ex01"]
    assert "12345" not in refused["ex01"]


def test_a_template_that_fails_refuses_its_host_only() -> None:
    class Broken(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            if key == "ansible_user":
                raise RuntimeError("'vault_user' is undefined\nmore")
            return default

    refused = check(ex01=Broken(), ex02={})
    assert refused == {
        "ex01": "ex01: ansible_user cannot be worked out: 'vault_user' is undefined; "
        "correct the template"
    }


def test_a_host_with_two_problems_hears_of_both() -> None:
    refused = check(ex01={"ansible_port": "x", "ansible_user": 1})
    assert "ansible_port" in refused["ex01"]
    assert "ansible_user" in refused["ex01"]


def test_the_read_timeout_must_exceed_the_operation_timeout() -> None:
    refused = check(ex01={"ansible_winrm_operation_timeout_sec": 60}, ex02={})
    assert refused == {
        "ex01": "ex01: ansible_winrm_read_timeout_sec (30) must be larger than "
        "ansible_winrm_operation_timeout_sec (60); set it to 70"
    }


@pytest.mark.parametrize(("operation", "refused"), [(29, False), (30, True), (31, True)])
def test_equal_timeouts_are_refused_as_well(operation: int, *, refused: bool) -> None:
    found = check(ex01={"ansible_winrm_operation_timeout_sec": operation})
    assert bool(found) is refused
