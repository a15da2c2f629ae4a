# SPDX-License-Identifier: GPL-3.0-or-later
"""Scripts of PowerShell with a signature at their end, as Windows' own package for them writes it."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from asn1crypto import algos, cms, core
from forging import SPC, DataAndDigest, attribute
from stamping import frozen, imprint, parsed, signer_info, token

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from signing import Authorities, Identity

# SpcSipInfo: version, the package for scripts of PowerShell, five reserved numbers.
SIP_INFO = bytes.fromhex(
    "3034060a2b06010401823702011e3026020301000004101fcc3b60594b084eb724d2c6297ef351"
    "020100020100020100020100020100"
)
STAMP = "1.3.6.1.4.1.311.3.3.1"


def block(der: bytes) -> bytes:
    """The comments that hold a signature."""
    text = base64.b64encode(der)
    lines = [b"# " + text[at : at + 64] for at in range(0, len(text), 64)]
    return b"\r\n".join(
        [b"", b"# SIG # Begin signature block", *lines, b"# SIG # End signature block", b""]
    )


def signature(
    text: bytes,
    signer: Identity,
    stamper: Identity | None,
    at: dt.datetime,
    sip_info: bytes = SIP_INFO,
) -> Any:
    """The signature of a text by somebody, time-stamped at a moment."""
    digest = hashlib.sha256(text.decode().encode("utf-16-le")).digest()
    content = DataAndDigest(
        {
            "data": core.Any.load(sip_info),
            "message_digest": algos.DigestInfo(
                {"digest_algorithm": {"algorithm": "sha256"}, "digest": digest}
            ),
        }
    )
    # Over the value, without tag and length: PKCS #7, and not CMS.
    over = hashlib.sha256(frozen(content).contents).digest()
    own = parsed(signer.certificate)
    attributes = [
        {"type": "content_type", "values": [SPC]},
        {"type": "message_digest", "values": [over]},
    ]
    one = signer_info(own, signer.key, attributes)
    if stamper is not None:
        made = token(imprint(one["signature"].native), stamper, at)
        one["unsigned_attrs"] = [attribute(STAMP, made)]
        one = frozen(one)
    data = {
        "version": "v1",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": {
            "content_type": SPC,
            "content": core.Any(content.retag({"explicit": 0})),
        },
        "certificates": [own, *map(parsed, signer.above)],
        "signer_infos": [one],
    }
    return frozen(cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)}))


def signed_script(
    path: Path,
    who: Authorities,
    at: dt.datetime,
    *,
    signer: Identity | None = None,
    stamper: Identity | None = None,
    sip_info: bytes = SIP_INFO,
) -> Path:
    """Sign a script in place."""
    text = path.read_bytes()
    made = signature(text, signer or who.signer, stamper or who.stamper, at, sip_info)
    path.write_bytes(text + block(made.dump()))
    return path
