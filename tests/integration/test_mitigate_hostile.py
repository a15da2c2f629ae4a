# SPDX-License-Identifier: GPL-3.0-or-later
"""A hostile server in the middle of a change: the journal of the case and the neighbours have theirs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import warm_ansible
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.bounds import (
    ENTRY_BYTES,
    holds_cut,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import events, verify
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    CommandResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)

from .conftest import ROOT, environment, served, toolkit

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
        SimulatedHost,
    )

pytestmark = pytest.mark.integration


class HostileEngine(ModelEngine):
    """Does what is asked; the host named so adds to the answer of each change."""

    async def run(self, host: SimulatedHost, command_line: str, stdin: bytes) -> CommandResult:
        done = await super().run(host, command_line, stdin)
        if host.name != "hostile" or not json.loads(stdin)["key"]:
            return done
        frame = json.loads(done.stdout)
        frame["reply"]["result"] |= {
            "float": 1e17,
            "deep": [[[1e20]]],
            "text": "\x01" * 1_000_000,
            "\ud800": -0.0,
        }
        return CommandResult(stdout=(json.dumps(frame, separators=(",", ":")) + "\n").encode())


def mitigate(inventory: Path, folder: Path) -> tuple[dict[str, Any], str]:
    rows = folder / "results.jsonl"
    done = warm_ansible.run(
        [sys.executable, "-m", "ansible", "playbook", "exchange.remediation.mitigate",
         "--inventory", str(inventory), "--extra-vars",
         json.dumps({"mitigate_case": str(folder / "case"), "mitigate_confirm": True})],
        merged=True, timeout=300, cwd=ROOT, env=environment(
            ANSIBLE_CALLBACK_PLUGINS=str(Path(__file__).parent / "callback_plugins"),
            ANSIBLE_CALLBACKS_ENABLED="results_file",
            RESULTS_FILE=str(rows),
        ),
    )  # fmt: skip
    found = [json.loads(line) for line in rows.read_text().splitlines()]
    return {r["host"]: r["result"] for r in found if "mitigation" in r["result"]}, done.stdout


def test_hostile_server_breaks_neither_the_journal_nor_its_neighbour(tmp_path: Path) -> None:
    with served(tmp_path, ("hostile", "neighbour"), HostileEngine()) as inventory:
        results, text = mitigate(inventory, tmp_path)
    assert results["neighbour"]["mitigation"]["state"] == "mitigated", text
    path = tmp_path / "case" / "journal.jsonl"
    assert toolkit("verify", path.parent).returncode == 0
    answer = verify(path)
    assert answer.ok, answer
    assert answer.cut >= 1
    assert all(len(line) < ENTRY_BYTES + 1000 for line in path.read_bytes().splitlines())
    lines = [line.content for line in events(path)]
    ends = {line["host"]: line["data"]["state"] for line in lines if line["event"] == "end"}
    assert ends == {host: row["mitigation"]["state"] for host, row in results.items()}
    for host in ("hostile", "neighbour"):
        said = [line["event"] for line in lines if line["host"] == host]
        assert said.count("intent") == said.count("done") >= 2
    cut = {line["host"] for line in lines if holds_cut(line["data"])}
    assert cut == {"hostile"}
