# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that answer what an attacker would: inert, bounded, and never anybody else's problem."""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ReplySchemaError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.sanitize import clean
from ansible_collections.exchange.remediation.plugins.plugin_utils.facts.validate import validate
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    CommandResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)

from .conftest import served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
        SimulatedHost,
    )

    from .conftest import Run

pytestmark = pytest.mark.integration
FORMULA = re.compile(r"[=+@\t\r]|-(?!\d+(\.\d+)?\Z)")  # a negative number is one
RAW_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def payloads(canary: Path) -> list[str]:
    touch = f"touch {canary}"
    return [
        "{{ lookup('pipe', '" + touch + "') }}",
        "{% set x = lookup('ansible.builtin.pipe', '" + touch + "') %}{{ x }}",
        f"$({touch}); `{touch}` | {touch}",
        f"=cmd|'/C {touch}'!A0",
        "<script>document.title='owned'</script><img src=x onerror=alert(1)>",
        "\x1b]0;owned\x07\x1b[2J\x1b[31mok: [everything]\r\n\u202egpj.exe\u2066",
        "\ud800 lone \udfff",
        "!unsafe {{ 910010101 * 77003 }} ${jndi:ldap://127.0.0.1/a} %n%n%s",
        "../../../../etc/cron.d/x",
        "x" * 5000,
    ]


class HostileEngine(ModelEngine):
    """The model's answer with every string replaced, or something that is no answer at all."""

    canary: Path
    answers: dict[str, Callable[[bytes, dict[str, Any]], bytes]]

    async def run(self, host: SimulatedHost, command_line: str, stdin: bytes) -> CommandResult:
        honest = await super().run(host, command_line, stdin)
        twist = self.answers.get(host.name)
        if twist is None:
            return honest
        request = json.loads(stdin)
        return CommandResult(stdout=twist(honest.stdout, request))

    def strings(self, honest: bytes, request: dict[str, Any]) -> bytes:
        frame = json.loads(honest)
        reply = frame["reply"]
        used = poison(reply["result"], payloads(self.canary))
        assert used >= 30, "hardly a field takes free text any more"
        reply["errors"] = [
            {"source": text, "class": text, "id": text, "message": text}
            for text in payloads(self.canary)
        ]
        return (json.dumps(frame, separators=(",", ":")) + "\n").encode()


def poison(facts: dict[str, Any], supply: list[str]) -> int:
    """Put a payload into every string of the facts where their schema lets one through.

    Returns how many kinds of fields took one. What the schema refuses is refused as a whole and
    another test's business.
    """
    taken: dict[tuple[str, ...], list[str]] = {}
    turn = 0
    for container, key, kind in list(leaves(facts)):
        if kind not in taken:
            taken[kind] = [text for text in supply if fits(facts, container, key, text)]
        if taken[kind]:
            turn += 1
            container[key] = taken[kind][turn % len(taken[kind])]
    return sum(bool(texts) for texts in taken.values())


def leaves(
    container: Any, kind: tuple[str, ...] = ()
) -> Iterator[tuple[Any, Any, tuple[str, ...]]]:
    """Every string below: its container, its key, and its path without list positions."""
    pairs = enumerate(container) if isinstance(container, list) else container.items()
    for key, value in pairs:
        path = (*kind, "*" if isinstance(container, list) else key)
        if isinstance(value, str):
            yield container, key, path
        elif isinstance(value, (list, dict)):
            yield from leaves(value, path)


def fits(facts: dict[str, Any], container: Any, key: Any, text: str) -> bool:
    honest, container[key] = container[key], text
    try:
        validate(clean(facts))
    except ReplySchemaError:
        return False
    finally:
        container[key] = honest
    return True


def nested(honest: bytes, request: dict[str, Any]) -> bytes:
    frame = json.loads(honest)
    frame["reply"]["result"] = "DEEP"
    deep = "[" * 3000 + "]" * 3000
    return json.dumps(frame, separators=(",", ":")).replace('"DEEP"', deep).encode()


