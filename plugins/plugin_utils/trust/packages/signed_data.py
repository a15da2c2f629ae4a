# SPDX-License-Identifier: GPL-3.0-or-later
"""One PKCS#7 ``SignedData`` (RFC 5652), verified: who signed which content, and nothing beside it.

The signature covers the content and the signed attributes only. What stands beside them (certificates,
unsigned attributes) can be changed by anybody while the signature stays good, so all that is not known is
refused: the message, put together anew from the parts that were checked, must be the bytes that were given.
The parser is asn1crypto: cryptography cannot read a ``SignedData`` of another content than data.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asn1crypto import cms, core
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from ...base.errors import RefusedError
from . import strict_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - only to say what is refused
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
INDIRECT_DATA = "1.3.6.1.4.1.311.2.1.4"  # what Authenticode is over
TST_INFO = "1.2.840.113549.1.9.16.1.4"  # what a time stamp is over
# The version (RFC 2315, 9.1: 1; RFC 5652, 5.1: 3 for other content than data) and the outermost tag of the
# content. All 177 files of Microsoft that were compared have these, also beside an attribute certificate.
_FORMS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    INDIRECT_DATA: (1, strict_message.sequence),
    TST_INFO: (3, strict_message.octets),
}
_RSA = {"rsassa_pkcs1v15", *(f"{name}_rsa" for name in HASHES)}
_NULL = (b"", b"\x05\x00")
_DER = Encoding.DER
_LARGEST_ATTRIBUTE_CERTIFICATE = 2048  # those of Microsoft's time stamps: 700 to 900 bytes


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature whose value is good for its content; nobody has been believed yet."""

    signer: x509.Certificate
    bag: tuple[x509.Certificate, ...]  # all that travel with it, the signer's among them
    algorithm: str  # of the digest: sha256
    content: bytes  # within its outermost tag
    message_digest: bytes
    value: bytes  # of the signature itself: what a time stamp is over
    unsigned: tuple[tuple[str, bytes], ...]  # object identifiers and encoded values


def read(der: bytes, content_type: str) -> Signed:
    """Verify one signature, all bytes of a ``ContentInfo``; raises ``RefusedError`` saying what is wrong.

    ``content_type`` is ``INDIRECT_DATA`` or ``TST_INFO``. The encoded values of unsigned attributes are not
    judged: whoever uses one reads it in the same way. Damaged DER raises what ``trailing.MALFORMED`` lists.
    """
    info = cms.ContentInfo.load(der, strict=True)
    if info["content_type"].native != "signed_data":
        raise RefusedError("its signature is no PKCS#7 signature")
    data = info["content"]
    if len(data["signer_infos"]) != 1:
        raise RefusedError(f"its signature has {len(data['signer_infos'])} signers, not one")
    signer_info = data["signer_infos"][0]
    algorithm = digest_algorithm(signer_info["digest_algorithm"])
    if [digest_algorithm(listed) for listed in data["digest_algorithms"]] != [algorithm]:
        raise RefusedError("its signature lists other digests than the one it uses")
    inner = data["encap_content_info"]
    if inner["content_type"].dotted != content_type:
        raise RefusedError("its signature is over something else than a file of this kind")
    if data["crls"].contents:
        raise RefusedError("revocation lists, which no signature covers, stand in its signature")
    bag, attached = _certificates(data["certificates"])
    signer = _signer(signer_info, bag)
    _check_attribute_certificates(attached, signer)
    content = _content(inner["content"])
    message_digest = _check_value(signer_info, signer, algorithm, content_type, content)
    unsigned = tuple(
        (kind, value.dump()) for kind, value in _attributes(signer_info["unsigned_attrs"])
    )
    value = signer_info["signature"].native
    found = Signed(signer, bag, algorithm, content, message_digest, value, unsigned)
    if _encoded(data, found, content_type) != der:
        raise RefusedError(
            "its signature holds bytes that belong to no part of it: damaged or tampered with"
        )
    return found


def _encoded(data: Any, found: Signed, content_type: str) -> bytes:
    """Return the message that holds what was checked, and nothing else."""
    version, wrapped = _FORMS[content_type]
    one = data["signer_infos"][0]
    return strict_message.message(
        version=version,
        digest=_algorithm(data["digest_algorithms"][0]),
        content_type=content_type,
        content=wrapped(found.content),
        # Each was read strictly, or has a bound of its own.
        certificates=[choice.dump() for choice in data["certificates"]],
        signer=strict_message.signer_info(
            issuer=found.signer.issuer.public_bytes(),
            serial=found.signer.serial_number,
            digest=_algorithm(one["digest_algorithm"]),
            signed=one["signed_attrs"].contents,  # all of it is under the value
            method=_algorithm(one["signature_algorithm"]),
            value=found.value,
            unsigned=found.unsigned,
        ),
    )


