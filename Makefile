# make help lists everything.  Needs Python 3.11 or newer and nothing else.
PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check -qq
INSTALL := $(PIP) install --require-hashes --only-binary :all: -r
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
           --no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: setup run demo test test-long lint lock clean help evaluate evaluate-week evaluate-month test-faults soak test-image test-boot bench-match bench-stories bench-fetch bench-poll

help:  ## this list
	@grep -hE '^[a-z-]+.*:.*## ' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 22
setup: $(VENV)/.run $(VENV)/.project $(VENV)/.dev  ## install everything, for development
run demo: $(VENV)/.run $(VENV)/.project            ## start the worker with config/ | with seeds/, no network
	$(BIN)/monitor $@ $(ARGS)
test: setup  ## the test suite with coverage gates; faults have a target of their own
	$(BIN)/python -m pytest -n 2 -m 'not long and not image and not boot' --ignore tests/faults --ignore tests/acceptance/test_crash.py --cov --cov-report= $(ARGS)
	$(BIN)/python -m coverage report --include='monitor/text/*,monitor/sources/*,monitor/rules/*,monitor/stories/*,monitor/alerts/*,monitor/model.py,monitor/errors.py,monitor/yamlnodes.py' --fail-under=100
	$(BIN)/python -m coverage report --omit='monitor/text/*,monitor/sources/*,monitor/rules/*,monitor/stories/*,monitor/alerts/*,monitor/model.py,monitor/errors.py,monitor/yamlnodes.py' --fail-under=90
test-long: setup  ## a kill before every statement, 20,000 random rules, ten minutes of broken files
	$(BIN)/python -m pytest -m long $(ARGS)
	$(BIN)/python tests/evaluation/differential_rules.py
	$(BIN)/python tests/evaluation/fuzz_rules.py --seconds 600
	$(BIN)/python -m tests.evaluation.fuzz_documents --minutes 30
	$(BIN)/python -m tests.evaluation.hostile_feeds --minutes 30
	$(BIN)/python -m tests.faults.kills --rounds 17
	$(BIN)/python -m tests.faults.storm
test-faults: setup  ## real servers that misbehave, full disks, locks, 60 random kills: about 8 minutes
	$(BIN)/python -m pytest -n 2 tests/faults tests/acceptance/test_crash.py -m 'not long' $(ARGS)
test-image: setup  ## build the container image without a daemon and run it; needs root, buildah, mmdebstrap
	$(BIN)/python -m pytest tests/image -m image $(ARGS)
test-boot: setup  ## the service on a machine that systemd boots; needs root and systemd-nspawn
	$(BIN)/python -m pytest tests/booted -m boot $(ARGS)
soak: setup  ## an hour of the worker over 200 feeds with faults: nothing grows, the ledger balances
	$(BIN)/python -m tests.faults.soak $(ARGS)
evaluate: setup  ## rules, stories and feed reading on the labelled data beside the checkout
	$(BIN)/python tests/evaluation/rules.py $(ARGS)
	PYTHONPATH=. $(BIN)/python tests/evaluation/stories.py --ways
	$(BIN)/python tests/evaluation/mended.py
	$(BIN)/python -m tests.evaluation.conformance
evaluate-week: setup  ## a week of real news through the worker, killed three times, and its ledger
	$(BIN)/python tests/evaluation/week.py $(ARGS)
evaluate-month: setup  ## a simulated month of 120 feeds with faults: states, delays, messages, ledger
	$(BIN)/python -m tests.evaluation.month $(ARGS)
bench-match: setup  ## the matcher against the raw automaton and a loop of re
	$(BIN)/python tests/benchmarks/match.py $(ARGS)
bench-stories: setup  ## assignment at 5,000 live stories
	$(BIN)/python tests/benchmarks/stories.py $(ARGS)
bench-fetch: setup  ## a 304 poll beside plain httpx
	$(BIN)/python tests/benchmarks/fetch.py $(ARGS)
bench-poll: setup  ## whole polls of 300 real feeds; PEER=PYTHON that has reader: beside it
	$(BIN)/python tests/benchmarks/poll.py --peer '$(PEER)' $(ARGS)
	$(BIN)/python tests/benchmarks/poll.py --many $(ARGS)
lint: setup  ## format, lint, types, import contracts, dependencies, dead code, spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/deptry .
	$(BIN)/vulture
	$(BIN)/codespell

$(VENV)/.run: requirements.lock  # a new lock makes a new environment: what it dropped is gone
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, for example: make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear $(VENV)
	$(INSTALL) $<
	@touch $@
$(VENV)/.project: $(VENV)/.run pyproject.toml
	$(PIP) install --no-deps --no-build-isolation --no-index -e .
	@touch $@
$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	$(INSTALL) requirements-dev.lock
	@touch $@

lock:  ## after editing dependencies; UPGRADE=--upgrade moves every pin
	test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(PIP) install uv; }
	$(COMPILE) $(UPGRADE) --group build -o requirements.lock
	$(COMPILE) $(UPGRADE) --all-extras --group dev -c requirements.lock -o requirements-dev.lock
clean:  ## remove everything that make can build again
	rm -rf $(VENV) dist .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis
