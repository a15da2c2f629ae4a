# SPDX-License-Identifier: GPL-3.0-or-later
"""The CSV files that Windows PowerShell writes: with or without ``#TYPE``, fields with line breaks."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

_ROWS = 10_000
_FIELD = 1 << 20  # characters


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by column names in small letters. ``problem``: why it may not be all of it."""

    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    problem: str | None = None


def read_table(text: str) -> Table:
    """Read a table; never raises."""
    if text.startswith("#TYPE"):
        text = text.partition("\n")[2]
    columns: list[str] = []
    rows: list[dict[str, str]] = []
    limit = csv.field_size_limit(_FIELD)
    try:
        problem = _read(text, columns, rows)
    except csv.Error as error:
        problem = f"it is cut off after row {len(rows)}, or no table: {error}"
    finally:
        csv.field_size_limit(limit)
    return Table(tuple(columns), tuple(rows), problem)


def _read(text: str, columns: list[str], rows: list[dict[str, str]]) -> str | None:
    """Read into the two lists, so that what was read before an error stays; the problem."""
    # A quotation mark that is never closed would swallow the rest: that is an error (strict).
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns += [name.strip().casefold() for name in next(reader, [])]
    if not columns:
        return "it is empty"
    for fields in reader:
        if not fields:
            continue
        if len(rows) == _ROWS:
            return f"it has more than {_ROWS} rows"
        # A part of a row is a finding all the same.
        rows.append(dict(zip(columns, fields, strict=False)))
        if len(fields) != len(columns):
            return f"row {len(rows)} is cut off, or of another table"
    return None
