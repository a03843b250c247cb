.DEFAULT_GOAL := help
.PHONY: help run watch dashboard test lint test-rust test-watch test-dashboard test-python test-manifests chromium fmt openapi model data

# IBM's file, which stays outside of the project.
TELCO ?= ../shared/telco/Telco-Customer-Churn.csv
PYTHON := .venv/bin/python
CHROMIUM ?= /usr/bin/chromium
WITH_TOOLS := PATH="$(CURDIR)/.venv-tools/bin:$$PATH"

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Running

run: dashboard ## build everything and serve it at http://localhost:8080 ($HOST and $PORT say otherwise)
	cargo run --release --package server

watch: .venv-tools ## the Lambda functions under cargo-lambda's emulator, at http://localhost:9000, reloading
	$(WITH_TOOLS) cargo lambda watch --invoke-address 127.0.0.1

dashboard: dashboard/node_modules ## build the dashboard into dashboard/dist
	cd dashboard && npm run build

dashboard/node_modules: dashboard/package-lock.json
	cd dashboard && npm ci --no-audit --no-fund
	touch $@

# Checking

test: lint test-rust test-watch test-dashboard test-python test-manifests ## everything that CI checks
	@echo "make test: all checks passed"

lint: dashboard/node_modules ## formatting, lints, licences
	cargo fmt --check
	cargo clippy --workspace --all-targets -- --deny warnings
	.ci/check-dependencies.py
	cd dashboard && npm run check

test-rust:
	cargo test --workspace

# The contract suite again, against the functions themselves.
test-watch: .venv-tools
	$(WITH_TOOLS) .ci/contract-under-watch.py

test-dashboard: dashboard chromium
	cd dashboard && npm test
	cargo build --package server
	cd dashboard && CHROMIUM="$(CHROMIUM)" npm run test:browser

test-python: .venv
	cd models && ../$(PYTHON) -m unittest --verbose
	cd data && ../$(PYTHON) -m unittest --verbose

# What runs on AKS, rendered; it takes kubectl.
test-manifests: .venv-tools
	cd infra/aks/check && npm ci --silent --no-audit --no-fund
	$(WITH_TOOLS) python infra/aks/check/manifests.py

chromium:
	@test -x "$(CHROMIUM)" || .ci/install-chromium

fmt: dashboard/node_modules ## format the code
	cargo fmt
	cd dashboard && npm run format

openapi: ## write server/openapi.json anew from the code
	UPDATE_GOLDEN=1 cargo test --package server --test openapi

# The model and the customers

model: .venv ## train the model on IBM's file: make model TELCO=path/to/Telco-Customer-Churn.csv
	$(PYTHON) models/train.py $(TELCO)
	$(PYTHON) models/golden.py

data: .venv ## draw the simulated customers; with KEEP=1 keep those of TELCO and fill the columns they lack
	$(PYTHON) data/simulate.py $(if $(KEEP),--keep) $(TELCO)

.venv: models/requirements.txt
.venv-tools: .ci/requirements.txt
.venv .venv-tools:
	python3 -m venv $@
	$@/bin/pip install --quiet --requirement $<
	touch $@
