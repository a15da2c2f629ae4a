# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills the controller with SIGKILL inside the N-th write to the journal, whichever process writes.

Python imports this by itself in every process of the run. ``JOURNAL_KILL``: number of the write in
this run, share of its bytes that get out, file that counts, and the process that must survive.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

_PLAN = os.environ.get("JOURNAL_KILL", "").split(",")
_real = os.pwrite


def _parent(process: int) -> int:
    # The name of a process may hold blanks and brackets; what follows it does not.
    stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    return int(stat.rpartition(")")[2].split()[1])


def _die(survivor: int) -> None:
    chain = [os.getpid()]
    while (above := _parent(chain[-1])) not in (0, 1, survivor):
        chain.append(above)
    for process in reversed(chain):
        os.kill(process, signal.SIGKILL)


def _pwrite(number: int, data: memoryview, offset: int) -> int:
    if bytes(data[:5]) == b'{"at"':  # a line of the journal; the writers take turns
        kill_at, share, counter, survivor = _PLAN
        with Path(counter).open("ab") as stream:
            stream.write(b".")
            count = stream.tell()
        if count == int(kill_at):
            _real(number, data[: int(len(data) * float(share))], offset)
            _die(int(survivor))
    return _real(number, data, offset)


if len(_PLAN) == 4:
    os.pwrite = _pwrite
