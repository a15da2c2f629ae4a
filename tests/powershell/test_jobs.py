# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of host jobs on the real engine: what goes wrong around them, and their pieces."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ScriptError,
    TransportError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import (
    JobOutcome,
    Patience,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.driver import (
    JobDriver,
    JobOrder,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
    ExecTransport,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.jobs import (
    runner as job_runner,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from holders import HeldTransport, Holders
from host_driver import ID, NONCE, decode, request_line, sample
from job_requests import JOBS, LOCK, OWNER, PATCH, launches, order, prepare
from shim_host import ShimHost, world

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )

pytestmark = pytest.mark.engine

JOB = f"{JOBS}\\kb5000871"
TASK = "ExchangeRemediation-kb5000871"
ACCESS = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
BOOT = "boot:42;system:2021-03-03T00:42:00.0000000Z"
WINDOWS_POWERSHELL = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"
KEYS = [f"{number:064x}" for number in range(1, 9)]


class JobHost:
    """One host with a package on it and the lock taken."""

    def __init__(self, shims: ShimHost, **behaviour: Any) -> None:
        self.engine = shims.engine
        self.world: World = prepare(world(processes=[]), **behaviour)
        self.host = SimulatedHost("ex01", "127.77.0.1", self.world)
        self.holders = Holders()
        self.call("Lock-Host", LOCK)

    def send(self, line: bytes) -> codec.Reply:
        done = asyncio.run(self.engine.run(self.host, codec.BOOTSTRAP_COMMAND, line))
        try:
            return decode(done.stdout, done.stderr, done.exit_code)
        except ScriptError as error:
            reply: codec.Reply = error.reply  # type: ignore[attr-defined]
            return reply

    def call(self, name: str, parameters: dict[str, Any], key: str | None = None) -> codec.Reply:
        operation = self.holders.operation(name, parameters, key)
        reply = self.send(codec.encode_request(operation, operation_id=ID, nonce=NONCE))
        self.holders.answered(reply.result)
        return reply

    def body(self, text: str) -> Any:
        """Run a text as an operation, with the functions that it names."""
        reply = self.send(request_line(sample(text)).encode())
        assert reply.errors == (), reply.errors
        return reply.result

    def start(self, **changes: Any) -> codec.Reply:
        return self.call("Start-HostJob", order(**changes), KEYS[0])

    def job(self) -> dict[str, Any]:
        found: dict[str, Any] = self.call("Get-HostJob", {"job": "kb5000871"}).result
        return found

    @property
    def stored(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.world.text(f"{JOB}\\state.json") or "{}")
        return found

    def rewind(self, **changes: Any) -> None:
        """Put another state in place and let the task start the runner again."""
        text = json.dumps({**self.stored, **changes})
        self.world.write_text(f"{JOB}\\state.json", text, by="test")
        script = f"& ([ScriptBlock]::Create([IO.File]::ReadAllText('{JOB}\\runner.ps1')))"
        arguments = escape(f'-NoProfile -Command "{script}"')
        space = "http://schemas.microsoft.com/windows/2004/02/mit/task"
        action = f"<Exec><Command>powershell.exe</Command><Arguments>{arguments}</Arguments></Exec>"
        xml = f'<Task xmlns="{space}"><Actions>{action}</Actions></Task>'
        machine.put_task(self.world, TASK, xml, by="test")
        machine.change_task(self.world, TASK, due=True)


def test_job_is_staged_for_system_and_administrators_only(shims: ShimHost) -> None:
    host = JobHost(shims, hang=True)
    host.start()
    for folder in (JOBS, JOB):
        entry = host.world.file(folder) or {}
        assert f"{entry['owner']} {entry['sddl']}" == f"S-1-5-32-544 {ACCESS}"
    names = sorted(name for name, _ in host.world.children(JOB))
    assert names == ["job.json", "output.log", "runner.lock", "runner.ps1", "state.json"]


def test_task_is_of_system_without_limits_and_comes_back_after_a_restart(shims: ShimHost) -> None:
    host = JobHost(shims, hang=True)
    host.start()
    xml = host.world.data["scheduled_tasks"][TASK]["xml"]
    for wanted in (
        '<?xml version="1.0" encoding="UTF-16"?>',
        "<UserId>S-1-5-18</UserId>",
        "<BootTrigger><Enabled>true</Enabled></BootTrigger>",
        "<MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>",
        "<AllowHardTerminate>false</AllowHardTerminate>",
        "<ExecutionTimeLimit>PT0S</ExecutionTimeLimit>",
        "<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>",
        "runner.ps1",
    ):
        assert wanted in xml


def test_task_is_gone_when_the_job_has_ended(shims: ShimHost) -> None:
    host = JobHost(shims, duration_seconds=60)
    host.start()
    assert host.world.data["scheduled_tasks"] == {}
    assert host.world.data["processes"] == []


def test_junction_instead_of_the_folder_is_refused(shims: ShimHost) -> None:
    host = JobHost(shims)
    host.world.put_file(JOB, {"directory": True, "reparse": True}, by="test")
    assert host.start().errors[0].id == "StateRefused"
    assert launches(host.world) == []


def test_cut_off_start_is_finished_by_the_next(shims: ShimHost) -> None:
    host = JobHost(shims, duration_seconds=60)
    entry = {"directory": True, "owner": "S-1-5-32-544", "sddl": ACCESS}
    host.world.put_file(JOBS, entry, by="test")
    host.world.put_file(JOB, entry, by="test")
    host.world.write_text(f"{JOB}\\job.json", '{"job":"kb5000871"}', by="test")
    assert host.job() == {"job": "kb5000871", "state": "absent"}
    assert host.start().result["changed"] is True
    assert host.job()["state"] == "finished"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": "running", "boot_id": BOOT, "runner_pid": 77777}, "runner"),
        ({"state": "stalled", "boot_id": BOOT, "runner_pid": None}, "runner"),
        ({"state": "running", "boot_id": "boot:41;system:x"}, "reboot"),
        ({"state": "deadline", "boot_id": "boot:41;system:x"}, "reboot"),
    ],
)
def test_launched_program_is_never_launched_again_i15(
    changes: dict[str, Any], reason: str, shims: ShimHost
) -> None:
    host = JobHost(shims, duration_seconds=60)
    host.start()
    host.rewind(**changes, finished=None, exit_code=None)
    machine.change_task(host.world, TASK, due=False)
    seen = host.job()
    assert (seen["state"], seen["reason"]) == ("interrupted", reason)
    assert host.stored["state"] == changes["state"], "looking changes nothing"
    machine.change_task(host.world, TASK, due=True)
    host.job()
    assert (host.stored["state"], host.stored["reason"]) == ("interrupted", reason)
    assert len(launches(host.world)) == 1
    assert host.world.data["scheduled_tasks"] == {}


