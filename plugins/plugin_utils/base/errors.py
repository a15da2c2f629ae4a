# SPDX-License-Identifier: GPL-3.0-or-later
"""The one tree of errors, so that callers catch what they can act on.

::

    RemediationError
    |- ConfigError          what the operator wrote is wrong (inventory, option, file)
    |- CatalogError         a data file of the catalogue is wrong: file, line, cure
    |- RefusedError         a rule of ours forbids it (Basic over HTTP, become, unknown build)
    |  `- HostConflict              what it says of itself contradicts the inventory, or itself
    |- TransportError       the host was not reached, or the way there broke
    |  |- Unreachable
    |  |- AuthenticationFailed      terminal at once: retrying locks accounts
    |  |  `- NoTicket               no valid Kerberos ticket here and now; nothing was sent
    |  `- Timeout
    |- ReplyError           the host was reached, its answer is unusable
    |  |- EmptyReply                nothing at all: killed, typically by anti-malware
    |  |- MalformedReply            no frame, or not JSON inside it
    |  |- TruncatedReply            a frame that starts and does not end
    |  |- WrongNonce                somebody else's answer, or a recorded one
    |  |- ReplyTooLarge             over the cap: bytes, nesting
    |  |- ReplySchemaError          JSON of another shape or of a future version
    |  `- HostCrash                 PowerShell itself failed: CLIXML on stderr, no frame
    `- ScriptError          the operation ran and reported its own failure
       |- LanguageModeRefused       Constrained Language Mode (WDAC, AppLocker)
       |- ScriptIntegrityError      the script that arrived is not the one that was sent
       `- LockedByOther             I16: who holds the host lock, since when, on what
          `- LockLost               it was ours, and another has it by now

Every message says what, with which value, where, and what to do.
"""

from __future__ import annotations


class RemediationError(Exception):
    """Base of all errors of this project; ``code`` is its stable name in reports.

    ``unseen``: with this error nothing was seen of the host, whatever it may have done.
    """

    code = "error"
    unseen = False


class ConfigError(RemediationError):
    """Something the operator wrote is wrong."""

    code = "config"


class CatalogError(RemediationError):
    """A data file of the catalogue is wrong."""

    code = "catalog"


class RefusedError(RemediationError):
    """A safety rule forbids the request; nothing was sent."""

    code = "refused"


class HostConflict(RefusedError):  # noqa: N818 - a state of the host, not a mistake
    """What a host says of itself contradicts the inventory, or itself: nothing of it counts."""

    code = "conflict"


class TransportError(RemediationError):
    """The host was not reached, or the connection broke: the outcome is unknown."""

    code = "transport"
    unseen = True


class Unreachable(TransportError):  # noqa: N818 - the field's word for it
    """No connection could be made."""

    code = "unreachable"


class AuthenticationFailed(TransportError):  # noqa: N818
    """The host refused the credentials. Never retried: that locks accounts."""

    code = "authentication-failed"


class NoTicket(AuthenticationFailed):
    """Kerberos gave no ticket: none, expired, no key distribution centre. Nothing was sent.

    No host refused anything, so who waits for work on a host may look again: a ticket that was
    renewed meanwhile is taken by the next connection.
    """


class Timeout(TransportError):  # noqa: N818
    """The host did not answer in time; it may have acted."""

    code = "timeout"


class ReplyError(RemediationError):
    """The host was reached, but its answer cannot be used."""

    code = "reply"
    unseen = True


class EmptyReply(ReplyError):  # noqa: N818
    """Nothing came back: the process was killed, typically by anti-malware."""

    code = "reply-empty"


class MalformedReply(ReplyError):  # noqa: N818
    """There is output, but no readable frame of ours in it."""

    code = "reply-malformed"


class TruncatedReply(ReplyError):  # noqa: N818
    """A frame starts and does not end."""

    code = "reply-truncated"


class WrongNonce(ReplyError):  # noqa: N818
    """The frame answers another request (replay, mix-up or forgery)."""

    code = "reply-wrong-nonce"


class ReplyTooLarge(ReplyError):  # noqa: N818
    """The reply exceeds a cap on bytes or nesting."""

    code = "reply-too-large"


class ReplySchemaError(ReplyError):
    """The frame is ours, its content has another shape or a future version."""

    code = "reply-schema"


class HostCrash(ReplyError):  # noqa: N818
    """PowerShell failed before it could answer (CLIXML on stderr, no frame)."""

    code = "host-crash"


class ScriptError(RemediationError):
    """The operation ran on the host and reported its own failure."""

    code = "script"


class LanguageModeRefused(ScriptError):  # noqa: N818
    """The host runs PowerShell in a restricted language mode."""

    code = "language-mode"


class ScriptIntegrityError(ScriptError):
    """The host received another script than the one that was sent."""

    code = "script-integrity"


class LockedByOther(ScriptError):  # noqa: N818
    """Another controller holds the host lock."""

    code = "locked"


class LockLost(LockedByOther):
    """This run held the host lock, and another one took it over: nothing more may be changed."""

    code = "lock-lost"


def is_unseen(code: str | None) -> bool:
    """Whether an error of this code says nothing about the host."""
    pending = [RemediationError]
    while pending:
        error = pending.pop()
        if error.code == code and error.unseen:
            return True
        pending += error.__subclasses__()
    return False
