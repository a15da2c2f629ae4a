# SPDX-License-Identifier: GPL-3.0-or-later
"""Every template: whole, with samples, the same bytes twice, and deaf to hostile values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.kinds import KINDS
from ansible_collections.exchange.remediation.plugins.plugin_utils.render.template import (
    LEVELS,
    templates,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from rendered import GOLDEN, rendered, samples

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.render.render import (
        RenderedPart,
    )

_TEMPLATES = templates()
_SAMPLES = sorted(samples())
_CONTROL = re.compile(r"[^\n\t\x20-\x7e]")
_TEXT_KINDS = sorted(set(KINDS) - {"address", "network", "port", "number", "minutes", "flag"})
_HOSTILE = [
    "", " ", "ex01\n", "ex01\r\nshutdown", "ex01;reload", "ex01 && id", "$(id)", "`id`", "ex01|id",
    "ex01'", 'ex01"', "ex01\u2019; Remove-Item C:\\x; \u2019", "\u201cx\u201d", "ex01!", "ex01#",
    "{{ 7*7 }}", "{% raw %}", "${x}", "%s", "a\x00b", "a\x1b[31m", "a\u202eb", "a\u2028b", "\uff41\uff42",
    "../../etc", "-Force", "--help", "*", "?", "any", "0.0.0.0/0", "::/0", "x" * 300, "e\u0301",
]  # fmt: skip


def test_every_template_has_a_sample_for_each_of_its_levels() -> None:
    wanted = {(name, level) for name, entry in _TEMPLATES.items() for level in entry.levels}

    assert set(_SAMPLES) == wanted


@pytest.mark.parametrize(("name", "level"), _SAMPLES)
def test_a_sample_gives_what_is_on_record(name: str, level: str) -> None:
    folder = GOLDEN / name / level
    made = {part.file: part.text for part in rendered(name, level, samples()[name, level])}

    assert made == {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}, (
        "look at what changed; 'make docs' writes it anew"
    )
    assert {"about", "apply", "verify", "undo"} <= {
        part.part for part in rendered(name, level, samples()[name, level])
    }


@pytest.mark.parametrize(("name", "level"), _SAMPLES)
def test_the_same_values_give_the_same_bytes_in_any_order(name: str, level: str) -> None:
    values = samples()[name, level]
    turned = dict(reversed(list(values.items())))

    assert rendered(name, level, values) == rendered(name, level, turned)


@pytest.mark.parametrize(("name", "level"), _SAMPLES)
def test_nothing_but_printable_ascii_is_written(name: str, level: str) -> None:
    for part in rendered(name, level, samples()[name, level]):
        assert not _CONTROL.search(part.text), part.file
        if part.part == "about":  # an address is not broken: what is longer than a line is one word
            assert [r for r in part.text.splitlines() if len(r) > 80 and len(r.split()) > 1] == []


def _tried(
    name: str, level: str, values: dict[str, Any]
) -> tuple[tuple[RenderedPart, ...], str | None]:
    """What is made of values, or why nothing is."""
    try:
        return rendered(name, level, values), None
    except ConfigError as error:
        return (), str(error)


@pytest.mark.parametrize("hostile", _HOSTILE, ids=ascii)
@pytest.mark.parametrize(("name", "level"), _SAMPLES)
def test_a_hostile_text_is_refused_in_every_value(name: str, level: str, hostile: str) -> None:
    values = samples()[name, level]
    plain = [part.text.count("\n") for part in rendered(name, level, values)]
    for value in _TEMPLATES[name].values:
        if value.name not in values or value.kind in ("port", "number", "minutes", "flag"):
            continue
        given_: Any = [hostile] if value.many else hostile
        made, message = _tried(name, level, {**values, value.name: given_})
        if message is not None:
            assert value.name in message
            assert not _CONTROL.search(message)
            continue
        # Taken: a word without any special character, such as "any".
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ./:_-]*", hostile), (value.name, hostile)
        assert len(made) == len(plain)


@pytest.mark.parametrize(("name", "level"), _SAMPLES)
def test_a_missing_value_names_template_value_and_place(name: str, level: str) -> None:
    entry, values = _TEMPLATES[name], samples()[name, level]
    for value in entry.values:
        if value.name not in values or not value.required or value.recorded:
            continue
        given_ = {key: found for key, found in values.items() if key != value.name}
        with pytest.raises(
            ConfigError, match=rf"{name} needs {value.name} .*exchange_render_values"
        ):
            rendered(name, level, given_)


@pytest.mark.parametrize(("name", "level"), _SAMPLES)
def test_undo_is_made_of_recorded_values_only_once_there_are_some(name: str, level: str) -> None:
    entry, values = _TEMPLATES[name], samples()[name, level]
    recorded = [
        value.name
        for value in entry.values
        if value.recorded and value.required and (not value.levels or level in value.levels)
    ]
    without = {key: found for key, found in values.items() if key not in recorded}
    made = {part.part: part.text for part in rendered(name, level, without)}

    assert ("undo" in made) is not bool(recorded)
    for value in recorded:
        assert value in made["about"]


@pytest.mark.parametrize(("name", "level"), _SAMPLES)
def test_a_value_that_the_template_has_not_is_refused(name: str, level: str) -> None:
    with pytest.raises(ConfigError, match="has no value 'tabel'"):
        rendered(name, level, {**samples()[name, level], "tabel": "x"})


def test_a_level_that_the_template_has_not_is_refused() -> None:
    for name, entry in _TEMPLATES.items():
        for level in set(LEVELS) - set(entry.levels):
            with pytest.raises(ConfigError, match="has no level"):
                rendered(name, level, {})


@given(kind=st.sampled_from(_TEXT_KINDS), text=st.text(max_size=80))
@settings(max_examples=400, deadline=None)
def test_what_a_kind_takes_has_no_special_character(kind: str, text: str) -> None:
    message = ""
    try:
        taken = KINDS[kind](text, "here")
    except ConfigError as error:
        message = str(error)
    if message:
        assert message.startswith("here: ")
        assert not _CONTROL.search(message)
    else:
        assert re.fullmatch(r"[A-Za-z0-9/][A-Za-z0-9 ./:_-]*", taken)
        assert taken == taken.strip()
