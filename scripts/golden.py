#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write what the sample values of each template give, for people to look at; with --check only compare."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from rendered import GOLDEN, rendered, samples


def main() -> int:
    """Write the folder anew, or say what differs."""
    made = {
        GOLDEN / name / level / part.file: part.text
        for (name, level), values in samples().items()
        for part in rendered(name, level, values)
    }
    there = {path for path in GOLDEN.rglob("*") if path.is_file()}
    stale = sorted(
        [path for path in there if path not in made]
        + [p for p, text in made.items() if p not in there or p.read_text("utf-8") != text]
    )
    for path in stale:
        print(f"{path.relative_to(GOLDEN)} was stale")
    if "--check" in sys.argv:
        return 1 if stale else 0
    if stale:
        shutil.rmtree(GOLDEN, ignore_errors=True)
        for path, text in made.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
