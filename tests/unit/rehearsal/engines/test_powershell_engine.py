# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine around its workers. What runs inside them is tested in tests/powershell."""

from __future__ import annotations

import asyncio
import base64
import gc
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    CommandResult,
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell import (
    changes,
    shim_cache,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.command_line import (
    ScriptCall,
    parse,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
    PowerShellEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.host_folder import (
    HostFolder,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.worker import (
    Worker,
    WorkerError,
    find_pwsh,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
    World,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_PWSH = os.environ.get("EXCHANGE_REMEDIATION_PWSH") or shutil.which("pwsh")


def encoded(script: str) -> str:
    packed = base64.b64encode(script.encode("utf-16-le")).decode()
    return f"PowerShell -NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand {packed}"


def host(name: str = "EX01", **data: Any) -> SimulatedHost:
    return SimulatedHost(name.lower(), "127.77.0.1", World({"name": name, **data}))


# -- command lines --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "script", "by_stderr"),
    [
        (encoded("'ä'"), "'ä'", True),
        (encoded("1").replace("-EncodedCommand", "-enc"), "1", True),
        ("powershell.exe -Command Get-Date -Format o", "Get-Date -Format o", False),
        ('powershell -NoProfile -Command "& { 1; \\"a\\" }"', '& { 1; "a" }', False),
        ("C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe 1+1", "1+1", False),
        ("cmd.exe /c powershell -c 1", "1", False),
    ],
)
def test_a_powershell_command_line_gives_its_script(
    line: str, script: str, *, by_stderr: bool
) -> None:
    assert parse(line, host().world) == ScriptCall(script, encoded=by_stderr)


@pytest.mark.parametrize(
    ("line", "stdout", "exit_code"),
    [
        ("hostname", b"EX01\r\n", 0),
        ("whoami", b"rehearsal\\administrator\r\n", 0),
        ("echo hello  world", b"hello  world\r\n", 0),
        ("exit 5", b"", 5),
        ("cmd /c exit /b 3", b"", 3),
        ("cmd /c hostname", b"EX01\r\n", 0),
    ],
)
def test_trivial_commands_need_no_powershell(line: str, stdout: bytes, exit_code: int) -> None:
    result = parse(line, host(domain="rehearsal.example").world)
    assert result == CommandResult(stdout, b"", exit_code)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ipconfig /all", b"'ipconfig' is not recognized"),
        ("", b"'' is not recognized"),
        ("powershell -EncodedCommand %%%", b"not properly encoded"),
        ("powershell -EncodedCommand", b"not properly encoded"),
        ("powershell -File x.ps1", b"does not know the option -file"),
        ("powershell -NoProfile", b"needs -EncodedCommand or -Command"),
    ],
)
def test_other_command_lines_fail_with_a_reason(line: str, message: bytes) -> None:
    result = parse(line, host().world)
    assert isinstance(result, CommandResult)
    assert result.exit_code == 1
    assert message in result.stderr


# -- folders --------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path: Path) -> tuple[World, HostFolder]:
    world = World(
        {
            "drives": {"C": {}, "D": {}},
            "files": {
                "C:\\Logs\\a.log": {"size": 5_000_000_000, "mtime": "2021-03-01T00:00:00Z"},
                "c:\\LOGS\\b.txt": {"text": "ä\r\n", "mtime": "2021-03-02T00:00:00Z"},
                "D:\\Empty": {"directory": True, "owner": "S-1-5-18"},
                "C:\\Link": {"directory": True, "reparse": True},
            },
        }
    )
    folder = HostFolder(tmp_path)
    folder.write(world)
    return world, folder


def test_files_stand_on_disk_as_the_world_says(
    disk: tuple[World, HostFolder], tmp_path: Path
) -> None:
    log = (tmp_path / "C/Logs/a.log").stat()
    assert log.st_size == 5_000_000_000
    assert log.st_blocks * 512 < 1_000_000  # sparse
    assert log.st_mtime == 1614556800
    assert (tmp_path / "C/Logs/b.txt").read_bytes() == "ä\r\n".encode()
    assert (tmp_path / "D/Empty").is_dir()
    assert (tmp_path / "C/Link").is_symlink()


def test_untouched_files_change_nothing(disk: tuple[World, HostFolder]) -> None:
    world, folder = disk
    assert folder.read_back(world) is False
    assert world.mutations == []


def test_changes_on_disk_come_back(disk: tuple[World, HostFolder], tmp_path: Path) -> None:
    world, folder = disk
    (tmp_path / "C/Logs/b.txt").write_text("new")
    (tmp_path / "C/Logs/binary.dat").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "D/Fresh").mkdir()
    (tmp_path / "C/Logs/a.log").unlink()
    assert folder.read_back(world) is True
    assert world.text("C:\\Logs\\b.txt") == "new"
    binary = world.file("C:\\Logs\\binary.dat")
    assert binary is not None
    assert binary["size"] == 3
    assert world.is_directory("D:\\Fresh")
    assert world.file("C:\\Logs\\a.log") is None
    folder.accept(world)
    assert folder.read_back(world) is False


