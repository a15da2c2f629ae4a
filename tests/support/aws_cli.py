# SPDX-License-Identifier: GPL-3.0-or-later
"""What the AWS command line does with the commands of our scripts, by Amazon's own service model.

Stands in for ``aws`` where it is not installed. Options are members of the operation's input,
botocore's ParamValidator checks them, and the call goes to the endpoint. The ``aws`` that a script
finds hands its arguments over through two pipes: reading the service model takes a second each time.
"""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any, Self

import jmespath
from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError

if TYPE_CHECKING:
    from pathlib import Path

_GLOBAL = ("--region", "--query", "--output")
_WRONG_OPTION, _REFUSED = 252, 254  # as aws ends
_TOOL = """#!/bin/sh
for word; do printf '%s\\n' "$word"; done >{folder}/request
{{ read -r status; cat; }} <{folder}/answer
exit "$status"
"""


class AwsCli:
    """An ``aws`` in a folder of its own, which lasts as long as the context."""

    def __init__(self, folder: Path, client: Any) -> None:
        self.folder, self.client = folder, client
        folder.mkdir()
        tool = folder / "aws"
        tool.write_text(_TOOL.format(folder=folder), encoding="utf-8")
        tool.chmod(0o755)
        for name in ("request", "answer"):
            os.mkfifo(folder / name)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        (self.folder / "request").write_text("end\n", encoding="utf-8")
        self._thread.join(timeout=60)

    def _serve(self) -> None:
        while True:
            words = (self.folder / "request").read_text(encoding="utf-8").splitlines()
            if words == ["end"]:
                return
            status, text = self.run(words)
            (self.folder / "answer").write_text(f"{status}\n{text}\n", encoding="utf-8")

    def run(self, words: list[str]) -> tuple[int, str]:
        """Return the exit status and what is printed."""
        method, options = words[1].replace("-", "_"), _options(words[2:])
        model = self.client.meta.service_model
        shape = model.operation_model(self.client.meta.method_to_api_mapping[method]).input_shape
        members = {f"--{xform_name(name, '-')}": name for name in shape.members}
        unknown = [option for option in options if option not in members and option not in _GLOBAL]
        if unknown:
            return _WRONG_OPTION, f"Unknown options: {unknown[0]}"
        given = {
            members[option]: _value(shape.members[members[option]], values)
            for option, values in options.items()
            if option in members
        }
        try:
            answer = getattr(self.client, method)(**given)
        except (ClientError, ParamValidationError) as error:
            return _REFUSED, str(error)
        answer.pop("ResponseMetadata")
        query = options.get("--query")
        found = jmespath.search(query[0], answer) if query else answer
        return 0, _shown(found, options.get("--output", ["json"])[0])


def _options(words: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for word in words:
        if word.startswith("--"):
            found[word] = current = []
        else:
            current.append(word)
    return found


def _shorthand(text: str) -> dict[str, Any]:
    name, _, values = text.partition(",")
    return {"Name": name.removeprefix("Name="), "Values": values.removeprefix("Values=").split(",")}


def _value(shape: Any, words: list[str]) -> Any:
    if shape.type_name == "list" and shape.member.type_name == "structure":
        return json.loads(words[0]) if words[0].startswith("[") else [_shorthand(w) for w in words]
    return words if shape.type_name == "list" else " ".join(words)


def _shown(answer: Any, output: str) -> str:
    if output == "json":
        return json.dumps(answer, default=str)
    return "\t".join(answer) if isinstance(answer, list) else str(answer)
