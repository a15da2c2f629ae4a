# SPDX-License-Identifier: GPL-3.0-or-later
"""Real Ansible changes servers while the line breaks: once, with a right verdict, and no secret anywhere."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from .conftest import ROOT, environment, start_fleet, toolkit
from .test_patch import SECRET, store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Fleet

pytestmark = pytest.mark.integration
VAULT_PASSWORD = "what opens the vault of this test"
OTHER_SECRET = "a value of the vault that nobody uses"
HERE = Path(__file__).parent


class Vaulted(str):
    """Text that goes into an inventory as ``!vault``."""

    __slots__ = ()


yaml.SafeDumper.add_representer(
    Vaulted, lambda dumper, text: dumper.represent_scalar("!vault", text, style="|")
)


def vaulted(text: str) -> Vaulted:
    vault = VaultLib([("default", VaultSecret(VAULT_PASSWORD.encode()))])
    return Vaulted(vault.encrypt(text.encode()).decode())


def shapes(secret: str) -> set[bytes]:
    """The secret as it is, and as it stands inside of base64, of UTF-8 and of UTF-16."""
    found = {secret.encode(), json.dumps(secret)[1:-1].encode()}
    for data in (secret.encode(), secret.encode("utf-16-le")):
        for shift in range(3):
            text = base64.b64encode(bytes(shift) + data)
            found.add(text[4 if shift else 0 : len(text) // 4 * 4 - 4])
    return found


class Processes:
    """What ``ps`` would show of every process, looked at again and again."""

    def __init__(self) -> None:
        self.lines: set[bytes] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._over.wait(0.05):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.lines.add(file.read_bytes())
                except OSError:
                    continue  # it has ended

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


@dataclass
class Story:
    """All that was done to the fleet, and everything that it left behind below ``folder``."""

    fleet: Fleet
    folder: Path
    password: str
    printed: list[str] = field(default_factory=list)
    processes: set[bytes] = field(default_factory=set)

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.yml"

    def play(self, book: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Run a playbook as talkative as can be: host -> result of the task that acts."""
        rows = self.folder / f"results{len(self.printed)}.jsonl"
        self._run(
            *(sys.executable, "-m", "ansible", "playbook", f"exchange.remediation.{book}"),
            *("--inventory", str(self.inventory), "-vvvvv"),
            *("--extra-vars", json.dumps(variables)),
            ANSIBLE_CALLBACKS_ENABLED="results_file",
            RESULTS_FILE=str(rows),
        )
        found = [json.loads(line) for line in rows.read_text().splitlines()]
        kinds = ("mitigation", "security_update")
        return {
            row["host"]: row["result"][kind]
            for row in found
            for kind in kinds
            if kind in row["result"]
        }

    def toolkit(self, *arguments: str | Path) -> str:
        """Run our own command, as talkative; returns what it printed."""
        module = "ansible_collections.exchange.remediation.plugins.plugin_utils.cli.main"
        words = [str(argument) for argument in arguments]
        return self._run(sys.executable, "-m", module, *words, "--", "-vvvvv")

    def _run(self, *command: str, **more: str) -> str:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        variables = {
            "HOME": str(home),
            "TMPDIR": str(home),
            "ANSIBLE_LOG_PATH": str(self.folder / f"log{len(self.printed)}.txt"),
            "ANSIBLE_DISPLAY_TRACEBACK": "always",
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.folder.parent / "vault-password"),
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        }
        with Processes() as watched:
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
                check=False, cwd=ROOT, env=environment(**variables, **more),
            )  # fmt: skip
        self.printed.append(done.stdout)
        self.processes |= watched.lines
        return done.stdout


