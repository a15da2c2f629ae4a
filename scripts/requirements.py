#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the files of requirements that travel with the collection, from ``pyproject.toml``."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_HEAD = (
    "# Written by `make docs` from pyproject.toml, which says why each is needed: change it there."
)


def files() -> dict[str, str]:
    """Return the name and the text of each file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    kerberos = ["-r requirements.txt", *project["optional-dependencies"]["kerberos"]]
    return {
        "requirements.txt": _text(project["dependencies"]),
        "requirements-kerberos.txt": _text(kerberos),
    }


def _text(lines: list[str]) -> str:
    return "\n".join([_HEAD, *lines, ""])


def main() -> None:
    for name, text in files().items():
        (ROOT / name).write_text(text, encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main()
