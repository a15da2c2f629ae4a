# SPDX-License-Identifier: GPL-3.0-or-later
"""How the line to one host breaks: before the command arrives, or after it was carried out."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
)

Answer = Callable[[], ExecResult]
Fault = Callable[[Answer], ExecResult]


def drop_before(_answer: Answer) -> ExecResult:
    raise errors.TransportError("the connection broke before the command arrived")


def drop_after(answer: Answer) -> ExecResult:
    answer()
    raise errors.TransportError("the connection broke before the answer arrived")


def unreachable(_answer: Answer) -> ExecResult:
    raise errors.Unreachable("no route to host")


def time_out_before(_answer: Answer) -> ExecResult:
    raise errors.Timeout("no answer in time")


def time_out_after(answer: Answer) -> ExecResult:
    answer()
    raise errors.Timeout("no answer in time")


def empty_before(_answer: Answer) -> ExecResult:
    return ExecResult(b"", b"", 0)


def empty_after(answer: Answer) -> ExecResult:
    answer()
    return ExecResult(b"", b"", 0)


def garbage(answer: Answer) -> ExecResult:
    answer()
    return ExecResult(b"<html>Please sign in to the proxy</html>", b"", 0)


def cut(answer: Answer) -> ExecResult:
    done = answer()
    return ExecResult(done.stdout[: len(done.stdout) // 2], b"", 0)


def crash(_answer: Answer) -> ExecResult:
    return ExecResult(b"", b"#< CLIXML\r\n<Objs><S S='Error'>out of memory</S></Objs>", 1)


def wrong_nonce(answer: Answer) -> ExecResult:
    done = answer()
    return ExecResult(done.stdout.replace(b'"nonce":"', b'"nonce":"f'), b"", 0)


def noise(answer: Answer) -> ExecResult:
    done = answer()
    return ExecResult(b"profile says hello\n" + done.stdout + b"bye\n", b"warning", 0)


FAULTS: dict[str, Fault] = {
    "drop-before": drop_before,
    "drop-after": drop_after,
    "unreachable": unreachable,
    "time-out-before": time_out_before,
    "time-out-after": time_out_after,
    "empty-before": empty_before,
    "empty-after": empty_after,
    "garbage": garbage,
    "cut": cut,
    "crash": crash,
    "wrong-nonce": wrong_nonce,
    "noise": noise,
}
