# SPDX-License-Identifier: GPL-3.0-or-later
"""What a forger can make of a program that Microsoft really signed; none of it passes (I10)."""

from __future__ import annotations

import dataclasses
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import forging as f
import genuine as g
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages import (
    authenticode,
    trailing,
)
from asn1crypto import algos, core, x509
from signing import MICROSOFT, Authorities, Identity, issue
from stamping import imprint, parsed, token

if TYPE_CHECKING:
    from collections.abc import Callable

FORGER = Authorities.create()
NESTED, STAMP = "microsoft_nested_signature", "microsoft_time_stamp_token"


@pytest.fixture(scope="session")
def policy() -> authenticode.SignaturePolicy:
    """As in production, and files signed as .NET pass too: the engine has no others."""
    made = authenticode.microsoft_policy()
    return dataclasses.replace(made, names=(*made.names, ".NET"))


@pytest.fixture(params=["engine", "package"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A genuine file, to be changed."""
    engine = request.param == "engine"
    found = g.of_engine("System.Memory.dll") if engine else g.of_package()
    return Path(shutil.copy(found, tmp_path / found.name))


@pytest.fixture
def other() -> Any:
    """The signature of another genuine file."""
    return f.take(g.of_engine("System.Linq.dll"))


def own(path: Path, by: Identity = FORGER.signer, **words: Any) -> Any:
    """A signature by the forger over this file."""
    return f.signed_by(
        f.take(path), f.authentihash(path), by, **{"stamper": FORGER.stamper, **words}
    )


def with_unsigned(info: Any, kind: str, value: Any) -> Any:
    return f.rebuilt(info, unsigned=[*f.unsigned(info), (kind, value)])


def borrowed(path: Path, other: Any) -> Any:
    """It names the real signer and says this file's digest; value and time stamp are another file's."""
    kind, content = f.over(other, f.authentihash(path))
    return f.rebuilt(
        other, content={"content_type": kind, "content": core.Any(content.retag({"explicit": 0}))}
    )


# -- signatures ---------------------------------------------------------------------------


def forged_outer(path: Path, other: Any) -> None:
    f.replace(path, with_unsigned(borrowed(path, other), NESTED, f.take(path)))


def forged_outer_of_an_own_authority(path: Path, other: Any) -> None:
    f.replace(path, with_unsigned(own(path), NESTED, f.take(path)))


def forged_nested(path: Path, other: Any) -> None:
    f.replace(path, with_unsigned(f.take(path), NESTED, own(path)))


def borrowed_nested(path: Path, other: Any) -> None:
    f.replace(path, with_unsigned(f.take(path), NESTED, borrowed(path, other)))


def nested_in_nested(path: Path, other: Any) -> None:
    inner = with_unsigned(f.take(path), NESTED, f.take(path))
    f.replace(path, with_unsigned(f.take(path), NESTED, inner))


def signature_of_another_file(path: Path, other: Any) -> None:
    f.replace(path, other)


def borrowed_value(path: Path, other: Any) -> None:
    f.replace(path, borrowed(path, other))


def own_authority(path: Path, other: Any) -> None:
    f.replace(path, own(path))


def self_signed(path: Path, other: Any) -> None:
    f.replace(path, own(path, issue(MICROSOFT)))


def own_root_in_the_bag(path: Path, other: Any) -> None:
    real = [c.chosen for c in f.take(path)["content"]["certificates"]]
    mine = [parsed(c) for c in (FORGER.signer.certificate, *FORGER.signer.above)]
    f.replace(path, own(path, certificates=[*real, *mine]))


def name_of_the_real_signer(path: Path, other: Any) -> None:
    real = [c.chosen for c in f.take(path)["content"]["certificates"]]
    one = f.signer(f.take(path))["sid"].chosen
    named = next(c for c in real if c.serial_number == one["serial_number"].native)
    f.replace(path, own(path, named=named, certificates=real))


def second_certificate_of_the_same_serial(path: Path, other: Any) -> None:
    info = f.take(path)
    real = [c.chosen for c in info["content"]["certificates"]]
    one = f.signer(info)["sid"].chosen
    named = next(c for c in real if c.serial_number == one["serial_number"].native)
    twin = parsed(FORGER.signer.certificate).copy()
    twin["tbs_certificate"]["issuer"] = named.issuer
    twin["tbs_certificate"]["serial_number"] = named.serial_number
    f.replace(path, f.rebuilt(info, certificates=[*real, twin]))


def two_signers(path: Path, other: Any) -> None:
    info = f.take(path)
    f.replace(path, f.rebuilt(info, signers=[f.signer(info), f.signer(own(path))]))


def no_signer(path: Path, other: Any) -> None:
    f.replace(path, f.rebuilt(f.take(path), signers=[]))


# -- time stamps --------------------------------------------------------------------------


def no_time_stamp(path: Path, other: Any) -> None:
    f.replace(path, f.rebuilt(f.take(path), unsigned=[]))


def stamp_of_another_file(path: Path, other: Any) -> None:
    f.replace(path, f.rebuilt(f.take(path), unsigned=f.unsigned(other)))


def stamp_of_the_forger(path: Path, other: Any) -> None:
    info = f.take(path)
    made = token(imprint(f.signer(info)["signature"].native), FORGER.stamper)
    f.replace(path, f.rebuilt(info, unsigned=[(STAMP, made)]))


def two_stamps(path: Path, other: Any) -> None:
    info = f.take(path)
    f.replace(path, f.rebuilt(info, unsigned=[*f.unsigned(info), *f.unsigned(other)]))


def attribute_in_the_stamp(path: Path, other: Any) -> None:
    info = f.take(path)
    ((kind, stamp),) = f.unsigned(info)
    extra = with_unsigned(stamp, "1.2.3.4", core.OctetString(f.PAYLOAD))
    f.replace(path, f.rebuilt(info, unsigned=[(kind, extra)]))


def stranger_in_the_stamp(path: Path, other: Any) -> None:
    info = f.take(path)
    ((kind, stamp),) = f.unsigned(info)
    bag = [*stamp["content"]["certificates"], parsed(FORGER.root.certificate)]
    f.replace(path, f.rebuilt(info, unsigned=[(kind, f.rebuilt(stamp, certificates=bag))]))


def clock_of_another_stamp(path: Path, other: Any) -> None:
    """The attribute certificate of Microsoft's stamps is bound to the service that it is for."""
    info = f.take(path)
    ((kind, stamp),) = f.unsigned(info)
    bag = [c if c.name == "certificate" else changed(c) for c in stamp["content"]["certificates"]]
    f.replace(path, f.rebuilt(info, unsigned=[(kind, f.rebuilt(stamp, certificates=bag))]))


def changed(choice: Any) -> Any:
    found = choice.copy()
    found.chosen["ac_info"]["holder"]["object_digest_info"]["object_digest"] = bytes(20)
    return found


# -- bytes that no signature covers -----------------------------------------------------


def unknown_attribute(path: Path, other: Any) -> None:
    f.replace(path, with_unsigned(f.take(path), "1.2.3.4", core.OctetString(f.PAYLOAD)))


def two_values_of_an_attribute(path: Path, other: Any) -> None:
    info = f.take(path)
    ((kind, stamp),) = f.unsigned(info)
    one = f.without(f.signer(info), "unsigned_attrs")
    one["unsigned_attrs"] = [{"type": kind, "values": [stamp, f.unsigned(other)[0][1]]}]
    f.replace(path, f.rebuilt(info, signers=[one]))


def stranger_in_the_bag(path: Path, other: Any) -> None:
    info = f.take(path)
    bag = [*info["content"]["certificates"], parsed(FORGER.root.certificate)]
    f.replace(path, f.rebuilt(info, certificates=bag))


def padded_certificate(path: Path, other: Any) -> None:
    info = f.take(path)
    first, *others = [c.chosen for c in info["content"]["certificates"]]
    padded = x509.Certificate(contents=first.contents + core.OctetString(f.PAYLOAD).dump())
    f.replace(path, f.rebuilt(info, certificates=[padded, *others]))


def parameters_of_a_digest(path: Path, other: Any) -> None:
    parts = core.ObjectIdentifier("2.16.840.1.101.3.4.2.1").dump()  # SHA-256
    parts += core.OctetString(f.PAYLOAD).dump()
    padded = algos.DigestAlgorithm.load(core.Sequence(contents=parts).dump())
    f.replace(path, f.rebuilt(f.take(path), digests=[padded]))


def attribute_certificate_beside_the_signer(path: Path, other: Any) -> None:
    info = f.take(path)
    stamp = f.unsigned(info)[0][1]
    clock = next(c for c in stamp["content"]["certificates"] if c.name != "certificate")
    f.replace(path, f.rebuilt(info, certificates=[*info["content"]["certificates"], clock]))


def second_entry(path: Path, other: Any) -> None:
    real, mine = f.take(path).dump(), own(path).dump()
    f.put(path, f.certificate(real), f.certificate(mine))


def first_entry_forged(path: Path, other: Any) -> None:
    real, mine = f.take(path).dump(), own(path).dump()
    f.put(path, f.certificate(mine), f.certificate(real))


def second_genuine_entry(path: Path, other: Any) -> None:
    real = f.certificate(f.take(path).dump())
    f.put(path, real, real)


def empty_second_entry(path: Path, other: Any) -> None:
    f.put(path, f.certificate(f.take(path).dump()), struct.pack("<IHH", 8, 0x200, 2))


def wrong_revision(path: Path, other: Any) -> None:
    f.put(path, f.certificate(f.take(path).dump(), revision=0x100))


def wrong_type(path: Path, other: Any) -> None:
    f.put(path, f.certificate(f.take(path).dump(), kind=1))


def behind_the_table(path: Path, other: Any) -> None:
    path.write_bytes(path.read_bytes() + f.PAYLOAD)


def zeros_behind_the_table(path: Path, other: Any) -> None:
    path.write_bytes(path.read_bytes() + bytes(4096))


def within_the_entry(path: Path, other: Any) -> None:
    f.put(path, f.certificate(f.take(path).dump() + f.PAYLOAD))


def zeros_within_the_entry(path: Path, other: Any) -> None:
    f.put(path, f.certificate(f.take(path).dump() + bytes(64)))


def one_byte_of_padding(path: Path, other: Any) -> None:
    der = f.take(path).dump()
    f.put(path, f.certificate(der + b"!" * ((-len(der) % 8) or 7)))


def table_before_the_end(path: Path, other: Any) -> None:
    data = bytearray(path.read_bytes())
    offset, size = f.table(data)
    struct.pack_into("<II", data, f.entry(data), offset, size - 8)
    path.write_bytes(data)


def table_within_the_headers(path: Path, other: Any) -> None:
    data = bytearray(path.read_bytes())
    struct.pack_into("<II", data, f.entry(data), 64, len(data) - 64)
    path.write_bytes(data)


# -- bytes that a signature covers -------------------------------------------------------


def changed_code(path: Path, other: Any) -> None:
    data = bytearray(path.read_bytes())
    data[0x400] ^= 1
    path.write_bytes(data)


def changed_header(path: Path, other: Any) -> None:
    data = bytearray(path.read_bytes())
    data[struct.unpack_from("<I", data, 0x3C)[0] + 8] ^= 1  # the time of the link
    path.write_bytes(data)


def stripped(path: Path, other: Any) -> None:
    f.put(path)


def entry_without_a_table(path: Path, other: Any) -> None:
    data = bytearray(path.read_bytes())
    struct.pack_into("<II", data, f.entry(data), 0, 0)
    path.write_bytes(data)


def bytes_before_the_table(path: Path, other: Any) -> None:
    real = f.certificate(f.take(path).dump())
    data = bytearray(path.read_bytes())
    offset, _ = f.table(data)
    struct.pack_into("<II", data, f.entry(data), offset + len(f.PAYLOAD), len(real))
    path.write_bytes(bytes(data[:offset]) + f.PAYLOAD + real)


AUTHORITY = "pinned authorities"
BYTES = "not those that were signed"
VALUE = "not made by the signer it names"
FORGERIES: tuple[tuple[Callable[[Path, Any], None], str], ...] = (
    (forged_outer, "damaged or tampered with"),
    (forged_outer_of_an_own_authority, AUTHORITY),
    (forged_nested, "of the signature nested in its first one"),
    (borrowed_nested, "of the signature nested in its first one"),
    (nested_in_nested, "nested in a nested one"),
    (signature_of_another_file, BYTES),
    (borrowed_value, "damaged or tampered with"),
    (own_authority, AUTHORITY),
    (self_signed, AUTHORITY),
    (own_root_in_the_bag, AUTHORITY),
    (name_of_the_real_signer, VALUE),
    (second_certificate_of_the_same_serial, "the signer's certificate is not in the file"),
    (two_signers, "has 2 signers"),
    (no_signer, "has 0 signers"),
    (no_time_stamp, "no time stamp of Microsoft"),
    (stamp_of_another_file, "made for another signature"),
    (stamp_of_the_forger, "no time stamp of Microsoft"),
    (two_stamps, "more than one value"),
    (attribute_in_the_stamp, "attributes that no signature covers"),
    (stranger_in_the_stamp, "has nothing to do with Microsoft"),
    (clock_of_another_stamp, "for somebody else"),
    (unknown_attribute, "the attribute 1.2.3.4"),
    (two_values_of_an_attribute, "more than one value"),
    (stranger_in_the_bag, "has nothing to do with Microsoft"),
    (padded_certificate, "cannot be read"),
    (parameters_of_a_digest, "cannot be read"),
    (attribute_certificate_beside_the_signer, "for somebody else"),
    (second_entry, "more than one entry"),
    (first_entry_forged, AUTHORITY),
    (second_genuine_entry, "more than one entry"),
    (empty_second_entry, "more than one entry"),
    (wrong_revision, "revision 0x100"),
    (wrong_type, "type 1"),
    (behind_the_table, "behind its certificate table"),
    (zeros_behind_the_table, "behind its certificate table"),
    (within_the_entry, "hidden behind its signature"),
    (zeros_within_the_entry, "hidden behind its signature"),
    (one_byte_of_padding, "hidden behind its signature"),
    (table_before_the_end, "certificate table"),
    (table_within_the_headers, "cannot be read"),
    (changed_code, BYTES),
    (changed_header, BYTES),
    (stripped, "not signed at all"),
    (entry_without_a_table, "not signed at all"),
    (bytes_before_the_table, BYTES),
)


@pytest.mark.parametrize(("forge", "words"), FORGERIES, ids=lambda v: getattr(v, "__name__", ""))
def test_forgery_is_refused(
    forge: Callable[[Path, Any], None],
    words: str,
    path: Path,
    other: Any,
    policy: authenticode.SignaturePolicy,
) -> None:
    forge(path, other)
    with pytest.raises(RefusedError) as caught:
        authenticode.verify(path, policy)
    assert path.name in str(caught.value)
    assert words in str(caught.value)


def test_genuine_file_passes_and_taking_it_apart_is_no_forgery(
    path: Path, policy: authenticode.SignaturePolicy
) -> None:
    """The forging itself is no reason for a refusal."""
    found = authenticode.verify(path, policy)
    assert "O=Microsoft Corporation" in found.subject
    assert trailing.hidden_bytes(path) is None
    info = f.take(path)
    f.replace(path, f.rebuilt(info, unsigned=f.unsigned(info)))
    assert authenticode.verify(path, policy) == found


def test_nested_signature_that_is_genuine_too_passes(
    path: Path, policy: authenticode.SignaturePolicy
) -> None:
    info = f.take(path)
    f.replace(path, with_unsigned(info, NESTED, f.take(path)))
    assert authenticode.verify(path, policy).subject


def test_own_signature_passes_below_its_own_authority(path: Path) -> None:
    """Only its authority is wrong with it, so the forgeries above are refused for what they say."""
    f.replace(path, own(path))
    policy = authenticode.SignaturePolicy(roots=FORGER.root.pem)
    assert authenticode.verify(path, policy).subject


def test_production_takes_microsoft_corporation_and_not_dotnet(path: Path) -> None:
    policy = authenticode.microsoft_policy()
    if path.name == g.LIBRARY:
        assert "CN=Microsoft Corporation" in authenticode.verify(path, policy).subject
        return
    with pytest.raises(RefusedError, match=r"the signer's name is '\.NET'"):
        authenticode.verify(path, policy)
