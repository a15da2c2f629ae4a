# SPDX-License-Identifier: GPL-3.0-or-later
"""Message encryption: sealed SOAP in a MIME frame, MS-WSMV section 2.2.9.1.

https://learn.microsoft.com/openspecs/windows_protocols/ms-wsmv/
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from .acceptor import Refused

if TYPE_CHECKING:
    from .acceptor import Acceptor

_PROTOCOL = b"application/HTTP-SPNEGO-session-encrypted"
CONTENT_TYPE = b'multipart/encrypted;protocol="' + _PROTOCOL + b'";boundary="Encrypted Boundary"'
_BOUNDARY = b"--Encrypted Boundary"
_PAYLOAD = b"\tContent-Type: application/octet-stream\r\n"
_LENGTH = re.compile(rb"Length=(\d{1,9})\s*$")
_END = _BOUNDARY + b"--"


def is_encrypted(content_type: bytes) -> bool:
    """Tell from the Content-Type whether a body is sealed."""
    return content_type.startswith((b"multipart/encrypted", b"multipart/x-multi-encrypted"))


def seal(acceptor: Acceptor, message: bytes) -> bytes:
    """Frame a sealed reply."""
    signature, sealed = acceptor.wrap(message)
    return b"".join(
        (
            _BOUNDARY,
            b"\r\n\tContent-Type: ",
            _PROTOCOL,
            b"\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n"
            % len(message),
            _BOUNDARY,
            b"\r\n",
            _PAYLOAD,
            struct.pack("<I", len(signature)),
            signature,
            sealed,
            _END,
            b"\r\n",
        )
    )


def unseal(acceptor: Acceptor, body: bytes) -> bytes:
    """Open a framed request; raises Refused when frame, signature or length is wrong.

    The sealed bytes may contain the boundary by chance, so the end is cut from the end and the
    header from the front.
    """
    head, mark, rest = body.partition(_PAYLOAD)
    length = _LENGTH.search(head.rpartition(_BOUNDARY)[0].rstrip())
    tail = rest.rstrip(b"\r\n")
    if not mark or length is None or not tail.endswith(_END) or len(tail) < 4 + len(_END):
        raise Refused("the MIME frame of the sealed message is malformed")
    data = tail[: -len(_END)]
    (size,) = struct.unpack_from("<I", data)
    if size > len(data) - 4:
        raise Refused("the signature of the sealed message is longer than the message")
    opened = acceptor.unwrap(data[4 : 4 + size], data[4 + size :])
    if len(opened) != int(length[1]):
        raise Refused("the sealed message has another length than its frame says")
    return opened
