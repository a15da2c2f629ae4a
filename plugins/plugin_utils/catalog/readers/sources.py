# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a value comes from and when that was read.

Sources change after publication: in August 2026 Microsoft raised the fixed builds of seven CVEs
of June. So every record has the day on which its source was read: ``read`` of the source
(``key: {text: ..., read: 2026-11-30}``), else ``as_of`` of the file.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..documents import Document, Where


def source(document: Document, where: Where, key: str) -> str:
    """The full text of a source key of the file."""
    entry = document.data["sources"].get(key)
    if entry is None:
        known = ", ".join(document.data["sources"])
        document.fail(where, f"source {key!r} is not defined", f"define it at the top ({known})")
    return str(entry["text"] if isinstance(entry, dict) else entry)


def read_on(document: Document, where: Where, key: str) -> date:
    """The day on which a source of the file was read."""
    source(document, where, key)
    entry = document.data["sources"][key]
    place: Where = ("sources", key)
    if isinstance(entry, dict) and "read" in entry:
        return need_day(document, (*place, "read"), entry["read"])
    if "as_of" not in document.data:
        document.fail(
            place,
            f"source {key!r} has no date of reading",
            "write as_of: YYYY-MM-DD at the top of the file, or {text: ..., read: YYYY-MM-DD}",
        )
    return need_day(document, ("as_of",), document.data["as_of"])


def check_reading(document: Document, as_of: date) -> None:
    """Refuse a source without its date of reading, or with one after the catalogue's ``as_of``."""
    for key, entry in document.data["sources"].items():
        day_read = read_on(document, ("sources", key), key)
        if day_read > as_of:
            own = isinstance(entry, dict) and "read" in entry
            document.fail(
                ("sources", key, "read") if own else ("as_of",),
                f"source {key!r} was read on {day_read}, after the catalogue's as_of {as_of}",
                "correct the date, or raise as_of in products.yml",
            )


def day(document: Document, where: Where, text: str | None) -> date | None:
    """A calendar day, or ``None``; ``2021-02-30`` is refused with its line."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text if len(text) > len("2021-02") else f"{text}-01")
    except ValueError:
        document.fail(where, f"{text!r} is not a day of the calendar", "correct it")


def need_day(document: Document, where: Where, text: str) -> date:
    """Like :func:`day`, for values that the schema requires."""
    entry = day(document, where, text)
    if entry is None:
        document.fail(where, "the date is missing", "write it as YYYY-MM-DD")
    return entry
