# SPDX-License-Identifier: GPL-3.0-or-later
"""From the journal of a case to what became of each host; the journal is the only source."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..base.errors import RefusedError
from ..case.bounds import holds_cut, text_of
from ..case.verify import events, verify
from ..plan.fleet import HostEntry
from ..plan.serialize import plan_from_dict
from .standing import LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ..plan.records import HostPlan


@dataclass(frozen=True, slots=True)
class HostEnd:
    """How one host ended, and what would have been done or was done."""

    state: str
    reason: str
    plan: HostPlan | None
    changed: bool
    code: str | None = None  # of the error that ended it
    plan_cut: bool = False  # the journal holds only a part of its plan
    directive: tuple[str, ...] = ()  # what the campaign's directive says of the change


_PLAN_CUT = "its plan is larger than the journal keeps, or cannot be read, so nobody can sign it"
_BEGUN = HostEnd("unknown", "begun and not ended: run the same again", None, changed=False)
_UNREADABLE = HostEnd(
    "unknown", "the journal does not say how it ended: run the same again", None, changed=False
)
# As a signed plan takes it.
_WORD = re.compile(r"[a-z][a-z-]*")


def size_of(journal: Path) -> int:
    """Return how many lines a journal has, 0 where there is none; refuses a damaged one."""
    if not journal.exists():
        return 0
    answer = verify(journal)
    if answer.problem is not None:
        raise answer.problem
    return answer.lines


def ends(journal: Path, run: str, *, after: int = 0) -> dict[str, HostEnd]:
    """Return the last end of each host of a run, from the lines after a number.

    :raises JournalError: the journal was changed.
    """
    found: dict[str, HostEnd] = {}
    plans: dict[str, HostPlan | None] = {}  # None: a part of it was cut
    asked: dict[str, tuple[str, ...]] = {}
    if not journal.exists():
        return found
    for line in events(journal):
        content = line.content
        host, event, data = content["host"], content["event"], content["data"]
        if line.seq <= after or content["run"] != run:
            continue
        if event == "begin":
            plans.pop(host, None)
            found[host] = _BEGUN
            asked[host] = _sentences(data.get("directive"))
        elif event == "plan":
            plans[host] = None if holds_cut(data) else _plan(data)
        elif event == "end":
            state, reason, code = (data.get(name) for name in ("state", "reason", "code"))
            if not isinstance(state, str) or not _WORD.fullmatch(state) or reason is None:
                found[host] = replace(_UNREADABLE, plan=plans.get(host))
                continue
            found[host] = HostEnd(
                state,
                text_of(reason),
                plans.get(host),
                changed=data.get("changed") is True,
                code=code if isinstance(code, str) and _WORD.fullmatch(code) else None,
                plan_cut=host in plans and plans[host] is None,
                directive=asked.get(host, ()),
            )
    return found


def _plan(data: dict[str, Any]) -> HostPlan | None:
    """Return the plan of an event, ``None`` where it has not the shape of one."""
    try:
        return plan_from_dict(data["plan"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _sentences(value: Any) -> tuple[str, ...]:
    """What a journal says of the directive; older ones, and one whose line was cut, say nothing."""
    return (
        tuple(entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else ()
    )


def entries(
    found: dict[str, HostEnd], inventory: Iterable[str], selected: Iterable[str], log: Path
) -> dict[str, HostEntry]:
    """Return an entry for every host of the inventory (I3).

    A host of whose plan a part was cut is unknown, however it ended: what is left is not its plan.
    """
    asked = set(selected)
    made: dict[str, HostEntry] = {}
    for host in inventory:
        end = found.get(host)
        if end is not None and end.plan_cut:
            made[host] = HostEntry("unknown", f"{_PLAN_CUT}. {end.reason}", code=end.code)
        elif end is not None:
            made[host] = HostEntry(end.state, end.reason, end.plan, end.code, end.directive)
        elif host not in asked:
            made[host] = LEFT_OUT
        else:
            made[host] = HostEntry("unknown", f"Ansible left nothing about this host; see {log}")
    return made


def require_same_inventory(planned: Iterable[str], inventory: Iterable[str], where: str) -> None:
    """Refuse an inventory that has other hosts than the plan."""
    known, here = set(planned), set(inventory)
    said: list[str] = []
    for names, text in ((known - here, "not in the inventory"), (here - known, "not in the plan")):
        if names:
            shown: Any = sorted(names)
            more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""  # noqa: PLR2004 - fits a line
            said.append(f"{', '.join(shown[:5])}{more} {text}")
    if said:
        raise RefusedError(f"{where}: made for another inventory: {'; '.join(said)}. Plan again")
