# SPDX-License-Identifier: GPL-3.0-or-later
"""A time-stamp service (RFC 3161) on loopback: every osslsigncode can ask one, not all have one built in."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

from asn1crypto import algos, cms, core, tsp, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cryptography import x509 as certificates
    from cryptography.hazmat.primitives.asymmetric import rsa
    from signing import Identity

POLICY = "1.3.6.1.4.1.99999.1"
HASHES = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}


def parsed(certificate: certificates.Certificate) -> x509.Certificate:
    """The same certificate for asn1crypto."""
    return x509.Certificate.load(certificate.public_bytes(Encoding.DER))


def frozen(made: Any) -> Any:
    """The same as if it had been read; what was put together is encoded anew at each question."""
    return type(made).load(made.dump())


def signer_info(
    certificate: x509.Certificate,
    key: rsa.RSAPrivateKey,
    attributes: list[Any],
    algorithm: str = "sha256",
) -> cms.SignerInfo:
    """The signature of one signer over some attributes."""
    signed = cms.CMSAttributes(attributes)
    named = {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
    return frozen(
        cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier({"issuer_and_serial_number": named}),
                "digest_algorithm": algos.DigestAlgorithm({"algorithm": algorithm}),
                "signed_attrs": signed,
                "signature_algorithm": algos.SignedDigestAlgorithm(
                    {"algorithm": "rsassa_pkcs1v15"}
                ),
                "signature": key.sign(signed.dump(), padding.PKCS1v15(), HASHES[algorithm]),
            }
        )
    )


def token(
    imprint: tsp.MessageImprint,
    stamper: Identity,
    at: dt.datetime | None = None,
    nonce: int | None = None,
    algorithm: str = "sha256",
) -> cms.ContentInfo:
    """What a service answers: the hash of somebody's signature was there at this moment."""
    info: dict[str, Any] = {
        "version": "v1",
        "policy": POLICY,
        "message_imprint": imprint,
        "serial_number": 7,
        "gen_time": (at or dt.datetime.now(dt.UTC)).replace(microsecond=0),
    }
    if nonce is not None:
        info["nonce"] = nonce
    content = tsp.TSTInfo(info).dump()
    own = parsed(stamper.certificate)
    reference = {"certs": [{"cert_hash": hashlib.sha1(own.dump()).digest()}]}
    attributes = [
        {"type": "content_type", "values": ["tst_info"]},
        {"type": "message_digest", "values": [hashlib.new(algorithm, content).digest()]},
        {"type": "signing_certificate", "values": [tsp.SigningCertificate(reference)]},
    ]
    return frozen(
        cms.ContentInfo(
            {
                "content_type": "signed_data",
                "content": cms.SignedData(
                    {
                        "version": "v3",
                        "digest_algorithms": [{"algorithm": algorithm}],
                        "encap_content_info": {
                            "content_type": "tst_info",
                            "content": core.ParsableOctetString(content),
                        },
                        "certificates": [own, *map(parsed, stamper.above)],
                        "signer_infos": [signer_info(own, stamper.key, attributes, algorithm)],
                    }
                ),
            }
        )
    )


def imprint(value: bytes, algorithm: str = "sha256") -> tsp.MessageImprint:
    """The hash of a signature value."""
    digest = hashlib.new(algorithm, value).digest()
    return tsp.MessageImprint(
        {"hash_algorithm": {"algorithm": algorithm}, "hashed_message": digest}
    )


@contextmanager
def service(stamper: Identity, at: dt.datetime | None = None) -> Iterator[str]:
    """A service at the address that is yielded; ``at`` is what its clock says."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = tsp.TimeStampReq.load(self.rfile.read(int(self.headers["Content-Length"])))
            made = token(asked["message_imprint"], stamper, at, asked["nonce"].native)
            body = tsp.TimeStampResp(
                {"status": {"status": "granted"}, "time_stamp_token": made}
            ).dump()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
