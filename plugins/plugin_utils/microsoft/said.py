# SPDX-License-Identifier: GPL-3.0-or-later
"""What EOMT itself says of a run, from the registry and its log before and after.

One closing text stands in the value of the stage that it ended in. Values of earlier runs
stay, so a text counts only when it is new: it differs from before, or the part of the log
that this run wrote has its line. The summary file and the exit status are never asked: the
one describes what should be there, the other is 0 in every failure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from ..catalog.records.tools import ScriptIntent

if TYPE_CHECKING:
    from ..catalog.records.tools import PatchStateTexts
    from ..host.calls.microsoft import Stage, Trace


class ScriptStatements(Enum):
    """The tool's own words."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNFINISHED = "unfinished"  # it began and did not close
    UNKNOWN = "unknown"
    NOT_RUN = "not-run"  # nothing new at all


@dataclass(frozen=True, slots=True)
class ScriptStatement:
    """What was said, and the sentences that it rests on."""

    said: ScriptStatements
    reasons: tuple[str, ...]
    threats: bool | None = None  # None: this run looked for none
    updated_itself: bool = False


@dataclass(frozen=True, slots=True)
class _Run:
    texts: PatchStateTexts
    intent: ScriptIntent
    before: Trace
    after: Trace
    new: dict[str, Stage] = field(default_factory=dict)

    def logged(self, text: str) -> bool | None:
        """Whether this run logged it; None where the log does not tell."""
        log = self.after.log
        if log is None:
            return None
        if any(text in message for message in log):
            return True
        return None if not self.after.log_whole else False

    @property
    def wrote(self) -> bool:
        """Whether the run left any trace."""
        grew = bool(self.after.log)
        return grew or bool(self.new) or self.after.timestamp != self.before.timestamp


def what_eomt_says(
    texts: PatchStateTexts, intent: ScriptIntent, before: Trace, after: Trace
) -> ScriptStatement:
    """Read the two states of one run; pure, equal states give equal statements."""
    if before.log_size is None:
        # Where this run began in the log is not known: it may be an earlier one's.
        after = replace(after, log=None, log_whole=False)
    if before.stages is None or after.stages is None:
        return ScriptStatement(ScriptStatements.UNKNOWN, (f"{texts.key} could not be read",))
    new = {name: stage for name, stage in after.stages.items() if before.stages.get(name) != stage}
    run = _Run(texts, intent, before, after, new)
    said, reason = _closing(run)
    reasons = [reason]
    if said is ScriptStatements.SUCCEEDED:
        said, reason = _completed(run)
        reasons.append(reason)
    return ScriptStatement(said, tuple(reasons), _threats(run), _updated(run))


def _closing(run: _Run) -> tuple[ScriptStatements, str]:
    texts = run.texts
    if not run.wrote:
        return ScriptStatements.NOT_RUN, (
            "it left nothing new in the registry and its log: it was not elevated, found no "
            "Exchange, or could not start"
        )
    closings = {
        name: stage
        for name, stage in run.new.items()
        if stage.text in (texts.succeeded, texts.failed)
    }
    good, bad = run.logged(texts.log_succeeded), run.logged(texts.failed)
    if len(closings) > 1 or (good and bad):
        return (
            ScriptStatements.UNKNOWN,
            "it closed more than once, so which text counts cannot be told",
        )
    if closings:
        (stage,) = closings.values()
        if stage.text == texts.failed or not stage.ok:
            reason = _last_error(run)
            return ScriptStatements.FAILED, f"it says '{texts.failed}' ({stage.name}){reason}"
        if bad:
            return (
                ScriptStatements.UNKNOWN,
                "the registry says that it succeeded, its log that it failed",
            )
        return ScriptStatements.SUCCEEDED, f"it says '{texts.succeeded}' ({stage.name})"
    return _unchanged(run, good=good, bad=bad)


def _unchanged(run: _Run, *, good: bool | None, bad: bool | None) -> tuple[ScriptStatements, str]:
    """No value has a new closing text: the same text as before may have been written again."""
    texts, stages = run.texts, run.after.stages or {}
    kept = {stage.text for stage in stages.values()} & {texts.succeeded, texts.failed}
    if bad and texts.failed in kept:
        return ScriptStatements.FAILED, f"it says '{texts.failed}' again{_last_error(run)}"
    if good and texts.succeeded in kept:
        return ScriptStatements.SUCCEEDED, f"it says '{texts.succeeded}' again, as its log does"
    if good or bad:
        return (
            ScriptStatements.UNKNOWN,
            "its log has a closing line that the registry does not have",
        )
    if kept and good is None and bad is None:
        return (
            ScriptStatements.UNKNOWN,
            "whether its closing text is of this or an earlier run cannot be told",
        )
    return (
        ScriptStatements.UNFINISHED,
        "it began and left no closing text: it was cut off, or still runs",
    )


def _completed(run: _Run) -> tuple[ScriptStatements, str]:
    """A run that closed well may have done something else than what was asked."""
    texts, wanted = run.texts, run.texts.completes(run.intent)
    stage = run.after.stage(texts.stage)
    if stage is not None and stage.ok and stage.text in wanted:
        if texts.stage.casefold() in run.new:
            return ScriptStatements.SUCCEEDED, f"{texts.stage} is '{stage.text}'"
        logged = run.logged(f"{stage.text} on ")
        if logged:
            return (
                ScriptStatements.SUCCEEDED,
                f"{texts.stage} is '{stage.text}' again, as its log says",
            )
        if logged is None:
            return ScriptStatements.UNKNOWN, f"whether '{stage.text}' is of this run cannot be told"
    if run.intent is ScriptIntent.MITIGATE and run.logged(texts.log_declined):
        return (
            ScriptStatements.NOT_RUN,
            "it mitigated nothing: it takes this server for not vulnerable",
        )
    return (
        ScriptStatements.FAILED,
        f"{texts.stage} does not say '{wanted[0]}': it did not {run.intent.value}",
    )


def _last_error(run: _Run) -> str:
    bad = [s for s in run.new.values() if not s.ok and s.text != run.texts.failed]
    return "".join(f"; {stage.name} says '{stage.text}'" for stage in bad)


def _threats(run: _Run) -> bool | None:
    """Threats are a success to the tool, so they count apart; an old value counts for nothing."""
    stage = run.after.stage(run.texts.scan)
    if stage is not None and run.texts.scan.casefold() in run.new:
        if run.texts.threats in stage.text:
            return True
        return False if stage.ok and stage.text == run.texts.scanned else None
    return True if run.logged(run.texts.threats) else None


def _updated(run: _Run) -> bool:
    names = {name.casefold() for name in run.texts.updates}
    if names & set(run.new):
        return True
    before, after = run.before.downloads, run.after.downloads
    if before is None or after is None:
        return False
    return any(
        name.startswith("eomt_") and name.endswith(".ps1") for name in set(after) - set(before)
    )
