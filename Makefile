# Siesta. "make" lists the commands.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

FUNCTIONS := $(notdir $(wildcard functions/*))
# What "sam build" and the local system build alike. lambda.norpc leaves out the go1.x runtime's way in;
# without the commit in it, a binary changes with its code alone, and so does the migrate function's version.
BUILD := CGO_ENABLED=0 go build -tags lambda.norpc -trimpath -buildvcs=false -ldflags "-s -w"
LOCAL := .local/bin/local
# The packages whose tests run whole systems, and take minutes.
LONG := local proof/apps proof/browser proof/crash proof/load proof/model proof/race proof/systemtest

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo "What make quick leaves out: -race, staticcheck, and the tests of $(LONG)."

.PHONY: run
run: build ## the whole system on this machine, until Ctrl-C (KEEP=1 keeps its data)
	@exec $(LOCAL) run

EXAMPLE ?= examples/vite-react
.PHONY: demo
# .local/env exports an API_URL, too: only one on make's own command line means another system. There the functions need
# not be built, nor a store be installed; TOKEN is told by the environment.
ifeq ($(origin API_URL),command line)
demo:
	@go build -o $(LOCAL) ./local
	@exec $(LOCAL) deployed "$(EXAMPLE)"
else
demo: build ## build an app, see it READY and asleep (EXAMPLE=folder; on a deployed stack: API_URL=address, and TOKEN exported)
	@exec $(LOCAL) demo "$(EXAMPLE)"
endif

.PHONY: invoke
invoke: build ## one event to one function (FUNCTION=pause EVENT=events/pause.json)
	@exec $(LOCAL) invoke "$(FUNCTION)" "$(EVENT)"

.PHONY: test
test: deps browser ## every test, on real Postgres and Redis, with the race detector
	go test -race -shuffle=on -count=1 -timeout 40m ./...

# Most tests wait more than they compute, so that more of them than there are cores go on at a time.
.PHONY: quick
quick: deps vet ## what tells most in a minute: gofmt, vet, all tests but the long ones
	@go test -vet=off -shuffle=on -count=1 -p 4 $$(go list ./... | grep -vx $(LONG:%=-e siesta/%)) | grep -v 'no test files'

.PHONY: check
check: lint template test conformance ## what CI runs

.PHONY: vet
vet: ## gofmt, vet
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "gofmt -w the files above" >&2; exit 1; }
	go vet ./...

.PHONY: lint
lint: vet ## gofmt, vet, staticcheck
	go tool staticcheck ./...

.PHONY: template
template: .local/aws/installed ## lint the templates
	.local/aws/bin/cfn-lint -- template.yaml infra/stores.yaml

.PHONY: stack
stack: build .local/aws/installed ## template.yaml on a simulated AWS, made, changed and deleted by sam; then docs/deploy.md, word by word
	go run ./proof/deploy .local/aws/bin

# AWS's and SAM's CLIs, cfn-lint and moto; without compiling what of them is never imported.
.local/aws/installed: proof/deploy/requirements.txt
	python3 -m venv --clear .local/aws
	.local/aws/bin/pip install -q --disable-pip-version-check --no-compile --no-deps -r $<
	touch $@

.PHONY: checkov
checkov: .local/checkov/bin/checkov ## what checkov finds in the templates; infra/checkov.yaml says what is skipped, and why
	$< --config-file infra/checkov.yaml

.local/checkov/bin/checkov:
	python3 -m venv --clear .local/checkov
	.local/checkov/bin/pip install -q --disable-pip-version-check --no-compile checkov==3.3.30

.PHONY: conformance
conformance: deps .local/e2b-python/installed ## E2B's own SDKs against the simulator
	PYTHONDONTWRITEBYTECODE=1 go run ./proof/conformance .local/e2b-python/bin/python

.local/e2b-python/installed: proof/conformance/python/requirements.txt
	python3 -m venv --clear .local/e2b-python
	.local/e2b-python/bin/pip install -q --disable-pip-version-check -r $<
	touch $@

FUZZTIME ?= 1m
.PHONY: fuzz
fuzz: deps ## every fuzz target for a minute (FUZZTIME=10s)
	@grep -rl --include='*_test.go' '^func Fuzz' functions shared local proof | xargs -n1 dirname | sort -u | while read -r folder; do \
		sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' $$folder/*_test.go | while read -r target; do \
			echo "$$folder $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$$folder </dev/null | tail -n 2; \
		done; \
	done

.PHONY: bench
bench: deps ## every cost beside its floor and its budget (ROUNDS=30)
	@go run ./proof/bench -rounds $(or $(ROUNDS),30)

.PHONY: cost
cost: deps ## measure what docs/cost.md is made of, and write it
	@go run ./proof/bench -rounds 5 -measured proof/cost/measured.json '^cost$$'
	go test -count=1 ./proof/cost -update

.PHONY: bench-e2b
bench-e2b: ## what the client of E2B costs
	@go run ./proof/bench '^e2b$$'

.PHONY: chaos
chaos: deps ## seeded histories of crashes and races (SECONDS=600 SEED=1)
	@go run ./proof/chaos -seconds $(or $(SECONDS),600) $(if $(SEED),-seed $(SEED))

.PHONY: histories
histories: deps ## random histories of the system beside its model (CHECKS=2000 SEED=1)
	go test -count=1 -timeout 12h ./proof/model -rapid.checks=$(or $(CHECKS),2000) -rapid.shrinktime=5m $(if $(SEED),-rapid.seed=$(SEED))

.PHONY: crash
crash: deps ## a crash at every call, in all three ways (three quarters of an hour)
	CRASH=whole go test -count=1 -timeout 3h ./proof/crash -v | grep -v '"timestamp"'

.PHONY: load
load: deps ## many jobs at once through the whole system (JOBS=500)
	@go run ./proof/load -jobs $(or $(JOBS),500)

# The last commit before iterations: the newest of those that a stack may come from.
BEFORE ?= $(shell git log --format=%H --diff-filter=A -- shared/postgres/migrations/000013_add_iterations.up.sql | tail -n 1)^

.PHONY: upgrade
upgrade: deps ## from the commit before to this one under load, back, and here again (BEFORE=commit)
	@go run ./proof/upgrade -before "$(BEFORE)"

.PHONY: apps
apps: deps browser ## build what people generate, with nothing but files, and open it; goes on where it was cut (APP='vite-*')
	@go run ./proof/apps -app "$(APP)"

.PHONY: iterations
iterations: deps browser ## change real apps where they are, break them, and open each (APP=next)
	go test -v -count=1 -timeout 40m ./proof/browser -run 'TestAVersionIsChangedWhereItIs/$(APP)' -args -all

.PHONY: prove
prove: deps ## take out each guard of the protocol, see a test fail (GUARD=name)
	@go run ./proof/prove "$(GUARD)"

# What "sam build" calls for each function. Beside the binary and RDS's roots lies what else makes a version: the
# template, and the parameters. No function reads them, but a change of them is a new version, which goes live.
build-%Function:
	GOOS=linux GOARCH=arm64 $(BUILD) -o "$(ARTIFACTS_DIR)/bootstrap" ./functions/$(shell echo $* | tr A-Z a-z)
	cp infra/*.pem template.yaml samconfig.toml "$(ARTIFACTS_DIR)/"

.PHONY: build
build: deps ## the functions and the local system, into .local/bin
	@[[ -e $(LOCAL) ]] || echo "Building the functions and the local system; the first time takes a minute or two" >&2
	@for f in $(FUNCTIONS); do $(BUILD) -o .local/bin/$$f/bootstrap ./functions/$$f; done
	@go build -o $(LOCAL) ./local

.PHONY: deps
deps: ## install what the local system needs and this machine lacks
	@local/deps.sh

.PHONY: browser
browser: ## install Chromium, which opens previews in tests, if this machine lacks it
	@local/deps.sh chromium
