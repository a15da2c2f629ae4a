# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent / "patch", HERE.parent / "jobs"):
    sys.path.insert(0, str(folder))  # importlib mode leaves helper modules out
