# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages arrive whole and verified, or not at all (I10), over the same scripts as on a server."""

from __future__ import annotations

import base64
import hashlib
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman import tls
from host_driver import Driver, Host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

NAME = "Exchange2016-KB5000871-x64-en.msp"
CONTENT = bytes(range(256)) * 40
OWNER = "controller-a"
FIRST, REST = CONTENT[:6000], CONTENT[6000:]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wanted(content: bytes = CONTENT, **changes: Any) -> dict[str, Any]:
    return {"package": NAME, "sha256": digest(content), "size": len(content), **changes}


def chunk(offset: int, content: bytes, **changes: Any) -> dict[str, Any]:
    return {
        **wanted(),
        "offset": offset,
        "data": base64.b64encode(content).decode(),
        "chunk_sha256": digest(content),
        "lock_of": OWNER,
        **changes,
    }


@pytest.fixture
def locked(host: Host) -> Host:
    host.call("Lock-Host", {"owner": OWNER, "run": "r", "purpose": "push", "ttl_seconds": 900})
    return host


def folder(host: Host) -> Path:
    return host.folder / "ExchangeRemediation" / "packages" / digest(CONTENT)


def state(host: Host) -> Any:
    return host.call("Get-PackageState", wanted()).result


def reason(caught: pytest.ExceptionInfo[errors.ScriptError]) -> str:
    reply = codec.failed_reply(caught.value)
    assert reply
    return str(reply.errors[0].id)


# -- pushed -------------------------------------------------------------------------------


def test_asking_writes_nothing(host: Host) -> None:
    found = state(host)
    assert (found["state"], found["bytes"], found["sha256"], found["path"]) == (
        "absent",
        0,
        None,
        None,
    )
    assert found["free_bytes"] > 0
    assert list(host.folder.iterdir()) == []


def test_chunks_grow_and_the_last_one_completes(locked: Host) -> None:
    first = locked.call("Add-PackageChunk", chunk(0, FIRST), "a" * 64).result
    assert first["before"] == {"state": "absent", "bytes": 0}
    assert first["after"] == {"state": "partial", "bytes": 6000}
    partial = state(locked)
    assert (partial["state"], partial["sha256"]) == ("partial", digest(FIRST))
    last = locked.call("Add-PackageChunk", chunk(6000, REST), "b" * 64).result
    assert last["after"] == {"state": "complete", "bytes": len(CONTENT)}
    done = state(locked)
    assert (done["state"], done["sha256"]) == ("complete", digest(CONTENT))
    assert [path.name for path in folder(locked).iterdir()] == [NAME]
    assert (folder(locked) / NAME).read_bytes() == CONTENT


def test_same_key_appends_once(locked: Host) -> None:
    locked.call("Add-PackageChunk", chunk(0, FIRST), "a" * 64)
    again = locked.call("Add-PackageChunk", chunk(0, FIRST), "a" * 64)
    assert again.replayed
    assert state(locked)["bytes"] == 6000


def test_complete_package_takes_no_more(locked: Host) -> None:
    locked.call("Add-PackageChunk", chunk(0, CONTENT))
    again = locked.call("Add-PackageChunk", chunk(0, FIRST)).result
    assert again["changed"] is False
    assert state(locked)["state"] == "complete"


