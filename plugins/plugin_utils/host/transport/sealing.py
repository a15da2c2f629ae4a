# SPDX-License-Identifier: GPL-3.0-or-later
"""Which replies count as sealed where message encryption was agreed. Pure.

MS-WSMV 2.2.9.1: the header of a sealed reply names the protocol, and its body is a MIME frame. Only
what comes out of the frame is the reply; status and headers are anybody's.
"""

from __future__ import annotations

import base64
import binascii
import struct
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

_SEALED = ("multipart/encrypted", "multipart/x-multi-encrypted")
_SOAP = "soap"
_ERRORS = 400

# MS-NLMP 2.2.2.5. Windows has agreed on all four since Vista. They come from the server's challenge:
# without the first the signature is a constant, without the third it is a CRC that anybody can mend.
_NEEDED = {
    0x00000010: "signing",
    0x00000020: "sealing",
    0x00080000: "extended session security",
    0x20000000: "128-bit keys",
}
_SIGNATURE, _AUTHENTICATE = b"NTLMSSP\x00", 3
_FLAGS_AT = 60  # of an AUTHENTICATE_MESSAGE, MS-NLMP 2.2.1.3


class Encryption(Protocol):
    """What is needed of pywinrm's."""

    @property
    def protocol_string(self) -> bytes: ...


def is_sealed(content_type: str, agreed: Encryption) -> bool:
    """Whether a reply says that it is sealed with the protocol that was agreed.

    pywinrm opens it if this protocol is named, and takes the body as it came if not.
    """
    media = content_type.partition(";")[0].strip().lower()
    return media in _SEALED and f'protocol="{agreed.protocol_string.decode()}"' in content_type


def is_of_the_web_server(status: int, content_type: str) -> bool:
    """Whether a reply in clear is what http.sys says by itself, while WinRM stops for example.

    It does so with an error status, and never in SOAP. It is no answer, only a line that broke.
    """
    kind = content_type.lower()
    return status >= _ERRORS and _SOAP not in kind and not kind.startswith("multipart/")


def missing_protection(headers: Mapping[str, str | bytes]) -> list[str]:
    """Return what the end of an NTLM handshake did not agree on, from the headers of its request.

    Empty where there was no such end: another handshake, or none.
    """
    token = _token(headers.get("Authorization", ""))
    if len(token) < _FLAGS_AT + 4 or not token.startswith(_SIGNATURE):
        return []
    (kind,), (flags,) = (
        struct.unpack_from("<I", token, 8),
        struct.unpack_from("<I", token, _FLAGS_AT),
    )
    if kind != _AUTHENTICATE:
        return []
    return [name for flag, name in _NEEDED.items() if not flags & flag]


def _token(header: str | bytes) -> bytes:
    text = header.decode("ascii", "replace") if isinstance(header, bytes) else header
    try:
        return base64.b64decode(text.partition(" ")[2], validate=True)
    except (binascii.Error, ValueError):
        return b""
