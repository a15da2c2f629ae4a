#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The integration layer on the newest other interpreter (3.13, else 3.12) with the ansible-core that needs it.
# Exit status 77 if there is none: nothing was tested then, which is not the same as passed.
set -euo pipefail

find_python() {
  local version candidate
  for version in 3.13 3.12; do
    for candidate in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python; do
      if "$candidate" -c "import sys; sys.exit('.'.join(map(str, sys.version_info[:2])) != '$version')" 2>/dev/null; then
        command -v "$candidate"
        return 0
      fi
    done
  done
  return 1
}

if ! python=$(find_python); then
  echo "other interpreter: none found (looked for 3.13 and 3.12 on PATH and in pyenv); only $(python3 --version) was tested" >&2
  exit 77
fi
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
venv=.venv-$version
if [ ! -e "$venv/dev" ] || [ pyproject.toml -nt "$venv/dev" ]; then
  scripts/venv.sh "$python" "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[dev]' 'ansible-core>=2.21,<2.22'
  scripts/kerberos_extra.sh "$venv/bin/python"
  touch "$venv/dev"
fi
PATH="$PWD/$venv/bin:$PATH"
export PATH
echo "other interpreter: Python $version with $(ansible --version | sed -n 1p)"
# What depends on the interpreter and on ansible-core: options, inventory, connection, untrusted data, results,
# and the roles of each phase. The clients' libraries, the kinds of faults and the fleet's own command are the same
# there; sweeps, killed controllers, maintenance and signed plans are a matter of our code. All of them ran already.
exec pytest tests/integration/test_{assess,assess_hostile,assess_inventory,connection,mitigate,patch,upgrade,warm_ansible}.py \
  -n "${WORKERS:-2}" --dist loadfile -q
