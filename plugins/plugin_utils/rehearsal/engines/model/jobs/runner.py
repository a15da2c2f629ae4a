# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner of host jobs and the programs it starts, in the model: events at virtual times.

``bring_up_to_date`` is called before each command: whatever should have happened until the host's
present time happens then, each thing at its own time.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ....world import effects, machine
from ....world.paths import parse_time
from ..context import stamp
from ..core.lock import other_boot
from ..core.state import BY
from ..frame import boot_id
from .files import ACTIVE, folder_of, read, sha256_of, write_state
from .image import at_work, clear, is_image, mount

if TYPE_CHECKING:
    from datetime import datetime

    from ....world.world import World

_TASK = "ExchangeRemediation-"
_TICK = 15.0  # how often the runner looks
_MOST_LAUNCHES = 5
_FIRST_PID = 8000
_SYSTEM = "C:\\Windows\\System32"
_PROPERTY = re.compile(r"([A-Za-z_]\w*)=(.*\s.*)\Z")
_POWERSHELL = ["-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File"]


def task_name(job: str) -> str:
    """Return the name of a job's scheduled task."""
    return _TASK + job


def bring_up_to_date(world: World) -> None:
    """Let happen what was due until now."""
    if not (world.data["scheduled_tasks"] or world.data["shutdown"]):
        return
    machine.wake(world)
    moment = world.clock()
    while True:
        for name in machine.due_tasks(world):
            machine.change_task(world, name, due=False)
            if name.startswith(_TASK):
                _run(world, name.removeprefix(_TASK), moment)
        ended = [p for p in _programs(world) if _ends(p) <= world.clock()]
        if not ended:
            break
        program = min(ended, key=_ends)
        moment = _ends(program)
        _end(world, program)
        machine.wake(world)
    for program in _programs(world):
        _look(world, program, world.clock())


def command_line(job: dict[str, Any], image: str | None = None, folder: str = "") -> str:
    """Return what the runner starts, as one line.

    ``image``: the drive of an attached image; ``folder``: that of the job.
    """
    path = str(job["file"])
    extension = path.rpartition(".")[2].lower()
    words = [word.replace("{output}", f"{folder}\\output") for word in job["arguments"]]
    program = path
    if extension in ("msp", "msi"):
        program = f"{_SYSTEM}\\msiexec.exe"
        words = ["/update" if extension == "msp" else "/i", path, *words]
    elif extension == "iso":
        program = f"{image}\\setup.exe"
    elif extension == "ps1":
        program = f"{_SYSTEM}\\WindowsPowerShell\\v1.0\\powershell.exe"
        objects = str(job.get("kind")).casefold() == "proxylogon-objects"
        words = [*_POWERSHELL, f"{folder}\\launch.ps1" if objects else path, *words]
    return " ".join([program, *map(quoted, words)])


def quoted(word: str) -> str:
    """Quote one argument as programs take command lines apart."""
    found = _PROPERTY.match(word)
    if found and '"' not in word:
        return f'{found[1]}="{found[2]}"'
    if word and not re.search(r'[\s"]', word):
        return word
    escaped = re.sub(r'(\\*)"', r'\1\1\\"', word)
    return '"' + re.sub(r"(\\+)\Z", r"\1\1", escaped) + '"'


def _programs(world: World) -> list[dict[str, Any]]:
    return [p for p in world.data["processes"] if isinstance(p, dict) and "job" in p]


def _ends(program: dict[str, Any]) -> datetime:
    behaviour = program["behaviour"]
    started = parse_time(program["started"])
    hang = behaviour.get("hang")
    return started + timedelta(days=36500 if hang else 0, seconds=behaviour["duration_seconds"])


def _run(world: World, job_name: str, at: datetime) -> None:
    """What the runner does when its task starts."""
    folder = folder_of(world, job_name)
    job = read(world, folder, "job.json") if folder else None
    state = read(world, folder, "state.json") if folder else None
    if folder is None or job is None or state is None:
        return
    if state["state"] in ACTIVE:
        rebooted = other_boot(state["boot_id"], boot_id(world))
        if not (rebooted and job["relaunch_after_reboot"] and state["attempt"] < _MOST_LAUNCHES):
            reason = "reboot" if rebooted else "runner"
            state |= {"state": "interrupted", "reason": reason, "finished": stamp(at)}
            state["image"] = None if rebooted else state["image"]
            _complete(world, folder, state, at)
            return
    elif state["state"] != "staged":
        _complete(world, folder, state, at)
        return
    if refusal := _refusal(world, job, state, at):
        state |= {"state": "refused", "reason": refusal, "finished": stamp(at)}
        _complete(world, folder, state, at)
        return
    _launch(world, folder, job, state, at)


