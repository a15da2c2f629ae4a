# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mitigation
short_description: Apply or take off the interim mitigations of a campaign on an Exchange server
version_added: 0.1.0
author: exchange.remediation maintainers
description:
  - Chooses the mitigations of the campaign that the exact build of the server needs, asks the server what each step would do, applies them
    under the host lock, reads them back by full content and sends requests of its own that the rules must refuse. A rule that exists and
    does not refuse is no mitigation.
  - Drift is repaired. An altered pattern, a disabled rule, a wrong order and a duplicate are found by content, not by name.
  - The state from before is recorded on the server ahead of the first change. O(state=absent) restores exactly that, and nothing else.
  - A server whose build is not known is not changed.
  - Whoever is interrupted runs the same again and ends in the same state.
  - In check mode, and without O(confirm), the same choice is made, the server is asked what it would do, and nothing is changed.
extends_documentation_fragment:
  - exchange.remediation.change
  - exchange.remediation.package_source
options:
  although_open:
    description: With V(absent), why a mitigation comes off although its vulnerability is still open. Recorded.
    type: str
  mitigations:
    description: Only these mitigations of the campaign. All of them if empty.
    type: list
    elements: str
    default: []
  seconds:
    description: The longest that the whole change may take. Nothing is started that cannot end in O(window_end).
    type: int
    default: 900
  state:
    description: V(present) applies what is needed, V(absent) takes off what was applied from here.
    type: str
    choices: [present, absent]
    default: present
  tool:
    description: Let this script of Microsoft do it instead of our own operations.
    type: str
    choices: [eomt, exchange_mitigations]
  tool_accept_rollback_defaults:
    description: Let ExchangeMitigations.ps1 roll back to its own defaults instead of the state from before.
    type: bool
    default: false
  tool_file:
    description: The script that you have downloaded.
    type: path
  tool_sha256:
    description: Its SHA-256, for a file that the tool catalogue does not list.
    type: str
  tool_timeout:
    description: Seconds that one operation of ExchangeMitigations.ps1 may take.
    type: int
  tool_version:
    description: Its version, for a file that the tool catalogue does not list.
    type: str
notes:
  - Mitigations are interim. They are no fix, cover known attack patterns only, and evict nobody.
  - The ECP and OAB pools and Unified Messaging are stopped on purpose, and managed availability with them, until they are taken off.
  - A refused mitigation does not keep the others from being applied; the task fails all the same and says which.
seealso:
  - module: exchange.remediation.exchange_server_info
  - module: exchange.remediation.security_update
"""

EXAMPLES = r"""
- name: Show what would be changed
  exchange.remediation.mitigation:
    campaign: proxylogon

- name: Apply all mitigations of the campaign
  exchange.remediation.mitigation:
    confirm: true
    case: cases/proxylogon-2021-03-06
    approvals: {ticket: CHG0042}
  register: result

- name: Apply the rules only
  exchange.remediation.mitigation:
    mitigations: [backend-cookie]
    confirm: true

- name: Take them off once the update is in
  exchange.remediation.mitigation:
    state: absent
    confirm: true
"""

RETURN = r"""
mitigation:
  description: The verdict and everything that it rests on.
  returned: always
  type: dict
  contains:
    state:
      description:
        - V(mitigated), V(removed), V(not-needed), V(planned), V(partial), V(degraded), V(stopped), V(stale-plan) or V(unknown).
        - With O(tool), V(mitigated), V(not-mitigated), V(partial), V(planned), V(refused) or V(unknown).
      type: str
      choices:
        - mitigated
        - removed
        - not-needed
        - planned
        - stale-plan
        - stopped
        - refused
        - partial
        - degraded
        - not-mitigated
        - unknown
      returned: always
    standing:
      description:
        - What the state means. V(done), nothing is left to do. V(planned), changes are planned and nothing keeps them from being made.
        - V(wrong), it is known how the server is, and that is not as wanted. V(unknown), that is not known.
      type: str
      returned: always
    unchanged:
      description: Whether the server is as it was before. Not true where that is not known.
      type: bool
      returned: always
    reason:
      description: Why, in one or more sentences.
      type: str
      returned: always
    mitigations:
      description: Each mitigation with its state by full content, whether it is needed, and what the front end did with our request.
      type: list
      elements: dict
      returned: without O(tool)
    left_open:
      description: Open CVEs of the campaign that no mitigation in place is for.
      type: list
      elements: str
      returned: without O(tool)
    plan:
      description: The steps with parameters, before and after, reason and clause, what was refused, and the digest of the facts.
      type: dict
      returned: always
    steps:
      description: What was done, with what the server had before and after each step.
      type: list
      elements: dict
      returned: without O(tool)
    failed_steps:
      description: Steps that the server did not carry out, and why.
      type: list
      elements: str
      returned: without O(tool)
    probes:
      description: What the front end answered before and after.
      type: dict
      returned: without O(tool)
    tool:
      description: What the script was asked, what it said, and our own reading of the server.
      type: dict
      returned: with O(tool)
    approvals:
      description: What was approved.
      type: dict
      returned: always
"""
