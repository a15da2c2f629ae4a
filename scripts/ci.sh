#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything, fast layers first, each to its end; the last lines say what ran, how long it took, how much
# of the processors it used (user and system, which unlike the clock does not depend on who else is at work),
# and what failed. `make test STAGES="lint unit"`: only these, and the set-up that they need.
#
# A stage that hangs is ended and named. STAGE_SECONDS is the longest that one may take: more than any needs on a
# loaded machine, and little enough that the run still comes to its summary.
set -uo pipefail
# Each stage is a process group of its own, which is ended as a whole.
set -m
wanted=("$@")
limit=${STAGE_SECONDS:-1800}

# The report is looked at in a real browser, PowerShell's cultures need ICU, packages are signed and
# verified with osslsigncode, the tests build an installer database with msitools, and log in with Kerberos
# at a key distribution centre of their own, also with a wrong clock; what they log in with is compiled. Steps for
# devices are judged by nft, HAProxy and the command of AWS themselves, and nmap asks front ends on loopback.
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  missing=()
  command -v chromium >/dev/null || missing+=(chromium)
  ldconfig -p | grep -q libicuuc || missing+=(libicu72)
  for tool in osslsigncode msibuild; do
    command -v "$tool" >/dev/null || missing+=("${tool/msibuild/msitools}")
  done
  for pair in krb5kdc:krb5-kdc kadmin.local:krb5-admin-server kinit:krb5-user krb5-config:libkrb5-dev \
    cc:gcc faketime:faketime nft:nftables haproxy:haproxy nmap:nmap curl:curl aws:awscli; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  # Headers of the interpreter: those of Debian's come in a package, other builds bring them.
  python_include=$("${PYTHON:-python3.11}" -c 'import sysconfig; print(sysconfig.get_path("include"))' 2>/dev/null)
  [ -e "$python_include/Python.h" ] || missing+=(python3-dev)
  if [ ${#missing[@]} -gt 0 ]; then
    # No service of a package is started here; the tests have their own.
    policy=/usr/sbin/policy-rc.d
    [ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made_policy=$policy; }
    timeout "$limit" apt-get update -qq && DEBIAN_FRONTEND=noninteractive timeout "$limit" apt-get install -y -qq "${missing[@]}" >/dev/null ||
      echo "could not install ${missing[*]}; the tests that need them say so" >&2
    rm -f ${made_policy:+"$made_policy"}
  fi
  # Beside the installed osslsigncode: those of this distribution and of its backports.
  scripts/signing_tools.sh || echo "no other osslsigncode was fetched; the tests that need one say so" >&2
fi

# All stages draw the same sample of the sweeps, also those before and after midnight.
SWEEP_SEED=${SWEEP_SEED:-$(date -u +%Y%m%d)}
export SWEEP_SEED

summary=()
failed=()
skipped=()
times_file=$(mktemp)
trap 'rm -f "$times_file"' EXIT
used=0
# Sets `used`: whole seconds of processor time of all children so far. `times` counts for this shell only:
# in a pipe or in $(...) it would say nothing.
count_cpu() {
  times >"$times_file"
  used=$(awk 'NR == 2 { for (i = 1; i <= 2; i++) { split($i, part, /[ms]/); sum += part[1] * 60 + part[2] } } END { printf "%.0f", sum }' "$times_file")
}
running=
trap '[ -z "$running" ] || kill -TERM -- "-$running"; exit 130' INT TERM
stage() {
  local name=$1 began=$SECONDS result=ok before code=0
  shift
  [[ $name == setup || ${#wanted[@]} == 0 || " ${wanted[*]} " == *" $name "* ]] || return 0
  count_cpu
  before=$used
  echo
  echo "=== $name"
  # In the background, since only then bash heeds Ctrl-C while it waits.
  timeout --kill-after=60 "$limit" "$@" </dev/null &
  running=$!
  wait "$running" || code=$?
  # What outlived it (a fleet, a job) would hold our output open, and whoever reads that would wait for ever.
  kill -KILL -- "-$running" 2>/dev/null || true
  running=
  case $code in
  0) ;;
  77) # as automake has it: it could not be run here
    result=skipped
    skipped+=("$name")
    ;;
  124 | 137)
    echo "$name: ended after $limit s (STAGE_SECONDS)" >&2
    result=HUNG
    failed+=("$name (ended after $limit s)")
    ;;
  *)
    result=FAILED
    failed+=("$name")
    ;;
  esac
  count_cpu
  summary+=("$(printf '%-14s %-7s %4d s %5d CPU s' "$name" "$result" $((SECONDS - began)) $((used - before)))")
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
# Not through make, which would make one exit status of them all.
stage other-python scripts/other_python.sh
if [ ${#summary[@]} -le ${#wanted[@]} ]; then
  failed+=("${wanted[*]}: there is no such stage, or one is named twice")
fi

echo
echo "=== summary: $(python3 --version), $(ansible --version | sed -n 1p)"
printf '%s\n' "${summary[@]}"
echo "sweeps: a sample with seed $SWEEP_SEED; all of them: make sweep"
if [ ${#skipped[@]} -gt 0 ]; then
  echo "skipped, see above why: ${skipped[*]}" >&2
  # Where it is decided whether a change is good, a check that was not made has not passed.
  [ -z "${CI:-}" ] || failed+=("${skipped[@]/%/ (skipped)}")
fi
if [ ${#failed[@]} -gt 0 ]; then
  printf -v names '%s, ' "${failed[@]}"
  echo "failed: ${names%, }" >&2
  exit 1
fi
echo "all stages that were run passed in $SECONDS s, $used CPU s"