def forged_facts(honest: bytes, request: dict[str, Any]) -> bytes:
    """What Ansible would take for variables, if anything of it reached Ansible as a result."""
    frame = json.loads(honest)
    frame["reply"]["result"]["ansible_facts"] = {"assess_campaign": "EVIL"}
    return json.dumps(frame, separators=(",", ":")).encode()


def another_nonce(honest: bytes, request: dict[str, Any]) -> bytes:
    return honest.replace(request["nonce"].encode(), b"0" * 32)


def truncated(honest: bytes, request: dict[str, Any]) -> bytes:
    return honest[: len(honest) // 2]


ANSWERS: dict[str, tuple[Callable[[bytes, dict[str, Any]], bytes], str]] = {
    "nested": (nested, "reply-too-large: "),
    "huge": (lambda _honest, _request: b"x" * (300 * 1024 * 1024), "reply-too-large: "),
    "forged": (forged_facts, "reply-schema: "),
    "replayed": (another_nonce, "reply-wrong-nonce: "),
    "truncated": (truncated, "reply-truncated: "),
    "silent": (lambda _honest, _request: b"", "reply-empty: "),
    "talkative": (lambda _honest, _request: b"Welcome to EX01!\r\n" * 50, "reply-malformed: "),
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Inventory of the hostile fleet, and the file that no payload may ever make."""
    folder = tmp_path_factory.mktemp("hostile")
    canary = folder / "canary"
    engine = HostileEngine()
    engine.canary = canary
    engine.answers = {"strings": engine.strings} | {name: a for name, (a, _) in ANSWERS.items()}
    with served(folder, ("honest", "strings", *ANSWERS), engine) as inventory:
        yield inventory, canary


@pytest.mark.parametrize(
    "env",
    [{}, {"_ANSIBLE_TEMPLAR_UNTRUSTED_TEMPLATE_BEHAVIOR": "error"}],
    ids=["as usual", "any template of host data is an error"],
)
@pytest.mark.parametrize("verbosity", ["-v", "-vvvvv"])
def test_hostile_text_is_inert_everywhere(
    play: Callable[..., Run], hostile: tuple[Path, Path], env: dict[str, str], verbosity: str
) -> None:
    inventory, canary = hostile
    run = play("--limit", "honest:strings", verbosity, inventory=inventory, env=env)
    assert run.code == 0, run.output[-3000:]
    assert run.host("strings")["state"] == "assessed", run.host("strings")["reason"]
    assert run.host("honest")["state"] == "assessed"
    assert not canary.exists()
    found = RAW_CONTROLS.search(run.output)
    assert found is None, run.output[max(0, found.start() - 200) : found.end() + 50]
    # The product in the template above; long enough not to stand in a time, port or id by chance.
    assert str(910010101 * 77003) not in run.output
    assert run.report
    assert run.report["run"]["campaign"]["id"] == "proxylogon"
    assert run.folder
    for path in run.folder.iterdir():
        assert RAW_CONTROLS.search(path.read_text().replace("\r\n", "\n")) is None, path.name
    text = (run.folder / "report.html").read_text()
    assert "<script>document" not in text
    assert "<img src=x" not in text
    for name in ("hosts.csv", "checks.csv"):
        with (run.folder / name).open(newline="", encoding="utf-8") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert [cell for cell in cells if FORMULA.match(cell)] == []


def test_each_unusable_answer_has_its_name_and_stops_nobody(
    play: Callable[..., Run], hostile: tuple[Path, Path]
) -> None:
    run = play(inventory=hostile[0])
    assert run.code == 0, run.output[-3000:]
    assert run.report
    assert len(run.report["hosts"]) == len(ANSWERS) + 2
    for name, (_, reason) in ANSWERS.items():
        host = run.host(name)
        assert (host["state"], host["reason"][: len(reason)]) == ("error", reason), host["reason"]
    assert run.host("honest")["state"] == "assessed"
    # 64 MiB is the cap on one command; a third more on the wire, and not much above that.
    assert run.host("huge")["timing"]["http"]["received_bytes"] < 100 * 1024 * 1024
