# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what a client sends: SOAP 1.2 with WS-Management headers.

A client's XML is untrusted. The parser is expat itself with the refusals of defusedxml: no
document type, hence no entities; and bounds on depth and on the number of elements. A
defusedxml tree would cost ten times as much on the hottest path of the endpoint.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.parsers import expat

if TYPE_CHECKING:
    from .limits import ServiceLimits

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
POWERSHELL = "http://schemas.microsoft.com/powershell"

CREATE = TRANSFER + "/Create"
DELETE = TRANSFER + "/Delete"
GET = TRANSFER + "/Get"
COMMAND = SHELL + "/Command"
SEND = SHELL + "/Send"
RECEIVE = SHELL + "/Receive"
SIGNAL = SHELL + "/Signal"

_ENVELOPE = f"{SOAP} Envelope"
_BODY = f"{SOAP} Body"
_SELECTOR = f"{WSMAN} Selector"
_OPTION = f"{WSMAN} Option"
_HEADERS = {
    f"{ADDRESSING} Action": "action",
    f"{ADDRESSING} MessageID": "message_id",
    f"{WSMAN} ResourceURI": "resource_uri",
    f"{WSMAN} OperationTimeout": "operation_timeout",
    f"{WSMAN} MaxEnvelopeSize": "max_envelope",
}
_KNOWN = frozenset((*_HEADERS, _SELECTOR, _OPTION))
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII)


class SoapError(Exception):
    """The envelope is not well-formed, not SOAP 1.2, or over a bound."""


@dataclass(slots=True)
class Element:
    """One element of the body: local name, attributes, its own text."""

    name: str
    attributes: dict[str, str]
    text: str


@dataclass(slots=True)
class Message:
    """The headers that the service acts on, and the body's elements in closing order."""

    action: str = ""
    message_id: str = ""
    resource_uri: str = ""
    operation_timeout: str = ""
    max_envelope: str = ""
    selectors: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    body: list[Element] = field(default_factory=list)

    def first(self, name: str) -> Element | None:
        """Return the first body element of that local name."""
        for element in self.body:
            if element.name == name:
                return element
        return None

    def text(self, name: str) -> str:
        """Return the text of the first body element of that name, or an empty string."""
        element = self.first(name)
        return element.text if element is not None else ""


def duration_seconds(text: str) -> float | None:
    """Return an xs:duration such as ``PT20S`` or ``PT2H`` in seconds, None if it is none."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        return None
    days, hours, minutes, seconds = (float(group or 0) for group in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _note(message: Message, name: str, attributes: dict[str, str], text: str) -> None:
    """Keep a header."""
    if name == _SELECTOR:
        message.selectors[attributes.get("Name", "")] = text
    elif name == _OPTION:
        message.options[attributes.get("Name", "")] = text
    else:
        setattr(message, _HEADERS[name], text)


def _refuse(*_arguments: object) -> None:
    raise SoapError("document type declarations and entities are refused")


def _install(parser: expat.XMLParserType, message: Message, limits: ServiceLimits) -> None:
    """Let the parser fill the message; closures, for they run dozens of times a request."""
    stack: list[dict[str, str]] = []
    parts: list[str] = []
    body = message.body
    inside = False
    deepest, most = limits.xml_depth, limits.xml_elements

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        if not stack and name != _ENVELOPE:
            raise SoapError(f"the root element is {name!r}, not a SOAP 1.2 Envelope")
        stack.append(attributes)
        if len(stack) > deepest or len(body) > most:
            raise SoapError("the envelope is nested too deeply or has too many elements")
        parts.clear()
        if name == _BODY:
            inside = True

    def end(name: str) -> None:
        nonlocal inside
        attributes = stack.pop()
        if inside:
            if name == _BODY:
                inside = False
            else:
                body.append(Element(name.rpartition(" ")[2], attributes, "".join(parts)))
        elif name in _KNOWN:
            _note(message, name, attributes, "".join(parts).strip())
        parts.clear()

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = parts.append
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse


def parse(data: bytes, limits: ServiceLimits) -> Message:
    """Read an envelope; raises SoapError when it is not one."""
    message = Message()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    if len(data) > parser.buffer_size:
        parser.buffer_size = min(len(data), 1 << 20)
    _install(parser, message, limits)
    try:
        parser.Parse(data, True)  # noqa: FBT003 - expat's signature
    except expat.ExpatError as error:
        raise SoapError(str(error)) from None
    if not message.action:
        raise SoapError("the envelope has no Action header")
    return message
