# SPDX-License-Identifier: GPL-3.0-or-later
"""The host protocol, version 1: one request line to the host, one framed reply line back.

Request (stdin, pure ASCII, one line): ``protocol, operation, operation_id, nonce, key, lock,
script, sha256, parameters``. Reply (a line of stdout, noise around it is kept as such)::

    {"exchange_remediation":1,"operation_id":"..","nonce":"..","reply":{...},"end":"<nonce>"}

Everything in a reply is the host's choice, so sizes and nesting are bounded before anything is
parsed, and all text is made inert before anything sees it.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...base.errors import ConfigError
from ..operations import loader
from .frame import ExpectedFrame, find_frame
from .limits import Limits
from .reply import HostError, HostStamp, Reply, failed_reply, parse_reply

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BOOTSTRAP_COMMAND",
    "PROTOCOL",
    "HostError",
    "HostStamp",
    "Limits",
    "Operation",
    "Reply",
    "decode_reply",
    "encode_request",
    "failed_reply",
]

PROTOCOL = 1
# Exactly this prefix: ansible-core 2.19 recognises an encoded command by it, and only by it.
_PREFIX = "PowerShell -NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand "  # the one
BOOTSTRAP_COMMAND: str = _PREFIX + base64.b64encode(loader.bootstrap().encode("utf-16-le")).decode()

_TOKEN = re.compile(r"[0-9a-f]{32}")
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Operation:
    """One call: the name of a host script, its parameters, and the key if it changes something.

    ``key`` is the hex SHA-256 over run, host, step and content: the host acts once per key.
    ``lock`` is the ticket of the host lock under which it changes something (I16). It is no
    parameter and no part of the key: a run that goes on under a new ticket has its old answers.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    lock: str | None = None


def encode_request(op: Operation, *, operation_id: str, nonce: str) -> bytes:
    """Return the request line, ASCII with its line break; raises `ConfigError` for a bad one."""
    script = loader.script(op.name)
    for label, token in (("operation id", operation_id), ("nonce", nonce)):
        if not _TOKEN.fullmatch(token):
            raise ConfigError(f"{op.name}: the {label} must be 32 hex digits, not {token!r}")
    if op.key is not None:
        _check_key(op)
    request = {
        "protocol": PROTOCOL,
        "operation": op.name,
        "operation_id": operation_id,
        "nonce": nonce,
        "key": op.key,
        "lock": op.lock,
        "script": script.packed,
        "sha256": script.sha256,
        "parameters": dict(op.parameters),
    }
    try:
        text = json.dumps(request, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{op.name}: the parameters cannot be sent as JSON ({error}); "
            "use text, numbers, booleans, lists and mappings"
        ) from error
    return text.encode("ascii") + b"\n"


def decode_reply(
    stdout: bytes,
    stderr: bytes,
    exit_code: int,
    *,
    operation_id: str,
    nonce: str,
    limits: Limits | None = None,
) -> Reply:
    """Return the reply that answers this nonce.

    Raises one class of the `ReplyError` tree for output that cannot be used, one of the
    `ScriptError` tree for a failure that the host reports (`failed_reply` gives that reply).
    """
    bounds = limits or Limits()
    expected = ExpectedFrame(operation_id=operation_id, nonce=nonce)
    frame = find_frame(stdout, stderr, exit_code, expected, bounds)
    return parse_reply(frame, bounds)


def _check_key(op: Operation) -> None:
    if not _KEY.fullmatch(op.key or ""):
        raise ConfigError(f"{op.name}: the key must be 64 hex digits, not {op.key!r}")
    if loader.reads_only(op.name):
        raise ConfigError(f"{op.name} only reads and takes no key; drop it")
