#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The molecule scenarios, from the collection's root as molecule wants it.
set -euo pipefail
exec molecule test --all
