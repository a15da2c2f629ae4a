# SPDX-License-Identifier: GPL-3.0-or-later
"""A WinRM service on loopback that does NTLM and seals, and then says what a test tells it."""

from __future__ import annotations

import base64
import re
import struct
from typing import TYPE_CHECKING, Any

from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.acceptor import (
    Acceptor,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.accounts import (
    Account,
    write_user_file,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.encryption import (
    CONTENT_TYPE,
    seal,
    unseal,
)

from .conftest import ENVELOPE, Exchange, FakeWinRM, soap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ACCOUNT = Account("user", "pass-word")
SEALED = CONTENT_TYPE.decode()
_FLAGS_AT = 20  # of a CHALLENGE_MESSAGE, MS-NLMP 2.2.1.2


def fault(code: int, reason: str = "text") -> bytes:
    """A WSMan fault, for example 2150858793: nothing yet, ask again."""
    detail = (
        '<s:Detail><f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" '
        f'Code="{code}"/></s:Detail>'
    )
    body = (
        "<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code>"
        f"<s:Reason><s:Text>{reason}</s:Text></s:Reason>{detail}</s:Fault>"
    )
    return ENVELOPE.format(header="", body=body).encode()


class SealedExchange(Exchange):
    """One connection. ``sealed`` seals a reply; ``answer`` sends one as it is."""

    server: SealedWinRM
    acceptor: Acceptor | None = None

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        if token and not self._logged_on(kind, base64.b64decode(token)):
            return
        if self.acceptor is None:
            if self.server.asks:
                self.answer(b"", 401, WWW_Authenticate="Negotiate")
                return
        elif token:
            self.server.logged_on(self)
            return
        text = body
        if self.acceptor is not None and self.acceptor.complete and body:
            text = unseal(self.acceptor, body)
        found = re.search(rb"/(\w+)</a:Action>", text)
        self.action = found[1].decode() if found else ""
        found = re.search(rb"<a:MessageID>([^<]+)<", text)
        self.message_id = found[1].decode() if found else ""
        self.server.seen.append((self.action, dict(self.headers), self.path))
        self.server.script(self)

    def _logged_on(self, kind: str, token: bytes) -> bool:
        """Go on with the handshake; true when it is over, or when we do not care how it ended."""
        if self.acceptor is None or token[8] == 1:
            self.acceptor = Acceptor(token, ACCOUNT, self.server.users)
            challenge = bytearray(self.acceptor.step(token))
            (flags,) = struct.unpack_from("<I", challenge, _FLAGS_AT)
            struct.pack_into("<I", challenge, _FLAGS_AT, flags & ~self.server.without)
            text = f"{kind} {base64.b64encode(challenge).decode()}"
            self.answer(b"", 401, WWW_Authenticate=text)
            return False
        if self.server.knows_password:
            self.acceptor.step(token)
        return True

    def reply(self) -> bytes:
        """What a friendly service would say."""
        return soap(self.action, self.message_id, b"out")

    def sealed(self, message: bytes) -> bytes:
        assert self.acceptor is not None
        return seal(self.acceptor, message)

    def friendly(self, stdout: bytes = b"out", *, done: bool = True) -> None:
        message = soap(self.action, self.message_id, stdout, done=done)
        self.answer(self.sealed(message), Content_Type=SEALED)


class SealedWinRM(FakeWinRM):
    """``without``: flags of NTLM that its challenge leaves out."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.RequestHandlerClass = SealedExchange
        self.users = write_user_file(folder, "ex01", ACCOUNT)
        self.knows_password = True
        self.asks = True
        self.without = 0
        self.script: Callable[[Any], None] = lambda exchange: exchange.friendly()
        self.logged_on: Callable[[Any], None] = lambda exchange: exchange.answer(b"")
