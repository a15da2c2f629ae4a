# SPDX-License-Identifier: GPL-3.0-or-later
"""JUnit XML for change pipelines: one test suite per host, one test case per thing looked at.

finding = ``failure``; unknown = ``error`` (never ``skipped``: a skip is read as harmless);
not applicable = ``skipped``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from ..entries import Entry, entries

if TYPE_CHECKING:
    from collections.abc import Mapping

# Not allowed in XML 1.0; the model's strings are clean of most, a name from the inventory may not be.
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Mapping[str, Any]) -> str:
    """The report as JUnit XML text."""
    root = ET.Element("testsuites", name=f"exchange.remediation {report['run']['campaign']['id']}")
    sums = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for host in report["hosts"]:
        suite = _suite(host, report["run"]["started"])
        root.append(suite)
        for key in sums:
            sums[key] += int(suite.get(key, "0"))
    for key, value in sums.items():
        root.set(key, str(value))
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(host: Mapping[str, Any], started: str) -> ET.Element:
    lines = entries(host)
    count = {status: sum(line.status == status for line in lines) for status in
             ("finding", "unknown", "not-applicable")}  # fmt: skip
    suite = ET.Element(
        "testsuite",
        name=_legal(host["host"]),
        timestamp=_legal(started),
        tests=str(len(lines)),
        failures=str(count["finding"]),
        errors=str(count["unknown"]),
        skipped=str(count["not-applicable"]),
    )
    suite.extend(_case(host["host"], line) for line in lines)
    return suite


def _case(host: str, line: Entry) -> ET.Element:
    case = ET.Element("testcase", classname=_legal(host), name=_legal(line.name), time="0")
    message = _legal(line.summary)
    detail = _legal(
        "\n".join(part for part in (line.title, line.remedy, line.clause, line.source) if part)
    )
    if line.status == "finding":
        ET.SubElement(case, "failure", type=line.severity, message=message).text = detail
    elif line.status == "unknown":
        ET.SubElement(case, "error", type="unknown", message=message).text = detail
    elif line.status == "not-applicable":
        ET.SubElement(case, "skipped", message=message)
    return case


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
