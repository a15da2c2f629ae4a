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
    limit = csv.field_size_limit(_FIELD)
    try:
        return _read(text)
    except csv.Error as error:
        return Table((), (), f"it is no table: {error}")
    finally:
        csv.field_size_limit(limit)


def _read(text: str) -> Table:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns = tuple(name.strip().casefold() for name in next(reader, []))
    if not columns:
        return Table((), (), "it is empty")
    rows: list[dict[str, str]] = []
    for fields in reader:
        if not fields:
            continue
        if len(rows) == _ROWS:
            return Table(columns, tuple(rows), f"it has more than {_ROWS} rows")
        if len(fields) != len(columns):
            return Table(
                columns, tuple(rows), f"row {len(rows) + 1} is cut off, or of another table"
            )
        rows.append(dict(zip(columns, fields, strict=True)))
    return Table(columns, tuple(rows))
