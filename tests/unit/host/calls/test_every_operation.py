# SPDX-License-Identifier: GPL-3.0-or-later
"""Every operation has one function, and what that sends is what the script takes."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.calls import (
    asking,
    core,
    detection,
    front_end,
    iis_module,
    jobs,
    microsoft,
    mitigations,
    packages,
    updates,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.driver import JobOrder
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import (
    contract,
    loader,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.reply import (
    HostStamp,
    Reply,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FOLDER = Path(loader.__file__).parent
_FILE = {"package": "a.exe", "sha256": "0" * 64, "size": 1}
_RULES = {"mitigation": "m", "site": "s", "path": "p", "rules": [], "preconditions": []}
_NOTED = {"product_code": "{1}", "version": "7", "sha256": "0", "job": "j", "run": "r"}
_JOB = JobOrder("j", "f", "0" * 64, "2021-03-05T10:00:00Z", "me", "r")
_ANSWERS: dict[str, Any] = {
    "Get-HostJob": {"job": "j", "state": "absent"},
    "Lock-Host": {"ticket": f"1-{'0' * 32}"},
    "Find-DetectionFile": {"files": [], "truncated": False},
    "Get-DetectionFile": {"size": 0, "data": ""},
    "Get-PackageState": {"state": "absent", "bytes": 0},
    "Get-UpdateSnapshot": {"now": {}},
}

# One call of each function that sends something and takes more than the host.
_CALLS: tuple[Callable[[Any], object], ...] = (
    partial(core.lock, holder=core.Holder("me", "r", "0" * 32, "why", 60, "ctl", "gone", "1" * 32)),
    partial(core.order_status, keys=["k"]),
    partial(detection.files, job="j"),
    partial(
        detection.read_part,
        job="j",
        file=detection.HostFile("job", "a.csv", 1, None, None),
        offset=0,
        limit=1,
    ),
    partial(front_end.probe, probes=[{"name": "owa"}]),
    partial(jobs.start, order=_JOB.parameters(), key="k"),
    partial(jobs.state, job="j"),
    partial(jobs.output, job="j", offset=0, most=10),
    partial(jobs.remove, job="j", key="k"),
    partial(jobs.restart, order={"delay_seconds": 1, "reason": "x"}, key="k"),
    partial(packages.state, name="ex1", file=_FILE),
    partial(
        packages.add_chunk,
        chunk={**_FILE, "offset": 0, "data": "", "chunk_sha256": "0"},
        key="k",
    ),
    partial(
        packages.fetch,
        order={**_FILE, "source": "x", "deadline_seconds": 9},
        key="k",
    ),
    partial(mitigations.set_url_rewrite, parameters=_RULES, step="s"),
    partial(mitigations.set_services, parameters={"mitigation": "m", "services": []}, step="s"),
    partial(mitigations.set_app_pools, parameters={"mitigation": "m", "pools": []}, step="s"),
    partial(mitigations.undo, parameters={"mitigation": "m"}, step="s"),
    partial(mitigations.is_ours, mitigation="m"),
    partial(iis_module.ask, words=["x"], product_codes=["{1}"]),
    partial(iis_module.products, words=["x"]),
    partial(
        iis_module.save_record,
        parameters={**_NOTED, "product_codes": [], "words": []},
        step="s",
    ),
    partial(iis_module.remove_record, words=["x"], step="s"),
    partial(microsoft.trace, tool="eomt", file="f", log_from=1),
    partial(updates.snapshot, peer="ex1", update="u", binaries=["b"]),
    partial(updates.save_snapshot, update="u", binaries=["b"], step="s", notes=["n"]),
    partial(updates.remove_snapshot, update="u", step="s"),
    partial(updates.restore_start_types, update="u", step="s"),
)


_MODULES = tuple(
    import_module(f"{asking.__package__}.{path.stem}")
    for path in sorted(Path(asking.__file__).parent.glob("*.py"))
    if path.stem != "asking"
)


def _plain() -> Iterator[Callable[[Any], object]]:
    """The functions that need nothing but the host."""
    for module in _MODULES:
        for name, call in inspect.getmembers(module, inspect.isfunction):
            public = call.__module__ == module.__name__ and not name.startswith("_")
            if public and list(inspect.signature(call).parameters) == ["host"]:
                yield call


@dataclass
class Host:
    """Keeps what is sent; answers the least that each operation may answer."""

    sent: list[tuple[str, dict[str, Any], bool]] = field(default_factory=list)

    def ask(self, operation: str, parameters: dict[str, Any], key: str | None = None) -> Reply:
        self.sent.append((operation, parameters, key is not None))
        stamp = HostStamp("ex1", None, "boot", None, None, None)
        result = _ANSWERS.get(operation, {})
        return Reply(
            operation,
            "ok",
            result,
            (),
            stamp,
            None,
            noise="",
            replayed=False,
            script_sha256=None,
            duration_ms=0,
        )

    def change(self, operation: str, parameters: dict[str, Any], step: str) -> dict[str, Any]:
        """As a session does it: the owner of the lock comes along, under a key of run and step."""
        result = self.ask(operation, parameters, f"key of {step}").result
        assert isinstance(result, dict)
        return result


def _sent() -> list[tuple[str, dict[str, Any], bool]]:
    host = Host()
    for call in (*_plain(), *_CALLS):
        before = len(host.sent)
        call(host)
        assert len(host.sent) == before + 1, f"{call} sends one operation"
    return host.sent


def _parameters(operation: str) -> set[str]:
    return {parameter.name.casefold() for parameter in contract.parameters(operation)}


def test_every_operation_has_its_function() -> None:
    assert {operation for operation, _, _ in _sent()} == set(loader.operations())


def test_every_module_of_an_area_has_the_name_of_its_folder() -> None:
    calls = _FOLDER.parent / "calls"
    areas = {path.name for path in _FOLDER.iterdir() if path.is_dir() and path.name[0] != "_"}

    assert {path.stem for path in calls.glob("*.py")} - {"asking"} == areas
    for area in areas:
        text = (calls / f"{area}.py").read_text(encoding="utf-8")
        for operation in loader.operations():
            if f'"{operation}"' in text:
                assert (_FOLDER / area / f"{operation}.ps1").is_file(), (area, operation)


@pytest.mark.parametrize("operation", loader.operations())
def test_the_script_takes_what_is_sent(operation: str) -> None:
    taken = _parameters(operation)
    for name, parameters, keyed in _sent():
        if name == operation:
            sent = {parameter.replace("_", "").casefold() for parameter in parameters}
            assert sent <= taken, sent - taken
            # What only reads takes no key, and a change without one could act twice (I15).
            asks_only = loader.reads_only(operation) or parameters.get("check") is True
            assert not (loader.reads_only(operation) and keyed)
            assert keyed or asks_only or operation in _LOCKING


# They are safe to repeat by what they do, and have to work when a key's reply is not known.
_LOCKING = {"Lock-Host", "Unlock-Host", "Update-HostLock"}
