# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame around a sealed message, without a security context."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.acceptor import (
    Refused,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.encryption import (
    seal,
    unseal,
)


class Context:
    """Signs with four letters; opens to what was sealed, with ``more`` behind it or less."""

    def __init__(self, more: int = 0) -> None:
        self.more = more

    def wrap(self, message: bytes) -> tuple[bytes, bytes]:
        return b"sign", message

    def unwrap(self, signature: bytes, sealed: bytes) -> bytes:
        assert signature == b"sign"
        return sealed[: len(sealed) + min(self.more, 0)] + b"x" * self.more


def sealed(message: bytes) -> bytes:
    context: Any = Context()
    return seal(context, message)


def test_sealed_message_is_opened_also_with_the_boundary_in_it() -> None:
    message = b"<a>--Encrypted Boundary--</a>"
    context: Any = Context()
    assert unseal(context, sealed(message)) == message


@pytest.mark.parametrize("more", [-1, 1])
def test_message_of_another_length_than_its_frame_says_is_refused(more: int) -> None:
    context: Any = Context(more)
    with pytest.raises(Refused, match="another length"):
        unseal(context, sealed(b"<a>text</a>"))
