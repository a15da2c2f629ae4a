# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: exchange_server_info
short_description: Ask an Exchange server what it is and judge its exposure to a campaign
version_added: 0.1.0
author: exchange.remediation maintainers
description:
  - Reads in one operation and one WinRM command what is needed to judge the server (Exchange build and updates, services, IIS and its
    URL Rewrite rules, operating system, pending reboots, logs and how far they reach back), and judges it on the controller.
  - Nothing is changed on the server, no file is written there, and check mode is the same run.
  - Findings are data. The task fails only if it was used wrongly. A server that cannot be reached, refuses the login or answers
    something unusable does not fail the task either and stays in the play; its state and the reason are in the result.
  - What a server sends is made inert. Control characters, terminal escapes and lone surrogates become visible escapes, no string of it
    is ever a template, and nothing of it becomes an Ansible fact or variable other than the registered result.
options:
  campaign:
    description:
      - The campaign of the catalogue that the server is judged for.
    type: str
    default: proxylogon
  at:
    description:
      - The date that the judgement is for, in ISO 8601, because support ends and updates appear over time.
      - Without it the judgement is for now.
    type: str
attributes:
  check_mode:
    description: Can run in check mode and does exactly the same, as it only reads.
    support: full
  diff_mode:
    description: Returns details on what has changed, which is nothing.
    support: none
  async:
    description: Supports being used with the C(async) keyword.
    support: none
  become:
    description: Is usable alongside C(become), which is refused, because raw execution over WinRM would silently ignore it.
    support: none
  platform:
    description: Target OS/families that can be operated against.
    support: full
    platforms: windows
notes:
  - Works over P(exchange.remediation.winrm#connection). P(ansible.builtin.winrm#connection) and P(ansible.builtin.psrp#connection)
    are refused, unless the variable C(exchange_allow_insecure) names V(stock_connection) for the host - they follow redirects, and take
    oversized and compressed replies.
  - Basic over HTTP, HTTP without message encryption, CredSSP, delegation and unverified TLS are refused before the first packet, unless
    the variable C(exchange_allow_insecure) names them for the host.
seealso:
  - module: exchange.remediation.report
"""

EXAMPLES = r"""
- name: Assess the server
  exchange.remediation.exchange_server_info:
    campaign: proxylogon
  register: result

- name: Judge the server as of the day after the directive
  exchange.remediation.exchange_server_info:
    at: "2021-03-04"
  register: result

- name: Show servers that are open to the campaign
  ansible.builtin.debug:
    msg: "{{ result.exchange_server.assessment.verdict }}"
  when: result.exchange_server.state == "assessed"
"""

RETURN = r"""
exchange_server:
  description: The server's entry for the report (C(report/report.schema.json)), whatever happened.
  returned: always
  type: dict
  contains:
    host:
      description: The server's name in the inventory.
      returned: always
      type: str
      sample: exch01
    address:
      description: Where the inventory says that the server is.
      returned: always
      type: str
      sample: exch01.corp.example
    state:
      description:
        - What became of the attempt. One of V(assessed), V(unreachable), V(authentication-failed), V(refused) and V(error).
      returned: always
      type: str
      sample: assessed
    reason:
      description: Why the state is not V(assessed), beginning with the stable name of the error.
      returned: always
      type: str
      sample: "authentication-failed: ntlm: the specified credentials were rejected by the server"
    assessment:
      description: Identity, verdict, exposure to each CVE with reason and source, and every check; V(null) if not assessed.
      returned: always
      type: dict
      sample: {campaign: proxylogon, verdict: vulnerable}
    facts:
      description: What was read (C(facts/facts.schema.json)). V(null) inside it means that a part could not be read.
      returned: always
      type: dict
    errors:
      description: Which part could not be read and why.
      returned: always
      type: list
      elements: dict
    clock_offset_seconds:
      description: The server's clock minus the controller's, best estimate.
      returned: always
      type: float
      sample: 0.4
    timing:
      description: Controller UTC of sending and receiving, the server's own duration, and the HTTP requests and bytes if counted.
      returned: always
      type: dict
    peer:
      description: Whom the controller spoke to and how, with the certificate's fingerprint and the waived safety rules.
      returned: always
      type: dict
"""
