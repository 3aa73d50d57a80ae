# Everything here needs Python 3.11 or newer and make; the rest is installed into .venv when it is missing.
PYTHON ?= python3
BIN := .venv/bin
export PYTHONDONTWRITEBYTECODE = 1

.DEFAULT_GOAL := help
.PHONY: help demo local test check browser bench faults mutants fuzz fetch screenshot deploy prove destroy replay catchup import forget reindex doctor \
  hashes lock

help: ## list these commands
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: .venv/ready ## archive three files on this machine, and show every step
	@$(BIN)/python -m local demo

local: .venv/ready ## keep everything running on this machine, with a page that plays Slack
	@$(BIN)/python -m local $(if $(PORT),--port $(PORT)) $(ARGS)

test: .venv/ready ## run the tests of the app and of the operations, but for the long ones
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not deploy and not browser and not long" tests/app tests/operations

check: .venv/ready ## lint, types, imports, the long tests and the doubles', a deployment to the local AWS, the page in Chromium, quick faults
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/statelint stepfunctions/slack-integrator.asl.json
	@$(BIN)/statelint stepfunctions/history.asl.json
	@$(BIN)/python -m pytest tests/local tests/faults tests/bench tests/mutants
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m long tests/app tests/operations
	@$(BIN)/python -m pytest -m deploy
	@$(MAKE) --no-print-directory browser
	@$(MAKE) --no-print-directory faults QUICK=1

faults: .venv/ready ## break every call that the app makes, in every way, and print the results; QUICK=1: the quick part
	@$(BIN)/python -m faults $(if $(QUICK),--quick)

bench: .venv/ready ## compare the speed with what people would use instead, and write docs/performance.md; QUICK=1: in a minute
	@$(BIN)/python -m bench $(if $(QUICK),--quick) $(ARGS)

.PHONY: past
past: .venv/ready ## simulate how the past of a conversation of a million messages is archived, in 3 minutes, and count
	@$(BIN)/python -m bench.past

parsers: .venv/ready ## measure every parser of people's words over hostile text, in ns per character
	@$(BIN)/python -m bench.parsers

doctor: .venv/ready ## look at all that may be in the way of a stage, and say what to do: make doctor [STAGE=dev]
	@$(BIN)/python -m operations doctor

deploy: .venv/ready ## bring a stage up on AWS, or to what this clone says: make deploy STAGE=dev [ALARM_EMAIL=…]
	@$(BIN)/python -m operations deploy

prove: .venv/ready ## ask the real account what only it can tell: make prove STAGE=dev [CHANNEL=finance, to go through Slack as well]
	@$(BIN)/python -m operations prove

destroy: .venv/ready ## take a stage down, but not its documents: make destroy STAGE=dev
	@$(BIN)/python -m operations destroy

replay: .venv/ready ## start failed executions again: make replay STAGE=dev SINCE=2026-11-23T10:00
	@$(BIN)/python -m operations replay

catchup: .venv/ready ## archive what Slack never reported: make catchup STAGE=dev [CHANNEL=finance] [SINCE=2026-11-01]
	@$(BIN)/python -m operations catchup

import: .venv/ready ## archive the files that Slack's export of a workspace names: make import STAGE=dev EXPORT=export.zip
	@$(BIN)/python -m operations import

reindex: .venv/ready ## make the index again from the records of the documents: make reindex STAGE=dev, or DRY_RUN=1 to report
	@$(BIN)/python -m operations reindex

forget: .venv/ready ## erase one document for good, after asking: make forget STAGE=dev FILE=F0123456789
	@$(BIN)/python -m operations forget

browser: .venv/ready ## test the workspace page in Chromium (part of `make check`)
	@$(BIN)/python -m pytest -m browser tests/browser

screenshot: .venv/ready ## make docs/workspace.png from a real run
	@$(BIN)/python -m local.screenshot docs/workspace.png

fetch: .venv/ready ## run the fetcher alone: make fetch URL=https://files.slack.com/… puts the file into .local/fetched
	@$(BIN)/python -m local.fetch '$(URL)'

mutants: .venv/ready ## change the code a little, 400 times, and see whether a test fails: make mutants [SEED=2] [ALL=1] [MODULE=chalicelib/hashtags.py]
	@$(BIN)/python -c 'import cosmic_ray, coverage' 2>/dev/null || $(BIN)/pip install -q -r mutants/requirements.txt
	@$(BIN)/python -m mutants $(foreach module,$(MODULE),--module $(module)) $(if $(ALL),--all) $(if $(SEED),--seed $(SEED)) $(ARGS)

fuzz: .venv/ready ## look for a request that breaks the route: make fuzz SECONDS=600 (Linux)
	@$(BIN)/pip install -q atheris==3.0.0
	@$(BIN)/python -m faults.fuzz -max_total_time=$(or $(SECONDS),60) -max_len=20000 -timeout=3

tables: .venv/ready ## write the table of Slack's emoji again, after an update of its library
	@$(BIN)/python -m local.tables

hashes: .venv/ready ## pin requirements.in, which ships, with the hashes of all that it needs, in requirements.txt
	@$(BIN)/pip install -q pip-tools
	@echo "# Compiled from requirements.in by \`make hashes\`: what ships, held to the letter." > requirements.txt
	@$(BIN)/pip-compile -q --generate-hashes --no-header --strip-extras --annotation-style=line \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o - requirements.in >> requirements.txt

lock: .venv/ready ## pin requirements-dev.in, and all that it needs, in requirements-dev.txt
	@$(BIN)/pip install -q pip-tools
	@$(BIN)/pip-compile -q --no-header --strip-extras --allow-unsafe --annotation-style=line \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements-dev.txt requirements-dev.in

.venv/ready: requirements.txt requirements-dev.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed, and $(PYTHON) was not found. Say which: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) --version 2>&1). Say which: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Installing into .venv (once, about a minute) ..."
	@$(PYTHON) -m venv .venv || { echo "python3 -m venv failed: on Debian and Ubuntu, apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements-dev.txt
	@touch $@