def _algorithm(info: Any) -> bytes:
    """Return an algorithm whose name is known; its parameters are absent or NULL, as was checked."""
    name = strict_message.identifier(info["algorithm"].dotted)
    return strict_message.sequence(name, info["parameters"].dump())


def _content(found: Any) -> bytes:
    """Return the bytes that are signed: those within the outermost tag (RFC 2315, RFC 5652)."""
    if isinstance(found, core.ParsableOctetString):
        return bytes(found)
    return bytes(found.parsed.contents)


def digest_algorithm(info: Any) -> str:
    """Return the name of a digest algorithm; refuses one that is unknown or has parameters."""
    name = str(info["algorithm"].native)
    if name not in HASHES or info["parameters"].dump() not in _NULL:
        raise RefusedError(f"its signature uses the digest {name}, which is not known")
    return name


def _certificates(found: Any) -> tuple[tuple[x509.Certificate, ...], list[Any]]:
    bag: list[x509.Certificate] = []
    attached: list[Any] = []
    for choice in found:
        if choice.name == "certificate":
            bag.append(certificate(choice.chosen.dump()))
        else:
            attached.append(choice)
    if len(set(bag)) != len(bag):
        raise RefusedError("a certificate stands twice in its signature")
    return tuple(bag), attached


def certificate(der: bytes) -> x509.Certificate:
    """Read a certificate strictly: DER, and not a byte more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old authorities break rules of today
        found = x509.load_der_x509_certificate(der)
    if found.public_bytes(_DER) != der:
        raise ValueError("a certificate is not in DER")
    return found


def _check_attribute_certificates(found: list[Any], signer: x509.Certificate) -> None:
    """Microsoft's time stamps carry one, of the clock; nobody gives out the key that signed it."""
    for choice in found:
        if choice.name != "v2_attr_cert" or len(found) > 1:
            raise RefusedError("its signature carries more than certificates")
        holder = choice.chosen["ac_info"]["holder"]["object_digest_info"]
        der = signer.public_bytes(_DER)
        bound = holder["digest_algorithm"]["algorithm"].native in HASHES and (
            holder["object_digest"].native
            == hashlib.new(holder["digest_algorithm"]["algorithm"].native, der).digest()
        )
        if not bound or len(choice.chosen.dump()) > _LARGEST_ATTRIBUTE_CERTIFICATE:
            raise RefusedError("an attribute certificate in its signature is for somebody else")


def _signer(signer_info: Any, bag: Iterable[x509.Certificate]) -> x509.Certificate:
    if signer_info["sid"].name != "issuer_and_serial_number":
        raise RefusedError("its signature does not name its signer by issuer and serial number")
    named = signer_info["sid"].chosen
    issuer, serial = named["issuer"].dump(), named["serial_number"].native
    found = [c for c in bag if (c.issuer.public_bytes(), c.serial_number) == (issuer, serial)]
    if len(found) != 1:
        raise RefusedError("the signer's certificate is not in the file")
    return found[0]


def _check_value(
    info: Any, signer: x509.Certificate, algorithm: str, content_type: str, content: bytes
) -> bytes:
    """Verify signed attributes and signature value; returns the digest of the content."""
    signed = dict(_attributes(info["signed_attrs"]))
    made = hashlib.new(algorithm, content).digest()
    stated = signed.get(MESSAGE_DIGEST)
    kind = signed.get(CONTENT_TYPE)
    if kind is None or kind.dotted != content_type or stated is None or stated.native != made:
        raise RefusedError("its signature is over another content: damaged or tampered with")
    method = info["signature_algorithm"]
    if method["algorithm"].native not in _RSA or method["parameters"].dump() not in _NULL:
        raise RefusedError(f"its signature is made by {method['algorithm'].native}, not RSA")
    if method["algorithm"].native not in {"rsassa_pkcs1v15", f"{algorithm}_rsa"}:
        raise RefusedError("its signature names two digests")
    key = signer.public_key()
    # What is signed is the set of attributes under its own tag, not under the one in the message.
    text = b"\x31" + info["signed_attrs"].dump()[1:]
    try:
        if not isinstance(key, rsa.RSAPublicKey):
            raise RefusedError("the key of its signer is not an RSA key")
        key.verify(info["signature"].native, text, padding.PKCS1v15(), HASHES[algorithm])
    except InvalidSignature as error:
        raise RefusedError(
            "the value of its signature was not made by the signer it names: "
            "damaged or tampered with"
        ) from error
    return made


def _attributes(found: Any) -> Iterable[tuple[str, Any]]:
    """Yield type and value of each attribute; one stands there once and has exactly one value."""
    seen: set[str] = set()
    for attribute in found if found.contents else ():
        kind = attribute["type"].dotted
        if kind in seen or len(attribute["values"]) != 1:
            raise RefusedError(f"the attribute {kind} of its signature has more than one value")
        seen.add(kind)
        yield kind, attribute["values"][0]
