# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation detection read``: what a tool left that somebody else has run. Contacts nobody.

Exit status: 0 nothing found where all was looked at, 1 something was found, 2 usage, 3 it proves nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.clock import utc_now
from ..base.dates import parse_date, utc_text
from ..base.errors import ConfigError
from ..base.model import CompromiseState
from ..base.names import case_name
from ..case.journal import Journal
from ..catalog.detection_tools import detection_tool
from ..catalog.loader import load
from ..catalog.records.tools import ScriptVersion
from ..change.options import controller, note
from ..judge.compromise.serialize import check_to_dict
from ..phases.detect.by_hand import HandedOver, RunStatement, keep_by_hand, mode_of, read_by_hand
from ..phases.detect.probe import exposure_to_dict
from ..phases.detect.request import since_of
from ..report.columns import wrap

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

_COLUMNS = 80
_SHOWN = 20  # findings of a check; --json has all
_EXIT = (
    "exit status: 0 nothing found where all was looked at, 1 something was found, 2 usage, 3 it "
    "proves nothing"
)
_STATUS = {
    CompromiseState.INDICATOR_FOUND: 1,
    CompromiseState.CONFLICT: 1,
    CompromiseState.INCONCLUSIVE: 3,
    CompromiseState.NO_INDICATOR: 0,
}


def add_parser(commands: Any) -> None:
    """Add ``detection read``."""
    text = "read what a tool left that somebody else has run"
    sub = commands.add_parser(
        "read", help=text, description=text[:1].upper() + text[1:] + ".", epilog=_EXIT
    )
    sub.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="what it wrote, or folders of it"
    )
    sub.add_argument("--tool", required=True, metavar="ID", help="as 'catalog tools' names it")
    sub.add_argument("--mode", help="which of its command lines was run, such as full")
    sub.add_argument("--version", help="of the tool, as its file says: 21.03.18.1900")
    sub.add_argument("--console", type=Path, metavar="FILE", help="what it printed")
    sub.add_argument(
        "--ended", required=True, metavar="MOMENT", help="when it ended, by the server's clock"
    )
    sub.add_argument(
        "--exit-code", type=int, metavar="N", help="its exit status; unknown: nothing is proven"
    )
    sub.add_argument(
        "--events-from", metavar="MOMENT", help="oldest record of the Application event log then"
    )
    sub.add_argument(
        "--since", metavar="MOMENT", help="how far back has to be looked (default: the campaign's)"
    )
    sub.add_argument("--campaign", default="proxylogon", help="its id (default: %(default)s)")
    sub.add_argument("--host", default="", help="the server, as the inventory names it")
    sub.add_argument(
        "--computer", default="", help="the server's own name, where the inventory has another"
    )
    sub.add_argument(
        "--case", type=Path, metavar="FOLDER", help="keep files and verdict in this case"
    )
    sub.add_argument(
        "--reason", default="", help="who ran it, and how the files came here; with --case"
    )
    sub.add_argument(
        "--tool-sha256", metavar="HASH", help="of the tool's file; a scan of the directive needs it"
    )
    sub.add_argument("--tool-dated", metavar="MOMENT", help="when that file was made; the same")
    sub.add_argument("--json", action="store_true", help="print JSON instead of text")  # fmt: skip
    sub.set_defaults(run=_read)


def _read(args: argparse.Namespace) -> int:
    tool = detection_tool(args.tool)
    said = _statement(args)
    if not args.files and not args.console:
        raise ConfigError("give the files that the tool wrote, or --console with what it printed")
    version = _version(args.version)
    read = read_by_hand(tool, mode_of(tool, args.mode), version, args.files, args.console, said)
    path = _keep(read, said, args.case) if args.case else None
    if args.json:
        print(json.dumps(_document(read, path), indent=2))
    else:
        print("\n".join(_lines(read, path)))
    if read.exposure:
        states = {one.state.value for one in read.exposure}
        return 1 if "exposed" in states else 3 if "inconclusive" in states else 0
    return _STATUS[read.verdict.state]


def _statement(args: argparse.Namespace) -> RunStatement:
    if args.case and not (args.host and args.reason.strip()):
        raise ConfigError(
            "--case: say --host, which server it is of, and --reason, where it comes from"
        )
    digest = (args.tool_sha256 or "").lower()
    if digest and (len(digest) != 64 or set(digest) - set("0123456789abcdef")):  # noqa: PLR2004
        raise ConfigError(f"--tool-sha256: {args.tool_sha256[:80]!r} is no SHA-256")
    dated = parse_date(args.tool_dated, "--tool-dated")
    if dated is not None and dated > utc_now():
        raise ConfigError(f"--tool-dated: {args.tool_dated!r} is no moment of the past")
    ended = parse_date(args.ended, "--ended")
    if ended is None or ended > utc_now():
        raise ConfigError(f"--ended: {args.ended!r} is no moment of the past")
    return RunStatement(
        host=args.host,
        campaign=load(None).campaign(args.campaign).id,
        since=since_of(load(None), args.campaign, args.since),
        ended=ended,
        by=controller(),
        reason=note(args.reason.strip()) or "",
        exit_code=args.exit_code,
        events_from=parse_date(args.events_from, "--events-from"),
        file_sha256=digest or None,
        file_dated=dated,
        computer=args.computer,
    )


def _version(text: str | None) -> ScriptVersion | None:
    if text is None:
        return None
    try:
        return ScriptVersion.parse(text)
    except ValueError as error:
        raise ConfigError(f"--version: {error}") from error


def _keep(read: HandedOver, said: RunStatement, case: Path) -> Path:
    case_name(said.host, "host")
    job = f"read-{read.tool.id}-{utc_now():%Y%m%dt%H%M%S%fz}"
    journal = Journal(case, said.host, job)
    journal.record(
        "begin", {"intent": "detection-read", "campaign": said.campaign, "reason": said.reason}
    )
    path = keep_by_hand(read, said, case, job)
    journal.record("end", {"state": read.verdict.state.value, "reason": said.reason, "by": said.by})
    return path


def _document(read: HandedOver, path: Path | None) -> dict[str, Any]:
    return {
        "tool": read.tool.id,
        "state": None if read.exposure else read.verdict.state.value,
        "reasons": list(read.verdict.reasons),
        "checks": [check_to_dict(check) for check in read.reading.checks],
        "exposure": [exposure_to_dict(check) for check in read.exposure],
        "kept": str(path) if path else None,
    }


def _lines(read: HandedOver, path: Path | None) -> Iterator[str]:
    if not read.exposure:
        yield from wrap(
            f"{read.verdict.state.value}: {'; '.join(read.verdict.reasons)}", _COLUMNS, rest="  "
        )
    for check in read.reading.checks:
        yield ""
        yield from wrap(f"{check.id}: {check.state.value}", _COLUMNS)
        for text in (
            *check.reasons,
            *(
                f"{one.detail} [{one.evidence.origin} {one.evidence.place}]"
                for one in check.findings[:_SHOWN]
            ),
        ):
            yield from wrap(text, _COLUMNS, first="  ", rest="    ")
    for one in read.exposure:
        yield from wrap(
            f"{one.subject or 'a server'}: {one.state.value} {' '.join(one.cves)}".rstrip(),
            _COLUMNS,
        )
        for text in one.reasons:
            yield from wrap(text, _COLUMNS, first="  ", rest="    ")
    if path is not None:
        yield ""
        yield f"{path}  ({utc_text(utc_now())})"