def test_changes_of_the_world_reach_the_disk(
    disk: tuple[World, HostFolder], tmp_path: Path
) -> None:
    world, folder = disk
    world.delete_file("D:\\Empty", by="test")
    world.write_text("C:\\logs\\c.txt", "c", by="test")
    folder.write(world)
    assert not (tmp_path / "D/Empty").exists()
    assert (tmp_path / "C/Logs/c.txt").read_text() == "c"


def test_worker_changes_are_applied_in_order() -> None:
    world = World({"services": {"W3SVC": {"status": "Running"}}})
    key = "HKLM\\SOFTWARE\\X"
    changes.apply(
        world,
        [
            {"kind": "registry.create-key", "target": key},
            {"kind": "registry.set", "target": key, "name": "", "type": "String", "value": "d"},
            {"kind": "registry.set", "target": key, "name": "n", "type": "DWord", "value": 1},
            {"kind": "registry.remove-value", "target": key, "name": "N"},
            {"kind": "service.status", "target": "w3svc", "value": "Stopped"},
            {"kind": "iis.sites", "target": "Default Web Site", "value": "Stopped"},
        ],
    )
    assert world.key(key) == {"(default)": {"type": "String", "value": "d"}}
    assert world.data["services"]["W3SVC"]["status"] == "Stopped"
    assert world.data["iis_runtime"]["sites"] == {"Default Web Site": "Stopped"}
    changes.apply(world, [{"kind": "registry.remove-key", "target": key}])
    assert world.key(key) is None


# -- workers --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine() -> Iterator[PowerShellEngine]:
    if not _PWSH:
        pytest.skip("no PowerShell engine: neither EXCHANGE_REMEDIATION_PWSH nor pwsh on PATH")
    one = PowerShellEngine(_PWSH, workers=2, timeout_seconds=30)
    yield one
    asyncio.run(one.close())


def run(engine: PowerShellEngine, script: str, on: SimulatedHost | None = None) -> CommandResult:
    return asyncio.run(engine.run(on or host(), encoded(script), b""))


def test_a_missing_powershell_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXCHANGE_REMEDIATION_PWSH", "/nowhere/pwsh")
    with pytest.raises(ConfigError, match="EXCHANGE_REMEDIATION_PWSH=/nowhere/pwsh: install pwsh"):
        find_pwsh()


def test_what_cannot_speak_the_protocol_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "pwsh"
    broken.write_text("#!/bin/sh\necho no such module >&2\nexit 9\n")
    broken.chmod(0o755)
    engine = PowerShellEngine(str(broken), workers=1)
    with pytest.raises(ConfigError, match=r"could not compile .* \(exit code 9\): no such module"):
        run(engine, "1")
    asyncio.run(engine.close())


def test_a_powershell_that_ends_at_once_is_an_error(tmp_path: Path) -> None:
    broken = tmp_path / "pwsh"
    broken.write_text("#!/bin/sh\necho out of memory >&2\nexit 9\n")
    broken.chmod(0o755)
    with pytest.raises(WorkerError, match="exit code 9, it said: out of memory"):
        Worker(str(broken), tmp_path)


def test_the_cache_is_used_only_when_nobody_else_can_write_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = shim_cache._own_folder("key")
    assert folder == tmp_path / "exchange-remediation/shims-key"
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    assert shim_cache._own_folder("key") is None
    (tmp_path / "exchange-remediation/shims-link").symlink_to(tmp_path)
    assert shim_cache._own_folder("link") is None


def test_other_sources_or_another_powershell_compile_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for program in (one, two):
        program.write_text("")
    before = shim_cache._key(str(one))
    assert before == shim_cache._key(str(one))
    assert before != shim_cache._key(str(two))
    shutil.copytree(shim_cache._HERE / "shims", tmp_path / "shims")
    shutil.copy(shim_cache._HERE / "worker.ps1", tmp_path)
    monkeypatch.setattr(shim_cache, "_HERE", tmp_path)
    assert before == shim_cache._key(str(one))
    (tmp_path / "shims/World.cs").write_text("changed")
    assert before != shim_cache._key(str(one))


@pytest.mark.engine
def test_nothing_starts_before_the_first_command(engine: PowerShellEngine) -> None:
    idle = PowerShellEngine(_PWSH)
    assert idle.worker_pids == ()
    asyncio.run(idle.close())


