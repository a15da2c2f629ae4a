# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes every task result as a line of JSON to the file that RESULTS_FILE names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: results_file
type: notification
short_description: Task results as lines of JSON, for tests
description: One line per host and task.
"""


class CallbackModule(CallbackBase):
    """Host, task, result."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "results_file"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, result: Any) -> None:
        row = {
            "host": result.host.get_name(),
            "task": result.task.get_name(),
            "result": result.result,
        }
        with Path(os.environ["RESULTS_FILE"]).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row, default=str) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:  # noqa: FBT001, FBT002 - Ansible's signature
        self._write(result)
