# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every change of a host, in the same words wherever one is made."""

from __future__ import annotations


class ModuleDocFragment:
    """Who changes what, what was approved, where it is written down."""

    DOCUMENTATION = r"""
options:
  approvals:
    description: What was approved, recorded with the change.
    type: dict
    default: {}
  attestations:
    description:
      - Folder of what persons attested with C(exchange-remediation attest). What the directive says of the change, with their answers and those of
        the variable C(exchange_directive), is in the journal and in the plan. A folder that does not exist holds nothing.
    type: path
    default: attestations
  campaign:
    description: The campaign of the catalogue whose vulnerabilities, mitigations and directive count.
    type: str
    default: proxylogon
  case:
    description:
      - The folder of a case on the controller. Every change is written to its C(journal.jsonl) before it is sent and after it was answered.
      - Several hosts, tasks and runs may share one. C(cases/RUN) in the working folder, if it is not set and something is changed.
    type: path
  confirm:
    description: Do it. Without it the task returns the plan, warns, and changes nothing.
    type: bool
    default: false
  lock_takeover:
    description:
      - Take the lock from another owner who is gone, and say why. The reason is kept in the lock on the server, in the result and in the journal.
      - Refused while an installer, a job or a change is at work. Whoever held the lock is refused at the next change.
    type: str
  note:
    description: One line of up to 400 characters about this change, for whoever reads the case later. In the journal, and as C(note) in the result.
    type: str
  owner:
    description:
      - Who holds the lock of the server meanwhile. User and host of the controller, if it is not set.
      - Another run of the same owner, or the same run on another controller, may take the lock after ten minutes without a heartbeat, and only while
        no installer, job or change is at work.
    type: str
  plan:
    description:
      - A signed plan of C(exchange-remediation plan). Nothing is changed unless what would be done now is exactly what it says, on the same facts;
        otherwise the state is V(stale-plan).
      - Needs O(case). O(run) is that of the plan.
    type: path
  plan_keys:
    description: The folder of the trusted public keys for O(plan), if it is not O(keys).
    type: path
  required_approvals:
    description: Names that O(approvals) must have, for example V(ticket) and V(approved_by).
    type: list
    elements: str
    default: []
  run:
    description:
      - The name of this change, for people. Every run of the same O(owner) goes on with what the server has begun, and begins anew where it was left
        as it had been.
      - The campaign (for an upgrade the word upgrade) and the UTC day, if it is not set.
    type: str
  window_end:
    description: The end of the maintenance window in ISO 8601. Nothing is started that cannot end in it.
    type: str
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
  - Works over P(exchange.remediation.winrm#connection). P(ansible.builtin.winrm#connection) and P(ansible.builtin.psrp#connection)
    are refused, in check mode too, unless the variable C(exchange_allow_insecure) names V(stock_connection) for the host. What was
    allowed and used is in the journal and in C(peer) of the result.
"""
