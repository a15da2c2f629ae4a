# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation package``: bring, verify and list the packages that may be installed.

Exit status: 0 done, or everything verified; 1 ``verify``: a package is missing or was changed;
2 refused or usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..base.errors import ConfigError, RefusedError
from ..base.model import Build
from ..catalog.loader import load
from ..trust.packages.authenticode import microsoft_policy, verify
from ..trust.packages.describe import (
    counts,
    module_lines,
    package_lines,
    tool_lines,
    validity,
)
from ..trust.packages.edit import with_module, with_package, with_tool
from ..trust.packages.iis_modules import MODULE, ModuleRequest, examine_module, precheck_module
from ..trust.packages.intake import IntakeRequest, examine, precheck
from ..trust.packages.seen import default_file
from ..trust.packages.signing_tool import installed
from ..trust.packages.store import PackageStore, Trust
from ..trust.packages.tool_intake import ToolRequest, examine_tool, precheck_tool
from ..trust.signing import keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from securesystemslib.signer import Signer

    from ..trust.packages.authenticode import SignaturePolicy
    from ..trust.packages.catalogue import PackageCatalogue
    from ..trust.packages.iis_module_records import ModuleRecord
    from ..trust.packages.records import PackageRecord
    from ..trust.packages.tool_records import ToolRecord

    Record = PackageRecord | ModuleRecord | ToolRecord

OK, FINDINGS = 0, 1
_EXIT = "exit status: 0 done or verified, 1 a package is missing or was changed, 2 refused or usage"
_DAYS, _LONGEST = 30, 365


def add_parser(subparsers: Any) -> None:
    """Add ``package`` and its sub-commands."""
    top = subparsers.add_parser(
        "package", help="bring, verify and list the packages that may be installed", epilog=_EXIT
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add = _command(commands, "add", _add, "check a file and put it into the signed catalogue")
    text = "an .msp, .exe, .msi or .iso of Microsoft; an .msi without --build is a module of IIS; with --tool a detection tool"
    add.add_argument("file", type=Path, help=text)
    add.add_argument("--build", type=_build, help="what a server is afterwards: 15.1.2176.9")
    add.add_argument("--kb", type=_kb, help="the update, if that names one build only: KB5000871")
    text = "a detection tool of 'exchange-remediation catalog tools', such as msert"
    add.add_argument("--tool", metavar="ID", help=text)
    add.add_argument("--version", help="of a tool, where the file does not say it: 21.03.18.1900")
    add.add_argument("--sha256", type=str.lower, help="the hash that another source gives")
    text = "why it is the right file where its bytes do not prove it; recorded with the key's name"
    add.add_argument("--reason", help=text)
    add.add_argument("--catalog", type=Path, metavar="DIR", help="another catalogue of builds")
    _signing(add)
    renew = _command(commands, "renew", _renew, "sign the catalogue again before it expires")
    _signing(renew)
    sign = _command(commands, "sign", _sign, "add the signature of a second operator's key")
    _signing(sign, expires=False)
    _command(commands, "verify", _verify, "verify catalogue, hashes and signatures of all packages")
    _command(commands, "list", _list, "list the packages of the verified catalogue")
    _add_keys(commands)


def run(args: argparse.Namespace) -> int:
    """Run the chosen sub-command."""
    try:
        return int(args.act(args))
    except OSError as error:
        raise ConfigError(f"{error.filename or 'a file'}: {error.strerror or error}") from error


def _command(commands: Any, name: str, act: Any, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text[:1].upper() + text[1:] + ".", epilog=_EXIT
    )
    parser.set_defaults(run=run, act=act)
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    parser.add_argument(
        "--store", type=Path, default=Path("packages"), metavar="DIR", help="default: packages"
    )
    parser.add_argument(
        "--seen", type=Path, metavar="FILE", help="where seen catalogue versions are remembered"
    )
    parser.add_argument(
        "--threshold", type=_count, default=1, metavar="N", help="signatures wanted, default 1"
    )
    _key_folder(parser)
    return parser


def _key_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keys", type=Path, metavar="DIR", help="the folder of trusted keys")


def _signing(parser: argparse.ArgumentParser, *, expires: bool = True) -> None:
    parser.add_argument("--key", metavar="NAME", help="the key that signs, if there are several")
    parser.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help=f"its passphrase (or in {keys.PASSPHRASE_VARIABLE})",
    )
    if expires:
        text = f"until it expires, default {_DAYS}"
        parser.add_argument("--days", type=_days, default=_DAYS, help=text)


