# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import tracemalloc
import unicodedata

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.sanitize import (
    clean,
    is_inert,
)
from hypothesis import given
from hypothesis import strategies as st

VISIBLE = [
    ("plain J\u00fcrgen \u65e5\u672c \U0001f600", "plain J\u00fcrgen \u65e5\u672c \U0001f600"),
    ("C:\\Windows", "C:\\Windows"),
    ("\x1b[2J", "\\x1b[2J"),
    ("a\tb\r\nc", "a\\tb\\r\\nc"),
    ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
    ("\u202egpj.exe", "\\u202egpj.exe"),
    ("\u2066x\u2069\u200f\u061c", "\\u2066x\\u2069\\u200f\\u061c"),
    ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
    ("a\u2028b", "a\\u2028b"),
    ("\ud800 \udfff", "\\ud800 \\udfff"),
    ("\U000e0041", "\\U000e0041"),
    ("{{ template }} =cmd| <script>", "{{ template }} =cmd| <script>"),  # the writers' business
]


@pytest.mark.parametrize(("text", "shown"), VISIBLE)
def test_unsafe_characters_become_visible(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_text_of_nothing_but_controls_takes_a_few_times_its_size_i5() -> None:
    text = "\x7f" * 1_000_000
    tracemalloc.start()
    shown = clean(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert shown == "\\x7f" * 1_000_000
    assert peak < 20 * len(text)


def test_structures_are_cleaned_to_their_keys() -> None:
    assert clean({"a\x1b": [{"b": "\x07"}, 1, None, True, 1.5]}) == {
        "a\\x1b": [{"b": "\\x07"}, 1, None, True, 1.5]
    }


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_that_steers_a_terminal_is_left(text: str) -> None:
    shown = clean(text)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}]
    assert not [
        c
        for c in shown
        if unicodedata.bidirectional(c)
        in {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
    ]
    assert clean(shown) == shown


@given(
    st.recursive(
        st.text(st.characters(exclude_categories=()))
        | st.text(st.sampled_from('\\"/nu\x1b\x7f\u202e')),
        st.lists,
    )
)
def test_text_called_inert_needs_no_cleaning(value: object) -> None:
    document = json.dumps(value).encode("ascii")
    if is_inert(document):
        assert clean(value) == value


@pytest.mark.parametrize(
    ("text", "inert"),
    [
        ("C:\\new\\table\\u202e", True),
        ('say "x" / y', True),
        ("\n", False),
        ("\\\n", False),
        ("\x7f", False),
        ("\u202e", False),
        ("\ud800", False),
    ],
)
def test_inert_text_is_told_from_its_json(text: str, *, inert: bool) -> None:
    assert is_inert(json.dumps({text: [text]}).encode("ascii")) is inert


def test_delete_character_that_stands_as_it_is_in_json_is_not_inert() -> None:
    """Our own JSON escapes it, that of a host need not."""
    assert not is_inert(b'{"name": "a\x7f"}')
