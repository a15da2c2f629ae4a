# SPDX-License-Identifier: GPL-3.0-or-later
"""The signed plan: changed, foreign, expired and incomplete ones are refused."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan import fleet as plan_file
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.fleet import (
    CatalogVersion,
    FleetPlan,
    HostEntry,
    check_intent,
    check_usable,
    knowledge,
    read,
    write,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.records import (
    HostPlan,
    Step,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.signing import (
    envelope,
    keys,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2021, 3, 5, 10, tzinfo=UTC)
SECRET = b"correct horse battery"
STEP = Step("install", "Start-HostJob", {"file": "x.msp"}, "Why.", {"build": "1"}, {"build": "2"},
            "ED 21-02 action 1")  # fmt: skip
PLAN = HostPlan(
    "patch", "proxylogon", (STEP,), rests_on="a" * 64, sections=(("exchange", "b" * 64),)
)


def fleet(**changes: Any) -> FleetPlan:
    made = FleetPlan(
        intent="patch",
        campaign="proxylogon",
        run="20210305T100000Z-patch-1a2b",
        created=NOW,
        expires=NOW + timedelta(hours=24),
        catalogue=knowledge(),
        inventory=("ex01", "ex02"),
        hosts={
            "ex01": HostEntry("planned", "One update.", PLAN),
            "ex02": HostEntry("stopped", "unreachable: no connection"),
        },
    )
    return replace(made, **changes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keys.create(tmp_path / "keys", "ops", SECRET)
    return tmp_path


def sign(folder: Path, plan: FleetPlan) -> Path:
    write(folder / "case" / "plan.json", plan, keys.signer(folder / "keys", None, SECRET))
    return folder / "case" / "plan.json"


def load(folder: Path) -> FleetPlan:
    return read(folder / "case" / "plan.json", keys.trusted(folder / "keys"))


def test_plan_comes_back_as_it_was_signed_and_is_private(folder: Path) -> None:
    path = sign(folder, fleet())
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    found = load(folder)
    assert replace(found, signed_by=()) == fleet()
    assert found.signed_by == ("ops",)
    assert len(found.digest) == 64
    assert found.host("ex01").has_steps
    assert not found.host("ex02").has_steps
    with pytest.raises(RefusedError, match="does not know this host"):
        found.host("ex03")


def test_every_changed_byte_is_refused(folder: Path) -> None:
    path = sign(folder, fleet())
    good = path.read_bytes()
    for at in range(0, len(good) - 1, 7):
        changed = bytearray(good)
        changed[at] ^= 1
        path.write_bytes(changed)
        try:
            found = load(folder)
        except RefusedError:
            continue
        # What does not matter for the signature, such as the case of a letter in base64 padding.
        assert replace(found, signed_by=()) == fleet(), f"byte {at}"


def test_changed_content_is_refused(folder: Path) -> None:
    path = sign(folder, fleet())
    sealed = json.loads(path.read_text())
    document = json.loads(base64.b64decode(sealed["payload"]))
    document["hosts"]["ex01"]["plan"]["steps"][0]["parameters"]["file"] = "y.msp"
    sealed["payload"] = base64.b64encode(json.dumps(document).encode()).decode()
    path.write_text(json.dumps(sealed))
    with pytest.raises(RefusedError, match="no good signature"):
        load(folder)


def test_other_operators_key_is_not_trusted(folder: Path) -> None:
    path = sign(folder, fleet())
    keys.create(folder / "others", "mallory", SECRET)
    with pytest.raises(RefusedError, match="no good signature"):
        read(path, keys.trusted(folder / "others"))


def test_signed_package_catalogue_is_no_plan(folder: Path) -> None:
    path = folder / "x.json"
    signer = keys.signer(folder / "keys", None, SECRET)
    path.write_bytes(envelope.seal(fleet().to_json(), "application/other", signer))
    with pytest.raises(RefusedError, match="holds 'application/other'"):
        read(path, keys.trusted(folder / "keys"))


def test_file_that_is_not_there_is_a_clear_error(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json: cannot be read"):
        read(folder / "none.json", keys.trusted(folder / "keys"))


def _host_missing(document: dict[str, Any]) -> None:
    del document["hosts"]["ex02"]


def _host_unknown(document: dict[str, Any]) -> None:
    document["hosts"]["ex03"] = document["hosts"]["ex02"]


def _host_twice(document: dict[str, Any]) -> None:
    document["inventory"].append("ex01")


def _step_twice(document: dict[str, Any]) -> None:
    document["hosts"]["ex01"]["plan"]["steps"] *= 2


def _other_intent(document: dict[str, Any]) -> None:
    document["hosts"]["ex01"]["plan"]["intent"] = "mitigate"


def _other_schema(document: dict[str, Any]) -> None:
    document["schema"] = 2


def _no_reason(document: dict[str, Any]) -> None:
    del document["hosts"]["ex02"]["reason"]


def _command(document: dict[str, Any]) -> None:
    document["hosts"]["ex01"]["plan"]["steps"][0]["operation"] = "cmd /c del"


def _more(document: dict[str, Any]) -> None:
    document["hosts"]["ex01"]["plan"]["steps"][0]["force"] = True


def _no_date(document: dict[str, Any]) -> None:
    document["created"] = "2021-13-05T10:00:00Z"


BAD: dict[Callable[[dict[str, Any]], None], str] = {
    _host_missing: "disagree on ex02",
    _host_unknown: "disagree on ex03",
    _host_twice: "disagree on a host twice",
    _step_twice: r"plan\.hosts\.ex01 is of another intent or campaign, or has a step twice",
    _other_intent: "is of another intent",
    _other_schema: r"plan\.schema is 2, none of 1",
    _no_reason: r"plan\.hosts\.ex02 has no 'reason'",
    _command: r"plan\.hosts\.ex01\.plan\.steps\[0\]\.operation is 'cmd /c del'",
    _more: r"has 'force', which does not belong there",
    _no_date: "is no date",
}


@pytest.mark.parametrize("change", BAD, ids=lambda change: change.__name__)
def test_plan_of_another_shape_is_refused_although_it_is_signed(
    change: Callable[[dict[str, Any]], None], folder: Path
) -> None:
    path = sign(folder, fleet())
    document = fleet().to_json()
    change(document)
    signer = keys.signer(folder / "keys", None, SECRET)
    path.write_bytes(envelope.seal(document, plan_file.KIND, signer))
    with pytest.raises(RefusedError, match=BAD[change]):
        load(folder)


def test_plan_that_leaves_a_host_out_is_not_even_written_i3(folder: Path) -> None:
    with pytest.raises(RefusedError, match="disagree on ex03"):
        sign(folder, fleet(inventory=("ex01", "ex02", "ex03")))
    assert not (folder / "case" / "plan.json").exists()


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (fleet(expires=NOW), "expired at 2021-03-05T10:00:00Z"),
        (fleet(created=NOW + timedelta(minutes=6)), "correct this machine's clock"),
        (fleet(catalogue=CatalogVersion("2021-03-02", "0" * 64)), "made from the catalogue of 2021-03-02"),
        (fleet(catalogue=CatalogVersion(knowledge().as_of, "0" * 64)), "made from the catalogue of"),
    ],
)  # fmt: skip
def test_plan_that_does_not_hold_any_more_is_refused(plan: FleetPlan, says: str) -> None:
    with pytest.raises(RefusedError, match=says):
        check_usable(plan, NOW, where="plan.json")


def test_plan_holds_until_it_expires_or_for_ever() -> None:
    check_usable(fleet(), NOW + timedelta(hours=23), where="plan.json")
    check_usable(fleet(expires=None), NOW + timedelta(days=9999), where="plan.json")
    check_intent(fleet(), "patch", "proxylogon", where="plan.json")


@pytest.mark.parametrize(
    ("intent", "campaign"), [("mitigate", "proxylogon"), ("patch", "proxyshell")]
)
def test_plan_for_something_else_is_refused(intent: str, campaign: str) -> None:
    with pytest.raises(RefusedError, match="use the plan made for it"):
        check_intent(fleet(), intent, campaign, where="plan.json")


def test_hostile_text_is_inert_when_it_is_read_i4(folder: Path) -> None:
    hosts = {**fleet().hosts, "ex02": HostEntry("stopped", "\x1b[2J\u202eevil")}
    sign(folder, fleet(hosts=hosts))
    assert load(folder).host("ex02").reason == "\\x1b[2J\\u202eevil"


def test_digest_of_our_knowledge_is_that_of_every_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    monkeypatch.setattr(plan_file, "CATALOGUE", tmp_path)
    seen = set()
    for name, text in (("a/x.yml", "1"), ("a/x.yml", "2"), ("a/y.yml", "2"), ("z.txt", "0")):
        (tmp_path / name).write_text(text)
        seen.add(knowledge.__wrapped__().sha256)
    assert len(seen) == 3  # a file of another kind is no knowledge
