# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn the files about failures and exit codes into records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..records.exit_codes import ExitClass, ExitCode
from ..records.failures import Failure
from .sources import need_day, source

if TYPE_CHECKING:
    from ..documents import Document, Where
    from .tables import Tables


def read_failures(document: Document, tables: Tables) -> None:
    """One ``failures/*.yml``."""
    need_day(document, ("as_of",), document.data["as_of"])
    for index, row in enumerate(document.data["failures"]):
        where: Where = ("failures", index)
        if row["id"] in tables.failures:
            document.fail(
                (*where, "id"),
                f"failure {row['id']!r} exists twice",
                "keep one, or give the other another id (an id is for all files of failures/)",
            )
        origin = source(document, (*where, "source"), row["source"])
        tables.failures[row["id"]] = Failure(row["id"], row["title"], row["repair"], origin)


def read_exit_codes(document: Document, tables: Tables) -> None:
    """``exit_codes.yml``."""
    need_day(document, ("as_of",), document.data["as_of"])
    for index, row in enumerate(document.data["codes"]):
        where: Where = ("codes", index)
        code = row["code"]
        if code in tables.exit_codes:
            document.fail((*where, "code"), f"the exit code {code} stands twice", "keep one line")
        source(document, (*where, "source"), row["source"])
        kind = ExitClass(row["class"])
        tables.exit_codes[code] = ExitCode(code, kind, row["name"], row["meaning"])
