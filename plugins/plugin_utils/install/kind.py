# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the things that are installed on a server: how it is chosen, checked, proven.

The run itself (`run`) is the same for all: lock, record, job, restart, start types, proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..catalog.failures import ExitClass, ExitCode, classify
from ..facts.read import Facts
from ..judge.assess import assess
from .begin import beginning
from .installer import update_words
from .postconditions import judge
from .prechecks import prechecks
from .steps import patch_plan

if TYPE_CHECKING:
    from ..base.model import Assessment
    from ..host.transport.reply import Reply
    from ..plan.records import HostPlan
    from ..trust.packages.records import PackageRecord
    from .begin import Beginning
    from .finish import Finish
    from .installer import Words
    from .models import Observed, Outcome, Precheck

_SUCCESS = (ExitClass.OK, ExitClass.OK_REBOOT)


@dataclass(frozen=True, slots=True)
class Readings:
    """Before, between installation and restart, and the last one."""

    before: Observed
    after: Observed
    installed: Observed | None = None


class Kind(Protocol):
    """One kind of installation; ``finish`` holds request, host, tools and the result so far."""

    @property
    def purpose(self) -> str: ...

    def begin(self, finish: Finish, facts: Facts) -> Beginning:
        """Choose, and read what the host has of it."""

    def checks(self, finish: Finish, start: Beginning, reply: Reply) -> tuple[Precheck, ...]:
        """Judge whether it may be started."""

    def plan(self, finish: Finish, start: Beginning, reply: Reply, *, installed: bool) -> HostPlan:
        """Return the steps; ``installed``: only what follows an installation is left."""

    def prepare(self, finish: Finish) -> None:
        """Do what must be done under the lock before the state is recorded."""

    def words(self, package: PackageRecord, log: str) -> Words:
        """Return what the installer is told."""

    def classify(self, code: object) -> ExitCode:
        """Return what its exit code means."""

    def restarts(self, start: Beginning, code: ExitCode, installed: Observed) -> bool:
        """Tell whether Windows is to be restarted after it."""

    def judge(self, finish: Finish, start: Beginning, seen: Readings, code: ExitCode) -> Outcome:
        """Return the verdict."""

    def close(self, finish: Finish, start: Beginning, *, over: bool) -> None:
        """Add to the result what is left to do; ``over``: no record is needed any more."""


def assessed(finish: Finish, reply: Reply) -> Assessment:
    """What is judged about the server for the campaign of the request."""
    tools = finish.tools
    campaign = tools.catalog.campaign(finish.request.campaign)
    return assess(reply.result, reply.errors, tools.catalog, campaign, tools.now())


class Patching:
    """A security update for the exact build."""

    purpose = "patch"

    def begin(self, finish: Finish, facts: Facts) -> Beginning:
        return beginning(finish.request, finish.tools, finish.host, facts)

    def checks(self, finish: Finish, start: Beginning, reply: Reply) -> tuple[Precheck, ...]:
        facts = Facts.of(reply.result, reply.errors)
        policy, now = finish.request.policy, finish.tools.now()
        return prechecks(start.choice, facts, start.now, assessed(finish, reply), policy, now)

    def plan(self, finish: Finish, start: Beginning, reply: Reply, *, installed: bool) -> HostPlan:
        checks = finish.result.prechecks
        return patch_plan(
            finish.request,
            finish.tools,
            start.choice,
            reply.result,
            start.recorded,
            checks,
            installed=installed,
        )

    def prepare(self, finish: Finish) -> None:
        """Nothing."""

    def words(self, package: PackageRecord, log: str) -> Words:
        return update_words(package, log)

    def classify(self, code: object) -> ExitCode:
        return classify(code)

    def restarts(self, _start: Beginning, code: ExitCode, _installed: Observed) -> bool:
        return code.kind in _SUCCESS

    def judge(self, finish: Finish, start: Beginning, seen: Readings, code: ExitCode) -> Outcome:
        mode = finish.request.maintenance
        between = seen.installed
        return judge(
            start.choice, seen.before, seen.after, code, installed=between, maintenance=mode
        )

    def close(self, finish: Finish, start: Beginning, *, over: bool) -> None:
        """Nothing."""