def test_ended_job_whose_task_starts_again_stays_ended_i15(shims: ShimHost) -> None:
    host = JobHost(shims, duration_seconds=60, exit_code=3010)
    host.start()
    host.rewind()
    seen = host.job()
    assert (seen["state"], seen["exit_code"]) == ("finished", 3010)
    assert len(launches(host.world)) == 1
    assert host.world.data["scheduled_tasks"] == {}


def test_declared_job_waits_for_its_runner_after_a_restart(shims: ShimHost) -> None:
    host = JobHost(shims, duration_seconds=60)
    host.start(relaunch_after_reboot=True)
    host.rewind(state="running", boot_id="boot:41;system:x", finished=None, exit_code=None)
    machine.change_task(host.world, TASK, due=False)
    seen = host.job()
    assert (seen["state"], seen["reason"]) == ("running", "awaiting-relaunch")
    machine.change_task(host.world, TASK, due=True)
    assert host.job()["state"] == "finished"
    assert len(launches(host.world)) == 2


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda host: host.world.delete_file(PATCH, by="test"), "file"),
        (lambda host: host.world.write_text(PATCH, "swapped", by="test"), "sha256"),
        (lambda host: host.world.data.update(now="2021-03-05T16:00:00Z"), "deadline"),
    ],
)
def test_nothing_is_launched_that_changed_since_it_was_ordered_i10(
    spoil: Any, reason: str, shims: ShimHost
) -> None:
    host = JobHost(shims)
    host.start()
    host.rewind(state="staged", attempt=0, finished=None, exit_code=None)
    spoil(host)
    host.world.generation += 1
    seen = host.job()
    assert (seen["state"], seen["reason"]) == ("refused", reason)
    assert len(launches(host.world)) == 1, "the one before it was spoiled"


