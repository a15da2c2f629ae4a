# SPDX-License-Identifier: GPL-3.0-or-later
"""What was recorded is taken back entry for entry, and nothing is rendered that would do nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.render import (
    missing_records,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.template import templates
from rendered import part, rendered, samples

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.render.render import (
        RenderedPart,
    )

_IN_STEP = [
    (name, level, value)
    for name, level in sorted(samples())
    for value in templates()[name].values
    if value.each_of and value.name in samples()[name, level]
]
_LISTS = [
    (name, level, value.name)
    for name, level in sorted(samples())
    for value in templates()[name].values
    if value.many and value.required and not value.recorded and not value.each_of
    if samples()[name, level].get(value.name) is not None
]


@pytest.mark.parametrize("change", ["shorter", "longer"])
@pytest.mark.parametrize(("name", "level", "value"), _IN_STEP)
def test_a_list_out_of_step_is_refused_with_both_lengths(
    name: str, level: str, value: Any, change: str
) -> None:
    values = samples()[name, level]
    given = values[value.name]
    turned = given[:-1] if change == "shorter" else [*given, given[0]]

    with pytest.raises(ConfigError) as raised:
        rendered(name, level, {**values, value.name: turned})

    message = str(raised.value)
    wanted = len(values[value.each_of])
    said = f"{value.name} has {len(turned)} entries and {value.each_of} has {wanted}"
    assert said in message or f"{value.name} is empty" in message


@pytest.mark.parametrize(("name", "level", "value"), _LISTS)
def test_no_part_is_without_a_command(name: str, level: str, value: str) -> None:
    values = samples()[name, level]
    follow = {v.name: [] for v in templates()[name].values if v.each_of == value}
    made: tuple[RenderedPart, ...] = ()
    message = ""
    try:
        made = rendered(name, level, {**values, **follow, value: []})
    except ConfigError as error:
        message = str(error)

    assert bool(made) is not (value in message)
    for entry in made:
        assert entry.text.strip(), entry.file


def test_an_empty_rendering_names_every_list_that_could_fill_it() -> None:
    values = {**samples()["netscaler", "drained"], "services": [], "groups": []}
    values |= {"members": [], "ports": [], "recorded_services": [], "recorded_groups": []}

    with pytest.raises(ConfigError, match=r"apply\.j2 would have no command.*services or groups"):
        rendered("netscaler", "drained", values)


def test_of_an_empty_list_nothing_has_to_be_given_or_recorded() -> None:
    values = {
        "server_name": "ex01",
        "services": ["svc1"],
        "groups": [],
        "recorded_services": ["enabled"],
    }
    made = {entry.part: entry.text for entry in rendered("netscaler", "drained", values)}

    assert made["undo"].splitlines() == ["enable service svc1"]
    assert missing_records(templates()["netscaler"], "drained", values) == {}


def test_a_list_that_was_not_recorded_makes_no_undo() -> None:
    values = {k: v for k, v in samples()["kemp", "drained"].items() if k != "recorded_states"}
    made = {entry.part: entry.text for entry in rendered("kemp", "drained", values)}

    assert "undo" not in made
    assert "undo.txt: not made yet, record recorded_states first" in made["about"]
    assert missing_records(templates()["kemp"], "drained", values) == {"undo": ("recorded_states",)}


def test_each_entry_gets_its_own_record() -> None:
    undo = part("f5-bigip", "drained", "undo", recorded_states=["user-down", "user-up"])

    assert "/Common/ex01:443 { session user-enabled state user-down }" in undo
    assert "/Common/ex01:25 { session user-disabled state user-up }" in undo


@pytest.mark.parametrize("named", ["node", "nodes", "text"])
def test_a_template_whose_each_of_names_no_list_is_refused(named: str, tmp_path: Path) -> None:
    folder = templates()["f5-bigip"].folder
    data = yaml.safe_load((folder / "template.yml").read_text(encoding="utf-8"))
    next(row for row in data["values"] if row["name"] == "ports")["each_of"] = named
    (tmp_path / "template.yml").write_text(yaml.safe_dump(data), encoding="utf-8")

    with pytest.raises(ConfigError, match=f"value ports: it and {named}, which each_of names"):
        templates(tmp_path)


def test_pages_closed_to_everybody_are_refused() -> None:
    values = {**samples()["haproxy-pages", "pages-restricted"], "vpn": []}

    with pytest.raises(ConfigError, match="vpn is empty"):
        rendered("haproxy-pages", "pages-restricted", values)