@pytest.mark.engine
def test_workers_are_kept_and_commands_use_them_at_the_same_time(engine: PowerShellEngine) -> None:
    async def both() -> list[CommandResult]:
        hosts = (host("A"), host("B"))
        return await asyncio.gather(
            *(engine.run(one, encoded("$env:COMPUTERNAME"), b"") for one in hosts)
        )

    assert [result.stdout for result in asyncio.run(both())] == [b"A\r\n", b"B\r\n"]
    pids = engine.worker_pids
    assert 1 <= len(pids) <= 2
    run(engine, "1")
    assert engine.worker_pids == pids


@pytest.mark.engine
def test_a_host_that_is_gone_leaves_no_folder_and_is_not_mistaken_for_the_next(
    engine: PowerShellEngine,
) -> None:
    first = host("EX01")
    run(engine, "Set-Content C:\\mark 1", first)
    (folder,) = {mark.parent for mark in engine._base.glob("hosts/*/C/mark")}
    del first
    for _ in range(1000):  # the engine's thread may hold the host for a moment longer
        gc.collect()
        if not folder.exists():
            break
    assert not folder.exists()
    assert run(engine, "Test-Path C:\\mark", host("EX01")).stdout == b"False\r\n"


@pytest.mark.engine
def test_a_psrp_pipeline_has_no_console(engine: PowerShellEngine) -> None:
    script = "[Console]::WriteLine('lost'); @($input) -join '+'; Write-Error 'plain'"
    result = asyncio.run(engine.run_script(host(), script, ["a", "b"]))
    assert result.stdout == b"a+b\r\n"
    assert b"CLIXML" not in result.stderr
    assert b"plain" in result.stderr


@pytest.mark.engine
def test_plain_command_errors_are_text(engine: PowerShellEngine) -> None:
    result = asyncio.run(engine.run(host(), "powershell -Command throw 'oops'", b""))
    assert result.exit_code == 1
    assert b"oops" in result.stderr
    assert b"CLIXML" not in result.stderr


@pytest.mark.engine
def test_a_command_over_its_time_is_stopped_and_the_engine_goes_on() -> None:
    if not _PWSH:
        pytest.skip("no PowerShell engine: neither EXCHANGE_REMEDIATION_PWSH nor pwsh on PATH")
    hasty = PowerShellEngine(_PWSH, workers=1, timeout_seconds=0.5)
    result = run(hasty, "while ($true) { }")
    assert result.exit_code == 1
    assert b"was stopped after 500 ms" in result.stderr
    stuck = run(hasty, "[Threading.Thread]::Sleep(60000)")
    assert b"was stopped after 500 ms" in stuck.stderr
    asyncio.run(hasty.close())


@pytest.mark.engine
def test_giving_up_on_a_command_ends_it(engine: PowerShellEngine) -> None:
    async def give_up() -> None:
        one = host()
        script = "[IO.File]::WriteAllText('C:\\started', ''); while ($true) { }"
        task = asyncio.create_task(engine.run(one, encoded(script), b""))
        while not list(engine._base.glob("hosts/*/C/started")):  # noqa: ASYNC110 - no event to wait for
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    assert run(engine, "'alive'").stdout == b"alive\r\n"


@pytest.mark.engine
def test_a_killed_worker_fails_its_command_and_is_replaced(engine: PowerShellEngine) -> None:
    with pytest.raises(WorkerError, match="ended; exit code"):
        run(engine, "[Diagnostics.Debugger].Assembly.GetType('System.Environment')::FailFast('x')")
    assert run(engine, "'alive'").stdout == b"alive\r\n"


@pytest.mark.engine
def test_closing_leaves_no_process_and_no_folder() -> None:
    if not _PWSH:
        pytest.skip("no PowerShell engine: neither EXCHANGE_REMEDIATION_PWSH nor pwsh on PATH")
    one = PowerShellEngine(_PWSH, workers=1)
    run(one, "1")
    (pid,) = one.worker_pids
    base = one._base
    assert base.is_dir()
    asyncio.run(one.close())
    assert not base.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(WorkerError, match="closed"):
        run(one, "1")


@pytest.mark.engine
def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    if not _PWSH:
        pytest.skip("no PowerShell engine: neither EXCHANGE_REMEDIATION_PWSH nor pwsh on PATH")
    source = Path(__file__)
    code = textwrap.dedent(
        f"""
        import importlib.util, os, sys
        sys.path[:0] = {[p for p in sys.path if p]!r}
        spec = importlib.util.spec_from_file_location("helper", {str(source)!r})
        helper = importlib.util.module_from_spec(spec); spec.loader.exec_module(helper)
        engine = helper.PowerShellEngine({_PWSH!r}, workers=1)
        helper.run(engine, "1")
        print(engine.worker_pids[0], flush=True)
        os._exit(0)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # a killed engine leaves its folder
    )
    pid = int(done.stdout)
    with pytest.raises(ProcessLookupError):
        _wait_gone(pid)


def _wait_gone(pid: int) -> None:
    for _ in range(200):
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "Z":
            raise ProcessLookupError
        subprocess.run([sys.executable, "-c", ""], check=True)  # some time for the other process
