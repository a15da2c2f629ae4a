# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain-text columns for a terminal, whatever is wide, combining or too long in the cells."""

from __future__ import annotations

import textwrap
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_NARROWEST = 40


def width(text: str) -> int:
    """Return how many cells of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def fit(text: str, cells: int) -> str:
    """Pad a text to so many cells, or cut it with an ellipsis."""
    if width(text) <= cells:
        return text + " " * (cells - width(text))
    kept = ""
    for char in text:
        if width(kept + char) > cells - 1:
            break
        kept += char
    return kept + "…" + " " * (cells - 1 - width(kept))


def widths(rows: Sequence[Sequence[str]], caps: Sequence[int]) -> list[int]:
    """Return the width of each column; ``rows`` with the head."""
    return [min(cap, max(width(row[index]) for row in rows)) for index, cap in enumerate(caps)]


def line(row: Sequence[str], cells: Sequence[int], paint: str = "") -> str:
    """Write one row; ``paint`` is the colour (ANSI) of the second column."""
    shown = [fit(text, size) for text, size in zip(row, cells, strict=True)]
    if paint:
        shown[1] = f"\x1b[{paint}m{shown[1]}\x1b[0m"
    return "  ".join(shown).rstrip()


def wrap(text: str, columns: int, *, first: str = "", rest: str = "") -> list[str]:
    """Break a text into lines, words kept whole; ``first`` and ``rest`` are indents."""
    return textwrap.wrap(
        text,
        max(columns, _NARROWEST),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=True,  # one that no line has room for
        break_on_hyphens=False,
    )
