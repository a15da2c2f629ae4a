# SPDX-License-Identifier: GPL-3.0-or-later
"""Every network template means the same: compared with one reference per level, connection by connection.

The values go beyond the samples: one IP version only, nothing kept, sources of the other version.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from reference_policy import reference
from rendered import part, samples

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("fwshift", reason="fwshift is not installed; it is in the extra 'dev'")
from equivalence import DEVICES, differences

_SOURCES = {"disconnected": "keep", "https-blocked": "internal", "vpn-only": "vpn"}
_SERVERS = {
    "both": ["192.0.2.10", "2001:db8::10"],
    "several": ["192.0.2.10", "192.0.2.77", "2001:db8::10", "2001:db8::11"],
    "v4": ["192.0.2.10"],
    "v6": ["2001:db8::10"],
}
_NETWORKS = {
    "both": ["198.51.100.0/28", "203.0.113.7", "2001:db8:1::/64", "2001:db8:2::7"],
    "v4": ["10.0.0.0/8", "172.16.0.0/12"],
    "v6": ["2001:db8:1::/64"],
    "none": [],
}
# (servers, networks): every one of each, and each gap of one version by itself.
_PAIRS = [
    ("both", "both"), ("several", "v4"), ("several", "v6"), ("v4", "both"), ("v6", "both"),
    ("v4", "v6"), ("both", "none"), ("v6", "none"),
]  # fmt: skip
_CASES = [
    (name, level, servers, networks)
    for name in sorted(DEVICES)
    for level in _SOURCES
    for servers, networks in _PAIRS
    if networks != "none" or level == "disconnected"
]
_PLAIN = [
    (name, level) for name in sorted(DEVICES) for level in _SOURCES if (name, level) in samples()
]


def _values(level: str, servers: str, networks: str) -> dict[str, Any]:
    return {"servers": _SERVERS[servers], _SOURCES[level]: _NETWORKS[networks]}


@cache
def _wanted(name: str, level: str, servers: str, networks: str) -> str:
    return reference(
        level,
        _values(level, servers, networks),
        # The one thing that IOS has to let through besides: without it IPv6 does not work at all.
        discovery=name == "cisco-ios" and level == "disconnected",
    )


def _held(
    name: str, level: str, servers: str, networks: str, text: str | None = None, **more: Any
) -> str:
    given = {**_values(level, servers, networks), **more}
    if name == "fortigate":
        given["vips"] = []
    sample = {**samples()[name, level], **given}
    device = DEVICES[name](sample)
    return device.enter(part(name, level, "apply", **given) if text is None else text).config


@pytest.mark.parametrize(("name", "level", "servers", "networks"), _CASES)
def test_a_template_lets_through_what_the_reference_does(
    name: str, level: str, servers: str, networks: str, tmp_path: Path
) -> None:
    held = _held(name, level, servers, networks)

    assert differences(tmp_path, name, held, _wanted(name, level, servers, networks)) == []


@pytest.mark.parametrize("level", _SOURCES)
@pytest.mark.parametrize("lists", ["bound", "new"])
@pytest.mark.parametrize("name", ["cisco-asa", "cisco-ios"])
def test_a_list_that_is_bound_already_or_a_new_one_means_the_same(
    name: str, level: str, lists: str, tmp_path: Path
) -> None:
    held = _held(name, level, "both", "both", **_lists(name, level, lists))

    assert differences(tmp_path, name, held, _wanted(name, level, "both", "both")) == []


@pytest.mark.parametrize(("name", "level", "servers", "networks"), _CASES)
@pytest.mark.parametrize("lists", ["bound", "new"])
def test_undo_leaves_the_device_as_it_was(
    name: str, level: str, servers: str, networks: str, lists: str
) -> None:
    given = _values(level, servers, networks)
    if name.startswith("cisco"):
        given |= _lists(name, level, lists)
    device = DEVICES[name]({**samples()[name, level], **given})
    before = device.config

    during = device.enter(part(name, level, "apply", **given)).config
    after = device.enter(part(name, level, "undo", **given)).config

    assert during != before
    assert after == before


def _lists(name: str, level: str, which: str) -> dict[str, str]:
    lists = {
        key: f"DMZ{key[4:].upper()}" if which == "bound" else "none"
        for key in ("list_out", "list_out6", "list_in", "list_in6")
        if key in samples()[name, level]
    }
    if name == "cisco-asa" and level == "disconnected":
        lists["list_in"] = "dmz_in"  # needed: see its preconditions
    return lists


def _misspelt(text: str) -> str:
    return re.sub(
        r"\b(deny|drop)\b", lambda m: m[1][0] + m[1][2] + m[1][1] + m[1][3:], text, count=1
    )


def _other_address(text: str) -> str:
    return text.replace("192.0.2.10", "192.0.2.100")


def _missing_object(text: str) -> str:
    """The first definition of an address of a server is left out."""
    patterns = (
        r"^ (?:host|network-object host) 192\.0\.2\.10\n",
        r'^    edit "[^"]*server4-1"\n.*?^    next\n',
        r"^set address \S*server4-1 [^\n]*\n",
        r"elements = \{ 192\.0\.2\.10 \}",
    )
    for pattern in patterns:
        changed, count = re.subn(pattern, "", text, count=1, flags=re.MULTILINE | re.DOTALL)
        if count:
            return changed
    raise AssertionError(text)


def _without_v6(text: str) -> str:
    return text.replace("2001:db8::10", "2001:db8::ff")


def _open_port(text: str) -> str:
    return text.replace("443", "444")


@pytest.mark.parametrize(
    "fault", [_misspelt, _other_address, _missing_object, _without_v6], ids=lambda f: f.__name__[1:]
)
@pytest.mark.parametrize(("name", "level"), _PLAIN)
def test_a_fault_is_found(name: str, level: str, fault: Any, tmp_path: Path) -> None:
    values = _values(level, "both", "both")
    if name == "fortigate":
        values["vips"] = []
    good = part(name, level, "apply", **values)
    bad = fault(good)
    assert bad != good
    held = _held(name, level, "both", "both", bad)

    assert differences(tmp_path, name, held, _wanted(name, level, "both", "both"))


@pytest.mark.parametrize(("name", "level"), [p for p in _PLAIN if p[1] != "disconnected"])
def test_another_port_is_found(name: str, level: str, tmp_path: Path) -> None:
    values = {**_values(level, "both", "both"), **({"vips": []} if name == "fortigate" else {})}
    held = _held(name, level, "both", "both", _open_port(part(name, level, "apply", **values)))

    assert differences(tmp_path, name, held, _wanted(name, level, "both", "both"))
