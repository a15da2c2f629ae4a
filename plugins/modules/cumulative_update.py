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
options:
  campaign:
    description: The campaign whose mitigations and directive count.
    type: str
    default: proxylogon
  confirm:
    description: Upgrade. Without it the task returns the plan and a warning.
    type: bool
    default: false
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
  store:
    description: The folder of the signed package catalogue that C(exchange-remediation package) keeps. It must hold the C(.iso).
    type: path
  keys:
    description: The folder of the trusted public keys.
    type: path
  seen:
    description: The file that remembers the newest version of each package catalogue, against roll-back.
    type: path
  threshold:
    description: How many trusted keys must have signed the catalogue.
    type: int
    default: 1
  source:
    description:
      - A share or an address (C(\\\\server\\share), C(https://server/path)) with the same folders as the store. The server fetches the image from there.
      - Without it the image, several GiB, is pushed over WinRM.
    type: str
  run:
    description: The name of this change, for people. Any run of the same owner goes on with what was begun. Upgrade and UTC day, if it is not set.
    type: str
  owner:
    description: Who holds the lock of the server meanwhile. User and host of the controller, if it is not set; two controllers must not share it.
    type: str
  lock_takeover:
    description: Take the lock from an owner who is gone, and say why. Refused while something is at work; the reason is recorded.
    type: str
  repair:
    description: Somebody has looked at a degraded or unknown server. What holds is accepted; setup is started again only where it changed nothing.
    type: bool
    default: false
  maintenance:
    description: What is expected of the maintenance mode, V(as-found), V(entered) for this upgrade, or V(left) again.
    type: str
    default: as-found
    choices: [as-found, entered, left]
  fail_when_stopped:
    description: Fail for a server that a check stops, also without O(confirm).
    type: bool
    default: false
  restart:
    description: Restart Windows after setup. Without it a server that wants a restart ends as degraded.
    type: bool
    default: true
  seconds:
    description: The longest that the whole change may take. Nothing is started that cannot end in O(window_end).
    type: int
    default: 14400
  window_end:
    description: The end of the maintenance window in ISO 8601.
    type: str
  usable_seconds:
    description: How long Exchange may take after the restart until services and front end answer.
    type: int
    default: 3600
  room_gib:
    description: Free space in GiB on the system drive besides the image. The drive of Exchange needs 30 GiB, as for an installation.
    type: float
    default: 2.0
  dag_guard:
    description:
      - For members of a DAG, whether the others can do without this server. A dictionary with C(allowed), C(reason) and C(by).
      - Without it a member of a DAG is not touched.
    type: dict
  required_approvals:
    description: Names that O(approvals) must have, for example V(ticket) and V(approved_by).
    type: list
    elements: str
    default: []
  approvals:
    description: What was approved, recorded with the change.
    type: dict
    default: {}
  stop_file:
    description: A file on the controller that counts servers that ended badly, shared by all slices of a rollout.
    type: path
  stop_after:
    description: How many servers of O(stop_file) may end badly before no further one is started.
    type: int
    default: 0
  case:
    description:
      - The folder of the case, in which the journal of the server is kept.
      - C(cases/RUN) in the working folder, if it is not set and something is changed.
    type: path
  plan:
    description: A signed plan. Only what it says is done, and only on a server that is as it was then. Needs O(case).
    type: path
  plan_keys:
    description: The folder of the keys trusted for plans. O(keys) if it is not set.
    type: path
attributes:
  check_mode:
    description: Can run in check mode and changes nothing there.
    support: full
  diff_mode:
    description: Shows every step with before and after.
    support: full
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
      description: Every condition of success with what is wrong.
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