def test_file_cannot_be_written_between_hash_and_end_i10(shims: ShimHost) -> None:
    host = JobHost(shims)
    parameters = json.dumps({"file": PATCH, "sha256": order()["sha256"], "deadline_utc": "2099"})
    found = host.body(f"""
$job = '{parameters}' | ConvertFrom-Json
$job.deadline_utc = '2099-01-01T00:00:00Z'
$state = @{{state = 'staged'}}
$held = Open-JobFile $job $state
$writable = $true
try {{ [IO.File]::Open('{PATCH}', 'Open', 'Write', 'None').Dispose() }} catch [IO.IOException] {{ $writable = $false }}
$readable = [IO.File]::Open('{PATCH}', 'Open', 'Read', 'Read')
$readable.Dispose()
$held.Dispose()
[IO.File]::Open('{PATCH}', 'Open', 'Write', 'None').Dispose()
[ordered] @{{writable = $writable; hash = $state['sha256_at_launch']}}
""")
    assert found == {"writable": False, "hash": order()["sha256"]}


def test_second_runner_of_a_job_does_nothing(shims: ShimHost) -> None:
    host = JobHost(shims, duration_seconds=60)
    host.start()
    host.rewind(state="staged", attempt=0)
    machine.change_task(host.world, TASK, due=False)
    host.body(f"""
$guard = [IO.File]::Open('{JOB}\\runner.lock', 'OpenOrCreate', 'ReadWrite', 'None')
Start-JobRunner '{JOB}'
$guard.Dispose()
'done'
""")
    assert host.stored["state"] == "staged"


def test_output_is_kept_up_to_the_cap_and_counted(shims: ShimHost) -> None:
    text = "0123456789" * 5000
    host = JobHost(shims, output=text, duration_seconds=60)
    host.start(output_cap_bytes=20_000)
    assert host.job()["output_bytes"] == 50_000
    asked = {"job": "kb5000871", "output_offset": 19_990, "output_limit": 1000}
    chunk = host.call("Get-HostJob", asked).result["output"]
    assert base64.b64decode(chunk).decode() == text[19_990:20_000]


def test_program_that_windows_does_not_start_is_refused(shims: ShimHost) -> None:
    host = JobHost(shims, refused="This program is blocked by group policy")
    host.start()
    seen = host.job()
    assert (seen["state"], seen["reason"]) == ("refused", "launch")
    assert seen["message"] == "This program is blocked by group policy"
    assert launches(host.world) == []


def test_full_disk_ends_neither_the_watch_nor_the_last_word(shims: ShimHost) -> None:
    host = JobHost(shims)
    found = host.body("""
$state = [ordered] @{state = 'running'; progress = '2021-03-05T09:59:00.0000000Z'; heartbeat = '2021-03-05T09:00:00.0000000Z'; output_bytes = 0; missed_writes = 0; was_stalled = $false; was_late = $false}
$job = '{"job":"a","progress_paths":["C:\\\\Packages","C:\\\\none"],"progress_timeout_seconds":600}' | ConvertFrom-Json
$job | Add-Member -MemberType NoteProperty -Name deadline_utc -Value '2021-03-05T16:00:00.0000000Z'
$script:count = 0
function Write-JobState { $script:count++; if ($script:count -lt 4) { throw 'There is not enough space on the disk.' } }
function Start-Sleep { param ($Seconds) }
function Unregister-JobTask { $true }
$first = Update-JobState 'C:\\' $job $state ([Diagnostics.Process]::GetCurrentProcess()) ''
$second = Update-JobState 'C:\\' $job $state ([Diagnostics.Process]::GetCurrentProcess()) $first
Complete-Job 'C:\\' $job $state
[ordered] @{missed = $state['missed_writes']; written = $script:count; same = $first -ceq $second; mark = $first; state = $state['state']}
""")
    assert (found["missed"], found["written"], found["state"]) == (3, 4, "running")
    assert found["same"] is True
    assert found["mark"].startswith("0;1:22;-;")