def _add_keys(commands: Any) -> None:
    top = commands.add_parser("keys", help="make and list the keys that sign the catalogue")
    inner = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    init = inner.add_parser("init", help="make a key; it is never shown nor replaced")
    init.set_defaults(run=run, act=_keys_init)
    init.add_argument("--name", default="operator", help="default: operator")
    init.add_argument("--passphrase-file", type=Path, metavar="FILE", help="encrypt it with this")
    _key_folder(init)
    listing = inner.add_parser("list", help="list the keys that are trusted")
    listing.set_defaults(run=run, act=_keys_list)
    listing.add_argument("--json", action="store_true", help="print JSON instead of text")
    _key_folder(listing)


def _build(text: str) -> Build:
    try:
        return Build.parse(text.strip())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _kb(text: str) -> str:
    digits = text.strip().upper().removeprefix("KB")
    if not digits.isdecimal():
        raise argparse.ArgumentTypeError(f"not an update such as KB5000871: {text!r}")
    return f"KB{digits}"


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a number of signatures: {text!r}")
    return int(text)


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _LONGEST:
        raise argparse.ArgumentTypeError(f"not a number of days from 1 to {_LONGEST}: {text!r}")
    return int(text)


def _now() -> datetime:
    return datetime.now(UTC)


def _folder(args: argparse.Namespace) -> Path:
    return args.keys or keys.default_folder()


def _store(args: argparse.Namespace) -> PackageStore:
    trust = Trust(keys.trusted(_folder(args)), args.seen or default_file(), args.threshold)
    return PackageStore(args.store, trust, _now)


def _add(args: argparse.Namespace) -> int:
    if not args.file.is_file():
        raise ConfigError(f"{args.file} is not a file")
    store = _store(args)
    signer = keys.signer(_folder(args), args.key, keys.passphrase(args.passphrase_file))
    if args.tool is not None:
        return _add_tool(args, store, signer)
    if args.version is not None:
        raise ConfigError("--version is of a detection tool; for an update give --build or --kb")
    if args.file.suffix.lower() == ".msi" and args.build is None and args.kb is None:
        return _add_module(args, store, signer)
    reason = (args.reason or "").strip() or None
    by = keys.signer_name(_folder(args), args.key)
    request = IntakeRequest(args.file.name, args.kb, args.build, args.sha256, reason, by)
    binding = precheck(request, load(args.catalog))
    with store.staged(args.file) as staged:
        record = examine(staged, request, binding, microsoft_policy, _now())
        store.publish(staged, record)
    catalogue = store.change(lambda old: with_package(old, record), signer, days=args.days)
    if args.json:
        _print_json({"version": catalogue.version, "package": record.to_json()})
        return OK
    print("\n".join(package_lines(record)))
    print(validity(catalogue))
    return OK


def _add_module(args: argparse.Namespace, store: PackageStore, signer: Signer) -> int:
    request = ModuleRequest(args.file.name, args.sha256)
    precheck_module(request)
    known = load(args.catalog).module(MODULE)
    with store.staged(args.file) as staged:
        record = examine_module(staged, request, known, microsoft_policy, _now())
        store.publish(staged, record)
    catalogue = store.change(
        tuple, signer, days=args.days, modules=lambda old: with_module(old, record)
    )
    if args.json:
        _print_json({"version": catalogue.version, "module": record.to_json()})
        return OK
    print("\n".join(module_lines(record)))
    print(validity(catalogue))
    return OK


def _add_tool(args: argparse.Namespace, store: PackageStore, signer: Signer) -> int:
    if args.build is not None or args.kb is not None:
        raise ConfigError("--tool is for a detection tool, --build and --kb are for an update")
    known = load(args.catalog).detection_tools()
    if args.tool not in known:
        raise ConfigError(f"--tool {args.tool!r}: known are {', '.join(sorted(known))}")
    tool, reason = known[args.tool], (args.reason or "").strip() or None
    by = keys.signer_name(_folder(args), args.key)
    request = ToolRequest(args.file.name, args.version, args.sha256, reason, by)
    precheck_tool(request, tool)
    with store.staged(args.file) as staged:
        record = examine_tool(staged, request, known.values(), tool, microsoft_policy, _now())
        store.publish(staged, record)
    catalogue = store.change(
        tuple, signer, days=args.days, tools=lambda old: with_tool(old, record)
    )
    if args.json:
        _print_json({"version": catalogue.version, "tool": record.to_json()})
        return OK
    print("\n".join(tool_lines(record, tool.expires_days)))
    print(validity(catalogue))
    return OK