@pytest.mark.parametrize(
    ("parameters", "identity"),
    [
        (chunk(6001, REST[1:]), "ChunkPlace"),
        (chunk(5999, REST), "ChunkPlace"),
        (chunk(6000, REST + b"x"), "ChunkPlace"),
        (chunk(-1, REST), "ChunkPlace"),
        (chunk(6000, REST, chunk_sha256=digest(FIRST)), "ChunkDamaged"),
        (chunk(6000, REST, data="not base64!"), "ChunkDamaged"),
        (chunk(6000, REST, package="..\\evil.msp"), "PackageName"),
        (chunk(6000, REST, package="a/b"), "PackageName"),
        (chunk(6000, REST, package=NAME + "\n"), "PackageName"),
        (chunk(6000, REST, sha256="0" * 63), "PackageHash"),
        (chunk(6000, REST, sha256=digest(CONTENT).upper()), "PackageHash"),
        (chunk(6000, REST, size=0), "PackageSize"),
        (chunk(6000, REST, size=1 << 40), "PackageSize"),
    ],
)
def test_wrong_chunks_are_refused_and_change_nothing(
    parameters: dict[str, Any], identity: str, locked: Host
) -> None:
    locked.call("Add-PackageChunk", chunk(0, FIRST))
    with pytest.raises(errors.ScriptError) as caught:
        locked.call("Add-PackageChunk", parameters, "c" * 64)
    assert reason(caught) == identity
    assert state(locked)["sha256"] == digest(FIRST)
    # Refused changed nothing, so the same key may be used again.
    assert not (locked.store / f"{'c' * 64}.started").exists()


def test_wrong_bytes_are_discarded_at_the_end(locked: Host) -> None:
    locked.call("Add-PackageChunk", chunk(0, bytes(6000)))
    with pytest.raises(errors.ScriptError, match="they were discarded") as caught:
        locked.call("Add-PackageChunk", chunk(6000, REST))
    assert reason(caught) == "PackageDamaged"
    assert list(folder(locked).iterdir()) == []
    assert state(locked)["state"] == "absent"


def test_offset_zero_starts_afresh(locked: Host) -> None:
    locked.call("Add-PackageChunk", chunk(0, bytes(7000)))
    locked.call("Add-PackageChunk", chunk(0, FIRST))
    locked.call("Add-PackageChunk", chunk(6000, REST))
    assert state(locked)["state"] == "complete"


def test_flipped_bit_on_the_host_is_seen_and_repaired(locked: Host) -> None:
    locked.call("Add-PackageChunk", chunk(0, CONTENT))
    (folder(locked) / NAME).write_bytes(bytes([CONTENT[0] ^ 1]) + CONTENT[1:])
    assert state(locked)["state"] == "damaged"
    source = {**wanted(), "source": "https://localhost:1/x", "lock_of": OWNER}
    with pytest.raises(errors.ScriptError):
        locked.call("Receive-Package", source)
    assert state(locked)["state"] == "damaged"


def test_push_replaces_a_flipped_bit_and_keeps_it_as_evidence(locked: Host) -> None:
    locked.call("Add-PackageChunk", chunk(0, CONTENT))
    flipped = bytes([CONTENT[0] ^ 1]) + CONTENT[1:]
    (folder(locked) / NAME).write_bytes(flipped)
    again = locked.call("Add-PackageChunk", chunk(0, FIRST)).result
    assert again["before"] == {"state": "damaged", "bytes": 0}
    assert again["after"] == {"state": "partial", "bytes": len(FIRST)}
    locked.call("Add-PackageChunk", chunk(len(FIRST), REST))
    assert state(locked)["state"] == "complete"
    assert (folder(locked) / f"{NAME}.damaged").read_bytes() == flipped


def test_check_mode_says_what_would_happen_and_writes_nothing(host: Host) -> None:
    planned = host.call("Add-PackageChunk", chunk(0, FIRST, check=True, lock_of="")).result
    assert planned["changed"] is True
    assert planned["after"] == {"state": "partial", "bytes": 6000}
    source = {**wanted(), "source": "https://localhost:1/x", "check": True}
    assert host.call("Receive-Package", source).result["after"]["state"] == "complete"
    assert list(host.folder.iterdir()) == []


def test_nothing_is_written_without_the_lock(host: Host) -> None:
    for who in ("nobody", "taken"):
        with pytest.raises(errors.LockedByOther):
            host.call("Add-PackageChunk", chunk(0, FIRST))
        with pytest.raises(errors.LockedByOther):
            host.call("Receive-Package", wanted(source="https://localhost:1/x", lock_of=OWNER))
        if who == "nobody":
            host.call("Lock-Host", {"owner": "other", "run": "r", "purpose": "x"})
    assert not folder(host).parent.exists()


