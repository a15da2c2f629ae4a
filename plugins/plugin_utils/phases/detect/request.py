# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tools are wanted of one server and how far back has to be looked, read from the options."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...base.clock import utc_now
from ...base.dates import parse_date
from ...base.errors import ConfigError
from ...base.names import case_name
from ...catalog.detection_tools import detection_tool
from ...catalog.loader import load
from ...change import limits
from ...change.options import controller, note, policy, takeover_reason
from ...change.policy import Policy
from .begun import default_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...catalog.catalog import Catalog
    from ...catalog.records.detection_tools import DetectionMode, DetectionTool


@dataclass(frozen=True, slots=True)
class WantedTool:
    """One tool and its command line. ``seconds``: until the deadline of its job."""

    tool: DetectionTool
    mode: DetectionMode
    seconds: int

    @property
    def id(self) -> str:
        """Tool and mode, for steps and messages: ``msert/full``."""
        return f"{self.tool.id}/{self.mode.name}"


@dataclass(frozen=True, slots=True)
class DetectRequest:
    """What is wanted of one host.

    ``since``: how far back must be looked. ``removal``: the recorded decision that lets a scan remove what it finds. ``port``: of the front end,
    for a tool that runs on the controller.
    """

    host: str
    run: str
    owner: str
    tools: tuple[WantedTool, ...]
    since: datetime
    case: Path
    campaign: str = "proxylogon"
    check: bool = False
    removal: str | None = None
    port: int = 443
    address: str | None = None
    policy: Policy = field(default_factory=Policy)
    controller: str = ""
    takeover: str = ""
    secrets: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The folder of the host in the case."""
        return self.case / case_name(self.host, "host")

    @property
    def on_server(self) -> tuple[WantedTool, ...]:
        """The tools that run on the server, in the order asked for."""
        return tuple(wanted for wanted in self.tools if wanted.tool.where == "server")

    @property
    def longest(self) -> float:
        """The seconds that the task may take, one tool after the other."""
        return sum(limits.longest(wanted.seconds) for wanted in self.tools)


def read(host: str, options: Mapping[str, Any], *, check: bool) -> DetectRequest:
    """Read the options; raises :class:`RemediationError` before anything is sent."""
    catalog = load()
    own = controller()
    run = options.get("run") or default_run(
        options["campaign"], host, options.get("case"), utc_now()
    )
    tools = _tools(options)
    removal = _removal(tools, options.get("removal_decision"))
    return DetectRequest(
        host,
        run,
        options.get("owner") or own,
        tools,
        since_of(catalog, options["campaign"], options.get("since")),
        Path(options.get("case") or f"cases/{run}"),
        options["campaign"],
        check=check or not options["confirm"],
        removal=removal,
        port=_port(options["port"]),
        address=options.get("address") or None,
        policy=policy({**options, "seconds": sum(wanted.seconds for wanted in tools)}),
        controller=own,
        takeover=takeover_reason(options.get("lock_takeover")),
    )


def _tools(options: Mapping[str, Any]) -> tuple[WantedTool, ...]:
    names = options["tools"]
    if not names:
        raise ConfigError("tools: name at least one, such as test-proxylogon or msert/full")
    found = tuple(_tool(name, options.get("seconds")) for name in names)
    ids = [wanted.tool.id for wanted in found]
    for name in ids:
        if ids.count(name) > 1:
            raise ConfigError(f"tools: {name} is named twice; a run starts each tool once")
    return found


def _tool(text: str, seconds: int | None) -> WantedTool:
    """Read ``TOOL`` or ``TOOL/MODE``."""
    name, _, mode = str(text).partition("/")
    tool = detection_tool(name)
    if tool.support != "run":
        raise ConfigError(f"tools: {tool.file} ({tool.id}) is not run from here: {tool.reason}")
    modes = [found.name for found in tool.modes]
    if not mode and len(modes) > 1 and "default" not in modes:
        raise ConfigError(
            f"tools: {tool.id} has several command lines; write "
            f"{' or '.join(f'{tool.id}/{one}' for one in modes)}"
        )
    wanted = mode or (modes[0] if len(modes) == 1 else "default")
    if wanted not in modes:
        raise ConfigError(f"tools: {tool.id} has no mode {wanted!r}; known are {', '.join(modes)}")
    chosen = tool.mode(wanted)
    if seconds is not None and seconds < 1:
        raise ConfigError(f"seconds: {seconds} is no duration; give 1 or more")
    return WantedTool(tool, chosen, seconds or chosen.longest_seconds)


def _removal(tools: Iterable[WantedTool], decision: str | None) -> str | None:
    """A scan that removes files destroys evidence, so somebody has to have decided it."""
    removing = [wanted.id for wanted in tools if wanted.mode.removes]
    if removing and not (decision or "").strip():
        raise ConfigError(
            f"tools: {removing[0]} removes what it finds from the server, and with it evidence; say in "
            "removal_decision who decided that and why, or take a mode that only detects"
        )
    if decision and not removing:
        raise ConfigError("removal_decision: no tool that is asked for removes anything")
    return note(decision.strip()) if decision else None


def since_of(catalog: Catalog, campaign: str, wanted: str | None) -> datetime:
    """How far back must be looked: as asked for, else as the campaign's sources say.

    :raises ConfigError: it is no date, or nobody knows how far back the campaign reaches.
    """
    given = parse_date(wanted, "since")
    if given is not None and given > utc_now():
        raise ConfigError(
            f"since: {wanted!r} is no moment of the past, and nothing would be looked at"
        )
    if given is not None:
        return given
    window = catalog.campaign(campaign).log_window
    if window.start is None:
        raise ConfigError(
            f"since: how far back {campaign} reaches is not known ({window.reason}); give the "
            "day from which on everything has to be looked at, such as 2021-01-01"
        )
    return datetime.combine(window.start, time(), UTC)


def _port(given: int) -> int:
    if not 1 <= given <= 65535:  # noqa: PLR2004 - the ports there are
        raise ConfigError(f"port: {given} is no port; give 1 to 65535")
    return given
