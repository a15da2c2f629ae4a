# SPDX-License-Identifier: GPL-3.0-or-later
# Two commands matter: `make rehearse` (see it work) and `make test` (prove it). Both start from a bare clone.

PYTHON ?= python3.11
VENV ?= .venv
BIN = $(VENV)/bin
WORKERS ?= 2
# They wait for playbooks, jobs and time-outs most of the time.
INTEGRATION_WORKERS ?= 3
# Where the case folders of `make rehearse` go.
CASES ?= cases

export PATH := $(abspath $(BIN)):$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
# A copy of this collection under the home folder would shadow the checkout.
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.dev

.DEFAULT_GOAL := help
.PHONY: help rehearse test fresh check lint unit powershell integration molecule other-python sweep mutants bench docs format clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/runtime: pyproject.toml
	@scripts/venv.sh $(PYTHON) $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/dev: $(VENV)/runtime
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@scripts/kerberos_extra.sh $(BIN)/python
	@touch $@

rehearse: $(VENV)/runtime ## simulated fleet, assessed over real WinRM, with an HTML report
	@scripts/rehearse.sh "$(CASES)"

test: ## everything, from scratch, as CI runs it (STAGES="lint unit": only these)
	@scripts/ci.sh $(STAGES)

fresh: ## both commands of the README on a fresh, minimal Debian 12 (needs root)
	@scripts/fresh.sh

check: lint unit ## the fast half: lint and unit tests

lint: $(VENV)/dev ## ruff, mypy, yamllint, ansible-lint, antsibull
	@scripts/lint.sh

unit: $(VENV)/dev ## cases and unit tests
	$(BIN)/pytest tests/unit tests/cases -n $(WORKERS) -q

powershell: $(VENV)/dev ## host scripts, shims and the contract of both engines on the real engine
	$(BIN)/pytest tests/powershell tests/contract -n $(WORKERS) --dist loadfile -q --durations=10

integration: $(VENV)/dev ## real Ansible over WinRM against the rehearsal
	$(BIN)/pytest tests/integration -n $(INTEGRATION_WORKERS) --dist loadfile -q --durations=10

molecule: $(VENV)/dev ## the roles' molecule scenarios
	@scripts/molecule.sh

other-python: ## the integration layer on the newest other interpreter found
	@scripts/other_python.sh

sweep: $(VENV)/dev ## whole sweeps: every fault at every command (SEED=...: the sample of a run again)
	SWEEP_SEED=$(or $(SEED),all) $(BIN)/pytest tests/unit tests/integration tests/powershell tests/contract -m sweep -n $(INTEGRATION_WORKERS) -q

mutants: $(VENV)/dev ## every deliberate bug must be caught by a test
	$(BIN)/python scripts/mutants.py run --workers $(WORKERS) $(if $(ONLY),--only $(ONLY))

bench: $(VENV)/dev ## benchmarks, as ratios within one run
	$(BIN)/python tests/benchmarks/run.py $(ONLY)

docs: $(VENV)/dev ## regenerate what is generated (requirements, role READMEs, host operations, pictures)
	$(BIN)/python scripts/requirements.py
	$(BIN)/python scripts/role_readme.py
	$(BIN)/python scripts/host_operations.py
	$(BIN)/python scripts/golden.py
	scripts/picture.sh

format: $(VENV)/dev ## let ruff format and fix
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

clean: ## remove what these targets made
	rm -rf $(VENV) .venv-* .cache .mypy_cache .ruff_cache .pytest_cache build dist
