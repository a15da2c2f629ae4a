# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a report model into a folder, in the formats asked for. The only file here that does I/O."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..base import disk
from ..base.errors import ConfigError
from .formats.csv_writer import checks_csv, hosts_csv
from .formats.html import html_parts
from .formats.junit import junit
from .formats.runbook import runbook_html, runbook_md
from .formats.terminal import terminal_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path


def _json(report: Mapping[str, Any]) -> Iterator[str]:
    """One host a line: quick to write, and ``grep`` and ``diff`` work on it."""
    head = {key: value for key, value in report.items() if key != "hosts"}
    yield json.dumps(head, indent=1).removesuffix("\n}") + ',\n "hosts": [\n'
    for number, host in enumerate(report["hosts"]):
        yield (",\n" if number else "") + json.dumps(host, separators=(",", ":"))
    yield "\n ]\n}\n"


# format -> file name -> text in parts
FORMATS: dict[str, dict[str, Callable[[Mapping[str, Any]], Iterable[str]]]] = {
    "json": {"report.json": _json},
    "html": {"report.html": html_parts},
    "csv": {
        "hosts.csv": lambda report: [hosts_csv(report)],
        "checks.csv": lambda report: [checks_csv(report)],
    },
    "junit": {"junit.xml": lambda report: [junit(report)]},
    "runbook": {"runbook.md": runbook_md, "runbook.html": runbook_html},
    "text": {"report.txt": lambda report: [terminal_table(report, columns=160)]},
}


def write(report: Mapping[str, Any], folder: Path, formats: Iterable[str]) -> dict[str, Path]:
    """Write ``report`` into ``folder`` (made if missing); returns file name -> path.

    Each file appears whole or not at all (temporary name, flush to disk, rename).

    :raises ConfigError: unknown format, or the folder cannot be written.
    """
    wanted = list(formats)
    unknown = sorted(set(wanted) - set(FORMATS))
    if unknown:
        raise ConfigError(
            f"unknown report format {', '.join(unknown)}; choose from {', '.join(FORMATS)}"
        )
    written = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in wanted:
            for file_name, parts in FORMATS[name].items():
                encoded = (part.encode() for part in parts(report))
                disk.replace_by_parts(folder / file_name, encoded, disk.PUBLIC_MODE)
                written[file_name] = folder / file_name
    except OSError as error:
        raise ConfigError(
            f"{error.filename or folder}: cannot be written: {error.strerror}"
        ) from error
    return written
