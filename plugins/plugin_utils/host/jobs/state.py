# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says of a job, checked: a reply is a claim of a host that may lie or be broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from ...base.errors import ReplySchemaError

ABSENT = "absent"
STAGED = "staged"
RUNNING = "running"
STALLED = "stalled"
DEADLINE = "deadline"
FINISHED = "finished"
REFUSED = "refused"
INTERRUPTED = "interrupted"
STATES = frozenset({ABSENT, STAGED, RUNNING, STALLED, DEADLINE, FINISHED, REFUSED, INTERRUPTED})


@dataclass(frozen=True, slots=True)
class JobState:
    """The state of a job; times are ISO text of the host's clock."""

    job: str
    state: str
    reason: str | None = None
    message: str | None = None
    boot_id: str | None = None
    attempt: int = 0
    started: str | None = None
    heartbeat: str | None = None
    progress: str | None = None
    finished: str | None = None
    exit_code: int | None = None
    output_bytes: int = 0
    sha256_at_launch: str | None = None
    was_stalled: bool = False
    was_late: bool = False
    program_running: bool = False

    @classmethod
    def read(cls, result: Any, job: str) -> JobState:
        """Read a result of Get-HostJob; raises `ReplySchemaError`."""
        if not isinstance(result, dict):
            _refuse("result", result)
        values: dict[str, Any] = {}
        for name, kinds in _KINDS.items():
            if name in result:
                value = result[name]
                if isinstance(value, bool) is not (kinds is bool) or not isinstance(value, kinds):
                    _refuse(name, value)
                values[name] = value
        if values.get("job") != job or values.get("state") not in STATES:
            _refuse("job and state", (values.get("job"), values.get("state")))
        if values["state"] == FINISHED and values.get("exit_code") is None:
            _refuse("exit_code", None)
        return cls(**values)


_TEXT = (str, type(None))
_KINDS: dict[str, Any] = {
    "job": str,
    "state": str,
    **dict.fromkeys(("reason", "message", "boot_id", "started", "heartbeat"), _TEXT),
    **dict.fromkeys(("progress", "finished", "sha256_at_launch"), _TEXT),
    "exit_code": (int, type(None)),
    "attempt": int,
    "output_bytes": int,
    **dict.fromkeys(("was_stalled", "was_late", "program_running"), bool),
}


def _refuse(name: str, value: Any) -> NoReturn:
    raise ReplySchemaError(f"the host's answer about a job has {name} {value!r:.100}")
