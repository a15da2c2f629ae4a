# SPDX-License-Identifier: GPL-3.0-or-later
"""Authenticode on the controller: two judges of every signature of a file, and they must agree.

Ours reads the file itself: each signature in it, the outer one and those nested in it, must be good, over
these bytes, by a signer whom the policy names, and time-stamped. Then osslsigncode is asked, and what it says
of each signature must be the same; of a script Debian 12's knows nothing, so there our own check is alone. A genuine signature nested in a forged one (or the other way round) counts
for nothing: Windows decides which of them it shows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING

from asn1crypto import algos, core
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ...base.errors import RefusedError
from ...base.version import VERSION
from . import signed_data, signed_program, signing_tool, stamps
from .chains import check_bag, root_of
from .records import Signature
from .roots import certificates, fingerprint, microsoft_roots
from .trailing import MALFORMED, signed_file

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from cryptography import x509

    from .trailing import SignedFile

_ALONE = f"exchange.remediation {VERSION}"
_NESTED = "1.3.6.1.4.1.311.2.4.1"
_KNOWN = {_NESTED, stamps.TOKEN, stamps.COUNTERSIGNATURE}
_AGAIN = "Do not use it; download it again from Microsoft over another network"


class _Typed(core.Sequence):  # type: ignore[misc]
    _fields = [("type", core.ObjectIdentifier), ("value", core.Any, {"optional": True})]  # noqa: RUF012


class _IndirectData(core.Sequence):  # type: ignore[misc]
    """What an Authenticode signature is over: kind and digest of the file."""

    _fields = [("data", _Typed), ("message_digest", algos.DigestInfo)]  # noqa: RUF012


@dataclass(frozen=True, slots=True)
class SignaturePolicy:
    """Who may have signed: everything outside these lists is refused."""

    roots: str = field(repr=False)  # PEM
    organizations: tuple[str, ...] = ("Microsoft Corporation",)
    names: tuple[str, ...] = ("Microsoft Corporation",)
    # The authorities below the roots that sign released programs of Microsoft; those for Windows
    # itself, for drivers of others and for the store stand below the same roots.
    issuers: tuple[str, ...] = (
        "Microsoft Code Signing PCA",
        "Microsoft Code Signing PCA 2010",
        "Microsoft Code Signing PCA 2011",
        "Microsoft Code Signing PCA 2024",
    )
    # SHA-1 is not among them, not even beside a signature over SHA-256: whoever can make two files of
    # one SHA-1 could have one of them signed. The updates that emergencies need carry SHA-256 alone.
    digests: tuple[str, ...] = ("SHA256", "SHA384", "SHA512")


def microsoft_policy() -> SignaturePolicy:
    """Return the rules for packages of Microsoft, with the pinned roots."""
    return SignaturePolicy(roots=microsoft_roots())


@dataclass(frozen=True, slots=True)
class _Judged:
    """One signature that passed: what is recorded, and what the tool must say as well."""

    signed: signed_data.Signed
    file_digest: bytes
    signature: Signature


def verify(
    path: Path, policy: SignaturePolicy, *, shown: str | None = None, script: bool = False
) -> Signature:
    """Return who signed the file; raises ``RefusedError`` for anything but good signatures.

    ``shown`` is what messages call the file; ``script``: it is one of PowerShell. Raises ``ConfigError`` where no osslsigncode can be used.
    """
    name = shown or path.name
    try:
        with signed_file(path, script=script) as file:
            tool = signing_tool.installed() if file.second_judge else None
            judged = _judge_all(file, policy, tool.name if tool else _ALONE)
    except RefusedError as error:
        raise RefusedError(f"{name}: {error}. {_AGAIN}") from error
    except (OSError, *MALFORMED) as error:
        raise RefusedError(
            f"{name}: its signature cannot be read ({str(error)[:200] or type(error).__name__}): "
            f"damaged or tampered with. {_AGAIN}"
        ) from error
    for one in judged:
        _check_signer(name, one.signed.signer, policy)
    if tool is not None:
        _compare(name, judged, signing_tool.reports(tool, path, policy.roots), tool.name)
    return judged[0].signature


def _judge_all(file: SignedFile, policy: SignaturePolicy, tool: str) -> list[_Judged]:
    """Judge the outer signature and each nested one, in the order in which the tool does."""
    if not file.signature:
        raise RefusedError("it is not signed at all; Microsoft signs every package")
    outer = signed_program.whole(file.signature)
    judged = [_judge(outer, file, policy, tool)]
    hidden = file.hidden()
    if hidden:
        raise RefusedError(f"{hidden}, which the signature does not cover")
    nested = [value for kind, value in judged[0].signed.unsigned if kind == _NESTED]
    for inner in nested:
        try:
            judged.append(_judge(inner, file, policy, tool))
        except RefusedError as error:
            raise RefusedError(f"of the signature nested in its first one: {error}") from error
        if any(kind == _NESTED for kind, _ in judged[-1].signed.unsigned):
            raise RefusedError("a signature is nested in a nested one")
    return judged


def _judge(der: bytes, file: SignedFile, policy: SignaturePolicy, tool: str) -> _Judged:
    signed = signed_data.read(der, signed_data.INDIRECT_DATA)
    said = _IndirectData.load(core.Sequence(contents=signed.content).dump(), strict=True)
    digest = said["message_digest"]["digest"].native
    if signed_data.digest_algorithm(said["message_digest"]["digest_algorithm"]) != signed.algorithm:
        raise RefusedError("its signature uses two digests")
    if signed.algorithm.upper() not in policy.digests:
        raise RefusedError(
            f"its signature uses {signed.algorithm.upper()}; accepted are {', '.join(policy.digests)}"
        )
    kind = said["data"]
    if kind["type"].dotted != file.content or file.about not in (kind["value"].contents or b""):
        raise RefusedError("its signature is over something else than a file of this kind")
    if digest != file.digest(signed.algorithm):
        raise RefusedError("its bytes are not those that were signed: damaged or tampered with")
    for kind, _ in signed.unsigned:
        if kind not in _KNOWN:
            raise RefusedError(f"its signature has the attribute {kind}, which nothing covers")
    return _Judged(signed, digest, _signature(signed, policy, tool))


def _signature(signed: signed_data.Signed, policy: SignaturePolicy, tool: str) -> Signature:
    roots = certificates(policy.roots)
    signer = signed.signer
    check_bag(signer, signed.bag, roots)
    made, stamper = stamps.moment(signed, roots, [name.lower() for name in policy.digests])
    if _one(stamper.subject, NameOID.ORGANIZATION_NAME) not in policy.organizations:
        raise RefusedError(
            "its signature has no time stamp of Microsoft: the one it has is by "
            f"{stamper.subject.rfc4514_string()!r}"
        )
    root = root_of(signer, signed.bag, roots, ExtendedKeyUsageOID.CODE_SIGNING, made)
    return Signature(
        subject=signer.subject.rfc4514_string(),
        issuer=signer.issuer.rfc4514_string(),
        certificate_sha256=fingerprint(signer),
        serial=f"{signer.serial_number:x}",
        root_sha256=fingerprint(root),
        timestamp=_printed(made),
        digest=signed.algorithm.upper(),
        tool=tool,
    )


def _check_signer(name: str, signer: x509.Certificate, policy: SignaturePolicy) -> None:
    wanted = (
        ("organization", _one(signer.subject, NameOID.ORGANIZATION_NAME), policy.organizations),
        ("name", _one(signer.subject, NameOID.COMMON_NAME), policy.names),
        ("issuer", _one(signer.issuer, NameOID.COMMON_NAME), policy.issuers),
    )
    for what, value, allowed in wanted:
        if value not in allowed:
            raise RefusedError(
                f"{name}: the signer's {what} is {value!r}, allowed is {' or '.join(allowed)}. "
                "It may be genuine, but it is not how Microsoft signs updates of Exchange"
            )


def _one(name: x509.Name, oid: x509.ObjectIdentifier) -> str:
    values = name.get_attributes_for_oid(oid)
    return str(values[0].value) if len(values) == 1 else ""


def _printed(moment: datetime) -> str:
    """``Mar  2 10:11:12 2021 GMT``: as OpenSSL prints it, in every locale, as in older records."""
    _, day, month, year, time, _ = format_datetime(moment).split()
    return f"{month} {int(day):2} {time} {year} GMT"


def _compare(
    name: str, judged: list[_Judged], reports: tuple[signing_tool.Report, ...], tool: str
) -> None:
    """Refuse a file of which the tool says anything else than we do."""
    if len(reports) != len(judged):
        raise RefusedError(
            f"{name}: {tool} finds {len(reports)} signatures, our own check {len(judged)}. {_AGAIN}"
        )
    for index, (ours, report) in enumerate(zip(judged, reports, strict=True)):
        digest = ours.file_digest.hex().upper()
        wanted = signing_tool.Report(
            algorithm=ours.signature.digest,
            stated=digest,
            calculated=digest,
            attributes=ours.signed.message_digest.hex().upper(),
            serial=f"{ours.signed.signer.serial_number:X}",
            stamp="ok",
            value="ok",
        )
        differing = report.differing(wanted)
        if differing:
            raise RefusedError(
                f"{name}: signature {index} passes our own check, but {tool} says otherwise of its "
                f"{differing}. {_AGAIN}"
            )
