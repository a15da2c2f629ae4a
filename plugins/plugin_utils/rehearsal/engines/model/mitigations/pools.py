# SPDX-License-Identifier: GPL-3.0-or-later
"""Application pools: how they are configured, whether they run, and both as recorded again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..configuration import application_host_path
from ..core.state import BY
from ..errors import OperationError
from ..facts.iis import pools, set_states
from . import text as mitigation_text

if TYPE_CHECKING:
    from ..context import Context
    from .text import EditedConfiguration, Tag

Pool = dict[str, Any]
SHOWN = ("name", "state", "auto_start", "start_mode")
RECORDED = (*SHOWN, "auto_start_text", "start_mode_text")
_KNOWN = ("Started", "Stopped")
_TAG_END = re.compile(r"[ \t\r\n]*/?>\Z")


@dataclass(frozen=True, slots=True)
class Pools:
    """All pools of a server, and where they stand in its configuration."""

    path: str
    document: EditedConfiguration
    rows: list[Pool]
    tags: list[Tag]

    def find(self, name: str) -> Pool | None:
        return next((row for row in self.rows if row["name"].lower() == name.lower()), None)

    def tag(self, name: str) -> Tag:
        named = [row["name"].lower() for row in self.rows]
        return self.tags[named.index(name.lower())]


def read(context: Context) -> Pools:
    """Read all pools; raises RequestInvalid where there is no IIS."""
    context.require_native()
    path = application_host_path(context)
    text = mitigation_text.read(context.world, path)
    if text is None:
        message = f"IIS is not installed: {path} does not exist"
        raise OperationError("RequestInvalid", message, identity="IisMissing")
    document = mitigation_text.document(text, path)
    rows = pools(document.root)
    if rows:
        set_states(context, rows, context.world.data["iis_runtime"]["app_pools"], "iis.app_pools")
    place = "system.applicationHost/applicationPools/add"
    tags = list(mitigation_text.find(document.tags, place))
    for row, tag in zip(rows, tags, strict=True):
        attributes = document.nodes[tag.index].attrib
        row["auto_start_text"] = attributes.get("autoStart")
        row["start_mode_text"] = attributes.get("startMode")
    return Pools(path, document, rows, tags)


def as_wanted(now: Pool, wanted: Pool) -> bool:
    """Tell whether a pool is as wanted; a state that nobody knows is nothing to aim at."""
    return (
        now["auto_start"] == wanted["auto_start"]
        and now["start_mode"].lower() == wanted["start_mode"].lower()
        and (now["state"] == wanted["state"] or wanted["state"] not in _KNOWN)
    )


def as_recorded(now: Pool, wanted: Pool) -> bool:
    """Tell the same with the attributes: one that was not there goes away again."""
    texts = ("auto_start_text", "start_mode_text")
    return as_wanted(now, wanted) and all(now[name] == wanted[name] for name in texts)


def put(context: Context, found: Pools, wanted: list[Pool]) -> None:
    """Write the configuration, then stop or start."""
    text = found.document.text
    for want in sorted(wanted, key=lambda w: -found.tag(w["name"]).start):
        tag = found.tag(want["name"])
        head = text[tag.start : tag.open_end]
        head = _attribute(head, "autoStart", want["auto_start_text"])
        head = _attribute(head, "startMode", want["start_mode_text"])
        text = text[: tag.start] + head + text[tag.open_end :]
    if text != found.document.text:
        mitigation_text.write(context.world, found.path, text, BY)
    for want in wanted:
        now = found.find(want["name"])
        if now is not None and want["state"] in _KNOWN and now["state"] != want["state"]:
            _steer(context, want["name"], want["state"])


def _steer(context: Context, name: str, state: str) -> None:
    """Do what appcmd does; it cannot without the activation service."""
    known = context.world.data["iis_runtime"]["app_pools"]
    spelled = next((one for one in known if one.lower() == name.lower()), name)
    service = context.world.service("WAS")
    if service is not None and service["status"] != "Running":
        is_now = known.get(spelled, "Unknown")
        message = (
            f"the pool {name} did not become {state} but is {is_now}; appcmd said: "
            "ERROR ( message:Command execution failed.\r\nThe service has not been started. )"
        )
        raise OperationError("ScriptFailed", message, identity="PoolNotInState")
    context.world.set_iis_state("app_pools", spelled, state, by=BY)


def _attribute(tag: str, name: str, value: str | None) -> str:
    """Return a start tag with another value of an attribute; ``None`` takes it away."""
    blank = "[ \t\r\n]"
    pattern = rf"{blank}+{name}{blank}*={blank}*(\"[^\"]*\"|'[^']*')"
    found = re.search(pattern, tag)
    if value is None:
        return tag if found is None else tag[: found.start()] + tag[found.end() :]
    if found is not None:
        quote = found[1][0]
        return f"{tag[: found.start(1)]}{quote}{value}{quote}{tag[found.end(1) :]}"
    end = _TAG_END.search(tag)
    at = len(tag) if end is None else end.start()
    return f'{tag[:at]} {name}="{value}"{tag[at:]}'
