# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused from settings alone, by name, with host, variable and cure."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.peer import (
    checked_settings,
    peer_record,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.preflight import (
    RULES,
    allowed_rules,
    psrp_settings,
    winrm_settings,
)

OURS = "exchange.remediation.winrm"
STOCK = "ansible.builtin.winrm"
PSRP = "ansible.builtin.psrp"
PERSON = {"remote_addr": "ex01", "remote_user": "EX01\\responder", "remote_password": "pass-word"}

Case = tuple[str, dict[str, Any], str | None]
CASES: tuple[Case, ...] = (
    (OURS, {}, None),
    (OURS, {"transport": ["ntlm"]}, None),
    (OURS, {"transport": ["ntlm"], "port": 5985}, None),
    (OURS, {"transport": ["basic"], "port": 5985}, "basic_over_http"),
    (OURS, {"transport": ["plaintext"], "scheme": "http"}, "basic_over_http"),
    (OURS, {"transport": ["ssl"], "scheme": "http"}, "basic_over_http"),
    (OURS, {"transport": ["kerberos", "basic"], "scheme": "http"}, "basic_over_http"),
    (OURS, {"transport": ["ssl"]}, None),
    (OURS, {"transport": ["credssp"]}, "credssp"),
    (OURS, {"_extras": {"ansible_winrm_kerberos_delegation": True}}, "delegation"),
    (OURS, {"_extras": {"ansible_winrm_kerberos_delegation": "yes"}}, "delegation"),
    (OURS, {"_extras": {"ansible_winrm_kerberos_delegation": "false"}}, None),
    (OURS, {"_extras": {"ansible_winrm_server_cert_validation": "ignore"}}, "unverified_tls"),
    (OURS, {"_extras": {"ansible_winrm_server_cert_validation": None}}, "unverified_tls"),
    (
        OURS,
        {
            "transport": ["ntlm"],
            "scheme": "http",
            "_extras": {"ansible_winrm_message_encryption": "never"},
        },
        "cleartext_http",
    ),
    (
        OURS,
        {
            "transport": ["ssl"],
            "scheme": "https",
            "_extras": {
                "ansible_winrm_cert_pem": "/a.pem",
                "ansible_winrm_cert_key_pem": "/a.key",
            },
        },
        None,
    ),
    (STOCK, {"port": 5985}, "basic_over_http"),
    (STOCK, {}, None),
    (STOCK, {"remote_user": "responder@CORP.EXAMPLE", "port": 5985}, None),
    (PSRP, {}, None),
    (PSRP, {"auth": "basic", "protocol": "http"}, "basic_over_http"),
    (PSRP, {"auth": "basic", "port": 5985}, "basic_over_http"),
    (PSRP, {"auth": "credssp"}, "credssp"),
    (PSRP, {"negotiate_delegate": True}, "delegation"),
    (PSRP, {"cert_validation": "ignore"}, "unverified_tls"),
    (PSRP, {"auth": "ntlm", "protocol": "http", "message_encryption": "never"}, "cleartext_http"),
)


def check(plugin: str, options: dict[str, Any], allowed: tuple[str, ...] = ()) -> tuple[Any, Any]:
    """Settings and waivers; that a stock connection is used is always allowed here."""
    known = PERSON | {"_extras": {}} | options
    always = () if plugin == OURS else ("stock_connection",)
    return checked_settings("ex01", plugin, known.get, [*always, *allowed])


@pytest.mark.parametrize(("plugin", "options", "rule"), CASES)
def test_each_unsafe_setting_is_refused_by_its_rule(
    plugin: str, options: dict[str, Any], rule: str | None
) -> None:
    if rule is None:
        check(plugin, options)
        return
    with pytest.raises(RefusedError, match=rf"^ex01: .*exchange_allow_insecure: \[{rule}\]$"):
        check(plugin, options)


@pytest.mark.parametrize(("plugin", "options", "rule"), [case for case in CASES if case[2]])
def test_a_waiver_by_name_lets_it_pass_and_is_recorded(
    plugin: str, options: dict[str, Any], rule: str
) -> None:
    settings, waived = check(plugin, options, (rule,))
    used = peer_record("ex01", settings, waived, None)["allowed_insecure"]
    assert used == ([rule] if plugin == OURS else ["stock_connection", rule])


