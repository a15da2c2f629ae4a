# SPDX-License-Identifier: GPL-3.0-or-later
"""The signed catalogue: changed, foreign, expired and older ones are refused."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import rfc8785
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.catalogue import (
    KIND,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
    PackageRecord,
    Signature,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.store import (
    PackageStore,
    Trust,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.signing import (
    envelope,
    keys,
)
from proven_content import PROVEN

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2021, 3, 5, 10, 0, 0, tzinfo=UTC)
SECRET = b"correct horse battery"


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def record(content: bytes = b"bytes", build: str = "15.1.2176.9") -> PackageRecord:
    return PackageRecord(
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        file="Exchange2016-KB5000871-x64-en.msp",
        format="msp",
        product="Exchange2016",
        cu="CU19",
        kind="SU",
        kb="KB5000871",
        build=Build.parse(build),
        applies_to=(Build.parse("15.1.2176.2"), Build.parse("15.1.2176.4")),
        supersedes=("KB4602269",),
        signature=Signature("CN=a", "CN=b", "0" * 64, "ab", "1" * 64, "Mar  2 2021 GMT", "SHA256"),
        evidence=("file name: Exchange2016, KB5000871",),
        reason=None,
        added="2021-03-05T10:00:00Z",
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> PackageStore:
    keys.create(tmp_path / "keys", "ops", None)
    trust = Trust(keys.trusted(tmp_path / "keys"), tmp_path / "state" / "seen.json")
    return PackageStore(tmp_path / "store", trust, clock)


def add(store: PackageStore, *packages: PackageRecord, days: int = 30) -> Any:
    signer = keys.signer(store.root.parent / "keys", "ops", None)
    return store.change(lambda old: (*old, *packages), signer, days=days)


def test_what_is_stored_is_read_back_as_it_was(store: PackageStore) -> None:
    written = add(store, record())
    again = store.load()
    assert again == written
    assert again.packages == (record(),)
    assert (again.version, again.signed_by) == (1, ("ops",))
    assert add(store, record(b"other", "15.1.2176.12")).version == 2


def test_signed_text_is_canonical_json_in_a_dsse_envelope(store: PackageStore) -> None:
    add(store, record())
    sealed = json.loads(store.file.read_bytes())
    assert sorted(sealed) == ["payload", "payloadType", "signatures"]
    assert sealed["payloadType"] == KIND
    payload = base64.b64decode(sealed["payload"])
    assert payload == rfc8785.dumps(json.loads(payload))


def test_any_changed_byte_of_the_signed_text_is_refused(store: PackageStore) -> None:
    add(store, record())
    sealed = json.loads(store.file.read_bytes())
    payload = bytearray(base64.b64decode(sealed["payload"]))
    for place in range(0, len(payload), 41):
        changed = bytearray(payload)
        changed[place] ^= 1
        sealed["payload"] = base64.b64encode(changed).decode()
        store.file.write_text(json.dumps(sealed))
        with pytest.raises(RefusedError, match="no good signature"):
            store.load()


def test_catalogue_of_a_key_that_is_not_trusted_is_refused(
    store: PackageStore, tmp_path: Path
) -> None:
    add(store, record())
    keys.create(tmp_path / "others", "mallory", None)
    document = json.loads(base64.b64decode(json.loads(store.file.read_bytes())["payload"]))
    store.file.write_bytes(
        envelope.seal(document, KIND, keys.signer(tmp_path / "others", None, None))
    )
    with pytest.raises(RefusedError, match=r"no good signature.*trusted are ops"):
        store.load()


def test_foreign_key_under_a_trusted_key_id_is_refused(store: PackageStore, tmp_path: Path) -> None:
    add(store, record())
    keys.create(tmp_path / "others", "mallory", None)
    sealed = json.loads(store.file.read_bytes())
    forged = json.loads(
        envelope.seal(
            json.loads(base64.b64decode(sealed["payload"])),
            KIND,
            keys.signer(tmp_path / "others", None, None),
        )
    )
    forged["signatures"][0]["keyid"] = sealed["signatures"][0]["keyid"]
    store.file.write_text(json.dumps(forged))
    with pytest.raises(RefusedError, match="no good signature"):
        store.load()


def test_two_signatures_are_wanted_when_the_operator_says_so(
    store: PackageStore, tmp_path: Path
) -> None:
    add(store, record())
    keys.create(tmp_path / "keys", "second", None)
    both = Trust(keys.trusted(tmp_path / "keys"), store.trust.seen, threshold=2)
    with pytest.raises(RefusedError, match="2 trusted key"):
        replace(store, trust=both).load()


def test_signature_for_another_kind_of_document_is_refused(store: PackageStore) -> None:
    add(store, record())
    document = json.loads(base64.b64decode(json.loads(store.file.read_bytes())["payload"]))
    signer = keys.signer(store.root.parent / "keys", "ops", None)
    store.file.write_bytes(envelope.seal(document, "application/vnd.other+json", signer))
    with pytest.raises(RefusedError, match="wanted is"):
        store.load()


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.update(schema=2),
        lambda d: d.update(surprise=1),
        lambda d: d["packages"][0].update(file="..\\..\\evil.msp"),
        lambda d: d["packages"][0].update(file="a b;c.msp"),
        lambda d: d["packages"][0].update(file="Exchange2016-KB5000871-x64-en.exe"),
        lambda d: d["packages"][0].update(format="exe"),
        lambda d: d["packages"][0].update(reason_by="ops"),
        lambda d: d["packages"][0].update(content={"described": "a", "proven": []}, reason_by=None),
        lambda d: d["packages"][0].update(signature=None),
        lambda d: d["packages"][0].pop("sha256"),
        lambda d: d.update(version=0),
    ],
)
def test_signed_text_of_another_shape_is_refused(edit: Any, store: PackageStore) -> None:
    add(store, record())
    document = json.loads(base64.b64decode(json.loads(store.file.read_bytes())["payload"]))
    edit(document)
    signer = keys.signer(store.root.parent / "keys", "ops", None)
    store.file.write_bytes(envelope.seal(document, KIND, signer))
    with pytest.raises(RefusedError, match="sign it again"):
        store.load()


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: d.update(schema=1),
        lambda d: d.update(schema=2),
        lambda d: d["packages"][0]["content"].update(proven=["name"]),
        lambda d: d["packages"][0]["content"].pop("described"),
        lambda d: d["packages"][0].pop("reason_by"),
        lambda d: d["packages"][0].pop("content"),
    ],
)
def test_content_of_another_shape_is_refused(edit: Any, store: PackageStore) -> None:
    written = add(store, replace(record(), content=PROVEN))
    assert written.to_json()["schema"] == 3
    assert store.load().packages[0].content == PROVEN
    document = written.to_json()
    edit(document)
    signer = keys.signer(store.root.parent / "keys", "ops", None)
    store.file.write_bytes(envelope.seal(document, KIND, signer))
    with pytest.raises(RefusedError, match="sign it again"):
        store.load()


@pytest.mark.parametrize("raw", [b"", b"{}", b"[" * 100_000, b'{"payload":1}', b"\xff", b"null"])
def test_what_is_no_envelope_is_refused(raw: bytes, store: PackageStore) -> None:
    store.root.mkdir()
    store.file.write_bytes(raw)
    with pytest.raises(RefusedError, match="not a signed envelope"):
        store.load()


def test_missing_catalogue_says_what_makes_it(store: PackageStore) -> None:
    with pytest.raises(ConfigError, match="package add"):
        store.load()


# -- time ---------------------------------------------------------------------------------


def test_expired_catalogue_is_refused_and_can_be_renewed(store: PackageStore, clock: Clock) -> None:
    add(store, record(), days=7)
    clock.now = START + timedelta(days=7, seconds=-1)
    store.load()
    clock.now = START + timedelta(days=7)
    with pytest.raises(RefusedError, match=r"expired at 2021-03-12.*package renew"):
        store.load()
    assert add(store).version == 2
    store.load()


def test_catalogue_from_the_future_is_refused(store: PackageStore, clock: Clock) -> None:
    add(store, record())
    clock.now = START - timedelta(hours=1)
    with pytest.raises(RefusedError, match="correct this machine's clock"):
        store.load()


def test_older_catalogue_that_is_put_back_is_refused(store: PackageStore) -> None:
    add(store, record())
    old = store.file.read_bytes()
    add(store, record(b"new", "15.1.2176.12"))
    store.file.write_bytes(old)
    with pytest.raises(RefusedError, match=r"is version 1, this controller has seen version 2"):
        store.load()
    with pytest.raises(RefusedError, match="older catalogue was put back"):
        add(store, record(b"third"))


def test_another_text_of_the_same_version_is_refused(store: PackageStore) -> None:
    add(store, record())
    fork = store.file.read_bytes()
    document = json.loads(base64.b64decode(json.loads(fork)["payload"]))
    document["packages"] = []
    signer = keys.signer(store.root.parent / "keys", "ops", None)
    store.file.write_bytes(envelope.seal(document, KIND, signer))
    with pytest.raises(RefusedError, match="two operators"):
        store.load()


def test_damaged_memory_stops_rather_than_forgets(store: PackageStore) -> None:
    add(store, record())
    store.trust.seen.write_text("{")
    with pytest.raises(ConfigError, match="unreadable"):
        store.load()


def test_memory_is_per_catalogue_and_private(store: PackageStore, tmp_path: Path) -> None:
    add(store, record())
    add(store)
    other = replace(store, root=tmp_path / "second")
    assert add(other, record()).version == 1
    assert store.trust.seen.stat().st_mode & 0o077 == 0


# -- bytes --------------------------------------------------------------------------------


def put(store: PackageStore, content: bytes) -> PackageRecord:
    source = store.root.parent / "in.msp"
    source.write_bytes(content)
    with store.staged(source) as staged:
        package = record(content)
        assert (staged.sha256, staged.size) == (package.sha256, package.size)
        store.publish(staged, package)
    return package


def test_stored_bytes_are_hashed_again_before_use(store: PackageStore) -> None:
    package = put(store, b"genuine")
    assert store.verified_path(package).read_bytes() == b"genuine"
    for wrong in (b"Genuine", b"genuine!", b""):
        store.path(package).write_bytes(wrong)
        with pytest.raises(RefusedError, match="the file was changed"):
            store.verified_path(package)
    store.path(package).unlink()
    with pytest.raises(RefusedError, match="is missing"):
        store.verified_path(package)


def test_refused_file_leaves_nothing_in_the_store(store: PackageStore, tmp_path: Path) -> None:
    source = tmp_path / "in.msp"
    source.write_bytes(b"x")
    with store.staged(source) as staged:
        assert staged.path.exists()
    assert not staged.path.exists()
    assert list(store.root.iterdir()) == []


def test_update_is_chosen_by_exact_builds(store: PackageStore) -> None:
    catalogue = add(store, record())
    target = Build.parse("15.1.2176.9")
    assert catalogue.for_build(Build.parse("15.1.2176.4"), target).kb == "KB5000871"
    for wrong in ("15.1.2106.2", "15.1.2176.9", "15.1.2176.3"):
        with pytest.raises(RefusedError, match="but not from build"):
            catalogue.for_build(Build.parse(wrong), target)
    with pytest.raises(RefusedError, match=r"package add FILE --build 15\.1\.2176\.12"):
        catalogue.for_build(Build.parse("15.1.2176.2"), Build.parse("15.1.2176.12"))


# -- keys ---------------------------------------------------------------------------------


def test_key_is_private_and_never_replaced(tmp_path: Path) -> None:
    made = keys.create(tmp_path / "k", "ops", SECRET)
    path = tmp_path / "k" / "ops.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED" in path.read_bytes()
    with pytest.raises(ConfigError, match="never replaced"):
        keys.create(tmp_path / "k", "ops", SECRET)
    assert keys.trusted(tmp_path / "k")[0].keyid == made.keyid


@pytest.mark.parametrize("secret", [None, b"wrong passphrase"])
def test_encrypted_key_needs_its_passphrase(secret: bytes | None, tmp_path: Path) -> None:
    keys.create(tmp_path, "ops", SECRET)
    with pytest.raises(ConfigError, match="passphrase"):
        keys.signer(tmp_path, None, secret)
    assert keys.signer(tmp_path, None, SECRET)


def test_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    keys.create(tmp_path, "ops", None)
    (tmp_path / "ops.pem").chmod(0o640)
    with pytest.raises(ConfigError, match="mode is 0640"):
        keys.signer(tmp_path, "ops", None)


@pytest.mark.parametrize(
    ("name", "secret", "words"),
    [("../ops", None, "key name"), ("Ops", None, "key name"), ("ops", b"short", "8 or more")],
)
def test_unfit_names_and_passphrases_are_refused(
    name: str, secret: bytes | None, words: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=words):
        keys.create(tmp_path, name, secret)
    assert list(tmp_path.iterdir()) == []


def test_which_key_signs_must_be_clear(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="keys init"):
        keys.signer(tmp_path, None, None)
    for name in ("a", "b"):
        keys.create(tmp_path, name, None)
    with pytest.raises(ConfigError, match="name one with --key"):
        keys.signer(tmp_path, None, None)
    assert keys.signer(tmp_path, "b", None)


def test_passphrase_comes_from_file_or_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(keys.PASSPHRASE_VARIABLE, raising=False)
    assert keys.passphrase(None) is None
    monkeypatch.setenv(keys.PASSPHRASE_VARIABLE, "from environment")
    assert keys.passphrase(None) == b"from environment"
    file = tmp_path / "p"
    file.write_text("from file\nsecond line\n")
    assert keys.passphrase(file) == b"from file"
    file.write_text("\n")
    with pytest.raises(ConfigError, match="first line is empty"):
        keys.passphrase(file)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PUBLIC KEY-----\n"])
def test_damaged_public_key_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pub").write_bytes(content)
    with pytest.raises(ConfigError, match="not a public key"):
        keys.trusted(tmp_path)
