# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies in the folder of steps: no undo is lost, no two servers share a name, and what a role hands over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli.main import main
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.task import (
    RenderRequest,
    render_task,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.template import templates
from rendered import samples

if TYPE_CHECKING:
    from collections.abc import Mapping

_IOS = "cisco-ios"


def _render(
    dest: Path,
    name: str,
    level: str,
    values: Mapping[str, Any],
    **more: Any,
) -> dict[str, Any]:
    request = {
        "server": "ex01.corp.example", "template": name, "level": level, "values": values, "shared": {},
        "dest": dest, "own": None, "basis": "no plan", "check": False, "diff": False,
    }  # fmt: skip
    return render_task(RenderRequest(**{**request, **more}))


def _texts(folder: str) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in Path(folder).iterdir()}


def test_another_level_leaves_the_undo_of_the_first(tmp_path: Path) -> None:
    values = {**samples()[_IOS, "disconnected"], "list_out": "OLD", "list_in": "OLDIN"}
    first = _render(tmp_path, _IOS, "disconnected", values)
    before = _texts(first["folder"])
    blocked = {**values, "internal": ["10.0.0.0/8"]}
    second = _render(tmp_path, _IOS, "https-blocked", blocked)

    assert first["folder"] != second["folder"]
    assert _texts(first["folder"]) == before
    assert "undo of that level" in " ".join(before["about.txt"].split())


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        {"prefix": "ER-OTHER"},
        {"list_out": "NEWER"},
        {"list_out": None, "list_out6": None, "list_in": None, "list_in6": None},
    ],
    ids=["names", "record", "no record any more"],
)
def test_an_undo_is_neither_replaced_nor_left_behind(
    tmp_path: Path, change: dict[str, Any], *, check: bool
) -> None:
    values = samples()[_IOS, "disconnected"]
    before = _texts(_render(tmp_path, _IOS, "disconnected", values)["folder"])

    with pytest.raises(ConfigError, match=r"undo\.ios: other values.*move the folder") as raised:
        _render(tmp_path, _IOS, "disconnected", {**values, **change}, check=check)

    folder = tmp_path / "ex01.corp.example" / _IOS / "disconnected"
    assert str(folder) in str(raised.value)
    assert _texts(str(folder)) == before


def test_the_record_makes_the_undo_and_the_same_values_change_nothing(tmp_path: Path) -> None:
    values = samples()[_IOS, "disconnected"]
    unrecorded = {name: value for name, value in values.items() if not name.startswith("list_")}

    assert _render(tmp_path, _IOS, "disconnected", unrecorded)["not_made"]
    assert _render(tmp_path, _IOS, "disconnected", values)["changed"]
    assert not _render(tmp_path, _IOS, "disconnected", values)["changed"]
    assert _render(tmp_path, _IOS, "disconnected", {**values, "timer_minutes": 5})["changed"]


_OURS = [
    (name, level, value.name)
    for name, level in sorted(samples())
    for value in templates()[name].values
    if value.names_ours
]


@pytest.mark.parametrize(("name", "level", "value"), _OURS)
def test_two_servers_never_share_a_name_on_a_device(
    tmp_path: Path, name: str, level: str, value: str
) -> None:
    values = samples()[name, level]
    _render(tmp_path, name, level, values)
    other = {**values, "server_name": "ex02.corp.example"}

    with pytest.raises(ConfigError, match=f"{value} .* is of ex01.corp.example already"):
        _render(tmp_path, name, level, {**other, value: values[value].swapcase()
                                        if value != "table" else values[value]})  # fmt: skip
    assert not (tmp_path / "ex02.corp.example").exists()
    _render(tmp_path, name, level, {**other, value: f"{values[value]}2"})
    assert not _render(tmp_path, name, level, values)["changed"]


def test_values_for_all_templates_go_to_those_that_have_them(tmp_path: Path) -> None:
    shared = {"servers": ["192.0.2.10"], "interface": "GigabitEthernet0/1"}
    own = {"table": "er_cut_ex01"}

    made = _render(tmp_path, "nftables", "disconnected", own, shared=shared)
    assert "192.0.2.10" in _texts(made["folder"])["apply.nft"]
    with pytest.raises(ConfigError, match="shared_values: no template has a value 'sevrers'"):
        _render(tmp_path, "nftables", "disconnected", own, shared={**shared, "sevrers": []})
    with pytest.raises(ConfigError, match="has no value 'interface'"):
        _render(tmp_path, "nftables", "disconnected", {**own, **shared})


def _own(folder: Path, body: bytes, name: str = "own") -> Path:
    (folder / name).mkdir(parents=True)
    about = {
        "schema": 1, "id": "own", "group": "network", "title": "t", "levels": ["disconnected"],
        "ending": "txt", "comment": "#", "timer": "none", "sessions": "cut", "does_not": ["x"],
        "follows": [{"document": "d", "address": "https://x.example", "read": "2026-11-30"}],
        "preconditions": ["x"], "values": [{"name": "server_name", "kind": "host", "text": "x"}],
    }  # fmt: skip
    (folder / name / "template.yml").write_text(json.dumps(about), encoding="utf-8")
    for part in ("apply", "verify", "undo"):
        (folder / name / f"{part}.j2").write_bytes(body)
    return folder


@pytest.mark.parametrize(
    "body",
    [b"{{ 1/0 }}", b"{{ 1 + none }}", b"{{ range(10**9) }}", b"\xff\xfe", b"{{ [1][3] }}", b"{{ x"],
    ids=ascii,
)
def test_a_template_of_ones_own_that_fails_is_named(tmp_path: Path, body: bytes) -> None:
    own = _own(tmp_path / "own", body)

    with pytest.raises(ConfigError, match=r"template own, apply\.j2: "):
        _render(tmp_path / "steps", "own", "disconnected", {}, own=own)


def test_two_templates_of_one_id_are_refused(tmp_path: Path) -> None:
    own = _own(_own(tmp_path, b"x", "a"), b"x", "b")

    with pytest.raises(ConfigError, match=r"template own is in .*a/template\.yml already; rename"):
        templates(own)


def test_a_key_that_stands_twice_in_a_file_of_values_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = tmp_path / "ex01.yml"
    values.write_text("servers: [192.0.2.10]\nservers: [192.0.2.11]\n", encoding="utf-8")
    arguments = ["--level", "disconnected", "--values", str(values), "--into", str(tmp_path / "s")]

    assert main(["render", "make", "nftables", *arguments]) == 2
    assert "'servers' stands twice" in capsys.readouterr().err
