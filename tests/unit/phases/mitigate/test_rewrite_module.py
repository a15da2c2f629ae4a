# SPDX-License-Identifier: GPL-3.0-or-later
"""The URL Rewrite module installed only where it is absent, removed only where we installed it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import LockedByOther
from ansible_collections.exchange.remediation.plugins.plugin_utils.iis_module.models import (
    IisModuleStatus,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.iis_module.run import ensure
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import effects
from mitigated_host import WEB_CONFIG, configuration
from module_scenario import EXPECTED, FLEET, world_of
from moduled_host import BRINGS, KEY, LIBRARY, TAKES, UNINSTALL, ModuledHost, msi, product_code
from rehearsed_host import Killed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RECORD = "C:\\ProgramData\\ExchangeRemediation\\modules\\url-rewrite.json"
SECTION = "<system.webServer><rewrite><rules /></rewrite></system.webServer>"


@pytest.fixture
def host(tmp_path: Path) -> Callable[..., ModuledHost]:
    def make(behaviour: Any = (), **spec: Any) -> ModuledHost:
        return ModuledHost(spec=spec, folder=tmp_path, behaviour=list(behaviour))

    return make


def test_it_is_installed_once_and_again_is_no_change(host: Any) -> None:
    one = host()
    done = one.ensure()
    assert (done.status, done.changed) == (IisModuleStatus.INSTALLED, True)
    assert one.there
    assert one.source == f"C:\\ProgramData\\ExchangeRemediation\\packages\\{msi().sha256}\\"
    assert len(one.launched) == 1
    assert one.launched[0].endswith(".log")
    assert "/quiet /norestart /l*v" in one.launched[0]
    again = one.ensure()
    assert (again.status, again.changed) == (IisModuleStatus.PRESENT, False)
    assert one.ensure(run="run-2").status is IisModuleStatus.PRESENT
    assert len(one.launched) == 1
    steps = [data["step"].partition("@")[0] for event, data in one.journal if event == "done"]
    assert steps == ["rewrite-module/record", "rewrite-module/package", "rewrite-module/install"]


def test_record_is_written_before_anything_else_changes(host: Any) -> None:
    one = host()
    one.ensure()
    record = one.asked.index("Save-RewriteRecord")
    assert record < one.asked.index("Add-PackageChunk") < one.asked.index("Start-HostJob")


@pytest.mark.parametrize("run", ["run-1", "run-2"])
def test_after_removal_everything_is_as_before(run: str, host: Any) -> None:
    one = host()
    before = configuration(one.world)
    one.ensure()
    gone = one.take_off(run=run)
    assert (gone.status, gone.changed) == (IisModuleStatus.REMOVED, True)
    assert configuration(one.world) == before
    assert one.world.file(RECORD) is None
    assert "REMOVE=ALL /quiet" in one.launched[1]
    again = one.take_off(run=run)
    assert (again.status, again.changed) == (IisModuleStatus.ABSENT, False)
    assert one.ensure(run=run).status is IisModuleStatus.INSTALLED
    assert one.take_off(run=run).status is IisModuleStatus.REMOVED
    assert configuration(one.world) == before
    assert len(one.launched) == 4


def test_check_changes_nothing_and_plans_what_is_done(host: Any) -> None:
    """I9: plan(check) equals the actions of apply."""
    one = host()
    for act, verb in ((one.ensure, "install"), (one.take_off, "remove")):
        mutations = list(one.world.mutations)
        planned = act(check=True)
        assert planned.status is IisModuleStatus.PLANNED
        assert one.world.mutations == mutations
        place = len(one.asked)
        assert act().changed
        sent = [
            (name, parameters)
            for name, parameters in zip(one.asked[place:], one.parameters[place:], strict=True)
            if name in {step.operation for step in planned.steps}
        ]
        assert [name for name, _ in sent] == [step.operation for step in planned.steps]
        for (_, parameters), step in zip(sent, planned.steps, strict=True):
            for name, value in step.parameters.items():
                if name == "arguments":
                    assert parameters[name][:-1] == value[:-1]
                    assert parameters[name][-1].endswith(f"\\{value[-1]}")
                else:
                    assert parameters[name] == value
        assert f"rewrite-module/{verb}" in [step.id for step in planned.steps]


def test_module_of_others_is_used_and_never_removed(host: Any) -> None:
    one = host(url_rewrite="7.1.1952.1")
    before = configuration(one.world)
    done = one.ensure()
    assert (done.status, done.changed) == (IisModuleStatus.PRESENT, False)
    kept = one.take_off()
    assert (kept.status, kept.changed) == (IisModuleStatus.NOT_OURS, False)
    assert "nothing was noted before it came" in kept.reason
    assert configuration(one.world) == before
    assert one.launched == []


@pytest.mark.parametrize(
    ("spec", "modules", "said"),
    [
        ({}, ("ja-JP",), "it has ja-JP"),
        ({"locale": "de-DE"}, ("ja-JP",), "rewrite_amd64_de-DE.msi or rewrite_amd64_en-US.msi"),
        ({"os": "2012R2", "ucrt": None}, ("en-US",), "ucrtbase.dll is missing"),
        ({"os": "2012R2", "ucrt": "10.0.10239.1"}, ("en-US",), "install KB2999226"),
        ({"role": "Edge"}, ("en-US",), "there is no IIS"),
        ({"url_rewrite": "7.1.490.43"}, ("en-US",), "older than 7.1.761"),
        ({"process_64bit": False}, ("en-US",), "a 32-bit process cannot see"),
    ],
)
def test_what_forbids_it_is_told_and_nothing_is_changed(
    spec: dict[str, Any], modules: tuple[str, ...], said: str, host: Any
) -> None:
    """I19."""
    one = host(**spec)
    before = configuration(one.world)
    done = one.ensure(*map(msi, modules))
    assert (done.status, done.changed) == (IisModuleStatus.REFUSED, False)
    assert said in done.reason
    assert configuration(one.world) == before
    assert one.launched == []
    assert one.world.file(RECORD) is None


def test_older_msi_than_needed_is_no_choice(host: Any) -> None:
    one = host()
    done = one.ensure(msi(version="7.2.1952"))
    assert done.status is IisModuleStatus.REFUSED
    assert "7.2.1993 or newer" in done.reason


def test_half_of_a_module_is_refused(host: Any) -> None:
    one = host()
    one.world.put_file(LIBRARY, {"size": 10, "version": {"file": "7.1.1993.2351"}}, by="test")
    done = one.ensure()
    assert done.status is IisModuleStatus.REFUSED
    assert "missing: its registry key, its entry in Windows Installer" in done.reason
    assert one.take_off().status is IisModuleStatus.NOT_OURS


def test_shared_configuration_is_left_to_people(host: Any) -> None:
    one = host()
    text = one.world.text("C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config")
    one.world.write_text("C:\\Shared\\applicationHost.config", text, by="test")
    one.world.write_text(
        "C:\\Windows\\System32\\inetsrv\\config\\redirection.config",
        '<configuration><configurationRedirection enabled="true" path="C:\\Shared" /></configuration>',
        by="test",
    )
    done = one.ensure()
    assert (done.status, "shared folder" in done.reason) == (IisModuleStatus.REFUSED, True)


@pytest.mark.parametrize(
    ("locale", "modules", "chosen"),
    [
        ("de-DE", ("en-US", "de-DE"), "de-DE"),
        ("de-DE", ("en-US",), "en-US"),
        ("tr-TR", ("de-DE", "en-US"), "en-US"),
        ("en-US", ("de-DE", "en-US"), "en-US"),
    ],
)
def test_language_is_that_of_windows_else_english(
    locale: str, modules: tuple[str, ...], chosen: str, host: Any
) -> None:
    one = host(locale=locale)
    assert one.ensure(*map(msi, modules)).status is IisModuleStatus.INSTALLED
    assert f"rewrite_amd64_{chosen}.msi" in one.launched[0]
    assert one.world.key(f"{UNINSTALL}\\{product_code(chosen)}") is not None
    assert one.take_off(*map(msi, modules)).status is IisModuleStatus.REMOVED


def test_restart_that_the_installer_wants_is_told(host: Any) -> None:
    done = host([{**BRINGS, "exit_code": 3010}]).ensure()
    assert (done.status, done.reboot_required) == (IisModuleStatus.INSTALLED, True)


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        ({"exit_code": 1603}, "The module is not there"),
        ({"exit_code": 0}, "The module is not there"),
        ({**BRINGS, "exit_code": 4711}, "is not in the table"),
        ({"exit_code": 0, "effects": BRINGS["effects"][:2]}, "half of the"),
        ({"exit_code": 0, "effects": BRINGS["effects"][:3]}, "success"),
        ({"exit_code": 0, "reboots": True}, "cut off by a restart"),
        ({"refused": "Access is denied."}, "nothing was launched"),
    ],
)
def test_success_is_what_is_read_back(behaviour: dict[str, Any], said: str, host: Any) -> None:
    """I18."""
    done = host([behaviour]).ensure()
    assert done.status is IisModuleStatus.FAILED
    assert said in done.reason


def test_failed_attempt_leaves_nothing_and_may_be_repeated(host: Any) -> None:
    one = host([{"exit_code": 1603}])
    before = configuration(one.world)
    failed = one.ensure()
    assert (failed.status, "exit code 1603" in failed.reason) == (IisModuleStatus.FAILED, True)
    assert configuration(one.world) == before
    assert one.world.file(RECORD) is None
    # The same run again is what an operator does after the cause is gone.
    assert one.ensure().status is IisModuleStatus.INSTALLED
    assert len(one.launched) == 2
    assert one.take_off(run="run-3").status is IisModuleStatus.REMOVED


def test_attempt_that_failed_unseen_is_judged_and_not_repeated(host: Any) -> None:
    clean = host([{"exit_code": 1603}])
    clean.ensure()
    ordered, forgotten = (
        clean.asked.index(name) for name in ("Start-HostJob", "Remove-RewriteRecord")
    )

    def die(answer: Any) -> Any:
        answer()
        raise Killed

    for number in range(ordered, forgotten):
        one = host([{"exit_code": 1603}])
        one.faults = {number: die}
        with pytest.raises(Killed):
            one.ensure()
        one.give_lock_back()
        assert one.ensure().status is IisModuleStatus.FAILED, number
        assert len(one.launched) == 1, number
        assert one.world.file(RECORD) is None


def test_installer_that_restarts_windows_is_judged_by_what_is_there(host: Any) -> None:
    one = host([{**BRINGS, "reboots": True}])
    done = one.ensure()
    assert (done.status, len(one.launched)) == (IisModuleStatus.INSTALLED, 1)


def test_other_installation_is_waited_for_and_not_for_ever(host: Any) -> None:
    one = host([{"exit_code": 1618}, {"exit_code": 1618}])
    assert one.ensure().status is IisModuleStatus.INSTALLED
    assert len(one.launched) == 3
    assert one.slept > 600
    busy = host([{"exit_code": 1618}] * 9)
    done = busy.ensure()
    assert (done.status, len(busy.launched)) == (IisModuleStatus.FAILED, 3)
    assert "Another installation is at work" in done.reason


def test_hanging_installer_is_left_at_work_and_found_again(host: Any) -> None:
    one = host([{"hang": True}])
    done = one.ensure()
    assert done.status is IisModuleStatus.UNKNOWN
    assert one.session().holds_lock()
    planned = one.ensure(run="run-2", check=True)  # a plan waits for it
    assert [step.id for step in planned.steps] == ["rewrite-module/install"]
    assert "it is at work" in planned.reason
    assert one.ensure().status is IisModuleStatus.UNKNOWN
    assert one.take_off().status is IisModuleStatus.UNKNOWN
    assert len(one.launched) == 1


def test_installation_of_another_run_is_watched_to_its_end(host: Any) -> None:
    one = host([{**BRINGS, "duration_seconds": 600}])
    one.die_behind = "Start-HostJob"
    with pytest.raises(Killed):
        one.ensure()
    assert not one.there
    one.give_lock_back()
    done = one.ensure(run="run-2")
    assert (done.status, len(one.launched)) == (IisModuleStatus.INSTALLED, 1)
    assert one.take_off(run="run-2").status is IisModuleStatus.REMOVED


def test_module_that_came_meanwhile_is_not_ours(host: Any) -> None:
    one = host()
    one.on_delivery = one.somebody
    done = one.ensure()
    assert (done.status, one.launched) == (IisModuleStatus.PRESENT, [])
    assert "it came meanwhile" in done.reason
    kept = one.take_off()
    assert kept.status is IisModuleStatus.NOT_OURS
    assert "it was installed from D:\\Tools\\, not by us" in kept.reason
    assert one.there


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda one: one.world.delete_value(code_key(), "InstallSource", by="x"), "does not say"),
        (lambda one: one.world.set_value(code_key(), "InstallSource", "String", "C:\\x\\packages\\" + "0" * 64, by="x"), "not by us"),
        (lambda one: one.world.delete_key(code_key(), by="x"), "no product of Windows Installer"),
        (lambda one: one.world.set_value(code_key("de-DE"), "DisplayName", "String", "IIS URL 2", by="x"), "we wanted to install"),
    ],
)  # fmt: skip
def test_what_is_not_certainly_ours_stays(change: Any, said: str, host: Any) -> None:
    one = host()
    one.ensure()
    change(one)
    kept = one.take_off()
    assert kept.status is IisModuleStatus.NOT_OURS
    assert said in kept.reason
    assert len(one.launched) == 1


def code_key(language: str = "en-US") -> str:
    return f"{UNINSTALL}\\{product_code(language)}"


def test_rules_of_anybody_keep_the_module(host: Any) -> None:
    one = host()
    one.ensure()
    text = str(one.world.text(WEB_CONFIG))
    one.world.write_text(
        WEB_CONFIG, text.replace("</configuration>", f"{SECTION}</configuration>"), by="test"
    )
    kept = one.take_off()
    assert (kept.status, WEB_CONFIG in kept.reason) == (IisModuleStatus.REFUSED, True)
    one.world.write_text(WEB_CONFIG, "<configuration>", by="test")
    unknown = one.take_off()
    assert (unknown.status, "cannot be read" in unknown.reason) == (IisModuleStatus.REFUSED, True)
    one.world.write_text(WEB_CONFIG, text, by="test")
    assert one.take_off().status is IisModuleStatus.REMOVED


def test_exchange_that_needs_the_module_by_now_keeps_it(host: Any) -> None:
    """A cumulative update since September 2021 came in between."""
    one = host()
    one.ensure()
    key = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\MSExchangeMitigation"
    one.world.set_value(key, "Start", "DWord", 2, by="setup")
    kept = one.take_off()
    assert (kept.status, "MSExchangeMitigation" in kept.reason) == (IisModuleStatus.REFUSED, True)
    assert one.there


def test_removal_needs_the_very_msi(host: Any) -> None:
    one = host()
    one.ensure()
    kept = one.take_off(replace(msi(), sha256="0" * 64))
    assert (kept.status, "bring it again" in kept.reason) == (IisModuleStatus.REFUSED, True)
    assert one.there


def test_removal_that_fails_keeps_the_record_for_another_run(host: Any) -> None:
    one = host()
    one.ensure()
    one.installers({"exit_code": 1603}, {"exit_code": 0}, act="REMOVE=ALL")
    assert one.take_off().status is IisModuleStatus.FAILED
    silent = one.take_off(run="run-2")
    assert (silent.status, "still there" in silent.reason) == (IisModuleStatus.FAILED, True)
    assert one.world.file(RECORD) is not None
    assert one.take_off(run="run-3").status is IisModuleStatus.REMOVED
    assert one.world.file(RECORD) is None


def test_module_that_somebody_took_off_is_forgotten(host: Any) -> None:
    one = host()
    one.ensure()
    effects.apply(one.world, TAKES["effects"], by="somebody")
    planned = one.take_off(check=True)
    assert [step.id for step in planned.steps] == ["rewrite-module/forget"]
    assert one.take_off().status is IisModuleStatus.REMOVED
    assert (len(one.launched), one.world.file(RECORD)) == (1, None)
    assert one.ensure().status is IisModuleStatus.INSTALLED


def test_rules_need_the_module_first_and_it_needs_them_gone(host: Any) -> None:
    """Without the module IIS answers 500.19 to every request where a rule stands."""
    one = host()
    before = configuration(one.world)
    without = one.mitigate(only=("backend-cookie",))
    assert not without.changed
    assert one.ensure().status is IisModuleStatus.INSTALLED
    assert one.mitigate(only=("backend-cookie",)).state.value == "mitigated"
    assert one.take_off().status is IisModuleStatus.REFUSED
    assert one.unmitigate(only=("backend-cookie",), although_open="test").state.value == "removed"
    assert one.take_off().status is IisModuleStatus.REMOVED
    assert configuration(one.world) == before


def test_nothing_is_changed_without_the_lock(host: Any) -> None:
    """I16."""
    one = host()
    other = one.session("run-9", "controller-b")
    other.lock("something else")
    with pytest.raises(LockedByOther):
        ensure(one.session(), one.tools())
    assert one.world.key(KEY) is None
    assert one.launched == []


def test_every_host_of_the_scenario_is_expected() -> None:
    assert {host.name for host in FLEET.hosts} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_host_of_the_scenario_ends_as_described(name: str, host: Any) -> None:
    one = host()
    one.world = world_of(name)
    status, launches, later = EXPECTED[name]
    modules = (msi(), msi("de-DE"))
    one.ensure(*modules, check=True)
    assert one.world.mutations == []  # I9
    done = one.ensure(*modules)
    assert (done.status.value, len(one.launched)) == (status, launches), done.reason
    gone = one.take_off(*modules)
    assert gone.status.value == later, gone.reason
