# SPDX-License-Identifier: GPL-3.0-or-later
"""No unverified byte is launched (I10): every way in which the bytes could be others, end to end."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import Build
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.source import (
    PackageSource,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    InstallState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.patch.choose import choose
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.file_bytes import (
    content,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.catalogue import (
    PackageCatalogue,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
    Content,
    Signature,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.store import (
    PackageStore,
    Trust,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.signing import keys
from patched_host import AT, BEFORE, CONTENT, INSTALLS, SHA256, PatchedHost, record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.install.result import (
        InstallResult,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.packages.records import (
        PackageRecord,
    )

QUICK = {**INSTALLS, "duration_seconds": 60}
SIGNATURE = Signature(
    "CN=x", "CN=y", "0" * 64, "01", "1" * 64, "Mar  2 10:11:12 2021 GMT", "SHA256"
)
SECRET = b"a passphrase for the tests"


def make_store(
    folder: Path, package: PackageRecord | None = None, *, days: int = 30, age: int = 0
) -> dict[str, Any]:
    """A signed store with one package, written ``age`` days ago, as options of the action."""
    keys.create(folder / "keys", "ops", SECRET)
    then = datetime.now(UTC) - timedelta(days=age)
    trust = Trust(keys.trusted(folder / "keys"), folder / "seen.json")
    store = PackageStore(folder / "store", trust, lambda: then)
    package = replace(package or record(), signature=SIGNATURE)
    store.path(package).parent.mkdir(parents=True)
    store.path(package).write_bytes(CONTENT)
    store.change(lambda _: (package,), keys.signer(folder / "keys", "ops", SECRET), days=days)
    return {
        "store": str(folder / "store"),
        "keys": str(folder / "keys"),
        "seen": str(folder / "seen.json"),
        "threshold": 1,
        "source": None,
    }


def patch(host: PatchedHost, options: dict[str, Any], **changes: Any) -> InstallResult:
    source = PackageSource.of(options)
    return host.patch(store=source.catalogue, deliver=source.deliver, **changes)


def assert_nothing_launched(host: PatchedHost, result: InstallResult, says: str) -> None:
    assert result.outcome.state in (InstallState.STOPPED, InstallState.UNKNOWN), (
        result.outcome.reason
    )
    assert says in result.outcome.reason
    assert host.launches == 0
    assert host.start("MSExchangeIS") == 2


def on_host(host: PatchedHost) -> str:
    return next(p for p in host.world.data["files"] if p.endswith("KB5000871-x64-en.msp"))


def test_verified_package_is_launched_i10(tmp_path: Path) -> None:
    """What the others differ from by one thing each."""
    host = PatchedHost(tmp_path, QUICK)
    result = patch(host, make_store(tmp_path))
    assert (result.outcome.state, host.launches) == (InstallState.PATCHED, 1), result.outcome.reason


def test_package_swapped_in_the_store_is_not_sent_i10(tmp_path: Path) -> None:
    host, options = PatchedHost(tmp_path, QUICK), make_store(tmp_path)
    (file,) = (tmp_path / "store").rglob("*.msp")
    file.write_bytes(b"x" * len(CONTENT))
    assert_nothing_launched(host, patch(host, options), "SHA-256")
    assert "Add-PackageChunk" not in host.asked


@pytest.mark.parametrize("bit", [0, 77, len(CONTENT) * 8 - 1])
def test_one_flipped_bit_in_the_store_is_not_sent_i10(bit: int, tmp_path: Path) -> None:
    host, options = PatchedHost(tmp_path, QUICK), make_store(tmp_path)
    (file,) = (tmp_path / "store").rglob("*.msp")
    changed = bytearray(CONTENT)
    changed[bit // 8] ^= 1 << bit % 8
    file.write_bytes(bytes(changed))
    assert_nothing_launched(host, patch(host, options), "SHA-256")


def test_bytes_that_change_on_the_line_are_not_launched_i10(tmp_path: Path) -> None:
    host, options = PatchedHost(tmp_path, QUICK), make_store(tmp_path)

    def tampered(stdin: bytes) -> bytes:
        request = json.loads(stdin)
        if request["operation"] == "Add-PackageChunk":
            data = bytearray(base64.b64decode(request["parameters"]["data"]))
            data[0] ^= 1
            request["parameters"]["data"] = base64.b64encode(bytes(data)).decode()
        return json.dumps(request).encode()

    honest = host.execute
    host.execute = lambda command, stdin: honest(command, tampered(stdin))  # type: ignore[method-assign]
    assert_nothing_launched(host, patch(host, options), "SHA-256")


def swap_file(host: PatchedHost) -> None:
    host.world.write_text(on_host(host), "other bytes of it", by="attacker")


def swap_same_size(host: PatchedHost) -> None:
    host.world.write_text(on_host(host), "x" * len(CONTENT), by="attacker")


@pytest.mark.parametrize("change", [swap_file, swap_same_size])
def test_package_swapped_between_delivery_and_launch_is_not_launched_i10(
    change: Callable[[PatchedHost], None], tmp_path: Path
) -> None:
    """At every command from the first that has the whole file to the one that starts it."""
    first = PatchedHost.before(tmp_path, "Add-PackageChunk", QUICK) + 1
    last = PatchedHost.before(tmp_path, "Start-HostJob", QUICK)
    assert last > first
    for number in range(first, last + 1):
        host = PatchedHost(tmp_path, QUICK)

        def swap(answer: Callable[[], Any], host: PatchedHost = host) -> Any:
            change(host)
            return answer()

        host.faults = {number: swap}
        assert_nothing_launched(host, host.patch(), "Nothing was launched")


def test_file_that_lies_on_the_host_already_is_hashed_before_it_is_believed_i10(
    tmp_path: Path,
) -> None:
    """A later run finds the package of an earlier one swapped, and brings it again."""
    host = PatchedHost(tmp_path, [{"duration_seconds": 60, "exit_code": 1603}, QUICK])
    options = make_store(tmp_path)
    assert patch(host, options).outcome.state is InstallState.NOT_PATCHED
    swap_same_size(host)
    result = patch(host, options)
    assert (result.outcome.state, host.launches) == (InstallState.PATCHED, 2), result.outcome.reason
    entry = host.world.file(on_host(host))
    assert entry is not None
    assert content(entry) == CONTENT


SHARE = "\\\\files.rehearsal.example\\packages"


@pytest.mark.parametrize(
    ("found", "says"),
    [
        pytest.param("x" * len(CONTENT), "SHA-256", id="other-bytes"),
        pytest.param("x" * (len(CONTENT) + 1), "more than the package's", id="longer"),
        pytest.param("x", "SHA-256", id="shorter"),
        pytest.param(None, "cannot be read", id="missing"),
    ],
)
def test_share_with_other_bytes_launches_nothing_i10(
    found: str | None, says: str, tmp_path: Path
) -> None:
    host, options = PatchedHost(tmp_path, QUICK), make_store(tmp_path)
    if found is not None:
        path = f"{SHARE}\\{SHA256}\\{record().file}"
        host.world.write_text(path, found, by="test")
    assert_nothing_launched(host, patch(host, {**options, "source": SHARE}), says)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param(
            {"product": "Exchange2019", "cu": "CU8", "build": Build.parse("15.2.792.10"),
             "applies_to": (Build.parse("15.2.792.3"),)},
            "no update for build 15.1.2176.2", id="other-product",
        ),
        pytest.param(
            {"cu": "CU18", "build": Build.parse("15.1.2106.13"),
             "applies_to": (Build.parse("15.1.2106.2"),)},
            "no update for build 15.1.2176.2", id="other-cu",
        ),
        pytest.param(
            {"applies_to": (Build.parse("15.1.2176.4"),)},
            "no update for build 15.1.2176.2", id="other-build",
        ),
    ],
)  # fmt: skip
def test_package_for_another_server_is_not_sent_i10(
    changes: dict[str, Any], says: str, tmp_path: Path
) -> None:
    host = PatchedHost(tmp_path, QUICK)
    result = patch(host, make_store(tmp_path, replace(record(), **changes)))
    assert_nothing_launched(host, result, says)
    assert host.world.mutations == []


def test_expired_catalogue_starts_nothing_i10(tmp_path: Path) -> None:
    options = make_store(tmp_path, days=7, age=8)
    host = PatchedHost(tmp_path, QUICK)
    with pytest.raises(RefusedError, match="expired"):
        patch(host, options)
    assert host.asked == []


def test_catalogue_with_one_changed_byte_starts_nothing_i10(tmp_path: Path) -> None:
    """Every 37th byte of the envelope; what is not the signed text any more is refused."""
    options = make_store(tmp_path)
    (file,) = (p for p in (tmp_path / "store").iterdir() if p.is_file() and p.suffix == ".json")
    whole = file.read_bytes()
    host = PatchedHost(tmp_path, QUICK)
    for place in range(0, len(whole), 37):
        changed = bytearray(whole)
        changed[place] ^= 1
        file.write_bytes(bytes(changed))
        with pytest.raises(RefusedError):
            patch(host, options)
    assert host.asked == []


def test_package_that_is_not_in_the_catalogue_is_not_sent_i10(tmp_path: Path) -> None:
    """Whoever puts another catalogue into the run has no package to deliver."""
    options = make_store(tmp_path)
    source = PackageSource.of(options)
    other = replace(record(), sha256="0" * 64)
    host = PatchedHost(tmp_path, QUICK)
    assert source.catalogue is not None
    forged = replace(source.catalogue, packages=(other,))
    result = host.patch(store=forged, deliver=source.deliver)
    assert_nothing_launched(host, result, "is not in the package catalogue")
    assert "Add-PackageChunk" not in host.asked


UNPROVEN = Content("a program, 'Microsoft .NET Runtime' 8.0.1", ("signing-time",))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"content": None}, "was added by a release that asked for no content"),
        ({"content": None, "reason": "it is right"}, "was added by a release that asked for no"),
        ({"content": UNPROVEN}, "proves cumulative-update, kb, product and nobody vouched for it"),
        ({"content": UNPROVEN, "reason": "it is right"}, "nobody vouched for it"),
        (
            {"content": Content("a patch", ("cumulative-update", "kb", "product"))},
            "proves signing-time",
        ),
    ],
)
def test_signed_record_that_proves_nothing_is_neither_chosen_nor_sent_i10(
    changes: dict[str, Any], says: str, tmp_path: Path
) -> None:
    """Also where somebody chose it: the store hands out no bytes that nothing proves."""
    package = replace(record(), **changes)
    # The schema refuses a reason without a name; here the record comes as an older release wrote it.
    source = PackageSource.of(make_store(tmp_path, replace(package, reason=None)))
    assert source.catalogue is not None
    catalogue = replace(source.catalogue, packages=(replace(package, signature=SIGNATURE),))
    host = PatchedHost(tmp_path, QUICK)
    assert_nothing_launched(host, host.patch(store=catalogue, deliver=source.deliver), says)
    assert host.world.mutations == []
    blind = replace(source.catalogue, packages=(record(),))
    chosen = PatchedHost(tmp_path, QUICK)
    sending = replace(source, catalogue=catalogue)
    result = chosen.patch(store=blind, deliver=sending.deliver)
    assert_nothing_launched(chosen, result, says)
    assert "Add-PackageChunk" not in chosen.asked


def test_package_that_a_person_vouched_for_is_launched_and_the_plan_says_who(
    tmp_path: Path,
) -> None:
    package = replace(record(), content=UNPROVEN, reason="hash by phone", reason_by="ops")
    options = make_store(tmp_path, package)
    host = PatchedHost(tmp_path, QUICK)
    planned = patch(host, options, check=True)
    assert planned.planned is not None
    assert [note for note in planned.planned.notes if package.file in note] == [
        (
            f"{package.file}: cumulative-update, kb, product rest on ops (2021-03-03T00:00:00Z): "
            "hash by phone."
        )
    ]
    result = patch(host, options)
    assert result.outcome.state is InstallState.PATCHED, result.outcome.reason
    (tmp_path / "proven").mkdir()
    proven = PatchedHost(tmp_path / "proven", QUICK)
    proven_plan = proven.patch(check=True).planned
    assert proven_plan is not None
    assert not [note for note in proven_plan.notes if package.file in note]


def test_proven_older_update_is_taken_and_the_unproven_newer_one_is_said() -> None:
    newer = replace(
        record(), build=Build.parse("15.1.2176.12"), kb="KB5001779", content=None,
        file="Exchange2016-KB5001779-x64-en.msp",
    )  # fmt: skip
    store = PackageCatalogue("x", 1, AT, AT, (record(), newer))
    chosen = choose(load(), "proxylogon", Build.parse(BEFORE), AT.date(), store)
    assert chosen.package == record()
    assert f"Not taken: {newer.file} was added by a release" in chosen.reason
