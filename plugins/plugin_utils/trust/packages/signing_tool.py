# SPDX-License-Identifier: GPL-3.0-or-later
"""osslsigncode, the second judge of a signature: what it can, what it said, and whether it agrees.

The versions differ: Debian 12 has 2.5, Ubuntu 24.04 has 2.7, Debian 13 has 2.9. It is asked what it can,
and it never sees a file that our own check has not passed: versions before 2.12 can be made to run code by a
file that they verify. What it cannot do is no verdict on a file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from ...base.errors import ConfigError

TOOL = "osslsigncode"
OLDEST = (2, 5)  # the oldest whose report was compared
_SECONDS = 900  # a package of several gigabytes is hashed twice
_WANTED = ("-CAfile", "-TSA-CAfile", "-in")
# Revocation lists are not fetched: 2.5 cannot, 2.6 and 2.7 always try, later ones unless told.
_OFFLINE = ("-ignore-cdp", "-ignore-crl")
_NOWHERE = "http://127.0.0.1:9"  # a proxy that is not there, for those that always try
# What 2.6 and 2.7 say without one. They look for it last, after value, chain and time stamp were good
# (verify_authenticode in their source), so it is all that they miss.
_ONLY_REVOCATION = re.compile(
    r'^Use the "-CRLfile" option to add one or more CRLs in PEM format\.\n+'
    r"Signature verification: failed$",
    re.MULTILINE,
)
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_VERSION = re.compile(rf"^{TOOL} (\d+)\.(\d+)", re.MULTILINE)
_OPTION = re.compile(r"^(-[A-Za-z][A-Za-z-]*)(?:, (-[A-Za-z][A-Za-z-]*))?\s+=", re.MULTILINE)
_CURE = (
    f"install the package {TOOL}, {OLDEST[0]}.{OLDEST[1]} or newer (Debian, Ubuntu, Fedora have it), "
    "and run again"
)


@dataclass(frozen=True, slots=True)
class SigningTool:
    """An installed osslsigncode. ``options`` are those of its ``verify``."""

    path: str
    version: str
    options: frozenset[str]

    @property
    def name(self) -> str:
        """What it is called in records: ``osslsigncode 2.9``."""
        return f"{TOOL} {self.version}"


@dataclass(frozen=True, slots=True)
class Report:
    """What the tool said of one signature; an empty text where it said nothing, or two things."""

    algorithm: str  # of the digest: SHA256
    stated: str  # digest of the file as the signature says, in hex and capitals
    calculated: str  # as the tool calculated it
    attributes: str  # digest of what is signed
    serial: str  # of the signer, in hex and capitals, no zero in front
    stamp: str  # ok | failed
    value: str  # ok | failed

    def differing(self, other: Report) -> str | None:
        """Return the name of the first thing of which two reports say different things."""
        for part in fields(self):
            if getattr(self, part.name) != getattr(other, part.name):
                return part.name
        return None


def installed() -> SigningTool:
    """Return the tool on the PATH; raises ``ConfigError`` when there is none that can be used."""
    path = shutil.which(TOOL)
    if path is None:
        raise ConfigError(f"{TOOL} is not installed, so no signature can be checked; {_CURE}")
    return _examined(path, Path(path).stat().st_mtime_ns)


@cache
def _examined(path: str, _changed: int) -> SigningTool:
    """Ask a tool what it is; once, as long as its file is the same."""
    said = _run([path, "--version"])
    found = _VERSION.search(said)
    if found is None:
        raise ConfigError(f"{path} does not say its version ({_last(said)}); {_CURE}")
    version = f"{found[1]}.{found[2]}"
    if (int(found[1]), int(found[2])) < OLDEST:
        raise ConfigError(f"{path} is {TOOL} {version}, which is too old; {_CURE}")
    listed = _OPTION.findall(_run([path, "verify", "--help"]))
    options = frozenset(option for pair in listed for option in pair if option)
    missing = [option for option in _WANTED if option not in options]
    if missing:
        raise ConfigError(f"{path} ({TOOL} {version}) has no option {missing[0]}; {_CURE}")
    return SigningTool(path, version, options)


def reports(tool: SigningTool, path: Path, roots: str) -> tuple[Report, ...]:
    """Return what the tool says of each signature of a file, in its order; none if that is not clear.

    Raises ``ConfigError`` where it says nothing of any: it could not work.
    """
    with tempfile.TemporaryDirectory(prefix="authenticode-") as folder:
        pem = Path(folder) / "roots.pem"
        pem.write_text(roots, encoding="ascii")
        offline = [option for option in _OFFLINE if option in tool.options]
        trust = ["-CAfile", str(pem), "-TSA-CAfile", str(pem)]
        said = _run([tool.path, "verify", *offline, *trust, "-in", str(path)])
    # 2.6 and 2.7 print the digests of a signature before its number, all others after it.
    _, *parts = re.split(r"^(?=Message digest algorithm +: )", said, flags=re.MULTILINE)
    numbers = re.findall(r"^Signature Index: (\d+)", said, re.MULTILINE)
    if not parts and not numbers:
        raise ConfigError(
            f"{tool.path} ({tool.name}) found no signature in a file that our own check passed "
            f"({_last(said)}); {_CURE.replace('or newer', 'or better the newest')}"
        )
    if numbers != [str(number) for number in range(len(parts))]:
        return ()
    if not offline:
        parts = [_ONLY_REVOCATION.sub("Signature verification: ok", part) for part in parts]
    return tuple(_report(part) for part in parts)


def _report(text: str) -> Report:
    kind = _only(r"^Current (DigitalSignature|message digest) +: [0-9A-F]+ *$", text)
    return Report(
        algorithm=_only(r"^Message digest algorithm +: (\S+)$", text),
        stated=_only(rf"^Current {kind} +: ([0-9A-F]+) *$", text),
        calculated=_only(rf"^Calculated {kind} +: ([0-9A-F]+) *$", text),
        attributes=_only(r"^\tMessage digest: ([0-9A-F]+) *$", text),
        serial=_only(
            r"^Signer's certificate:\n(?:\t-+\n)?\tSigner #0:\n\t\tSubject:.*\n\t\tIssuer :.*\n"
            r"\t\tSerial : 0*([0-9A-F]+)$",
            text,
        ),
        stamp=_only(r"^Timestamp Server Signature verification: (\w+)$", text),
        value=_only(r"^Signature verification: (\w+)$", text),
    )


def _only(pattern: str, text: str) -> str:
    """Return what a line says if exactly one does."""
    found = re.findall(pattern, text, re.MULTILINE)
    return str(found[0]) if len(found) == 1 else ""


def _run(command: list[str]) -> str:
    """Return everything that the tool prints; its exit status says too little to be used."""
    environment = {k: v for k, v in os.environ.items() if k.lower() not in {*_PROXIES, "no_proxy"}}
    environment |= {"LC_ALL": "C", **dict.fromkeys(_PROXIES, _NOWHERE)}
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=_SECONDS,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"{command[0]} did not end within {_SECONDS} s; {_CURE}") from error
    except OSError as error:
        raise ConfigError(f"{command[0]} cannot be run ({error.strerror}); {_CURE}") from error
    if done.returncode < 0:
        raise ConfigError(f"{command[0]} was ended by signal {-done.returncode}; {_CURE}")
    return done.stdout.decode("utf-8", "replace")


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip(" .\t")]
    told = [line for line in lines if line != "Failed"]
    return (told or lines or ["it says nothing"])[-1][:200]
