# SPDX-License-Identifier: GPL-3.0-or-later
"""PowerShell itself judges its templates: which commands a text holds, and what they do to a fake machine."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.kinds import KINDS
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.template import templates
from powershell_text import done_to, parsed
from rendered import rendered, samples

if TYPE_CHECKING:
    from collections.abc import Mapping

_SCRIPTS = [key for key in sorted(samples()) if templates()[key[0]].ending == "ps1"]
_EXPECTED = yaml.safe_load(Path(__file__).with_name("powershell_commands.yml").read_text("utf-8"))
# The worst that each kind still takes: words that mean something to PowerShell elsewhere.
_WORST = {
    "name": ["Remove-Item", "F.-Force", "True"],
    "label": ["Remove-Item C -Recurse -Force", "if exit throw", "a -Confirm -WhatIf"],
    "host": ["remove-item.exe", "exit"],
    "vmware_id": ["Remove-Item"],
    "mac": ["001122aabbcc", "00-11-22-aa-bb-cc"],
    "guid": ["00000000-0000-0000-0000-000000000000"],
    "address": ["198.18.0.1", "fd00::1"],
    "network": ["198.18.0.0/15", "fe80::/10"],
}
_QUOTES = "'\"\u2018\u2019\u201a\u201b\u201c\u201d\u201e`"


def _texts(name: str, level: str, **more: Any) -> dict[str, str]:
    given = {**samples()[name, level], **more}
    return {
        entry.part: entry.text for entry in rendered(name, level, given) if entry.part != "about"
    }


def test_powershell_reads_the_expected_commands_and_no_other(pwsh: str, tmp_path: Path) -> None:
    texts = {(n, level, p): t for n, level in _SCRIPTS for p, t in _texts(n, level).items()}
    found = dict(zip(texts, parsed(pwsh, tmp_path, list(texts.values())), strict=True))

    for (name, level, which), what in found.items():
        assert what == {
            "errors": [],
            "commands": _EXPECTED[name][level][which],
            "calls": 0,
        }, (name, level, which)
    assert {
        (n, level, p) for n in _EXPECTED for level in _EXPECTED[n] for p in _EXPECTED[n][level]
    } == {*texts}


def test_the_worst_accepted_value_adds_no_command(pwsh: str, tmp_path: Path) -> None:
    tried: dict[tuple[str, ...], str] = {}
    for name, level in _SCRIPTS:
        for value in templates()[name].values:
            given = samples()[name, level].get(value.name)
            if given is None or value.choices or value.name == "server_name":
                continue
            for worst in _WORST.get(value.kind, ()):
                text = [worst] * len(given) if value.many else worst
                for which, body in _texts(name, level, **{value.name: text}).items():
                    tried[name, level, which, value.name, worst] = body
    found = dict(zip(tried, parsed(pwsh, tmp_path, list(tried.values())), strict=True))

    assert len(tried) > 100, "it was not all left out"
    for (name, level, which, *why), what in found.items():
        assert not what["errors"], why
        assert not what["calls"], why
        if why[0] in ("recorded_connected", "recorded_start_connected"):
            # as many steps as adapters that differ
            assert {*what["commands"]} <= {*_EXPECTED[name][level][which]}, why
            continue
        assert Counter(what["commands"]) == Counter(_EXPECTED[name][level][which]), why


@pytest.mark.parametrize("quote", _QUOTES, ids=ascii)
def test_no_kind_takes_what_powershell_reads_as_a_quote(
    quote: str, pwsh: str, tmp_path: Path
) -> None:
    hostile = f"ex01{quote}; Remove-Item C:\\x; {quote}"
    for kind in sorted(KINDS):
        with pytest.raises(ConfigError):
            KINDS[kind](hostile, "here")
        with pytest.raises(ConfigError):
            KINDS[kind](f"ex01{quote}", "here")
    if quote in "\u2018\u2019\u201a\u201b":
        (what,) = parsed(pwsh, tmp_path, [f"Get-VM -Name '{hostile}'"])
        assert "Remove-Item" in what["commands"], "or the refusal would be for nothing"


def _steps(pwsh: str, folder: Path, name: str, level: str, *which: str) -> list[Mapping[str, Any]]:
    texts = _texts(name, level)
    done = done_to(pwsh, folder, name, ["", *(texts[p] for p in which)])
    assert [step["failure"] for step in done] == [""] * len(done)
    return [step["state"] for step in done]


@pytest.mark.parametrize(
    ("name", "off"),
    [("hyper-v", {"switches": ["", "", ""]}), ("vmware", {"connected": [False] * 3, "start": [False] * 3})],
)  # fmt: skip
def test_adapters_are_cut_and_come_back_as_they_were(
    name: str, off: dict[str, Any], pwsh: str, tmp_path: Path
) -> None:
    before, seen, cut, again, back = _steps(
        pwsh, tmp_path, name, "disconnected", "verify", "apply", "apply", "undo"
    )

    assert before == seen == back, "verify changes nothing, and undo restores each adapter"
    assert cut == again == {**before, **off}


@pytest.mark.parametrize(("name", "stands"), [("hyper-v", "Paused"), ("vmware", "Suspended")])
def test_a_machine_stands_still_and_goes_on(
    name: str, stands: str, pwsh: str, tmp_path: Path
) -> None:
    before, paused, back = _steps(pwsh, tmp_path, name, "paused", "apply", "undo")

    assert paused == {**before, "state": stands}
    assert back == before


@pytest.mark.parametrize("name", ["hyper-v", "vmware"])
def test_a_member_of_a_group_is_never_resumed(name: str, pwsh: str, tmp_path: Path) -> None:
    texts = _texts(name, "paused", dag_member=True)
    _, done = done_to(pwsh, tmp_path, name, [texts["apply"], texts["undo"]])

    assert "is not resumed: keep its memory, turn it off and start it cold" in done["failure"]
    assert done["state"]["state"] in ("Paused", "Suspended")
    with pytest.raises(ConfigError, match=f"{name} needs dag_member"):
        rendered(name, "paused", {**samples()[name, "paused"], "dag_member": None})


@pytest.mark.parametrize("name", ["hyper-v", "vmware"])
def test_memory_is_copied_once_and_only_its_own_step_deletes_it(
    name: str, pwsh: str, tmp_path: Path
) -> None:
    texts = _texts(name, "memory-snapshot")
    before, copied, again, undone, removed, gone = done_to(
        pwsh, tmp_path, name, ["", *(texts[p] for p in ("apply", "apply", "undo", "remove-snapshot", "remove-snapshot"))]
    )  # fmt: skip

    (snapshot,) = copied["state"]["snapshots"]
    assert snapshot["Memory"] is True
    assert not snapshot.get("Quiesce"), "quiescing would change what is to be examined"
    assert "already: name another" in again["failure"]
    assert undone["state"] == {**before["state"], "snapshots": [snapshot]}, "the evidence stays"
    assert removed["state"] == {**before["state"], "asked": [True]}, "it asks before it deletes"
    assert "0 " in gone["failure"]


@pytest.mark.parametrize("name", ["hyper-v", "vmware"])
@pytest.mark.parametrize("level", ["disconnected", "paused", "memory-snapshot"])
def test_nothing_is_done_to_another_machine(
    name: str, level: str, pwsh: str, tmp_path: Path
) -> None:
    wrong = {"vmware": "VirtualMachine-vm-1", "hyper-v": "00000000-0000-0000-0000-000000000000"}[
        name
    ]
    texts = [
        text
        for more in ({"vm_name": "EX02"}, {"vm": wrong}, {"hypervisor" if name == "hyper-v" else "vcenter": "other"})
        for which, text in _texts(name, level, **more).items()
        if which in ("apply", "undo", "remove-snapshot")
    ]  # fmt: skip
    before, *done = done_to(pwsh, tmp_path, name, ["", *texts])

    assert {bool(step["failure"]) for step in done} == {True}
    assert [step["state"] for step in done] == [before["state"]] * len(done)


def _dropped(
    rules: list[dict[str, Any]], direction: str, protocol: str, port: int, remote: str
) -> bool:
    """Whether a saved rule blocks a packet, by the port on the server."""
    address = ip_address(remote)
    return any(
        (rule["direction"], rule["protocol"], rule["action"], rule["enabled"], rule["profile"])
        == (direction, protocol, "Block", "True", "Any")
        and any(
            _within(span, int, port) for span in rule["ports"] if span != "Any"
        ) | ("Any" in rule["ports"])
        and any(
            ip_address(span.partition("-")[0]).version == address.version
            and _within(span, ip_address, address)
            for span in rule["remote"]
        )
        for rule in rules
    )  # fmt: skip


def _within(span: str, read: Any, what: Any) -> bool:
    first, _, last = span.partition("-")
    return bool(read(first) <= what <= read(last or first))


_IN, _OUT = "Inbound", "Outbound"
_PACKETS = [
    # level, direction, protocol, port of the server, other side, dropped
    ("disconnected", _IN, "TCP", 443, "8.8.8.8", True),
    ("disconnected", _IN, "TCP", 5986, "198.51.100.7", False),
    ("disconnected", _IN, "TCP", 5986, "198.51.100.16", True),
    ("disconnected", _IN, "TCP", 5986, "2001:db8:1::7", False),
    ("disconnected", _IN, "TCP", 5986, "2001:db8:2::7", True),
    ("disconnected", _IN, "TCP", 445, "fe80::7", True),
    ("disconnected", _OUT, "TCP", 50000, "203.0.113.9", True),
    ("disconnected", _OUT, "TCP", 50000, "203.0.113.5", False),
    ("disconnected", _OUT, "UDP", 50000, "2001:4860:4860::8888", True),
    ("disconnected", _OUT, "UDP", 68, "10.0.0.1", False),
    ("disconnected", _IN, "UDP", 546, "fe80::1", False),
    ("disconnected", _IN, "UDP", 67, "10.0.0.1", True),
    ("disconnected", _IN, "TCP", 443, "127.0.0.1", False),
    ("https-blocked", _IN, "TCP", 443, "8.8.8.8", True),
    ("https-blocked", _IN, "UDP", 443, "2001:db8::1", True),
    ("https-blocked", _IN, "TCP", 443, "10.200.0.1", False),
    ("https-blocked", _IN, "TCP", 25, "8.8.8.8", False),
    ("https-blocked", _OUT, "TCP", 443, "8.8.8.8", False),
    ("vpn-only", _IN, "TCP", 443, "10.8.0.1", True),
    ("vpn-only", _IN, "TCP", 443, "10.9.0.1", False),
    ("vpn-only", _IN, "TCP", 443, "2001:db8:9::1", False),
]


@pytest.mark.parametrize("level", ["disconnected", "https-blocked", "vpn-only"])
def test_the_policy_object_drops_what_the_level_says(level: str, pwsh: str, tmp_path: Path) -> None:
    _, saved = _steps(pwsh, tmp_path, "windows-gpo", level, "apply")

    for _, direction, protocol, port, remote, dropped in [p for p in _PACKETS if p[0] == level]:
        assert _dropped(saved["rules"], direction, protocol, port, remote) is dropped, (
            direction, protocol, port, remote,
        )  # fmt: skip
    assert {rule["protocol"] for rule in saved["rules"]} == {"TCP", "UDP"}, "ICMPv6 stays"


def test_the_policy_object_holds_for_one_computer_and_goes_as_a_whole(
    pwsh: str, tmp_path: Path
) -> None:
    texts = _texts("windows-gpo", "disconnected")
    other = _texts("windows-gpo", "disconnected", gpo="Default-Domain-Policy")["undo"]
    before, made, again, wrong, shown, gone = done_to(
        pwsh, tmp_path, "windows-gpo",
        ["", texts["apply"], texts["apply"], other, texts["verify"], texts["undo"]],
    )  # fmt: skip

    assert made["state"]["permissions"] == [
        "EX01 Computer GpoApply False",
        "Authenticated Users Group GpoRead True",
    ]
    assert made["state"]["links"] == ["OU=Mail Servers,OU=Servers,DC=corp,DC=example Yes"]
    assert "exists" in again["failure"], "an object that is there already is not ours"
    assert "not Default-Domain-Policy" in wrong["failure"]
    assert made["state"] == again["state"] == wrong["state"] == shown["state"]
    assert gone["state"] == before["state"]
    assert [step["failure"] for step in (made, shown, gone)] == [""] * 3
