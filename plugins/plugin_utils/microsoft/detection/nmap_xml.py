# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the nmap script says of exposure: silence is never "not exposed" by itself.

The script prints nothing for a patched server, for one that did not answer, and where it did not run
(measured with nmap 7.93). So "not exposed" needs its word and a whole HTTP answer in the trace.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

from ...base.sanitize import clean_text
from ...judge.compromise.records import ExposureCheck, ExposureState
from .nmap_run import SCRIPT
from .records import RunEnd

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from .nmap_run import NmapRun

CVE = "CVE-2021-26855"
_PACKET = re.compile(rb"NSE: (?:TCP|SSL) \S+ ([<>]) \S+ \| (.*)")
_BYTES = re.compile(rb"[0-9a-f]{8}: ((?:[0-9a-f]{2} ){1,16})")
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: |\r)")
_ASKED = re.compile(rb"[A-Z]+ /owa/auth/x\.js HTTP/1\.[01]\r\n")
_TARGET = b"x-calculatedbetarget"
# Said by whatever stands in front, or by a server that did not come to look at the request.
_NOT_THE_SERVER = frozenset({400, 401, 403, 407, 408, 421, 429, 502, 503, 504})
_REDIRECTS = range(300, 400)
_INFORMATION = range(100, 200)


@dataclass(slots=True)
class _Talk:
    """One connection: what was sent on it, and what came back."""

    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)


def read_nmap(run: NmapRun) -> ExposureCheck:
    """Return what the run says of the one address and port that was asked. Never raises."""
    request = run.request
    subject = f"{request.address} port {request.port}"
    state, reasons = _judge(run)
    return ExposureCheck(
        "nmap/exposure",
        "nmap-script",
        "A request of CVE-2021-26855 reaches a back end",
        f"{subject} ({request.host_name})" if request.host_name else subject,
        state,
        tuple(reasons),
        (CVE,) if state is ExposureState.EXPOSED else (),
    )


def _judge(run: NmapRun) -> tuple[ExposureState, list[str]]:
    port, problem = _port(run)
    said = _said(port)
    if said == "VULNERABLE":
        return ExposureState.EXPOSED, ["the script says VULNERABLE"]
    why = _broken(run) or problem or _closed(port) or _silent(said) or _answered(run.trace)
    if why:
        return ExposureState.INCONCLUSIVE, [why]
    return ExposureState.NOT_EXPOSED, ["it was asked and answered, and named no back end"]


def _broken(run: NmapRun) -> str | None:
    if run.truncated:
        return "nmap said more than is kept"
    if run.ended is not RunEnd.FINISHED:
        return f"nmap did not come to its end ({run.ended.value})"
    return None if run.exit_code == 0 else f"nmap ended with status {run.exit_code}"


def _port(run: NmapRun) -> tuple[Element | None, str | None]:
    """Return the one port of the report, or why there is none."""
    try:
        # nmap writes a document type without entities; with them it is refused.
        root = defusedxml.ElementTree.fromstring(run.xml)
    except (defusedxml.ElementTree.ParseError, DefusedXmlException, ValueError, LookupError):
        return None, "nmap left no report that can be read"
    hosts = root.findall("host")
    if len(hosts) != 1 or not _is_asked(hosts[0], run.request.address):
        return None, "the report does not tell of the address that was asked"
    ports = hosts[0].findall("ports/port")
    if len(ports) != 1 or ports[0].get("portid") != str(run.request.port):
        return None, "the report does not tell of the port that was asked (no answer in time?)"
    finished = root.find("runstats/finished")
    if finished is None or finished.get("exit") != "success":
        return ports[0], "the report of nmap is not finished"
    return ports[0], None


def _is_asked(host: Element, address: str) -> bool:
    wanted = ipaddress.ip_address(address)
    for one in host.findall("address"):
        try:
            if ipaddress.ip_address(one.get("addr", "")) == wanted:
                return True
        except ValueError:
            continue
    return False


def _closed(port: Element | None) -> str | None:
    state = None if port is None else port.find("state")
    word = "unknown" if state is None else state.get("state", "unknown")
    return None if word == "open" else f"the port is {clean_text(word)[:40]}"


def _said(port: Element | None) -> str | None:
    """Return the word of the script, None where it left none: it did not run, or broke."""
    scripts = (
        [] if port is None else [one for one in port.findall("script") if one.get("id") == SCRIPT]
    )
    words = {
        (elem.text or "").strip()
        for script in scripts
        for elem in script.iter("elem")
        if elem.get("key") == "state"
    }
    if any(word.startswith("VULNERABLE") for word in words):
        return "VULNERABLE"
    return words.pop() if len(words) == 1 else None


def _silent(said: str | None) -> str | None:
    if said is None:
        return "the script left no word: it did not run, or broke off"
    return None if said == "NOT VULNERABLE" else f"the script says {clean_text(said)[:40]}"


def _answered(trace: bytes) -> str | None:
    """Return why no answer in the trace counts, None where one does and nothing speaks against it."""
    why = "no HTTP answer is on record"
    counted = False
    for talk in _talks(trace):
        if not _ASKED.match(talk.sent) or not talk.received:
            continue
        reason, target = _answer(bytes(talk.received))
        if target:
            return "an answer on record names a back end, and the script does not say so"
        if reason is None:
            counted = True
        else:
            why = reason
    return None if counted else why


def _answer(data: bytes) -> tuple[str | None, bool]:
    """Return why an answer says nothing, and whether it names a local back end."""
    head, end, _ = data.partition(b"\r\n\r\n")
    found = _STATUS.match(head + b"\r\n")
    if found is None:
        return "another service answered than HTTP", False
    names = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
    target = any(
        name.strip().lower() == _TARGET and b"localhost" in value for name, _, value in names
    )
    status = int(found[1])
    if not end:
        return "the head of the answer is not whole", target
    if status in _REDIRECTS:
        return f"it answered with a redirect ({status})", target
    if status in _NOT_THE_SERVER or status in _INFORMATION:
        return f"it answered with status {status}, which need not come from the server", target
    return None, target


def _talks(trace: bytes) -> list[_Talk]:
    """Return the connections of a trace; bytes that are none of a packet are passed over."""
    talks: list[_Talk] = []
    into: bytearray | None = None
    for line in trace.split(b"\n"):
        packet = _PACKET.match(line)
        if packet is None:
            more = _BYTES.match(line)
            if more and into is not None:
                into += bytes.fromhex(more[1].decode("ascii"))
            else:
                into = None
            continue
        text = packet[2].strip()
        if text == b"CONNECT" and packet[1] == b">":
            talks.append(_Talk())
        if not talks:
            continue
        into = talks[-1].received if packet[1] == b"<" else talks[-1].sent
        first = _BYTES.match(text + b" ")
        if first:
            into += bytes.fromhex(first[1].decode("ascii"))
        elif packet[1] == b"<":
            into += text
            into = None
        else:
            into = None  # CONNECT, SEND, CLOSE
    return talks
