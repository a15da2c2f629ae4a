# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP Basic: the password itself in every request."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .accounts import Account


def accepts(token: bytes, account: Account) -> bool:
    """Tell whether the base64 ``user:password`` is the account's; the domain may be left out."""
    try:
        text = base64.b64decode(token, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    username, _, password = text.partition(":")
    right = hmac.compare_digest(password.encode(), account.password.encode())
    return account.is_named(username) and right
