# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks and verdict as plain JSON, for results, the case and reports, and back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...base.dates import utc_text, within_reason
from ...base.model import CompromiseState
from .records import CompromiseVerdict, DetectionCheck, Evidence, Finding, SourceCoverage

if TYPE_CHECKING:
    from .schedule import ScanRecord, ScheduledScan

_TIME = "%Y-%m-%dT%H:%M:%SZ"


def check_to_dict(check: DetectionCheck) -> dict[str, Any]:
    """Return one check: id, tool, title, state, reasons, findings, coverage."""
    return {
        "id": check.id,
        "tool": check.tool,
        "title": check.title,
        "state": check.state.value,
        "reasons": list(check.reasons),
        "findings": [asdict(one) for one in check.findings],
        "coverage": [
            {
                "source": one.source,
                "first": _text(one.first),
                "last": _text(one.last),
                "gaps": list(one.gaps),
            }
            for one in check.coverage
        ],
    }


def check_from_dict(row: dict[str, Any]) -> DetectionCheck:
    """Read one check; raises ``KeyError``, ``TypeError`` or ``ValueError`` for another shape."""
    return DetectionCheck(
        _text_of(row, "id"),
        _text_of(row, "tool"),
        _text_of(row, "title"),
        CompromiseState(row["state"]),
        _all_text(row["reasons"]),
        tuple(
            Finding(
                _text_of(one, "id"),
                _text_of(one, "title"),
                _text_of(one, "detail"),
                _evidence(one["evidence"]),
            )
            for one in _rows(row["findings"])
        ),
        tuple(
            SourceCoverage(
                _text_of(one, "source"),
                _moment(one["first"]),
                _moment(one["last"]),
                _all_text(one["gaps"]),
            )
            for one in _rows(row["coverage"])
        ),
    )


def _evidence(row: Any) -> Evidence:
    return Evidence(*(_text_of(row, name) for name in ("file", "origin", "sha256", "place")))


def _text_of(row: Any, name: str) -> str:
    value = row[name] if isinstance(row, dict) else None
    if not isinstance(value, str):
        raise TypeError(f"{name!r} is no text")
    return value


def _all_text(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"{values!r:.80} is no list of texts")
    return tuple(values)


def _rows(values: Any) -> list[Any]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r:.80} is no list")
    return values


def verdict_to_dict(verdict: CompromiseVerdict) -> dict[str, Any]:
    """Return the verdict: state, reasons, since, checks."""
    return {
        "state": verdict.state.value,
        "reasons": list(verdict.reasons),
        "since": _text(verdict.since),
        "checks": [check_to_dict(check) for check in verdict.checks],
    }


def verdict_from_dict(row: dict[str, Any]) -> CompromiseVerdict:
    """Read a verdict; raises like :func:`check_from_dict`."""
    return CompromiseVerdict(
        CompromiseState(row["state"]),
        tuple(row["reasons"]),
        tuple(check_from_dict(check) for check in row["checks"]),
        _moment(row["since"]),
    )


def run_to_dict(run: ScanRecord) -> dict[str, Any]:
    """Return one run of a tool without its checks."""
    return {
        "tool": run.tool,
        "mode": run.mode,
        "started": _text(run.started),
        "finished": _text(run.finished),
        "complete": run.complete,
        "state": run.state.value,
        "by": run.by,
        "record": run.record,
        "file_sha256": run.file_sha256,
        "file_dated": _text(run.file_dated),
    }


def scan_to_dict(scan: ScheduledScan) -> dict[str, Any]:
    """Return one scan of a series, with the run that it is done by."""
    return {
        "number": scan.number,
        "due": _text(scan.due),
        "state": scan.state.value,
        "late": scan.late,
        "why": scan.why,
        "done": None if scan.done is None else run_to_dict(scan.done),
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else utc_text(moment)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    return within_reason(datetime.strptime(text, _TIME).replace(tzinfo=UTC))
