# SPDX-License-Identifier: GPL-3.0-or-later
"""One mutator per host across controllers (I16); a lock breaks only with proof of death."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from holders import life
from host_driver import ID, NONCE, decode, request_line, sample

if TYPE_CHECKING:
    from pathlib import Path

    from host_driver import Host

pytestmark = pytest.mark.engine

ONE = {"owner": "controller-a", "run": "run-1"}
TWO = {"owner": "controller-b", "run": "run-2"}
START = "2021-03-05T10:00:00Z"


def acquire(host: Host, who: dict[str, str], ttl: int = 900) -> codec.Reply:
    return host.call("Lock-Host", who | {"purpose": "install KB5000871", "ttl_seconds": ttl})


def at(host: Host, now: str) -> None:
    host.environment["TEST_NOW"] = now


def lock_file(host: Host) -> Path:
    return host.folder / "ExchangeRemediation" / "host.lock"


def test_free_host_is_locked_renewed_and_released(host: Host) -> None:
    at(host, START)
    assert host.call("Get-HostLock").result["state"] == "free"
    assert not lock_file(host).parent.exists(), "asking must not write"
    taken = acquire(host, ONE).result
    lock = {
        **ONE,
        "purpose": "install KB5000871",
        "acquired": "2021-03-05T10:00:00.0000000Z",
        "renewed": "2021-03-05T10:00:00.0000000Z",
        "boot_id": "boot:7",
        "ttl_seconds": 900,
        "controller": None,
        "takeover": None,
        "life": life(**ONE),
        "token": 1614938400,
    }
    ticket = f"1614938400-{life(**ONE)}"
    assert taken == {
        "state": "acquired", "ticket": ticket, "lock": lock, "previous": None, "reason": None
    }  # fmt: skip
    at(host, "2021-03-05T10:05:00Z")
    renewed = lock | {"renewed": "2021-03-05T10:05:00.0000000Z"}
    assert host.call("Update-HostLock", {"lock_of": ONE["owner"]}).result == {
        "state": "renewed",
        "lock": renewed,
    }
    held = host.call("Get-HostLock").result
    assert held == {"state": "held", "reason": None, "lock": renewed, "installer_running": False}
    assert host.call("Unlock-Host", {"lock_of": ONE["owner"]}).result == {
        "state": "released",
        "lock": renewed,
    }
    assert host.call("Unlock-Host", {"lock_of": ONE["owner"]}).result == {
        "state": "free",
        "lock": None,
    }
    assert host.call("Get-HostLock").result["state"] == "free"


def test_second_acquire_of_the_holder_renews(host: Host) -> None:
    at(host, START)
    acquire(host, ONE)
    at(host, "2021-03-05T11:00:00Z")
    again = acquire(host, ONE, ttl=60).result
    assert again["state"] == "renewed"
    assert again["lock"]["acquired"] == "2021-03-05T10:00:00.0000000Z"
    assert again["lock"]["ttl_seconds"] == 60


@pytest.mark.parametrize("name", ["Lock-Host", "Update-HostLock", "Unlock-Host"])
def test_another_controller_learns_who_since_when_and_why(host: Host, name: str) -> None:
    at(host, START)
    acquire(host, ONE)
    parameters = TWO | {"purpose": "x"} if name == "Lock-Host" else {"ticket": None}
    with pytest.raises(errors.LockedByOther) as caught:
        host.call(name, parameters)
    for part in ("controller-a", "run-1", "2021-03-05T10:00:00", "install KB5000871"):
        assert part in str(caught.value)
    reply = codec.failed_reply(caught.value)
    assert reply
    assert reply.errors[0].details["owner"] == "controller-a"
    assert host.call("Get-HostLock").result["lock"]["owner"] == "controller-a"


def test_same_owner_in_another_run_is_another(host: Host) -> None:
    acquire(host, ONE)
    with pytest.raises(errors.LockedByOther):
        acquire(host, ONE | {"run": "run-9"})
    with pytest.raises(errors.LockedByOther):
        acquire(host, ONE | {"owner": "CONTROLLER-A"})


@pytest.mark.parametrize("other", [{"run": "run-9"}, {"owner": "controller-z"}])
@pytest.mark.parametrize("gone", [False, True])
def test_a_life_of_another_run_or_owner_is_another(
    host: Host, other: dict[str, str], *, gone: bool
) -> None:
    """Also where it says the same name of its life, or that this one is over (I16)."""
    mine = life(**ONE)
    acquire(host, ONE | {"life": mine})
    with pytest.raises(errors.LockedByOther):
        acquire(host, ONE | other | ({"gone": mine} if gone else {"life": mine}))


def test_lock_of_an_earlier_boot_is_taken_over(host: Host) -> None:
    acquire(host, ONE)
    host.environment["TEST_BOOT"] = "8"
    assert host.call("Get-HostLock").result["state"] == "stale"
    taken = acquire(host, TWO).result
    assert (taken["state"], taken["reason"]) == ("taken-over", "boot")
    assert taken["previous"]["owner"] == "controller-a"
    assert taken["lock"]["owner"] == "controller-b"
    with pytest.raises(errors.LockedByOther, match="controller-b"):
        host.call("Update-HostLock", {"lock_of": ONE["owner"]})


def test_holder_renews_over_its_own_reboot(host: Host) -> None:
    acquire(host, ONE)
    host.environment["TEST_BOOT"] = "8"
    assert (
        host.call("Update-HostLock", {"lock_of": ONE["owner"]}).result["lock"]["boot_id"]
        == "boot:8"
    )
    with pytest.raises(errors.LockedByOther):
        acquire(host, TWO)


def test_boot_identity_that_cannot_be_read_proves_nothing(host: Host) -> None:
    acquire(host, ONE)
    host.environment["TEST_BOOT"] = None
    with pytest.raises(errors.LockedByOther):
        acquire(host, TWO)


@pytest.mark.parametrize(
    ("now", "installer", "state"),
    [
        ("2021-03-05T10:01:00Z", None, "held"),  # at the ttl, not beyond it
        ("2021-03-05T10:01:01Z", None, "stale"),
        ("2021-03-05T10:01:01Z", "msiexec", "held"),
        ("2021-04-05T10:00:00Z", "ExSetup", "held"),
        ("2020-01-01T00:00:00Z", None, "held"),  # the clock went back
    ],
)
def test_silent_holder_loses_the_lock_only_without_installer(
    host: Host, now: str, installer: str | None, state: str
) -> None:
    at(host, START)
    acquire(host, ONE, ttl=60)
    at(host, now)
    host.environment["TEST_INSTALLER"] = installer
    seen = host.call("Get-HostLock").result
    assert seen["state"] == state
    assert seen["installer_running"] is (installer is not None)
    if state == "held":
        with pytest.raises(errors.LockedByOther):
            acquire(host, TWO)
    else:
        assert acquire(host, TWO).result["reason"] == "heartbeat"


def test_heartbeat_keeps_the_lock(host: Host) -> None:
    at(host, START)
    acquire(host, ONE, ttl=60)
    at(host, "2021-03-05T10:00:50Z")
    host.call("Update-HostLock", {"lock_of": ONE["owner"]})
    at(host, "2021-03-05T10:01:40Z")
    with pytest.raises(errors.LockedByOther):
        acquire(host, TWO)


def test_renewing_a_lock_that_is_gone_is_refused(host: Host) -> None:
    with pytest.raises(errors.LockedByOther, match="LockNotHeld"):
        host.call("Update-HostLock", {"lock_of": ONE["owner"]})
    with pytest.raises(errors.LockLost, match="nobody holds the host now"):
        host.call("Update-HostLock", {"ticket": "1-a"})


SAME = {"controller": "ops"}
OTHER_RUN = {"owner": "controller-a/2", "run": "run-2", "purpose": "p", **SAME}


def running_marker(host: Host, key: str) -> Path:
    """The mark of a change that a living process carries out: this one."""
    script = sample(f"@{{started = (Get-Process -Id {os.getpid()}).StartTime}}")
    begun = host.ask(request_line(script)).result["started"]
    marker = {"started": START, "process_id": os.getpid(), "process_started": begun}
    host.store.mkdir(parents=True, exist_ok=True)
    path = host.store / f"{key}.started"
    path.write_text(json.dumps(marker))
    return path


@pytest.mark.parametrize(
    ("now", "controller", "reason"),
    [
        ("2021-03-05T10:10:00Z", "ops", None),  # at ten minutes, not beyond them
        ("2021-03-05T10:10:01Z", "ops", "controller"),
        ("2021-03-05T10:10:01Z", "Ops", None),
        ("2021-03-05T10:20:00Z", "", None),
    ],
)
def test_silent_run_of_the_same_controller_gives_way_i16(
    now: str, controller: str, reason: str | None, host: Host
) -> None:
    at(host, START)
    acquire(host, ONE | SAME, ttl=21600)
    at(host, now)
    wanted = OTHER_RUN | {"controller": controller}
    if reason is None:
        with pytest.raises(errors.LockedByOther, match="run-1"):
            host.call("Lock-Host", wanted)
        return
    reply = host.call("Lock-Host", wanted).result
    assert (reply["state"], reply["reason"]) == ("taken-over", reason)
    assert (reply["previous"]["run"], reply["lock"]["takeover"]) == ("run-1", None)
    with pytest.raises(errors.LockedByOther, match="controller-a/2"):
        host.call("Update-HostLock", {"lock_of": ONE["owner"]})


def test_operator_takes_a_lock_over_and_it_shows_i16(host: Host) -> None:
    at(host, START)
    acquire(host, ONE, ttl=21600)
    reason = "controller-a burnt down, CHG7"
    taken = acquire(host, TWO | {"takeover": reason}).result
    assert (taken["state"], taken["reason"]) == ("taken-over", "operator")
    said = f"from 'controller-a' (run run-1) at 2021-03-05T10:00:00.0000000Z: {reason}"
    assert taken["lock"]["takeover"] == said
    assert acquire(host, TWO).result["lock"]["takeover"] == said, "a renewal keeps it"
    assert (
        host.call("Update-HostLock", {"lock_of": TWO["owner"]}).result["lock"]["takeover"] == said
    )


def test_nobody_takes_a_lock_over_while_an_installer_works_i16(host: Host) -> None:
    at(host, START)
    acquire(host, ONE | SAME)
    at(host, "2021-03-05T10:14:00Z")
    host.environment["TEST_INSTALLER"] = "msiexec"
    for wanted in (OTHER_RUN, OTHER_RUN | {"takeover": "hurry"}):
        with pytest.raises(errors.LockedByOther, match="installer is at work"):
            host.call("Lock-Host", wanted)


def test_nobody_takes_a_lock_over_while_a_change_is_carried_out_i16(host: Host) -> None:
    at(host, START)
    acquire(host, ONE | SAME)
    at(host, "2021-03-05T10:14:00Z")
    key = "0a" * 32
    marker = running_marker(host, key)
    for wanted in (OTHER_RUN, OTHER_RUN | {"takeover": "hurry"}):
        with pytest.raises(errors.LockedByOther, match="a change is carried out"):
            host.call("Lock-Host", wanted)
    marker.with_suffix(".json").write_text("{}")  # it has ended
    assert host.call("Lock-Host", OTHER_RUN).result["reason"] == "controller"


def test_lock_of_an_older_version_is_read(host: Host) -> None:
    acquire(host, ONE)
    stored = json.loads(lock_file(host).read_text())
    for name in ("controller", "takeover", "life", "token"):
        del stored[name]
    lock_file(host).write_text(json.dumps(stored))
    lock = host.call("Get-HostLock").result["lock"]
    assert (lock["owner"], lock["controller"], lock["takeover"]) == ("controller-a", None, None)
    assert (lock["life"], lock["token"]) == (None, 0)


@pytest.mark.parametrize("text", ["", "not json", "{}", '{"owner":1}', '{"renewed":"never"}'])
def test_damaged_lock_holds_until_its_heartbeat_is_too_old(host: Host, text: str) -> None:
    acquire(host, ONE)
    lock_file(host).write_text(text)
    with pytest.raises(errors.LockedByOther, match="unreadable lock file"):
        acquire(host, TWO)
    at(host, "2099-01-01T00:00:00Z")
    assert acquire(host, TWO).result["reason"] == "heartbeat"


def test_of_many_controllers_at_once_exactly_one_gets_the_lock(host: Host) -> None:
    acquire(host, ONE)
    host.environment["TEST_BOOT"] = "8"  # the harder race: all see the same dead lock
    lines = [
        codec.encode_request(
            codec.Operation(
                "Lock-Host", {"owner": f"c{n}", "run": "r", "life": f"{n:032x}", "purpose": "p"}
            ),
            operation_id=ID,
            nonce=NONCE,
        ).decode()
        for n in range(8)
    ]
    winners = []
    for answer in host.send(*[[line] for line in lines]):
        try:
            winners.append(decode("\n".join(answer["output"]).encode()).result["lock"]["owner"])
        except errors.LockedByOther:
            continue
    assert len(winners) == 1
    assert json.loads(lock_file(host).read_text())["owner"] == winners[0]
    left = sorted(path.name for path in lock_file(host).parent.iterdir())
    assert left == ["host.lock", "host.lock.guard", "host.lock.last"]


@pytest.mark.parametrize(
    "parameters",
    [
        ONE,
        ONE | {"purpose": ""},
        ONE | {"purpose": "p", "ttl_seconds": 0},
        ONE | {"purpose": "p" * 401},
    ],
    ids=["no purpose", "empty purpose", "no time", "novel"],
)
def test_lock_without_sensible_parameters_is_refused(
    host: Host, parameters: dict[str, object]
) -> None:
    with pytest.raises(errors.ScriptError) as caught:
        host.call("Lock-Host", parameters)
    reply = codec.failed_reply(caught.value)
    assert reply
    assert reply.errors[0].error_class == "RequestInvalid"
    assert not lock_file(host).exists()


def test_lost_reply_of_a_keyed_lock_is_answered_from_the_store(host: Host) -> None:
    key = "0f" * 32
    parameters = ONE | {"purpose": "p"}
    first = host.call("Lock-Host", parameters, key)
    told = host.call("Get-OperationStatus", {"keys": [key]}).result[key]
    assert told["state"] == "finished"
    assert told["reply"]["result"] == first.result
    assert host.call("Lock-Host", parameters, key).replayed
