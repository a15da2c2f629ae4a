# SPDX-License-Identifier: GPL-3.0-or-later
"""What a template says of its own parts and values is held against them when it is read."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.render import template
from rendered import part, rendered, samples

if TYPE_CHECKING:
    from pathlib import Path


def _changed(folder: Path, **more: Any) -> Path:
    """A copy of the template of Hyper-V in a folder of its own, with other entries."""
    own = folder / "own"
    shutil.copytree(template.template("hyper-v").folder, own / "hyper-v")
    path = own / "hyper-v" / "template.yml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    values = more.pop("values", {})
    for row in data["values"]:
        row.update(values.get(row["name"], {}))
    path.write_text(yaml.safe_dump({**data, **more}), encoding="utf-8")
    return own


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"part_levels": {"save": ["paused"]}}, r"names save, but there is no save\.j2; write it"),
        (
            {"part_levels": {"remove-snapshot": ["drained"]}},
            "names drained, which is no level of this template; it has memory-snapshot",
        ),
        ({"part_levels": {"undo": ["paused"]}}, "part_levels.*undo"),
        (
            {"values": {"recorded_switches": {"each_of": "recorded_adaptors"}}},
            "recorded_switches: it and recorded_adaptors, which each_of names, have to be",
        ),
        (
            {"values": {"recorded_switches": {"each_of": "vm"}}},
            "recorded_switches: it and vm, which each_of names, have to be",
        ),
        (
            {"values": {"recorded_switches": {"many": False}}},
            "recorded_switches: it and recorded_adapters, which each_of names, have to be",
        ),
    ],
)
def test_a_name_that_leads_nowhere_is_refused_when_the_template_is_read(
    more: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        template.templates(_changed(tmp_path, **more))
    assert "template.yml: " in str(caught.value)


@pytest.mark.parametrize("level", ["disconnected", "paused", "memory-snapshot"])
@pytest.mark.parametrize("name", ["hyper-v", "vmware"])
def test_a_snapshot_is_removed_only_where_one_is_made(name: str, level: str) -> None:
    made = {entry.part: entry.text for entry in rendered(name, level, samples()[name, level])}

    assert ("remove-snapshot" in made) is (level == "memory-snapshot")
    assert ("remove-snapshot.ps1: deletes" in made["about"]) is (level == "memory-snapshot")


@pytest.mark.parametrize(("name", "level"), sorted(samples()))
def test_a_list_that_is_needed_is_not_empty(name: str, level: str) -> None:
    entry, values = template.template(name), samples()[name, level]
    needed = [
        v.name
        for v in entry.values
        if v.many and v.required and not v.recorded and not v.may_be_empty
    ]
    for empty in [value for value in needed if value in values]:
        with pytest.raises(ConfigError, match=f"values: {empty} is empty"):
            rendered(name, level, {**values, empty: []})


@pytest.mark.parametrize("missing", ["recorded_connected", "recorded_start_connected"])
def test_a_list_that_nobody_recorded_is_no_record_but_an_empty_one_is(missing: str) -> None:
    values = samples()["vmware", "disconnected"]
    without = {key: found for key, found in values.items() if key != missing}

    made = {entry.part: entry.text for entry in rendered("vmware", "disconnected", without)}
    assert "undo" not in made
    assert f"undo.ps1: not made yet, record {missing} first" in made["about"]
    made = {e.part: e.text for e in rendered("vmware", "disconnected", {**without, missing: []})}
    assert "undo" in made


def test_switches_and_adapters_are_recorded_in_pairs() -> None:
    for switches in ([], ["External Switch"], ["a", "b", "c"]):
        with pytest.raises(
            ConfigError,
            match=f"recorded_switches has {len(switches)} entries and recorded_adapters has 2",
        ):
            part("hyper-v", "disconnected", "undo", recorded_switches=switches)
