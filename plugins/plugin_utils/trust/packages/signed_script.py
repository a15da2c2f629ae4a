# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a script of PowerShell carries its signature, and what that signature covers.

The signature stands at the end, as comments. It covers the text before the line break ahead of it, as
UTF-16LE without a mark; measured at two scripts that Microsoft signed (Test-ProxyLogon.ps1 v21.03.07.1704 and
v21.03.11.0157, copies in LCSOGitHub/PSscripts@aabd35e and aaronlyy/exchange-exploit-check@3927243, read
2026-12-01). A text that is not all ASCII is read by its machine's code page; what is signed of it is not
known here [U], so it is not judged.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import BinaryIO

from ...base.errors import RefusedError

CONTENT = "1.3.6.1.4.1.311.2.1.30"  # SPC_SIPINFO: what its signature says it is over
# The package of Windows that signs scripts of PowerShell (603bcc1f-4b59-4e08-b724-d2c6297ef351).
SIP = bytes.fromhex("1fcc3b60594b084eb724d2c6297ef351")
_BEGIN = b"\r\n# SIG # Begin signature block\r\n"
_END = b"# SIG # End signature block"
_MARK = re.compile(rb"SIG # (?:Begin|End) signature block", re.IGNORECASE)
_LINES = re.compile(rb"(?:# [A-Za-z0-9+/=]{1,64}\r\n)+\Z")
_LARGEST = 8 << 20


def is_signed(data: bytes) -> bool:
    """Whether anything in a file looks like a signature of a script, in whatever encoding."""
    return bool(_MARK.search(data) or _MARK.search(data.replace(b"\0", b"")))


def judgeable(data: bytes) -> bool:
    """Whether it is known what the signature of this text covers."""
    return data.isascii() and b"\0" not in data


class SignedScript:
    """One signed script. Raises ``RefusedError`` where its signature is not the end of the file."""

    def __init__(self, stream: BinaryIO) -> None:
        data = stream.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise RefusedError("it is larger than any script of Microsoft")
        if not judgeable(data):
            raise RefusedError("it has characters beyond ASCII, whose signature is not judged here")
        if len(_MARK.findall(data)) != 2 or data.count(_BEGIN) != 1:  # noqa: PLR2004 - begin and end
            raise RefusedError(
                "it has no signature, several, or one with another line break than Windows'"
            )
        self._text, _, block = data.partition(_BEGIN)
        body, _, self._behind = block.partition(_END)
        if not _LINES.fullmatch(body):
            raise RefusedError("its signature is no block of comments")
        try:
            self.signature = base64.b64decode(
                b"".join(line[2:] for line in body.split(b"\r\n")), validate=True
            )
        except binascii.Error as error:
            raise RefusedError("its signature is no base64") from error

    def digest(self, algorithm: str) -> bytes:
        """The digest of everything that is signed."""
        return hashlib.new(algorithm, self._text.decode("ascii").encode("utf-16-le")).digest()

    def hidden(self) -> str | None:
        """Say what stands behind the signature, which does not cover it; None when that is nothing."""
        if self._behind in (b"", b"\r\n"):
            return None
        return f"{len(self._behind)} bytes stand behind its signature"
