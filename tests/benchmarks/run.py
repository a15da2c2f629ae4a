# SPDX-License-Identifier: GPL-3.0-or-later
"""Run every benchmark of this folder and print its lines: `make bench [ONLY=name]`.

Absolute figures depend on the machine; what is held against a limit is a ratio within one run.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]


def main(only: list[str]) -> int:
    """Run the benchmarks named (all without names); 1 if one of them misses its limit."""
    sys.path.insert(0, str(FOLDER))
    _prepare_ansible()
    names = sorted(file.stem.removeprefix("bench_") for file in FOLDER.glob("bench_*.py"))
    unknown = sorted(set(only) - set(names))
    if unknown:
        sys.stderr.write(f"no benchmark {', '.join(unknown)}; there are {', '.join(names)}\n")
        return 2
    missed = False
    for name in only or names:
        for line in importlib.import_module(f"bench_{name}").main():
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            missed = missed or line.endswith(("TOO SLOW", "OVER THE LIMIT"))
    return int(missed)


def _prepare_ansible() -> None:
    """Ansible looks for collections once, ahead of the first import of one."""
    os.environ["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / ".dev")
    from ansible.plugins.loader import init_plugin_loader  # noqa: PLC0415 - it reads what is set above

    init_plugin_loader()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
