# SPDX-License-Identifier: GPL-3.0-or-later
"""The time stamp of a signature: when it was made, said by a service that is believed (RFC 3161)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from asn1crypto import tsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from ...base.errors import RefusedError
from . import signed_data
from .chains import check_bag, root_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography import x509

TOKEN = "1.3.6.1.4.1.311.3.3.1"  # noqa: S105 - the attribute of an RFC 3161 token
COUNTERSIGNATURE = "1.2.840.113549.1.9.6"  # PKCS#9: the form before, made over SHA-1
_NONE = (
    "its signature has no time stamp of Microsoft, so nothing shows that it was "
    "made while the certificate was valid"
)


def moment(
    signature: signed_data.Signed, roots: Sequence[x509.Certificate], digests: Sequence[str]
) -> tuple[datetime, x509.Certificate]:
    """Return when a signature was made and who says so; raises ``RefusedError``.

    ``digests``: the algorithms that are accepted, such as ``sha256``.
    """
    tokens = [value for kind, value in signature.unsigned if kind == TOKEN]
    if any(kind == COUNTERSIGNATURE for kind, _ in signature.unsigned):
        raise RefusedError(f"{_NONE} (it has one of the old form, PKCS#9)")
    if len(tokens) != 1:
        raise RefusedError(_NONE)
    stamp = signed_data.read(tokens[0], signed_data.TST_INFO)
    if stamp.unsigned:
        raise RefusedError("its time stamp has attributes that no signature covers")
    said = tsp.TSTInfo.load(stamp.content, strict=True)
    _check_imprint(said["message_imprint"], signature.value)
    for algorithm in (
        stamp.algorithm,
        said["message_imprint"]["hash_algorithm"]["algorithm"].native,
    ):
        if algorithm not in digests:
            raise RefusedError(f"{_NONE} (it has one that uses {algorithm.upper()})")
    made: datetime = said["gen_time"].native
    try:
        check_bag(stamp.signer, stamp.bag, roots)
        root_of(stamp.signer, stamp.bag, roots, ExtendedKeyUsageOID.TIME_STAMPING, made)
    except RefusedError as error:
        raise RefusedError(f"{_NONE} (of the one it has: {error})") from error
    return made, stamp.signer


def _check_imprint(imprint: Any, value: bytes) -> None:
    algorithm = signed_data.digest_algorithm(imprint["hash_algorithm"])
    if imprint["hashed_message"].native != hashlib.new(algorithm, value).digest():
        raise RefusedError(f"{_NONE}: the one it has was made for another signature")
