# SPDX-License-Identifier: GPL-3.0-or-later
"""One command over a connection plugin of Ansible; prints outcome, peak memory and time as JSON.

Run by the tests as a process of its own, so that the peak is this command's alone:
``measured_client.py PLUGIN PORT COMMANDS``.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path

from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader, get_shell_plugin, init_plugin_loader


def peak_mb() -> int:
    """Peak memory of this program in MB.

    Not ``ru_maxrss``: that one starts with the peak of whoever started us, and a test process of
    400 MB hid what was to be measured.
    """
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found
    return round(int(found[1]) / 1024)


def main(plugin: str, port: int, commands: int) -> dict[str, object]:
    """Connect without credentials worth anything and run some commands, one after the other."""
    init_plugin_loader()
    connection = connection_loader.get(plugin, PlayContext())
    connection._shell = get_shell_plugin(shell_type="powershell")
    connection.set_options(
        var_options={
            "inventory_hostname": "ex01",
            "ansible_host": "127.0.0.1",
            "ansible_port": port,
            "ansible_user": "nobody",
            "ansible_password": "nothing",
            "ansible_winrm_transport": ["basic"],
            "ansible_winrm_scheme": "http",
            "exchange_allow_insecure": ["basic_over_http"],
            "_extras": {},
        }
    )
    before = peak_mb()
    started = time.monotonic()
    outcome: dict[str, object] = {}
    try:
        for _ in range(commands):
            _, stdout, _ = connection.exec_command("PowerShell -Command 1", in_data=b"x\n")
            outcome["stdout"] = len(stdout)
    except Exception as error:  # noqa: BLE001 - the test wants to see whatever it is
        outcome["error"] = f"{type(error).__name__}: {error}"
    outcome["seconds"] = round(time.monotonic() - started, 2)
    outcome["before_mb"] = before
    outcome["peak_mb"] = peak_mb()
    return outcome


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))) + "\n")