def _refusal(world: World, job: dict[str, Any], state: dict[str, Any], at: datetime) -> str | None:
    if stamp(at) >= job["deadline_utc"]:
        return "deadline"
    digest = sha256_of(world, job["file"])
    if digest is None:
        state["message"] = "no such file"
        return "file"
    state["sha256_at_launch"] = digest
    return None if digest == job["sha256"] else "sha256"


def _launch(
    world: World, folder: str, job: dict[str, Any], state: dict[str, Any], at: datetime
) -> None:
    if is_image(job["file"]):
        attached, seconds = mount(world, job["file"], state)
        at += timedelta(seconds=seconds)
        if not attached:
            state |= {"state": "refused", "finished": stamp(at)}
            _complete(world, folder, state, at)
            return
    line = command_line(job, state["image"], folder)
    if message := effects.refusal(world, line):
        now = stamp(at)
        state |= {"state": "refused", "reason": "launch", "message": message}
        state |= {"attempt": state["attempt"] + 1, "started": now, "finished": now}
        clear(world, job["file"], state)
        _complete(world, folder, state, at)
        return
    behaviour = effects.launched(world, line, by=BY)
    number = _FIRST_PID + 8 * sum(m["kind"] == "program" for m in world.data["mutations"])
    output = str(behaviour.get("output", "")).encode()
    now = stamp(at)
    state |= {
        "state": "running",
        "reason": None,
        "message": None,
        "boot_id": boot_id(world),
        "attempt": state["attempt"] + 1,
        "started": now,
        "progress": now,
        "pid": number,
        "program_started": now,
        "runner_pid": number + 4,
        "runner_started": now,
        "output_bytes": state["output_bytes"] + len(output),
    }
    kept = world.text(f"{folder}\\output.log") or ""
    room = max(0, job["output_cap_bytes"] - len(kept.encode()))
    text = kept + output[:room].decode(errors="ignore")
    world.write_text(f"{folder}\\output.log", text, by=BY)
    write_state(world, folder, state, at)
    name = line.partition(".exe")[0].rpartition("\\")[2] if ".exe" in line else "program"
    program = {"name": name, "id": number, "started": now, "job": job["job"], "file": job["file"]}
    runner = {"name": "powershell", "id": number + 4, "started": now}
    machine.put_process(world, runner)
    machine.put_process(world, {**program, "behaviour": behaviour})


def _end(world: World, program: dict[str, Any]) -> None:
    """The program has done its work: what it leaves behind, and what the runner notes."""
    at, behaviour = _ends(program), program["behaviour"]
    _look(world, program, at)
    effects.apply(world, behaviour.get("effects", []), by=BY)
    if behaviour.get("reboots"):
        machine.restart(world)
        return
    if is_image(program["file"]) and at_work(world):
        # setup.exe has handed over: the runner looks again after its pause.
        longer = {**behaviour, "duration_seconds": behaviour["duration_seconds"] + _TICK}
        machine.put_process(world, {**program, "behaviour": {**longer, "effects": []}})
        return
    machine.end_process(world, program["id"])
    machine.end_process(world, program["id"] + 4)
    folder = folder_of(world, program["job"])
    state = read(world, folder, "state.json") if folder else None
    if folder is None or state is None:
        return
    state |= {"state": "finished", "exit_code": behaviour["exit_code"], "finished": stamp(at)}
    clear(world, program["file"], state)
    _complete(world, folder, state, at)


def _look(world: World, program: dict[str, Any], now: datetime) -> None:
    """Note progress, the lack of it and the deadline, as the runner did at its last look."""
    folder = folder_of(world, program["job"])
    job = read(world, folder, "job.json") if folder else None
    state = read(world, folder, "state.json") if folder else None
    if folder is None or job is None or state is None:
        return
    started = parse_time(program["started"])
    behaviour = program["behaviour"]
    busy = behaviour.get("busy_seconds", 0 if behaviour.get("hang") else math.inf)
    looked = _TICK * ((now - started).total_seconds() // _TICK)
    progress = min(looked, _TICK * math.ceil(busy / _TICK) if busy < math.inf else looked)
    at = started + timedelta(seconds=looked)
    last = started + timedelta(seconds=progress)
    new = "running"
    if looked - progress >= job["progress_timeout_seconds"]:
        new, state["was_stalled"] = "stalled", True
    if stamp(at) >= job["deadline_utc"]:
        new, state["was_late"] = "deadline", True
    if (new, stamp(last)) != (state["state"], state["progress"]):
        state |= {"state": new, "progress": stamp(last)}
        write_state(world, folder, state, at)


def _complete(world: World, folder: str, state: dict[str, Any], at: datetime) -> None:
    write_state(world, folder, state, at)
    machine.remove_task(world, task_name(state["job"]), by=BY)