def test_clock_that_was_set_back_does_not_silence_the_heartbeat(shims: ShimHost) -> None:
    host = JobHost(shims)
    found = host.body("""
$state = [ordered] @{state = 'running'; progress = '2021-03-05T10:30:00.0000000Z'; heartbeat = '2021-03-05T10:30:00.0000000Z'; output_bytes = 0; missed_writes = 0}
$job = '{"job":"a","progress_paths":[],"progress_timeout_seconds":600,"deadline_utc":"2021-03-05T16:00:00.0000000Z"}' | ConvertFrom-Json
$script:count = 0
function Write-JobState { $script:count++ }
$null = Update-JobState 'C:\\' $job $state ([Diagnostics.Process]::GetCurrentProcess()) ''
$script:count
""")
    assert found == 1


@pytest.mark.parametrize(
    ("codes", "left"),
    [("@(0, 1, 0)", False), ("@(0, 1, 1, 1, 0)", False), ("@(0, 1, 1, 0, 0)", True)],
)
def test_task_that_does_not_start_leaves_nothing_that_a_restart_could_start(
    codes: str, *, left: bool, shims: ShimHost
) -> None:
    """Answers of schtasks.exe in order: create, run, delete, query the task, query all."""
    host = JobHost(shims)
    parameters = json.dumps(order() | {"schema": 1, "kind": "process"})
    found = host.body(f"""
$script:codes = {codes}
$script:at = 0
function Invoke-Schtasks {{ [ordered] @{{code = $script:codes[$script:at++]; text = 'no'}} }}
$order = [ordered] @{{relaunch_after_reboot = $false}}
foreach ($member in ('{parameters}' | ConvertFrom-Json).PSObject.Properties) {{ $order[$member.Name] = $member.Value }}
$refused = $null
try {{ $script:HeldLock = @{{owner = '{OWNER}'}}; $null = Start-StagedJob $order $null }} catch {{ $refused = $_.Exception.Data['id'] }}
[ordered] @{{refused = $refused; left = (Test-Path -LiteralPath '{JOB}')}}
""")
    assert found == {"refused": "TaskRefused", "left": left}


def test_scheduler_that_does_not_answer_keeps_the_folder(shims: ShimHost) -> None:
    host = JobHost(shims, duration_seconds=60)
    host.start()
    host.world.data["services"]["Schedule"] = {"status": "Stopped", "display_name": "x"}
    host.world.generation += 1
    gone = {"job": "kb5000871", "lock_of": OWNER}
    assert host.call("Remove-HostJob", gone, KEYS[1]).errors[0].id == "TaskRefused"
    assert host.stored["state"] == "finished"


def test_folder_in_use_is_removed_when_it_is_free(shims: ShimHost) -> None:
    host = JobHost(shims)
    found = host.body("""
$script:tries = 0
function Resolve-NativePath { param ($Path) 'C:\\none' }
function Start-Sleep { param ($Milliseconds) $script:tries++ }
try { Remove-JobFolder 'C:\\none' } catch { $null = $_ }
$script:tries
""")
    assert found == 24


