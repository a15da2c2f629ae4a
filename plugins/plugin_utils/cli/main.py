# SPDX-License-Identifier: GPL-3.0-or-later
"""``exchange-remediation``: the command. Builds the argument tree and hands over to ``cli_*.py``.

Exit status of every sub-command: 0 nothing found / done, 1 findings / not valid, 2 usage,
3 some host unknown or not reached.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from ..base.errors import ConfigError, RemediationError
from ..base.requirements import required

USAGE = 2

try:
    with required(ConfigError):
        from ..base.version import VERSION
        from . import apply as cli_apply
        from . import assess as cli_assess
        from . import attest as cli_attest
        from . import catalog as cli_catalog
        from . import detection as cli_detection
        from . import directive as cli_directive
        from . import inventory as cli_inventory
        from . import package as cli_package
        from . import plan as cli_plan
        from . import rehearse as cli_rehearse
        from . import render as cli_render
        from . import report as cli_report
        from . import verify as cli_verify
except ConfigError as error:
    print(f"exchange-remediation: {error}", file=sys.stderr)
    sys.exit(USAGE)

if TYPE_CHECKING:
    from collections.abc import Sequence

_RUN_ANSIBLE = ("assess", "plan", "apply")  # what stands behind -- is for ansible-playbook


def parser() -> argparse.ArgumentParser:
    """The whole argument tree."""
    top = argparse.ArgumentParser(
        prog="exchange-remediation",
        description="Take a fleet of on-premises Exchange servers through an emergency directive.",
        epilog="exit status: 0 nothing found, 1 findings, 2 usage, 3 some host unknown or not reached",
    )
    top.add_argument("--version", action="version", version=f"exchange-remediation {VERSION}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for room in (
        cli_assess,
        cli_plan,
        cli_apply,
        cli_verify,
        cli_report,
        cli_catalog,
        cli_detection,
        cli_directive,
        cli_attest,
        cli_inventory,
        cli_package,
        cli_render,
        cli_rehearse,
    ):
        room.add_parser(commands)
    return top


def _apart(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part what stands behind ``--``; argparse does that only where nothing else is positional."""
    given = list(argv)
    if not given or given[0] not in _RUN_ANSIBLE or "--" not in given:
        return given, []
    place = given.index("--")
    return given[:place], given[place + 1 :]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; errors become one line on stderr and exit status 2."""
    given, ansible = _apart(sys.argv[1:] if argv is None else argv)
    args = parser().parse_args(given)
    args.ansible = ansible
    try:
        status = int(args.run(args))
        sys.stdout.flush()  # here, where a full disk can still be said
        return status  # noqa: TRY300 - the errors of both
    except RemediationError as error:
        print(f"exchange-remediation: {error}", file=sys.stderr)
        return USAGE
    except BrokenPipeError:
        # The reader went away (``| head``): not our error, and no traceback at shutdown either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, UnicodeError) as error:
        # A full disk, or a terminal that cannot show a name: 1 would say that something was found.
        print(f"exchange-remediation: {str(error)!a}", file=sys.stderr)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            with suppress(OSError, ValueError):  # what is still to be written has no room either
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return USAGE
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
