#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything, fast layers first, each to its end; the last lines say what ran, how long it took and what failed.
set -uo pipefail

# The report is looked at in a real browser, PowerShell's cultures need ICU, packages are signed and
# verified with osslsigncode, and the tests build an installer database with msitools.
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  missing=()
  command -v chromium >/dev/null || missing+=(chromium)
  ldconfig -p | grep -q libicuuc || missing+=(libicu72)
  for tool in osslsigncode msibuild; do
    command -v "$tool" >/dev/null || missing+=("${tool/msibuild/msitools}")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null ||
      echo "could not install ${missing[*]}; the tests that need them say so" >&2
  fi
fi

summary=()
failed=()
stage() {
  local name=$1 began=$SECONDS result=ok
  shift
  echo
  echo "=== $name"
  "$@" || {
    result=FAILED
    failed+=("$name")
  }
  summary+=("$(printf '%-14s %-6s %4d s' "$name" "$result" $((SECONDS - began)))")
}

stage setup make --no-print-directory .venv/dev
if [ ${#failed[@]} -gt 0 ]; then
  echo "the virtual environment could not be set up; nothing was tested" >&2
  exit 1
fi
stage lint make --no-print-directory lint
stage unit make --no-print-directory unit
stage powershell make --no-print-directory powershell
stage integration make --no-print-directory integration
stage docs pytest tests/docs -n 2 --dist loadfile -q
stage molecule make --no-print-directory molecule
stage other-python make --no-print-directory other-python

echo
echo "=== summary: $(python3 --version), $(ansible --version | sed -n 1p)"
printf '%s\n' "${summary[@]}"
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
echo "all stages passed in $SECONDS s"
