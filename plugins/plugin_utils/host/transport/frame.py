# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the one reply frame in a command's output, or say what is there instead."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...base.errors import (
    EmptyReply,
    HostCrash,
    MalformedReply,
    ReplySchemaError,
    ReplyTooLarge,
    TruncatedReply,
    WrongNonce,
)
from ...base.sanitize import clean_text
from .clixml import error_text

if TYPE_CHECKING:
    from .limits import Limits

_MARKER = b'{"exchange_remediation":'
_HEADER = re.compile(
    rb'\{"exchange_remediation":(\d{1,9}),"operation_id":"([0-9a-f]{32})?",'
    rb'"nonce":"([0-9a-f]{32})?","reply":'
)
_VERSION = re.compile(rb'\{"exchange_remediation":(\d{1,9})')
_END = re.compile(rb',"end":"([0-9a-f]{32})?"\}\Z')
_FRAME_VERSION = 1
_EXCERPT = 200
_MOST_FRAMES = 1_000  # a host sends one; each candidate costs memory


@dataclass(frozen=True, slots=True)
class ExpectedFrame:
    """What our request carried; only a frame with both values answers it."""

    operation_id: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The reply document of a frame, and the output around it (cleaned, shortened)."""

    document: bytes
    noise: str
    nonce: str  # "" when the host could not read the request


@dataclass(frozen=True, slots=True)
class _Candidate:
    start: int
    text: bytes


def find_frame(
    stdout: bytes, stderr: bytes, exit_code: int, expected: ExpectedFrame, limits: Limits
) -> Frame:
    """Return the frame that carries our nonce; frames of others are noise beside it.

    Raises the class of `ReplyError` that says what is there instead.
    """
    total = len(stdout) + len(stderr)
    if total > limits.command_bytes:
        raise ReplyTooLarge(
            f"the host sent {total:,} bytes of output, the cap for one command is "
            f"{limits.command_bytes:,}; nothing of it was read"
        )
    candidates = _candidates(stdout)
    if not candidates:
        _fail_without_frame(stdout, stderr, exit_code)
    ours = [one for one in candidates if _is_ours(one.text, expected)]
    if len(ours) > 1:
        raise MalformedReply(
            f"{len(ours)} frames answer the nonce of this request; a host sends one. "
            "Treat its answers as forged"
        )
    if ours:
        noise = _noise(stdout, ours[0], stderr, limits)
        return Frame(_document(ours[0].text, limits), noise, expected.nonce)
    return _explain(candidates, stdout, stderr, expected, limits)


def _candidates(stdout: bytes) -> list[_Candidate]:
    """Return everything from a marker to the end of its line."""
    found = []
    start = stdout.find(_MARKER)
    while start >= 0:
        end = stdout.find(b"\n", start)
        end = len(stdout) if end < 0 else end
        found.append(_Candidate(start, stdout[start:end].rstrip()))
        if len(found) > _MOST_FRAMES:
            raise MalformedReply(
                f"the output holds more than {_MOST_FRAMES:,} frames; a host sends one. "
                "Treat its answers as forged"
            )
        start = stdout.find(_MARKER, end)
    return found


def _is_ours(text: bytes, expected: ExpectedFrame) -> bool:
    header, end = _HEADER.match(text), _END.search(text)
    return bool(
        header
        and end
        and int(header[1]) == _FRAME_VERSION
        and header[2] == expected.operation_id.encode()
        and header[3] == end[1] == expected.nonce.encode()
    )


def _document(text: bytes, limits: Limits) -> bytes:
    header, end = _HEADER.match(text), _END.search(text)
    if header is None or end is None:  # the caller matched both
        raise MalformedReply("the frame has no header or no end")
    if len(text) > limits.reply_bytes:
        raise ReplyTooLarge(
            f"the reply has {len(text):,} bytes, the cap is {limits.reply_bytes:,}; "
            "raise the cap only for a host that you trust"
        )
    return text[header.end() : end.start()]


def _explain(
    candidates: list[_Candidate],
    stdout: bytes,
    stderr: bytes,
    expected: ExpectedFrame,
    limits: Limits,
) -> Frame:
    """Say why none of the frames is the answer; one without any nonce is a report of failure."""
    nonce = expected.nonce.encode()
    for one in candidates:
        version = _VERSION.match(one.text)
        if version and int(version[1]) > _FRAME_VERSION and nonce in one.text:
            raise ReplySchemaError(
                f"the host answers with frame version {int(version[1])}, this controller knows "
                f"{_FRAME_VERSION}; update the controller"
            )
    last = candidates[-1]
    header, end = _HEADER.match(last.text), _END.search(last.text)
    if end is None:
        ending = clean_text(last.text[-60:].decode("ascii", "replace"))
        raise TruncatedReply(
            f"the reply starts and does not end: {len(last.text):,} bytes arrived, the last are "
            f"{ending!r}; the host may have acted. Run the same operation again with the same key"
        )
    if header is None:
        raise MalformedReply(
            f"the frame has no readable header: {_excerpt(last.text)}; something rewrote the output"
        )
    if header[3] is None and end[1] is None:
        return Frame(_document(last.text, limits), _noise(stdout, last, stderr, limits), "")
    raise WrongNonce(
        f"the reply answers operation {_shown(header[2])} with nonce {_shown(header[3])}, asked "
        f"was {expected.operation_id} with {expected.nonce}; a recorded or mixed-up answer. "
        "It was discarded"
    )


def _fail_without_frame(stdout: bytes, stderr: bytes, exit_code: int) -> None:
    message = error_text(stderr)
    if message:
        raise HostCrash(
            f"PowerShell failed before it could answer (exit code {exit_code}): {message}"
        )
    if not stdout.strip():
        raise EmptyReply(
            f"the host answered nothing at all (exit code {exit_code}); typically anti-malware "
            "killed PowerShell: look into its log and allow the script's hash"
        )
    raise MalformedReply(
        f"{len(stdout):,} bytes of output hold no reply (exit code {exit_code}); it starts "
        f"{_excerpt(stdout)}. A profile, a proxy or a security product answered instead"
    )


def _noise(stdout: bytes, frame: _Candidate, stderr: bytes, limits: Limits) -> str:
    """Return the output around the frame, single-line, at most ``noise_chars`` from each source."""
    after = stdout.find(b"\n", frame.start)
    rest = b"" if after < 0 else stdout[after : after + limits.noise_chars]
    around = stdout[max(0, frame.start - limits.noise_chars) : frame.start].strip()
    pieces = [piece.decode("utf-8", "replace").strip() for piece in (around, rest)]
    pieces.append(error_text(stderr))
    return clean_text("\n".join(piece for piece in pieces if piece))[: limits.noise_chars]


def _excerpt(raw: bytes) -> str:
    return repr(clean_text(raw.strip()[:_EXCERPT].decode("utf-8", "replace")))


def _shown(token: bytes | None) -> str:
    return token.decode() if token else "(none)"