def write_inventory(fleet: Fleet, folder: Path) -> str:
    """Keep the fleet's password in a vault, and another value beside it; returns the password."""
    inventory = yaml.safe_load(fleet.inventory.read_text())
    variables = inventory["exchange"]["vars"]
    password = str(variables["ansible_password"])
    variables |= {"ansible_password": vaulted(password), "something_else": vaulted(OTHER_SECRET)}
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
    (folder.parent / "vault-password").write_text(VAULT_PASSWORD)
    (folder.parent / "passphrase").write_bytes(SECRET)
    return password


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A fleet of two; what is done to it is done once, the tests look at it."""
    base = tmp_path_factory.mktemp("change")
    folder = base / "left"
    folder.mkdir()
    fleet = start_fleet(base / "state", HERE / "change_faults_fleet.yml")
    yield Story(fleet, folder, write_inventory(fleet, folder))
    assert toolkit("rehearse", "down", "--state", base / "state").returncode == 0


@pytest.fixture(scope="module")
def mitigated(story: Story) -> dict[str, Any]:
    variables = {"mitigate_confirm": True, "mitigate_case": str(story.folder / "case")}
    return story.play("mitigate", {**variables, "mitigate_serial": "100%"})


@pytest.fixture(scope="module")
def patched(story: Story, mitigated: dict[str, Any]) -> list[dict[str, Any]]:
    """The first run, and a second one for whom it did not end well."""
    variables = {
        **store(story.folder.parent),
        "patch_confirm": True,
        "patch_usable_seconds": 30,
        "patch_serial": "100%",
        "patch_case": str(story.folder / "case"),
        "patch_run": "march",
    }
    return [story.play("patch", variables), story.play("patch", variables)]


@pytest.fixture(scope="module")
def taken_off(story: Story, patched: list[dict[str, Any]]) -> list[str]:
    """What a signed plan to take the mitigations off printed, and carrying it out."""
    base = story.folder.parent
    cases = ("--cases", story.folder / "cases", "--keys", base / "keys")
    known = ("-i", story.inventory, *cases)
    plan = story.folder / "plan.json"
    signing = ("--passphrase-file", base / "passphrase", "--out", plan)
    planned = story.toolkit("plan", "unmitigate", *known, *signing)
    return [planned, story.toolkit("apply", *known, "--confirm", plan)]


def test_mitigations_are_applied_once_although_answers_are_lost(
    story: Story, mitigated: dict[str, Any]
) -> None:
    assert {host: row["state"] for host, row in mitigated.items()} == {
        "shaken": "mitigated",
        "rejected": "mitigated",
    }
    steps = [[(s["step"], s["changed"]) for s in row["steps"]] for row in mitigated.values()]
    assert steps[0] == steps[1]
    assert story.fleet.status()["shaken"]["faults"] >= 2


def test_update_is_installed_once_although_answers_are_lost(
    story: Story, patched: list[dict[str, Any]]
) -> None:
    """A second launch would roll back: the scenario says so."""
    first, second = patched
    assert first["shaken"]["state"] == "patched", first["shaken"]["reason"]
    assert first["shaken"]["exit_code"] == 3010
    assert second["shaken"]["state"] == "nothing-to-do"
    assert story.fleet.status()["shaken"]["faults"] == 4


def test_rejected_login_ends_as_unknown_and_the_next_run_goes_on(
    story: Story, patched: list[dict[str, Any]]
) -> None:
    first, second = patched
    assert first["rejected"]["state"] == "unknown", first["rejected"]["reason"]
    assert "credentials were rejected" in first["rejected"]["reason"]
    assert second["rejected"]["state"] == "patched", second["rejected"]["reason"]
    assert second["rejected"]["exit_code"] == 3010
    assert story.fleet.status()["rejected"]["faults"] == 1


def test_no_secret_is_in_anything_that_was_printed_written_or_shown_i8(
    story: Story, taken_off: list[str]
) -> None:
    planned, applied = taken_off
    assert (planned.count(" planned "), applied.count(" removed ")) == (2, 2), taken_off
    secrets = [story.password, VAULT_PASSWORD, OTHER_SECRET, SECRET.decode()]
    needles = {shape for secret in secrets for shape in shapes(secret)}
    needles |= {b"Authorization: ", b"TlRMTVNTUAAD"}  # a login of NTLM: its last message
    printed = [text.encode() for text in story.printed]
    files = [path for path in story.folder.rglob("*") if path.is_file()]
    written = {path: path.read_bytes() for path in [*files, story.fleet.state / "rehearsal.log"]}
    wordy = printed[:-2] + [written[path] for path in files if path.suffix == ".log"]
    assert len(wordy) == 5
    assert all(len(text) > 10_000 for text in wordy)
    assert any(b"exchange.remediation.patch" in line for line in story.processes)
    kinds = {"journal.jsonl", "log0.txt", "results0.jsonl", "plan.json"}
    assert kinds <= {path.name for path in files}
    found = [str(path) for path, data in written.items() for n in needles if n in data]
    found += [f"output {i}" for i, data in enumerate(printed) for n in needles if n in data]
    found += [str(line) for line in story.processes for n in needles if n in line]
    assert found == []


def test_a_secret_in_any_shape_would_be_found() -> None:
    for before in ("", "x", "xy", "user:"):
        for encoding in ("utf-8", "utf-16-le"):
            text = base64.b64encode(f"{before}{OTHER_SECRET} and more".encode(encoding))
            assert any(shape in text for shape in shapes(OTHER_SECRET)), (before, encoding)