def test_restart_that_windows_refuses_is_an_error(shims: ShimHost) -> None:
    host = JobHost(shims)
    host.world.data["session"]["elevated"] = False
    host.world.generation += 1
    asked = {"reason": "x", "lock_of": OWNER}
    reply = host.call("Restart-Host", asked, KEYS[1])
    assert reply.errors[0].id == "RestartRefused"
    assert "exit code 5" in reply.errors[0].message


def test_running_installer_is_not_restarted_over(shims: ShimHost) -> None:
    host = JobHost(shims)
    host.world.data["processes"] = ["msiexec"]
    host.world.generation += 1
    reply = host.call("Restart-Host", {"reason": "x", "lock_of": OWNER}, KEYS[1])
    assert (reply.errors[0].error_class, reply.errors[0].id) == ("Locked", "InstallerRunning")


WORDS = [
    "/quiet",
    "",
    "a b",
    'say "hi"',
    "C:\\a b\\",
    "C:\\ab\\",
    'a\\"b',
    'a\\\\"b c',
    "PROP=a b",
    "PROP=ab",
    'PROP="a b"',
    "1PROP=a b",
    "\\\\server\\share name\\",
]


def test_arguments_are_quoted_as_the_model_does(shims: ShimHost) -> None:
    text = ",".join("'" + word.replace("'", "''") + "'" for word in WORDS)
    found = JobHost(shims).body(
        f"@{{words = @(foreach ($word in {text}) {{ ConvertTo-Argument $word }})}}"
    )
    assert found["words"] == [job_runner.quoted(word) for word in WORDS]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("C:\\a\\x.exe", "C:\\a\\x.exe /quiet"),
        ("C:\\a b\\x.MSI", 'C:\\Windows\\System32\\msiexec.exe /i "C:\\a b\\x.MSI" /quiet'),
        ("C:\\a\\x.msp", "C:\\Windows\\System32\\msiexec.exe /update C:\\a\\x.msp /quiet"),
        (
            "C:\\a\\x.ps1",
            f"{WINDOWS_POWERSHELL} -NoProfile -NonInteractive -ExecutionPolicy Bypass -File C:\\a\\x.ps1 /quiet",
        ),
    ],
)
def test_program_follows_from_the_file(file: str, expected: str, shims: ShimHost) -> None:
    assert command_lines(shims, {"kind": "process", "file": file, "arguments": ["/quiet"]}) == (
        expected,
        expected,
    )


def command_lines(shims: ShimHost, job: dict[str, Any]) -> tuple[str, str]:
    """What the real runner and the model start for a job."""
    folder = "C:\\a job"
    found = JobHost(shims).body(f"""
$line = Get-JobCommandLine '{folder}' ('{json.dumps(job)}' | ConvertFrom-Json)
"$($line['program']) $($line['arguments'])"
""")
    return found, job_runner.command_line(job, folder=folder)


def test_program_is_told_where_its_output_goes(shims: ShimHost) -> None:
    job = {"kind": "process", "file": "C:\\a\\x.exe", "arguments": ["{output}\\r", "{other}"]}
    expected = 'C:\\a\\x.exe "C:\\a job\\output\\r" {other}'
    assert command_lines(shims, job) == (expected, expected)


def test_objects_are_asked_for_by_the_launcher(shims: ShimHost) -> None:
    job = {"kind": "proxylogon-objects", "file": "C:\\a\\x.ps1", "arguments": []}
    expected = (
        f"{WINDOWS_POWERSHELL} -NoProfile -NonInteractive -ExecutionPolicy Bypass "
        '-File "C:\\a job\\launch.ps1"'
    )
    assert command_lines(shims, job) == (expected, expected)


