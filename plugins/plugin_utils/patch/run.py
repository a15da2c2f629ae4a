# SPDX-License-Identifier: GPL-3.0-or-later
"""Install one update on one server: observe, decide, act, read back.

The host is the memory. Whoever is killed at any moment runs the same again: a record of the state
before, a job of this run, a restart of this run are found and continued, never repeated (I15).

====================  =============================================================================
step                  what it does
====================  =============================================================================
check                 facts, choice and every check before; anything that stops, stops here
snapshot              records start types, pools, hashes on the host, once
deliver               brings the package; the host hashes it
install               a durable job, watched; it is never ended from here
restart               explicit, by boot identity
restore               start types from the record
prove                 waits until Exchange is usable and judges the conditions (I18)
====================  =============================================================================
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..change.admission import StalePlan
from ..errors import LockedByOther, RemediationError
from ..judge.assess import assess
from ..judge.facts import Facts, moment
from ..packages.errand import Errand
from .choose import choose
from .finish import Finish
from .host import BINARIES, PatchHost
from .install import Installer
from .knowledge import ExitClass, ExitCode
from .models import Action, Choice, Observed, Outcome, PatchState
from .postconditions import judge
from .prechecks import blocking, prechecks
from .reading import exsetup
from .request import Request, Result, Tools, update_name
from .steps import patch_plan

if TYPE_CHECKING:
    from datetime import date

    from ..transport.base import Transport

_SUCCESS = (ExitClass.OK, ExitClass.OK_REBOOT)


def patch_host(request: Request, transport: Transport, tools: Tools) -> Result:
    """Patch one server; never raises a :class:`RemediationError`, the state says what is known."""
    machine = _Run(request, transport, tools)
    try:
        machine.go()
    except StalePlan as error:
        machine.finish.end(PatchState.STALE_PLAN, str(error))
    except LockedByOther as error:
        machine.finish.end(PatchState.UNKNOWN if machine.acted else PatchState.STOPPED, str(error))
    except RemediationError as error:
        # Before anything was changed nothing is wrong; afterwards nobody can say (I19).
        state = PatchState.UNKNOWN if machine.acted else PatchState.STOPPED
        machine.finish.end(state, f"{error.code}: {error}")
    machine.finish.release()
    machine.result.commands = machine.host.asked
    return machine.result


class _Run:
    """One run on one host."""

    def __init__(self, request: Request, transport: Transport, tools: Tools) -> None:
        self.request = request
        self.tools = tools
        self.host = PatchHost(transport, request.run, request.owner, tools.sleep, tools.record)
        self.result = Result(Outcome(PatchState.UNKNOWN, "not begun"))
        self.acted = False
        self._transport = transport
        self.finish = Finish(request, self.host, tools, self.result, "patch")
        self._before = Observed(None)
        self._update = ""
        self._job = Installer(request, self.host, tools)
        self._host_now = tools.now()

    # The way -----------------------------------------------------------------------------

    def go(self) -> None:
        reply = self.host.facts()
        self._host_now = moment(reply.host.clock) or self.tools.now()
        facts = Facts.of(reply.result, reply.errors)
        choice, recorded, snapshot = self._choose(facts)
        self.result.choice = choice
        self._job.update = self.finish.update = self._update
        if choice.action is not Action.INSTALL:
            state = PatchState.STOPPED
            if choice.action is Action.NOTHING:
                state = PatchState.NOTHING_TO_DO
            return self.finish.end(state, choice.reason)
        self._before = Observed(reply.result, recorded["state"] if recorded else snapshot)
        at_work = recorded is not None and self._job.known() is not None
        reached = recorded is not None and exsetup(facts) == choice.target
        if not (at_work or reached) and not self._may_start(facts, reply, snapshot):
            return None
        self.result.planned = patch_plan(
            self.request, self.tools, choice, reply.result, recorded, self.result.prechecks
        )
        self.tools.admit(self.result.planned)
        if self.request.check:
            return self.finish.end(PatchState.PLANNED, choice.reason)
        self.finish.lock()
        self._snapshot()
        code = self._earlier() if reached and not at_work else self._installed()
        return None if code is None else self._afterwards(code)

    def _choose(self, facts: Facts) -> tuple[Choice, dict[str, Any] | None, dict[str, Any] | None]:
        """Choose; an update that this tool began and did not prove is the one to go on with."""
        tools, build = self.tools, exsetup(facts)
        choice = choose(
            tools.catalog,
            self.request.campaign,
            build,
            self._day(),
            tools.store,
            kb=self.request.kb,
        )
        if choice.action is Action.NOTHING and build is not None:
            info = tools.catalog.find_build(build)
            packages = tools.store.packages if tools.store else ()
            begun = replace(
                choice,
                kb=info.kb if info else None,
                target=build,
                package=next((p for p in packages if p.build == build), None),
            )
            self._update = update_name(begun)
            seen = self.host.snapshot(self._update)
            if isinstance(seen.get("recorded"), dict):
                reason = f"{begun.kb} was begun on this server and is not proven yet."
                begun = replace(begun, action=Action.INSTALL, reason=reason)
                return begun, seen["recorded"], seen["now"]
        if choice.action is not Action.INSTALL:
            return choice, None, None
        self._update = update_name(choice)
        seen = self.host.snapshot(self._update)
        recorded = seen.get("recorded")
        return choice, recorded if isinstance(recorded, dict) else None, seen["now"]

    def _day(self) -> date:
        return self.tools.now().date()

    def _may_start(self, facts: Facts, reply: Any, snapshot: dict[str, Any] | None) -> bool:
        tools, choice = self.tools, self.result.choice
        assert choice is not None  # noqa: S101 - set by the caller
        campaign = tools.catalog.campaign(self.request.campaign)
        judged = assess(reply.result, reply.errors, tools.catalog, campaign, tools.now())
        found = prechecks(choice, facts, snapshot, judged, self.request.policy, tools.now())
        self.result.prechecks = found
        if stops := blocking(found):
            self.finish.end(PatchState.STOPPED, " ".join(check.summary for check in stops))
            return False
        return True

    # Steps -------------------------------------------------------------------------------

    def _snapshot(self) -> None:
        parameters = {"update": self._update, "binaries": list(BINARIES)}
        saved = self.host.change("Save-UpdateSnapshot", parameters, "snapshot")
        record = saved.get("record")
        if isinstance(record, dict) and isinstance(record.get("state"), dict):
            self._before = replace(self._before, snapshot=record["state"])
        self.finish.did("snapshot", changed=saved.get("changed") is True)

    def _earlier(self) -> ExitCode:
        """The files are the new ones and a record is there: an earlier run installed it."""
        return ExitCode(None, ExitClass.OK, "earlier", "An earlier run installed it.")

    def _installed(self) -> ExitCode | None:
        """Deliver and install; ends the run where there is nothing to go on with."""
        package = self.result.choice.package if self.result.choice else None
        if package is None:
            self.finish.end(
                PatchState.STOPPED, "There is no package of the signed catalogue to install."
            )
            return None
        request = self.request
        errand = Errand(self._transport, request.host, request.run, request.owner, package)
        self.finish.begin("deliver")
        delivered = self.host.again(lambda: self.tools.deliver(errand))
        self.finish.did("deliver", changed=delivered.changed, bytes=delivered.sent)
        self.acted = True
        self.finish.begin("install")
        ended = self._job.install(delivered.path, package, self._host_now)
        self.finish.did("install", changed=ended.launched, **ended.details)
        self.result.exit_code = ended.code.code if ended.code else None
        if ended.code is None:
            self.finish.end(ended.state, ended.reason, ended.failure)
        return ended.code

    def _afterwards(self, code: ExitCode) -> None:
        """Restart, restore, prove. After a code that nobody knows nothing more is done (I19)."""
        self.acted = True
        choice = self.result.choice
        assert choice is not None  # noqa: S101 - there is one by now
        installed = self.host.observe(self._update)
        if code.kind is ExitClass.UNKNOWN:
            self.result.outcome = judge(choice, self._before, installed, code)
            return
        if (
            code.kind in _SUCCESS
            and self.request.restart
            and not self.finish.restart(code, installed)
        ):
            return
        self.finish.restore()
        before = self._before
        outcome = self.finish.prove(
            lambda seen: judge(choice, before, seen, code, installed=installed)
        )
        if outcome.state is PatchState.PATCHED:
            self.host.change("Remove-UpdateSnapshot", {"update": self._update}, "proven")
