.DEFAULT_GOAL := help
.PHONY: help model data

# IBM's file, which stays outside of the project.
TELCO ?= ../shared/telco/Telco-Customer-Churn.csv
PYTHON := .venv/bin/python

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv: models/requirements.txt
	python3 -m venv .venv
	.venv/bin/pip install --quiet --requirement models/requirements.txt
	touch .venv

model: .venv ## train the model on IBM's file: make model TELCO=path/to/Telco-Customer-Churn.csv
	$(PYTHON) models/train.py $(TELCO)
	$(PYTHON) models/golden.py

data: .venv ## draw the simulated customers; with KEEP=1 keep those of TELCO and fill the columns they lack
	$(PYTHON) data/simulate.py $(if $(KEEP),--keep) $(TELCO)
