#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# kerberos_extra.sh PYTHON: install what logs in with Kerberos. There are no wheels for Linux: it is compiled
# against the system's library. Where that cannot be done the tests of Kerberos are skipped and say so, and
# fail where EXCHANGE_REMEDIATION_KERBEROS is set, as continuous integration does.
set -euo pipefail
python=$1
why=""
command -v krb5-config >/dev/null || why="libkrb5-dev is missing"
command -v cc >/dev/null || why="there is no C compiler"
if [ -z "$why" ]; then
  "$python" -m pip install --quiet --disable-pip-version-check --editable '.[kerberos]' && exit 0
  why="it could not be built, see above"
fi
echo "Kerberos is left out: $why (Debian: apt-get install libkrb5-dev gcc python3-dev)" >&2
