# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from contextlib import suppress
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.limits import (
    ServiceLimits,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.soap import (
    Message,
    SoapError,
    duration_seconds,
    parse,
)
from defusedxml import ElementTree
from hypothesis import given
from hypothesis import strategies as st

LIMITS = ServiceLimits()
_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], include_characters="\t\n"),
    max_size=40,
)


def test_headers_selectors_options_and_body_are_read(envelope: Any) -> None:
    message = parse(
        envelope(
            "urn:act",
            '<rsp:Send><rsp:Stream Name="stdin" CommandId="C">AAA=</rsp:Stream></rsp:Send>',
            "SHELL",
            options='<w:OptionSet><w:Option Name="A">1</w:Option></w:OptionSet>',
            message_id="uuid:7",
        ),
        LIMITS,
    )
    assert (message.action, message.message_id) == ("urn:act", "uuid:7")
    assert message.selectors == {"ShellId": "SHELL"}
    assert message.options == {"A": "1"}
    stream = message.first("Stream")
    assert stream is not None
    assert (stream.attributes["CommandId"], stream.text) == ("C", "AAA=")
    assert message.text("Absent") == ""


def test_prefixes_do_not_matter() -> None:
    text = (
        '<Envelope xmlns="http://www.w3.org/2003/05/soap-envelope"><Header>'
        '<q:Action xmlns:q="http://schemas.xmlsoap.org/ws/2004/08/addressing">urn:act</q:Action>'
        "</Header><Body/></Envelope>"
    )
    assert parse(text.encode(), LIMITS).action == "urn:act"


def test_a_header_outside_the_namespace_is_not_a_header() -> None:
    text = (
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Header>'
        "<Action>urn:act</Action></e:Header><e:Body/></e:Envelope>"
    )
    with pytest.raises(SoapError, match="no Action"):
        parse(text.encode(), LIMITS)


def test_entities_are_refused_before_they_expand() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY x "0123456789">' + b"".join(
        b'<!ENTITY x%d "&x;&x;&x;&x;&x;&x;&x;&x;&x;&x;">' % index for index in range(9)
    )
    with pytest.raises(SoapError, match="document type"):
        parse(bomb + b"]><a>&x8;</a>", LIMITS)


@pytest.mark.parametrize("body", ["<a>" * 100 + "</a>" * 100, "<a/>" * 5000])
def test_nesting_and_number_of_elements_are_bounded(envelope: Any, body: str) -> None:
    with pytest.raises(SoapError, match="nested too deeply or has too many"):
        parse(envelope("urn:act", body), LIMITS)


@given(text=_TEXT, attribute=_TEXT)
def test_text_and_attributes_are_read_as_another_parser_reads_them(
    text: str, attribute: str
) -> None:
    body = f"<n:Thing xmlns:n='urn:n' Name={quoteattr(attribute)}>{escape(text)}</n:Thing>"
    data = (
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"'
        ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"><e:Header>'
        f"<a:Action>urn:act</a:Action></e:Header><e:Body>{body}</e:Body></e:Envelope>"
    ).encode()
    thing = parse(data, LIMITS).first("Thing")
    other = ElementTree.fromstring(data).find(".//{urn:n}Thing")
    assert thing is not None
    assert (thing.text, thing.attributes["Name"]) == (other.text or "", other.attrib["Name"])


@given(st.binary(max_size=300))
def test_any_bytes_give_a_message_or_a_soap_error(data: bytes) -> None:
    with suppress(SoapError):
        assert isinstance(parse(data, LIMITS), Message)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT20S", 20), ("PT0.5S", 0.5), ("P1DT2H3M4S", 93784), ("PT2H", 7200), ("20", None), ("P", None), ("PT", None), ("", None)],
)  # fmt: skip
def test_durations(text: str, seconds: float | None) -> None:
    assert duration_seconds(text) == seconds
