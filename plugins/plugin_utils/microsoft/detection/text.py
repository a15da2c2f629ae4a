# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes that a tool wrote as text: whatever the encoding, bounded, and never an error.

Windows PowerShell 5.1 writes UTF-16LE with a mark (``Out-File``), ASCII (``Export-Csv``) or the ANSI
code page (``Set-Content``); a console speaks an OEM code page. What is decided here rests on ASCII
alone, so another code page can garble a name and never a verdict.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from ...base.sanitize import clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable

# Bytes that are read of one file: Python's text and lines of them take up to twenty times as much.
LARGEST = 8 << 20
MOST_REASONS = 20  # of one check
LONGEST = 400  # characters of a text that goes into a finding
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 4096
# Half of two bytes of Latin text read as one sign of UTF-16 is beyond this; names of files may be, some of them.
_LATIN, _FEW, _SHARE = "\u1fff", 20, 20
_MANY = 4  # of that many bytes one is null: UTF-16 of Latin text has every second one


def decoded(data: bytes) -> str:
    """Return the text of a file."""
    data = data[:LARGEST]
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if wide := _wide(data[:_SAMPLE]):
        return data.decode(wide, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def mixed(data: bytes) -> bool:
    """Whether a file changes its encoding on its way, so that a part of it is read as gibberish."""
    text = decoded(data)
    wide = sum(char > _LATIN for char in text)
    return (
        wide > _FEW and wide * _SHARE > len(text) if "\0" not in text else text.count("\0") > _FEW
    )


def _wide(sample: bytes) -> str | None:
    """UTF-16 without a mark, as appended parts of a log have it."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if max(even, odd) * _MANY < len(sample) // 2 or not sample:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def shown(text: object) -> str:
    """Return a text of the host as a part of ours: one line, inert, bounded."""
    line = " ".join(clean_text(str(text)[: 4 * LONGEST]).split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}..."


def few(reasons: Iterable[str]) -> tuple[str, ...]:
    """Return the first reasons and how many more there are: a host may send any number (I5)."""
    found = tuple(reasons)
    more = len(found) - MOST_REASONS
    return (*found[:MOST_REASONS], f"and {more} more") if more > 0 else found