@pytest.mark.parametrize("place", ["packages", "package"])
def test_link_in_the_place_of_a_folder_is_refused(place: str, locked: Host, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    target = folder(locked).parent if place == "packages" else folder(locked)
    target.parent.mkdir(exist_ok=True)
    target.symlink_to(elsewhere, target_is_directory=True)
    with pytest.raises(errors.ScriptError, match="link to another place"):
        locked.call("Add-PackageChunk", chunk(0, FIRST))
    with pytest.raises(errors.ScriptError, match="link to another place"):
        state(locked)
    assert list(elsewhere.iterdir()) == []


def test_link_in_the_place_of_the_file_is_refused(locked: Host, tmp_path: Path) -> None:
    locked.call("Add-PackageChunk", chunk(0, FIRST))
    partial = folder(locked) / f"{NAME}.partial"
    victim = tmp_path / "victim"
    victim.write_bytes(FIRST)
    partial.unlink()
    partial.symlink_to(victim)
    with pytest.raises(errors.ScriptError, match="not a plain file"):
        locked.call("Add-PackageChunk", chunk(6000, REST))
    assert victim.read_bytes() == FIRST


def test_folder_of_a_foreign_owner_is_refused(locked: Host) -> None:
    locked.environment["TEST_SDDL"] = "O:S-1-5-21-1-2-3-1001G:BAD:P(A;OICI;FA;;;SY)"
    with pytest.raises(errors.ScriptError, match="belongs to neither"):
        locked.call("Add-PackageChunk", chunk(0, FIRST))


def test_interrupted_chunk_leaves_bytes_that_can_be_continued(locked: Host) -> None:
    locked.call("Add-PackageChunk", chunk(0, FIRST))
    with (folder(locked) / f"{NAME}.partial").open("ab") as stream:
        stream.write(REST[:77])  # the process died in the middle of its writing
    found = state(locked)
    assert (found["bytes"], found["sha256"]) == (6077, digest(CONTENT[:6077]))
    locked.call("Add-PackageChunk", chunk(6077, REST[77:]))
    assert state(locked)["state"] == "complete"


# -- pulled -------------------------------------------------------------------------------


@dataclass
class WebServer:
    """A server with one package and every misbehaviour."""

    port: int
    requests: list[str] = field(default_factory=list)

    def url(self, path: str, host: str = "localhost") -> str:
        return f"https://{host}:{self.port}/{path}"


class _Handler(BaseHTTPRequestHandler):
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.seen.append(self.path)
        kind = self.path.strip("/")
        if kind == "redirect":
            self.send_response(302)
            self.send_header("Location", f"https://localhost:{self.server.server_port}/good")
            self.end_headers()
            return
        body = {
            "good": CONTENT, "long": CONTENT + b"x", "short": CONTENT[:-1],
            "endless": CONTENT * 2, "chunked": CONTENT,
            "flipped": bytes([CONTENT[0] ^ 1]) + CONTENT[1:],
        }.get(kind)  # fmt: skip
        self.send_response(200 if body else 404)
        if body and kind not in ("endless", "chunked"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def authority() -> tls.Authority:
    return tls.Authority.create()


@pytest.fixture(scope="module")
def web(authority: tls.Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebServer]:
    context, _ = authority.context("localhost", "127.0.0.1", tmp_path_factory.mktemp("web"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    _Handler.seen.clear()
    yield WebServer(server.server_port, _Handler.seen)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def trusting_driver(
    pwsh: str, authority: tls.Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Driver]:
    """An engine whose only certificate authority is the test's."""
    anchor = tmp_path_factory.mktemp("anchor") / "anchor.pem"
    anchor.write_bytes(authority.pem())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(anchor))
        patch.setenv("SSL_CERT_DIR", str(anchor.parent))
        one = Driver(pwsh)
    yield one
    one.close()


@pytest.fixture
def trusting(trusting_driver: Driver, locked: Host) -> Host:
    return Host(trusting_driver, locked.folder, locked.environment, locked.holders)


def pull(url: str, **changes: Any) -> dict[str, Any]:
    return wanted(source=url, lock_of=OWNER, **changes)


@pytest.mark.parametrize("path", ["good", "chunked"])
def test_package_is_pulled_over_https(path: str, trusting: Host, web: WebServer) -> None:
    got = trusting.call("Receive-Package", pull(web.url(path)), "d" * 64).result
    assert got["changed"] is True
    assert got["after"]["state"] == "complete"
    assert (folder(trusting) / NAME).read_bytes() == CONTENT
    web.requests.clear()
    again = trusting.call("Receive-Package", pull(web.url(path))).result
    assert (again["changed"], web.requests) == (False, [])


def test_pull_replaces_a_partial_push_and_a_damaged_file(trusting: Host, web: WebServer) -> None:
    trusting.call("Add-PackageChunk", chunk(0, FIRST))
    trusting.call("Receive-Package", pull(web.url("good")))
    (folder(trusting) / NAME).write_bytes(b"damaged")
    trusting.call("Receive-Package", pull(web.url("good")))
    assert state(trusting)["state"] == "complete"
    assert sorted(path.name for path in folder(trusting).iterdir()) == [NAME, f"{NAME}.damaged"]


@pytest.mark.parametrize(
    ("path", "identity", "words"),
    [
        ("redirect", "SourceRefused", "redirects are not followed"),
        ("long", "PackageDamaged", "another file lies there"),
        ("short", "PackageDamaged", "another file lies there"),
        ("endless", "PackageDamaged", "has more than the package's"),
        ("flipped", "PackageDamaged", "they were discarded"),
        ("missing", "SourceUnreadable", "or push the package"),
    ],
)
def test_other_answers_leave_nothing(
    path: str, identity: str, words: str, trusting: Host, web: WebServer
) -> None:
    web.requests.clear()
    with pytest.raises(errors.ScriptError, match=words) as caught:
        trusting.call("Receive-Package", pull(web.url(path)))
    assert reason(caught) == identity
    assert web.requests == [f"/{path}"]
    assert list(folder(trusting).iterdir()) == []


def test_certificate_of_an_unknown_authority_is_refused(locked: Host, web: WebServer) -> None:
    web.requests.clear()
    with pytest.raises(errors.ScriptError, match="a certificate that this server trusts") as caught:
        locked.call("Receive-Package", pull(web.url("good")))
    assert reason(caught) == "SourceUnreadable"
    assert web.requests == []


def test_certificate_for_another_name_is_refused(
    trusting: Host, tmp_path: Path, authority: tls.Authority
) -> None:
    context, _ = authority.context("files.example", "127.0.0.9", tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        with pytest.raises(errors.ScriptError) as caught:
            trusting.call("Receive-Package", pull(f"https://localhost:{server.server_port}/good"))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert reason(caught) == "SourceUnreadable"


@pytest.mark.parametrize(
    "source",
    [
        "http://localhost/x",
        "https://user:secret@localhost/x",
        "https://localhost",
        "file:///etc/passwd",
        "C:\\Windows\\x.msp",
        "\\\\?\\C:\\x.msp",
        "\\\\.\\pipe\\x",
        "\\\\server\\pipe\\x",
        "\\\\server\\share\\..\\x.msp",
        "\\\\server\\share",
        "\\\\server@SSL\\share\\x.msp",
        "https://localhost/a\n",
    ],
)
def test_other_sources_are_refused(source: str, locked: Host) -> None:
    with pytest.raises(errors.ScriptError) as caught:
        locked.call("Receive-Package", pull(source))
    assert reason(caught) == "PackageSource"
