# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action of the same name; the work is done on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cumulative_update
short_description: Upgrade an Exchange server to another cumulative update and prove it
version_added: 0.1.0
author: exchange.remediation maintainers
description:
  - Chooses the cumulative update, checks what must be so before, records the state, brings the verified image, runs its C(setup.exe) with
    C(/Mode:Upgrade) as a durable job, restarts Windows, restores start types and judges by what it reads back. It cannot be taken back, so it
    is a step of its own and never done by M(exchange.remediation.security_update).
  - Setup wipes the rules of mitigations. Those that stop services or application pools are undone before setup starts, if they are ours. The
    result lists under C(reapply) what has to be applied again before the next security update is installed.
  - Whoever is interrupted runs the same again. What the server has begun is found and continued, setup is never launched twice. A server on
    which setup broke off in the middle is left to a person.
  - In check mode, and without O(confirm), the same choice and checks are made and nothing is changed.
extends_documentation_fragment:
  - exchange.remediation.change
  - exchange.remediation.install
  - exchange.remediation.package_source
options:
  cumulative_update:
    description:
      - The one to upgrade to, for example V(CU23) or V(Exchange2016 CU23).
      - Without it the newest one of the product that is in support today. Never an older one, never another product.
    type: str
  prepared_by:
    description:
      - Who says that schema and Active Directory are prepared for it (C(/PrepareSchema), C(/PrepareAD)), from a clean machine.
      - Without it nothing is upgraded.
    type: str
  seconds:
    description: The longest that the whole change may take. Nothing is started that cannot end in O(window_end).
    type: int
    default: 14400
  usable_seconds:
    description: How long Exchange may take after the restart until services and front end answer.
    type: int
    default: 3600
notes:
  - The store must hold the image (C(.iso)), several GiB.
  - Windows Server 2012 and later; Server 2008 R2 cannot attach disk images. A self-extracting package (C(.exe)) is refused, make an image of it.
  - Setup runs as SYSTEM. Microsoft's page asks for a member of Organization Management; try it on one server first.
  - The task fails for a server that is not V(upgraded) afterwards, so that C(max_fail_percentage) stops a rollout.
  - Setup is never ended from here.
seealso:
  - module: exchange.remediation.security_update
  - module: exchange.remediation.mitigation
"""

EXAMPLES = r"""
- name: Show what would be done
  exchange.remediation.cumulative_update:
    store: /srv/packages
    prepared_by: "jane, CHG0042"

- name: Upgrade to CU23
  exchange.remediation.cumulative_update:
    cumulative_update: CU23
    store: /srv/packages
    source: '\\fs01\packages'
    prepared_by: "jane, CHG0042"
    confirm: true
  register: result

- name: Apply again what setup wiped, before the update
  exchange.remediation.mitigation:
    mitigations: "{{ result.cumulative_update.reapply }}"
    confirm: true
  when: result.cumulative_update.reapply | length > 0
"""

RETURN = r"""
cumulative_update:
  description: The verdict and everything that it rests on.
  returned: always
  type: dict
  contains:
    state:
      description: V(upgraded), V(nothing-to-do), V(planned), V(stale-plan), V(stopped), V(not-upgraded), V(degraded) or V(unknown).
      type: str
      choices:
        - upgraded
        - nothing-to-do
        - planned
        - stale-plan
        - stopped
        - not-upgraded
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
    reapply:
      description: Mitigations that were in effect and are to be applied again before the next security update is installed.
      type: list
      elements: str
      returned: always
    choice:
      description: The cumulative update that was chosen, or what to do instead.
      type: dict
      returned: always
    prechecks:
      description: Every check before setup.
      type: list
      elements: dict
      returned: always
    conditions:
      description: Every condition of success with what is wrong; V(not-applicable) in C(holds) where this server has nothing for it.
      type: list
      elements: dict
      returned: always
    failures:
      description: Known failures by name, with the repair.
      type: list
      elements: dict
      returned: always
    plan:
      description: The plan, with each step and its reason.
      type: dict
      returned: always
    steps:
      description: What was done.
      type: list
      elements: dict
      returned: always
    exit_code:
      description: What setup.exe ended with. It proves nothing.
      type: int
      returned: always
    approvals:
      description: What was approved.
      type: dict
      returned: always
"""