SCHTASKS = """
function Ask { $lines = schtasks.exe @args; "$LASTEXITCODE $($lines -join ' ')" }
[IO.File]::WriteAllText('C:\\task.xml', '<Task><a>1</a></Task>')
[IO.File]::WriteAllText('C:\\bad.xml', '<Task>')
"""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "/Create /TN a /XML C:\\task.xml /F",
            '0 SUCCESS: The scheduled task "a" has successfully',
        ),
        ("/Create /TN a /XML C:\\bad.xml /F", "1 ERROR: The task XML is malformed."),
        ("/Create /TN a /XML C:\\none.xml /F", "1 ERROR: The system cannot find the file"),
        ("/Create /TN known /XML C:\\task.xml", "1 WARNING: The task name"),
        ("/Query /TN \\known /XML", "0 <Task/>"),
        ("/Query /TN none", "1 ERROR: The system cannot find the file specified."),
        ("/Query /FO CSV", '0 "\\known","N/A","Ready"'),
        ("/Run /TN none", "1 ERROR: The system cannot find the file specified."),
        ("/Delete /TN known", "1 ERROR"),
        ("/Delete /TN KNOWN /F", '0 SUCCESS: The scheduled task "known" was successfully deleted.'),
        ("/End /TN known", "0 SUCCESS"),
        ("/Frob /TN known", "1 ERROR: Invalid argument/option"),
    ],
)
def test_schtasks_answers_with_its_exit_codes(words: str, expected: str, shims: ShimHost) -> None:
    host = world()
    machine.put_task(host, "known", "<Task/>", by="test")
    ran = shims.run(f"{SCHTASKS} Ask {words}", host)
    assert ran.lines[-1].startswith(expected), ran


def test_start_process_waits_in_no_time_and_has_an_exit_code(shims: ShimHost) -> None:
    host = prepare(world(), exit_code=7, duration_seconds=3600)
    ran = shims.run(
        f"$p = Start-Process -FilePath msiexec.exe -ArgumentList '/i','{PATCH}' -Wait -PassThru\n"
        "\"$($p.HasExited) $($p.ExitCode) $((Get-Date).ToUniversalTime().ToString('s'))\"\n"
        "try { Start-Process -FilePath C:\\none.exe } catch { 'refused' }\n",
        host,
    )
    assert ran.lines[0] == "True 7 2021-03-05T11:00:00", ran.errors
    assert ran.lines[1] == "refused"
    assert host.clock().hour == 11


class BrokenLine:
    """A line to the real engine that breaks once, before or after the host acted."""

    def __init__(self, host: JobHost, at: int, *, after: bool) -> None:
        self.host, self.at, self.after = host, at, after
        self.asked: list[str] = []
        self.slept = 0.0

    def execute(self, command: str, stdin: bytes) -> ExecResult:
        self.asked.append(json.loads(stdin)["operation"])
        broken = len(self.asked) - 1 == self.at
        if broken and not self.after:
            raise TransportError("the connection broke before the command arrived")
        done = asyncio.run(self.host.engine.run(self.host.host, command, stdin))
        if broken:
            raise TransportError("the connection broke before the answer arrived")
        return ExecResult(done.stdout, done.stderr, done.exit_code)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        machine.advance_clock(self.host.world, seconds)

    def driver(self) -> JobDriver:
        transport = ExecTransport(self.execute, peer="ex01", sleep=self.sleep)
        held = HeldTransport(transport, self.host.holders)
        return JobDriver(held, self.sleep, lambda: self.slept, lambda: 0.5)


@pytest.mark.parametrize("at", range(5))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_driver_launches_once_on_the_real_scripts_whenever_the_line_breaks_i15(
    at: int, *, after: bool, shims: ShimHost
) -> None:
    host = JobHost(shims, duration_seconds=600, exit_code=3010, output="done")
    line = BrokenLine(host, at, after=after)
    wanted = JobOrder(
        **{n: v for n, v in order().items() if n not in ("arguments", "lock_of")},
        owner=OWNER,
        arguments=tuple(order()["arguments"]),
        run="run-1",
    )
    driver = line.driver()
    result = driver.run(wanted, Patience(deadline=3600.0))
    assert result.outcome is JobOutcome.FINISHED
    assert result.state is not None
    assert result.state.exit_code == 3010
    line.at = -1
    assert driver.output(wanted.job) == b"done"
    assert driver.remove(wanted) is True
    assert len(launches(host.world)) == 1
