# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of everything that runs an installer on one server after the other."""

from __future__ import annotations


class ModuleDocFragment:
    """What must be so on the server, and what ends a rollout."""

    DOCUMENTATION = r"""
options:
  dag_guard:
    description:
      - For members of a DAG, whether the others can do without this server. A dictionary with C(allowed), C(reason) and C(by).
      - Without it a member of a DAG is not touched.
    type: dict
  fail_when_stopped:
    description: Without O(confirm), fail for a server that a check stops, and count it in O(stop_file), because the installation comes next.
    type: bool
    default: false
  maintenance:
    description:
      - What is known about the maintenance mode. With V(as-found) components may stay out of service that requester Maintenance had taken out before.
      - With V(entered) it may be so, and the installation counts as unfinished until a task with V(left) has proven the server without it.
    type: str
    choices: [as-found, entered, left]
    default: as-found
  repair:
    description:
      - Somebody has looked at a server that ended as V(degraded) or V(unknown). What holds by now is accepted.
      - Otherwise the same is installed again. An update is launched once more by each run with it, the setup of a cumulative update only where it has
        changed nothing.
    type: bool
    default: false
  restart:
    description: Restart Windows after the installation. Without it a server that wants a restart ends as degraded.
    type: bool
    default: true
  room_gib:
    description:
      - Free space in GiB on the system drive, besides three times the package for an update and the image for a cumulative update.
      - The drive of Exchange needs 30 GiB for a cumulative update, as for an installation.
    type: float
    default: 2.0
  stop_after:
    description: How many servers of O(stop_file) may end badly before no further one is started.
    type: int
    default: 0
  stop_file:
    description: A file on the controller that counts servers that ended badly, shared by all slices of a rollout.
    type: path
"""
