# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from pathlib import Path

# importlib mode leaves helper modules out; the faults of a line are those of the jobs.
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "jobs")]
