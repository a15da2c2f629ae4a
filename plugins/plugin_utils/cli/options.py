# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and terminal settings that several commands share."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add_keys(parser: argparse.ArgumentParser) -> None:
    """Add the option that says whose signatures count."""
    parser.add_argument(
        "--keys", type=Path, metavar="DIR", help="the folder of trusted keys, as of 'package'"
    )


def add_directory(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which servers there are at all."""
    parser.add_argument(
        "--directory", type=Path, metavar="EXPORT",
        help="CSV or LDIF of the directory's Exchange servers: one that is in no inventory is said, "
        "and the exit status is 3",
    )  # fmt: skip


def add_extra_vars(parser: argparse.ArgumentParser) -> None:
    """Add Ansible's ``-e``."""
    parser.add_argument(
        "-e", "--extra-vars", action="append", default=[],
        help="variables for the playbook, as ansible-playbook takes them",
    )  # fmt: skip


def terminal() -> dict[str, Any]:
    """Return width and colour of the terminal, for the tables."""
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return {"columns": shutil.get_terminal_size((150, 40)).columns, "colour": colour}
