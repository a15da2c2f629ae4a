# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: detection
short_description: Run Microsoft's detection tools on an Exchange server and say what they prove
version_added: 0.1.0
author: exchange.remediation maintainers
description:
  - Runs the tools that the directive names (Test-ProxyLogon, the Microsoft Safety Scanner) as durable jobs that outlive the connection,
    collects everything that they leave into the case, and reads it.
  - Only files of the operator's package store are run, pinned by SHA-256 and signature. No tool updates itself, none is run in check mode.
  - The verdict is the worst of all checks. V(indicator-found), V(conflict) where two sources disagree, V(inconclusive) where something was
    skipped, missing, too young, cut off or not understood, and V(no-indicator) only where everything was looked at as far back as O(since).
    There is no V(clean).
  - One tool after the other, one scanner at a time, at low priority. Whoever is interrupted runs the same again and goes on with the job.
  - In check mode, and without O(confirm), the plan says which file would be run with which command line, and how long that is expected to take.
extends_documentation_fragment:
  - exchange.remediation.change
  - exchange.remediation.package_source
options:
  address:
    description: Where tools that run on the controller reach the front end. The address of the connection, if it is not set.
    type: str
  port:
    description: The port of the front end for tools that run on the controller.
    type: int
    default: 443
  removal_decision:
    description: Who decided that a scan may remove what it finds, and why. Needed for a mode that removes, because evidence goes with it. Recorded.
    type: str
  seconds:
    description: How long the job of each tool is watched. What the tool catalogue says, if it is not set. No tool is ever ended from here.
    type: int
  since:
    description: How far back everything must be looked at, in ISO 8601. What the campaign's sources say, if it is not set.
    type: str
  tools:
    description:
      - What is run, in this order. A tool of C(exchange-remediation catalog tools), with C(/MODE) where it has several command lines.
      - For example V(test-proxylogon), V(msert/quick), V(msert/full), V(msert/full-remove), V(nmap-script).
    type: list
    elements: str
    default: [test-proxylogon]
notes:
  - A server with findings does not fail the task. One that could not be examined does.
  - A full scan by the Microsoft Safety Scanner takes hours.
  - Only the final block of its log counts. What it shows on its way does not.
seealso:
  - module: exchange.remediation.exchange_server_info
  - module: exchange.remediation.mitigation
"""

EXAMPLES = r"""
- name: Show what would be run
  exchange.remediation.detection:
    tools: [test-proxylogon, msert/full]
    store: packages

- name: Look for traces of the campaign
  exchange.remediation.detection:
    tools: [test-proxylogon]
    store: packages
    confirm: true
    case: cases/detect-2021-03-06
  register: result

- name: Scan the whole server without removing anything
  exchange.remediation.detection:
    tools: [msert/full]
    store: packages
    confirm: true
"""

RETURN = r"""
detection:
  description: The verdict and everything that it rests on.
  returned: always
  type: dict
  contains:
    state:
      description: >-
        V(indicator-found), V(conflict), V(inconclusive) or V(no-indicator), else V(planned), V(stopped), V(stale-plan) or V(unknown).
      type: str
      choices: [no-indicator, indicator-found, conflict, inconclusive, planned, stopped, stale-plan, unknown]
      returned: always
    standing:
      description: What the state means, V(done), V(planned), V(wrong) or V(unknown).
      type: str
      returned: always
    unchanged:
      description: Whether the server is as it was before. Not true where that is not known.
      type: bool
      returned: always
    examined:
      description: Whether a tool was read, so that there is a verdict.
      type: bool
      returned: always
    reason:
      description: Why, in one or more sentences.
      type: str
      returned: always
    since:
      description: How far back everything had to be looked at.
      type: str
      returned: always
    verdict:
      description: State, reasons and all checks with their findings, each with file, place and digest of its evidence, and the coverage.
      type: dict
      returned: where a tool was read
    tools:
      description: Each tool with version, file, hash, command line, how it ended, what it said, its checks and the files that were collected.
      type: list
      elements: dict
      returned: always
    exposure:
      description: What tools say of the exposure of the server. A verdict of its own.
      type: list
      elements: dict
      returned: always
    notes:
      description: What is worth knowing and changes no verdict.
      type: list
      elements: str
      returned: always
    plan:
      description: The steps with parameters, before and after, reason and clause, what was refused, and the digest of the facts.
      type: dict
      returned: always
    removal_decision:
      description: Who decided that a scan may remove what it finds.
      type: str
      returned: always
    approvals:
      description: What was approved.
      type: dict
      returned: always
"""
