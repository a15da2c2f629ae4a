# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: security_update
short_description: Install the Exchange security update for a server's exact build and prove it
version_added: 0.1.0
author: exchange.remediation maintainers
description:
  - Chooses the update for the exact build of the server and the campaign, checks what must be so before, records start types, application
    pools and configuration hashes on the server, delivers the package, runs the installer as a durable job, restarts Windows, restores the
    start types and judges by what it reads back. An exit code never proves success.
  - Where no update exists for the installed cumulative update, it says which one would do, and stops. It never changes a cumulative update.
  - Whoever is interrupted runs it again, also on another day. What the server has begun is found and continued, nothing is installed twice.
  - In check mode, and without O(confirm), the same choice and checks are made and nothing is changed.
extends_documentation_fragment:
  - exchange.remediation.change
  - exchange.remediation.install
  - exchange.remediation.package_source
options:
  kb:
    description: Install this update and no other, for example V(KB5000871). Without it the newest one of the store that closes the campaign.
    type: str
  seconds:
    description: The longest that the whole change may take. Nothing is started that cannot end in O(window_end).
    type: int
    default: 7200
  usable_seconds:
    description: How long Exchange may take after the restart until services and front end answer.
    type: int
    default: 1800
notes:
  - The task fails for a server that is not V(patched) afterwards, so that C(max_fail_percentage) stops a rollout.
  - An installer is never ended from here.
seealso:
  - module: exchange.remediation.exchange_server_info
"""

EXAMPLES = r"""
- name: Show what would be installed
  exchange.remediation.security_update:
    store: /srv/packages

- name: Install what was approved and nothing else
  exchange.remediation.security_update:
    store: /srv/packages
    confirm: true
    case: /srv/cases/march-2021
    plan: /srv/cases/march-2021/plan.json

- name: Install the update
  exchange.remediation.security_update:
    store: /srv/packages
    confirm: true
    window_end: "2021-03-06T04:00:00Z"
    approvals: {ticket: CHG0042}
  register: result
"""

RETURN = r"""
security_update:
  description: The verdict and everything that it rests on.
  returned: always
  type: dict
  contains:
    state:
      description: V(patched), V(nothing-to-do), V(planned), V(stale-plan), V(stopped), V(not-patched), V(degraded) or V(unknown).
      type: str
      choices:
        - patched
        - nothing-to-do
        - planned
        - stale-plan
        - stopped
        - not-patched
        - degraded
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
    choice:
      description: The update that was chosen, or what to do instead.
      type: dict
      returned: always
    prechecks:
      description: Every check before the installation.
      type: list
      elements: dict
      returned: always
    conditions:
      description:
        - Every condition of success with what is wrong, and in C(confidence) whether that is V(proof) or V(evidence).
        - One that this server has nothing for, such as OWA on an Edge server, has V(not-applicable) in C(holds), and the reason in C(summary).
      type: list
      elements: dict
      returned: always
    failures:
      description: Known failures by name, with the repair that Microsoft documents.
      type: list
      elements: dict
      returned: always
    plan:
      description:
        - What would be done, or was to be done. C(steps) with C(id), C(operation), C(parameters), C(reason), C(clause), C(before), C(after) and
          C(needs), C(notes), and C(rests_on), the digest of the facts behind it. Null where nothing is to be done.
      type: dict
      returned: always
    steps:
      description: What was done.
      type: list
      elements: dict
      returned: always
    approvals:
      description: What was approved.
      type: dict
      returned: always
    lock_taken_over:
      description: From whom the lock of the server was taken over (C(previous)) and on what ground (C(reason)), null where it was not.
      type: dict
      returned: always
"""
