# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation verify``: check a case folder offline.

Exit status: 0 as it was written; 1 something was changed or is missing; 2 usage.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..case.journal import NAME as JOURNAL
from ..case.verify import verify

if TYPE_CHECKING:
    import argparse


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``verify``."""
    command = commands.add_parser(
        "verify",
        help="check the journal of a case offline",
        epilog="exit status: 0 as it was written, 1 something was changed or is missing, 2 usage",
    )
    command.add_argument("case", type=Path, help="the case folder, or its journal.jsonl")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the answer about every line of the journal."""
    path = args.case / JOURNAL if args.case.is_dir() else args.case
    answer = verify(path)
    print(answer)
    return 0 if answer.ok else 1
