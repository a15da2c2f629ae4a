# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn what a connection raises into our own errors.

Ansible's plugins wrap the errors of pywinrm, pypsrp and requests into text, so the whole chain of
causes is looked at by type first and the text is the last resort. Classes are recognised by
name: the libraries have several of the same name, and no one of them must be installed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...base.errors import (
    AuthenticationFailed,
    RefusedError,
    RemediationError,
    Timeout,
    TransportError,
    Unreachable,
)
from ...base.sanitize import clean_text
from .kerberos_causes import explain_chain

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLASSES: tuple[tuple[type[RemediationError], frozenset[str]], ...] = (
    (
        AuthenticationFailed,
        frozenset(
            {
                "AuthenticationError",
                "InvalidCredentialsError",
                "BasicAuthDisabledError",
                "KerberosExchangeError",
                "MutualAuthenticationError",
            }
        ),
    ),
    (
        Timeout,
        frozenset({"ReadTimeout", "ConnectTimeout", "Timeout", "WinRMOperationTimeoutError"}),
    ),
    # Not ConnectionError: that is also a connection that broke in the middle, which may be retried.
    (Unreachable, frozenset({"NewConnectionError", "NameResolutionError", "SSLError"})),
)
_TEXTS: tuple[tuple[type[RemediationError], tuple[str, ...]], ...] = (
    (RefusedError, ("refused before connecting",)),
    (
        AuthenticationFailed,
        (
            "credentials were rejected",
            "failed to authenticate",
            "kerberos auth failure",
            "access denied: server did not respond with ntlm",
            "http 401",
            "code 401",
        ),
    ),
    (Unreachable, ("failed to establish a new connection", "certificate verify failed")),
    (Timeout, ("timed out", "timeout")),
)
_SAYINGS = (
    (re.compile(r"certificate verify failed: ([^()\"']+)"), "certificate verify failed: {0}"),
    (re.compile(r"\[SSL[:\w]*\] ([\w ]+)"), "TLS: {0}"),
    (re.compile(r"new connection: \[Errno -?\d+\] ([^()\"']+)"), "no connection: {0}"),
    (re.compile(r"Connection aborted\.', \w+\((?:\d+, )?[\"']([^\"']+)"), "connection lost: {0}"),
)
# These are what Ansible prints around a cause; the cause says it better.
_PREFIXES = ("Refused before connecting. ",)


def classify(error: BaseException) -> RemediationError:
    """Our error for ``error``; the message is the innermost telling one."""
    chain = list(_chain(error))
    for link in chain:
        if isinstance(link, RemediationError):
            return link
    text = _text(error)
    if (of_kerberos := explain_chain(chain, text)) is not None:
        return of_kerberos
    for link in chain:
        names = {kind.__name__ for kind in type(link).__mro__}
        for ours, known in _CLASSES:
            if names & known:
                return ours(_in_short(text))
    lowered = text.lower()
    for ours, needles in _TEXTS:
        if any(needle in lowered for needle in needles):
            for prefix in _PREFIXES:
                text = text.removeprefix(prefix)
            return ours(_in_short(text))
    return TransportError(_in_short(text) or type(error).__name__)


def _text(error: BaseException) -> str:
    """The error's own message; Ansible's ``str()`` repeats those of all causes."""
    own = error.args[0] if len(error.args) == 1 else None
    return own if isinstance(own, str) else str(error)


def _in_short(text: str) -> str:
    """What the operating system or OpenSSL said, out of the nesting that requests puts around."""
    for pattern, words in _SAYINGS:
        found = pattern.search(text)
        if found:
            return words.format(found[1].strip())
    return text


def defuse(error: BaseException) -> None:
    """Make the texts of an error and of its causes inert, in place.

    A WSMan fault quotes the host, and Ansible prints the messages of a failed task and of all its
    causes to the terminal as they are.
    """
    for link in _chain(error):
        link.args = tuple(clean_text(arg) if isinstance(arg, str) else arg for arg in link.args)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
