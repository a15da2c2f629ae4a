#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every linter, each to its end, so that one run shows all there is to mend.
set -uo pipefail
failed=()
run() {
  echo "== $*"
  "$@" || failed+=("$1")
}
run ruff check .
run ruff format --check .
run mypy
run yamllint --strict .
# A deliberate bug whose place has changed shows nothing any more.
run scripts/mutants.py check
# It only parses: there is no fleet, so no group of the inventory has a host.
ANSIBLE_HOST_PATTERN_MISMATCH=warning run ansible-lint --offline --strict
run antsibull-changelog lint
run antsibull-docs lint-collection-docs --plugin-docs .
if [ ${#failed[@]} -gt 0 ]; then
  echo "lint failed: ${failed[*]}" >&2
  exit 1
fi