@pytest.mark.parametrize(
    "plugin", [STOCK, PSRP, "winrm", "psrp", "somebody.collection.winrm", "ansible.legacy.psrp"]
)
def test_every_connection_but_ours_is_refused_unless_it_is_named(plugin: str) -> None:
    known = PERSON | {"_extras": {}}
    for allowed in (None, [], ["unverified_tls"], [name for name in RULES if "stock" not in name]):
        with pytest.raises(RefusedError) as caught:
            checked_settings("ex01", plugin, known.get, allowed)
        said = str(caught.value)
        assert said.startswith(f"ex01: ansible_connection is {plugin}, which follows a redirect")
        assert "set ansible_connection: exchange.remediation.winrm, or allow it for this" in said
        assert said.endswith("exchange_allow_insecure: [stock_connection]")
    settings, waived = checked_settings("ex01", plugin, known.get, "stock_connection")
    assert peer_record("ex01", settings, waived, None)["allowed_insecure"] == ["stock_connection"]


def test_a_waiver_for_another_rule_does_not_help() -> None:
    with pytest.raises(RefusedError):
        check(OURS, {"transport": ["credssp"]}, ("basic_over_http",))


def test_a_waiver_that_was_not_needed_is_not_recorded() -> None:
    settings, waived = check(OURS, {"transport": ["ntlm"]}, tuple(RULES))
    assert peer_record("ex01", settings, waived, None)["allowed_insecure"] == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1], "must be a list of names, not [1]"),
        ({"a": 1}, "must be a list of names"),
        (["bsic_over_http"], "names bsic_over_http, which is no rule; known names: stock_conn"),
    ],
)
def test_a_waiver_of_the_wrong_type_or_name_is_an_error(value: object, text: str) -> None:
    with pytest.raises(ValueError, match=r"^ex01: exchange_allow_insecure") as caught:
        allowed_rules("ex01", value)
    assert text in str(caught.value)


def test_one_name_may_stand_without_a_list() -> None:
    assert allowed_rules("ex01", "credssp") == ("credssp",)


def test_our_plugin_defaults_to_kerberos_and_stock_to_the_password() -> None:
    assert winrm_settings(OURS, PERSON).authentication == ("kerberos",)
    assert winrm_settings(STOCK, PERSON).authentication == ("ssl",)
    assert psrp_settings(PSRP, PERSON).authentication == ("negotiate",)


@pytest.mark.parametrize(
    ("plugin", "options", "text"),
    [
        (OURS, {"transport": ["ntlm"], "remote_user": None}, "ansible_user is not set"),
        (OURS, {"transport": ["ntlm"], "remote_password": None}, "ansible_password is not set"),
        (OURS, {"transport": ["ntlm"], "remote_password": ""}, "ansible_password is not set"),
        (PSRP, {"auth": "basic", "remote_password": None}, "ansible_password is not set"),
    ],
)
def test_missing_credentials_name_host_variable_and_cure(
    plugin: str, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(ConfigError, match=f"^ex01: {text}.*; (set|take) it") as caught:
        check(plugin, options)
    assert "pass-word" not in str(caught.value)


def test_kerberos_needs_neither_user_nor_password() -> None:
    check(OURS, {"remote_user": None, "remote_password": None})


@pytest.mark.parametrize("plugin", ["ssh", "ansible.builtin.local", "community.docker.docker"])
def test_a_connection_that_is_not_winrm_is_refused(plugin: str) -> None:
    with pytest.raises(RefusedError, match=r"does not speak WinRM; set it to exchange.remediation"):
        check(plugin, {})


def test_a_port_that_is_no_number_is_an_error_with_its_value() -> None:
    with pytest.raises(ConfigError, match="ansible_port must be a port number, not 'abc'"):
        check(OURS, {"port": "abc"})


def test_the_record_for_the_report_holds_no_secret_and_no_user() -> None:
    settings, waived = check(OURS, {"transport": ["ssl"]})
    record = peer_record("ex01", settings, waived, {"tls_fingerprint": "sha256:00"})
    assert record == {
        "inventory_name": "ex01",
        "plugin": OURS,
        "address": "ex01",
        "port": 5986,
        "scheme": "https",
        "authentication": ["ssl"],
        "verify_tls": True,
        "delegation": False,
        "encrypted_messages": True,
        "password_reaches_host": True,
        "allowed_insecure": [],
        "tls_fingerprint": "sha256:00",
    }


def test_an_unknown_authentication_is_an_error_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"names kerberoz, which is no authentication; known: k"):
        check(OURS, {"transport": ["kerberoz"]})
