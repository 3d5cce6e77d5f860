# `make` builds; `make help` lists what else there is.

# The one version of each tool, for developers and CI alike. They are built
# through the Go module proxy and cached; go.mod does not know them.
GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK   := golang.org/x/vuln/cmd/govulncheck@v1.9.0
BENCHSTAT     := golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da

GO  ?= go
RIG := $(GO) run ./integration/rig/cmd/rig

# Where `make install` puts things; a packager sets DESTDIR.
DESTDIR ?=
BINDIR  := /usr/bin
SBINDIR := /sbin

# -tags invariants: the code checks its own state as it goes, and stops if that is wrong.
TAGS := invariants
# -race: data races are bugs even where they do no harm today.
# -count=1: a cached result says nothing about the servers and mounts of now.
# -timeout: a test that hangs must fail with its stacks, before CI ends the job without any.
TESTFLAGS := -race -count=1 -timeout 30m
# In CI a test or three that pass alone do not refuse a change: they are named, and to be mended.
AGAIN := $(if $(CI),-again 3)

# Packages that need neither /dev/fuse nor a server.
UNIT = $(shell $(GO) list ./... | grep -v '^swiftfs/integration')

.DEFAULT_GOAL := build

.PHONY: build
build: ## build ./bin/swiftfs
	@# CGO_ENABLED=0: one file that runs on any distribution. -trimpath: the same bytes wherever it is built.
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/swiftfs

.PHONY: install
install: build ## install swiftfs and the helpers of mount(8) below DESTDIR
	install -D -m 755 bin/swiftfs $(DESTDIR)$(BINDIR)/swiftfs
	install -d $(DESTDIR)$(SBINDIR)
	ln -sfn $(BINDIR)/swiftfs $(DESTDIR)$(SBINDIR)/mount.swiftfs
	ln -sfn $(BINDIR)/swiftfs $(DESTDIR)$(SBINDIR)/mount.fuse.swiftfs

.PHONY: demo
demo: build ## mount a Swift server in memory, to look around; needs only Go and /dev/fuse
	./bin/swiftfs demo

##@ Checks

.PHONY: check
check: fmt-check lint test ## all that a change must pass, but for RGW

.PHONY: fmt
fmt: ## format the code (edits files)
	$(GO) run $(GOLANGCI_LINT) fmt

.PHONY: fmt-check
fmt-check: ## fail if a file is not formatted
	@files=$$(gofmt -l cmd fs cache swiftbackend integration) || exit 1; \
	if [ -n "$$files" ]; then echo "not formatted, run make fmt:"; echo "$$files"; exit 1; fi

.PHONY: vet
vet: ## go vet, for every system that swiftfs builds on
	$(GO) vet -tags "$(TAGS) rgw soak" ./...
	GOOS=darwin $(GO) vet ./...
	GOOS=freebsd $(GO) vet ./...

.PHONY: lint
lint: fmt-check vet ## gofmt, go vet and golangci-lint
	$(GO) run $(GOLANGCI_LINT) run

.PHONY: tidy-check
tidy-check: ## fail if go.mod or go.sum is not tidy
	$(GO) mod tidy -diff

.PHONY: vuln
vuln: ## look for known vulnerabilities in what is called
	$(GO) run $(GOVULNCHECK) ./...

##@ Tests

.PHONY: test
test: deps ## all tests: unit, contract, and mounts against a real OpenStack Swift
	$(RIG) test $(AGAIN) -tags "$(TAGS)" $(TESTFLAGS) ./...

.PHONY: test-unit
test-unit: ## the tests that need no mount and no real server
	$(RIG) test -tags "$(TAGS)" $(TESTFLAGS) $(UNIT)

.PHONY: integration
integration: deps ## the tests that mount
	$(RIG) test -tags "$(TAGS)" $(TESTFLAGS) ./integration/...

.PHONY: test-rgw
test-rgw: ## the tests against a real Ceph RGW
	$(RIG) install rgw tools
	$(RIG) test $(AGAIN) -tags "$(TAGS) rgw" $(TESTFLAGS) -run RGW ./...

.PHONY: soak
soak: deps ## a file of 10 GiB, in some ten minutes and 12 GB of disk, and trees of a million files
	@# Without -race, whose slowness would make an hour of it.
	$(RIG) test -tags "$(TAGS) soak" -run 'TenGibibytes|AMillionFiles' -v -count=1 -timeout 60m ./integration

.PHONY: race
race: ## the unit tests again, with one processor and with more than there are
	@# -cpu: schedules that the usual run does not meet.
	$(RIG) test -tags "$(TAGS)" $(TESTFLAGS) -cpu 1,8 $(UNIT)

# SEED runs one seed again; STEPS is how long each is.
STEPS ?= 2000
.PHONY: model
model: deps ## the model test for long: SEED= STEPS=
	@# Without -race, which would halve what it gets to see.
	$(RIG) test -tags "$(TAGS)" -count=1 -timeout 2h -run RandomOperations ./integration \
		-model.seeds 100 -model.steps $(STEPS) -model.swift-steps 10000 $(if $(SEED),-model.seed $(SEED))

# ROWS is a pattern of names of results, PEERS a list of mounts or none, METRICS
# an address at which swiftfs serves its profile meanwhile.
ROUNDS ?= 3
.PHONY: bench
bench: ## compare with plain HTTP and other mounts: ROWS= ROUNDS= PEERS= METRICS=
	$(RIG) install swift tools peers
	@# Only a whole run is written down.
	$(GO) run ./integration/bench/cmd/bench -rows '$(ROWS)' -rounds $(ROUNDS) -peers '$(PEERS)' -metrics '$(METRICS)' \
		$(if $(ROWS)$(PEERS),,-out integration/bench)

COUNT ?= 6
.PHONY: microbench
microbench: ## benchmarks of single packages, compared with those of the run before
	mkdir -p bin
	@if [ -e bin/microbench.txt ]; then mv bin/microbench.txt bin/microbench-before.txt; fi
	@# -run ^$$: no tests; the log of benchmarks stays readable.
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) -timeout 60m ./... > bin/microbench.txt
	@# With the numbers of one run, benchstat says how far they are apart.
	$(GO) run $(BENCHSTAT) $$(ls bin/microbench-before.txt 2>/dev/null) bin/microbench.txt

FUZZTIME ?= 30s
.PHONY: fuzz
fuzz: ## run each fuzz test for FUZZTIME
	@# go test fuzzes one function of one package at a time.
	@set -e; for package in $$($(GO) list ./...); do \
		for name in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
			echo "$$package $$name"; \
			$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) $$package; \
		done; \
	done

.PHONY: cover
cover: deps ## coverage of all tests, as bin/cover.html
	mkdir -p bin
	@# -coverpkg: what integration tests reach counts for the package that they reach.
	$(RIG) test -tags "$(TAGS)" -count=1 -timeout 30m -coverpkg ./... -coverprofile bin/cover.out ./...
	$(GO) tool cover -html bin/cover.out -o bin/cover.html
	$(GO) tool cover -func bin/cover.out | tail -n 1

.PHONY: deps
deps: ## install the servers and tools of the tests, if one is missing (root, Debian)
	$(RIG) install swift systemd tools

##@ Other

.PHONY: clean
clean: ## remove what was built
	rm -rf bin

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^##@/ {print "\n" substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
