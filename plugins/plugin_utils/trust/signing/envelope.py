# SPDX-License-Identifier: GPL-3.0-or-later
"""A signed document: canonical JSON (RFC 8785) in a DSSE envelope, signed with Ed25519."""

from __future__ import annotations

import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any

import rfc8785
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError

from ...base.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from securesystemslib.signer import Signer

    from .keys import TrustedKey

_LARGEST = 16 * 1024 * 1024


def digest_of(document: dict[str, Any]) -> str:
    """Return the SHA-256 of the canonical form."""
    return hashlib.sha256(rfc8785.dumps(document)).hexdigest()


def seal(document: dict[str, Any], kind: str, signer: Signer) -> bytes:
    """Return the envelope of a document as one line of JSON."""
    envelope = Envelope(rfc8785.dumps(document), kind, {})
    envelope.sign(signer)
    return rfc8785.dumps(envelope.to_dict()) + b"\n"


def countersign(raw: bytes, signer: Signer, *, where: str) -> bytes:
    """Return the envelope with one signature more; verify it first with `unseal`."""
    envelope = _parsed(raw, where)
    envelope.sign(signer)
    return rfc8785.dumps(envelope.to_dict()) + b"\n"


def unseal(
    raw: bytes, kind: str, keys: Iterable[TrustedKey], *, where: str, threshold: int = 1
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the document and the names of the keys that signed it.

    Nothing of the document is looked at before its signatures are good.
    """
    envelope = _parsed(raw, where)
    if envelope.payload_type != kind:
        raise RefusedError(f"{where}: holds {envelope.payload_type!r}, wanted is {kind!r}")
    known = {entry.keyid: entry.name for entry in keys}
    try:
        accepted = envelope.verify([entry.key for entry in keys], threshold)
    except (VerificationError, ValueError) as error:
        signed = ", ".join(sorted(envelope.signatures)) or "nobody"
        trusted = ", ".join(f"{name} ({keyid})" for keyid, name in known.items())
        raise RefusedError(
            f"{where}: no good signature of {threshold} trusted key(s); signed by {signed}, "
            f"trusted are {trusted}. It was changed, or another operator signed it: get the "
            "file again, or put that operator's .pub file into the key folder"
        ) from error
    document = json.loads(envelope.payload)
    if not isinstance(document, dict) or rfc8785.dumps(document) != envelope.payload:
        raise RefusedError(f"{where}: the signed text is not canonical JSON; sign it again")
    return document, tuple(sorted(known[keyid] for keyid in accepted))


def _parsed(raw: bytes, where: str) -> Envelope:
    if len(raw) > _LARGEST:
        raise RefusedError(f"{where}: {len(raw)} bytes, more than any document of ours")
    try:
        return Envelope.from_dict(json.loads(raw))
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        binascii.Error,
    ) as error:
        raise RefusedError(f"{where}: not a signed envelope ({error}); get it again") from error
