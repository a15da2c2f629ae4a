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
options:
  campaign:
    description: The campaign of the catalogue whose vulnerabilities are to be closed.
    type: str
    default: proxylogon
  confirm:
    description: Install. Without it the task returns the plan and a warning.
    type: bool
    default: false
  kb:
    description: Install this update and no other, for example V(KB5000871). Without it the newest one of the store that closes the campaign.
    type: str
  store:
    description: The folder of the signed package catalogue that C(exchange-remediation package) keeps.
    type: path
  keys:
    description: The folder of the trusted public keys.
    type: path
  case:
    description:
      - The folder of a case on the controller. Every change is written to its C(journal.jsonl) before it is sent and after it was answered.
      - Several hosts, tasks and runs may share one. C(cases/RUN) in the working folder, if it is not set and something is changed.
    type: path
  plan:
    description:
      - A signed plan of C(exchange-remediation plan). Nothing is changed unless what would be done now is exactly what it says, on the same facts;
        otherwise the state is V(stale-plan).
      - Needs O(case). O(run) is that of the plan.
    type: path
  plan_keys:
    description: The folder of the trusted public keys for O(plan), if it is not O(keys).
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
      - A share or an address (C(\\\\server\\share), C(https://server/path)) with the same folders as the store. The server fetches the package from there.
      - Without it the package is pushed over WinRM.
    type: str
  run:
    description:
      - The name of this change, for people. Every run of the same O(owner) goes on with what the server has begun, and begins anew where it was left
        as it had been. Campaign and UTC day, if it is not set.
    type: str
  owner:
    description:
      - Who holds the lock of the server meanwhile. User and host of the controller, if it is not set.
      - Another run of the same owner, or the same run on another controller, may take the lock after ten minutes without a heartbeat, and only while no installer, job or change is at work.
    type: str
  lock_takeover:
    description:
      - Take the lock from another owner who is gone, and say why. The reason is kept in the lock on the server, in the result and in the journal.
      - Refused while an installer, a job or a change is at work. Whoever held the lock is refused at the next change.
    type: str
  repair:
    description:
      - Somebody has looked at a server that ended as V(degraded) or V(unknown). What holds by now is accepted, otherwise the same update is installed
        again. Each run with it may launch the installer once more.
    type: bool
    default: false
  maintenance:
    description:
      - What is known about the maintenance mode. With V(as-found) components may stay out of service that requester Maintenance had taken out before.
      - With V(entered) it may be so, and the update counts as unfinished until a task with V(left) has proven the server without it.
    type: str
    choices: [as-found, entered, left]
    default: as-found
  fail_when_stopped:
    description: Without O(confirm), fail for a server that a check stops, and count it in O(stop_file), because the installation comes next.
    type: bool
    default: false
  restart:
    description: Restart Windows after the installation. Without it a server that wants a restart ends as degraded.
    type: bool
    default: true
  seconds:
    description: The longest that the whole change may take. Nothing is started that cannot end in O(window_end).
    type: int
    default: 7200
  window_end:
    description: The end of the maintenance window in ISO 8601.
    type: str
  usable_seconds:
    description: How long Exchange may take after the restart until services and front end answer.
    type: int
    default: 1800
  room_gib:
    description: Free space in GiB that must be there besides three times the package.
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
attributes:
  check_mode:
    description: Can run in check mode and changes nothing there.
    support: full
  diff_mode:
    description: Shows every step with before, after, reason and the clause of the directive.
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
      description: Every condition of success with what is wrong, and in C(confidence) whether that is V(proof) or V(evidence).
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
