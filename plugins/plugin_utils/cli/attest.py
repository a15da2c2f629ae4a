# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation attest``: sign what a person says of a server, and show what was said.

Exit status: 0 signed or shown, 2 usage or refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.clock import utc_now
from ..base.errors import ConfigError
from ..catalog.directive_text import field
from ..catalog.loader import load
from ..trust import attestations
from ..trust.attestations import EVERYBODY, Attestation
from ..trust.signing import keys
from .options import add_keys

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from ..catalog.records.directives import Directive

OK = 0
_EXIT = "exit status: 0 signed or shown, 2 usage or refused"
_FOLDER = Path("attestations")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``attest say`` and ``attest show``."""
    top = commands.add_parser(
        "attest", help="sign what a person says of a server for a directive", epilog=_EXIT
    )
    verbs = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    text = "sign answers, and clauses that are satisfied, with who, when, words and evidence"
    say = verbs.add_parser("say", help=text, description=text, epilog=_EXIT)
    say.add_argument("host", help="its name in the inventory; '*' for the whole organisation")
    say.add_argument("--directive", default="ed-21-02", help="default: %(default)s")
    say.add_argument("--answer", action="append", default=[], metavar="NAME=VALUE",
                     help="such as expertise=yes; 'directive decide --help' names them")  # fmt: skip
    say.add_argument("--met", action="append", default=[], metavar="CLAUSE",
                     help="a clause that is satisfied, such as 'action 1 collect'")  # fmt: skip
    say.add_argument("--not-met", action="append", default=[], metavar="CLAUSE",
                     help="a clause that was said to be met, and is not")  # fmt: skip
    say.add_argument("--who", required=True, help="who says it: name and function")
    say.add_argument("--words", required=True, help="what is said, in that person's words")
    say.add_argument("--evidence", action="append", default=[], type=Path, metavar="FILE",
                     help="a file it rests on; name, size and SHA-256 are signed")  # fmt: skip
    say.add_argument("--key", metavar="NAME", help="the key that signs, if there are several")
    say.add_argument(
        "--passphrase-file", type=Path, metavar="FILE",
        help=f"its passphrase (or in {keys.PASSPHRASE_VARIABLE})",
    )  # fmt: skip
    _add_common(say)
    say.set_defaults(run=_say)
    show = verbs.add_parser("show", help="verify the statements of a folder and print them")
    show.add_argument("--json", action="store_true", help="print JSON instead of text")
    _add_common(show)
    show.set_defaults(run=_show)


def _add_common(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--folder", type=Path, default=_FOLDER, metavar="DIR",
                      help="folder of the statements (default: %(default)s)")  # fmt: skip
    add_keys(verb)


def _say(args: argparse.Namespace) -> int:
    directive = load().need_directive(args.directive)
    statement = Attestation(
        host=args.host,
        directive=directive.id,
        answers=_answers(args.answer),
        met=_clauses(directive, args.met),
        not_met=_clauses(directive, args.not_met),
        who=args.who,
        words=args.words,
        at=utc_now(),
        evidence=tuple(attestations.evidence_of(path) for path in args.evidence),
    )
    attestations.check(statement, directive)
    folder = args.keys or keys.default_folder()
    signer = keys.signer(folder, args.key, keys.passphrase(args.passphrase_file))
    print(attestations.write(args.folder, statement, signer))
    return OK


def _clauses(directive: Directive, given: list[str]) -> tuple[str, ...]:
    """Their ids, as the directive writes them; what it has not stays as it is, to be refused."""
    found = ((directive.clause(name), name) for name in given)
    return tuple(clause.id if clause else name for clause, name in found)


def _answers(given: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise ConfigError(f"--answer {text!r}: write it as NAME=VALUE, such as expertise=yes")
        if name in found:
            raise ConfigError(f"--answer {name}: is given twice")
        found[name] = value.split(",") if name == "roles" else value
    return found


def _show(args: argparse.Namespace) -> int:
    trusted = keys.trusted(args.keys or keys.default_folder())
    found = attestations.read_all(args.folder, trusted)
    if args.json:
        shown = [{**entry.to_json(), "signed_by": list(entry.signed_by)} for entry in found]
        print(json.dumps(shown, indent=2, ensure_ascii=False))
        return OK
    for entry in found:
        print("\n".join(_lines(entry)))
    if not found:
        print(f"nothing is attested in {args.folder}")
    return OK


def _lines(entry: Attestation) -> Iterable[str]:
    host = "all servers" if entry.host == EVERYBODY else entry.host
    yield f"{host}, {entry.directive}: {entry.source}"
    for name, value in entry.answers.items():
        yield from field(name, value if isinstance(value, str) else ", ".join(value))
    for name in entry.met:
        yield from field("met", name)
    for name in entry.not_met:
        yield from field("not met", name)
    yield from field("words", entry.words)
    for file in entry.evidence:
        yield from field("evidence", f"{file.name}, {file.size} bytes, SHA-256 {file.sha256}")