def _expiry(tool: str) -> int | None:
    """How old a file of a tool may be; a tool that nobody knows any more does not expire."""
    known = load().detection_tools().get(tool)
    return known.expires_days if known else None


def _expired(catalogue: PackageCatalogue) -> Iterator[str]:
    """Say of which detection tools there is no file any more that may be run."""
    known = load().detection_tools()
    for name in sorted({record.tool for record in catalogue.tools} & known.keys()):
        try:
            catalogue.tool(known[name], _now())
        except RefusedError as error:
            yield str(error)


def _renew(args: argparse.Namespace) -> int:
    signer = keys.signer(_folder(args), args.key, keys.passphrase(args.passphrase_file))
    catalogue = _store(args).change(lambda old: old, signer, days=args.days)
    _say(args, catalogue, f"renewed until {catalogue.expires:%Y-%m-%d %H:%M} UTC")
    return OK


def _sign(args: argparse.Namespace) -> int:
    signer = keys.signer(_folder(args), args.key, keys.passphrase(args.passphrase_file))
    catalogue = _store(args).countersign(signer)
    _say(args, catalogue, counts(catalogue))
    return OK


def _verify(args: argparse.Namespace) -> int:
    store = _store(args)
    catalogue = store.load()
    policy = microsoft_policy()
    stored = catalogue.stored
    found = {record.sha256: _problem(store, record, policy) for record in stored}
    problems = {digest: text for digest, text in found.items() if text}
    vouched = {p.sha256: p.vouched for p in catalogue.packages if p.vouched and not p.refusal}
    expired = list(_expired(catalogue))
    judged = [record for record in stored if record.signature and not _is_script(record)]
    tool = installed().name if judged else None
    if args.json:
        shown = {"version": catalogue.version, "tool": tool, "problems": problems}
        _print_json({**shown, "vouched": vouched, "expired": expired})
    else:
        for text in problems.values():
            print(text, file=sys.stderr)
        for package in catalogue.packages:
            if package.sha256 in vouched:
                print(f"{package.file}: {package.vouched}")
        for text in expired:
            print(text)
        good = len(stored) - len(problems)
        by = f" (signatures checked with {tool})" if tool else ""
        _say(args, catalogue, f"{good} of {len(stored)} packages are as signed{by}")
    return FINDINGS if problems else OK


def _is_script(record: Record) -> bool:
    return record.file.lower().endswith(".ps1")


def _problem(store: PackageStore, package: Record, policy: SignaturePolicy) -> str | None:
    try:
        path = store.verified_path(package)
        signature = verify(path, policy, script=_is_script(package)) if package.signature else None
    except RefusedError as error:
        return str(error)
    if signature != package.signature:
        return f"{path}: signed by another certificate than recorded"
    return getattr(package, "refusal", None)


def _list(args: argparse.Namespace) -> int:
    catalogue = _store(args).load()
    if args.json:
        _print_json({**catalogue.to_json(), "signed_by": list(catalogue.signed_by)})
        return OK
    for package in catalogue.packages:
        print("\n".join(package_lines(package)))
    for module in catalogue.modules:
        print("\n".join(module_lines(module)))
    for tool in catalogue.tools:
        print("\n".join(tool_lines(tool, _expiry(tool.tool))))
    _say(args, catalogue, counts(catalogue))
    return OK


def _say(args: argparse.Namespace, catalogue: PackageCatalogue, text: str) -> None:
    if args.json:
        _print_json({"version": catalogue.version, "expires": catalogue.to_json()["expires"]})
        return
    names = ", ".join(catalogue.signed_by)
    print(f"catalogue version {catalogue.version}, signed by {names}: {text}")


def _keys_init(args: argparse.Namespace) -> int:
    secret = keys.passphrase(args.passphrase_file)
    made = keys.create(_folder(args), args.name, secret)
    print(f"key {made.name} ({made.keyid}) in {_folder(args)}")
    if secret is None:
        print(
            "it is not encrypted: whoever reads the file can sign. Use --passphrase-file or "
            f"{keys.PASSPHRASE_VARIABLE}",
            file=sys.stderr,
        )
    return OK


def _keys_list(args: argparse.Namespace) -> int:
    found = keys.trusted(_folder(args))
    if args.json:
        rows = [{"name": k.name, "keyid": k.keyid, "private": k.private} for k in found]
        _print_json(rows)
        return OK
    for key in found:
        print(f"{key.name:<20} {key.keyid}  {'can sign here' if key.private else 'public only'}")
    return OK


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))
