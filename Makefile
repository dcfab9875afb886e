# Every target is listed by `make help`. The README's two are demo and test.
.DEFAULT_GOAL := help
SHELL := /bin/bash
export CGO_ENABLED ?= 0
VECTORS ?= ../shared/vectors
TOOL := go tool -modfile=.ci/tools.mod

.PHONY: help demo build test race fuzz lint bench speed cover vectors names crash mutants e2e pictures

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/gateway and bin/verify
	go build -trimpath -ldflags "-X main.version=$$(git describe --always --dirty 2>/dev/null)" -o bin/ ./cmd/gateway ./cmd/verify

demo: build ## five gateways play real cases, and prove them (DEMO="--once" ends after that)
	@bin/gateway demo $(DEMO)

test: setup ## everything, on SQLite and on a real PostgreSQL
	.ci/test

e2e: setup ## the officers' pages alone, in a real browser (PICTURES=dir keeps what it saw)
	CONSOLE_PICTURES=$(abspath $(PICTURES)) go test -count=1 -timeout 28m -run Console ./cmd/gateway

pictures: setup ## take the README's pictures of the officers' pages anew (needs webp)
	.ci/pictures

race: setup ## the same under the race detector (needs gcc)
	CGO_ENABLED=1 go test -race -timeout 60m ./...

fuzz: ## every fuzzer for FUZZTIME (a time, or 20000x: so many tries) each
	.ci/fuzz $${FUZZTIME:-20000x}

lint: ## gofmt, vet, staticcheck, gosec, govulncheck where its data can be had
	.ci/lint

bench: setup ## the long ladder: what a message costs, also with a large record
	go run ./cmd/gateway bench --long

speed: setup ## the officers' lists and searches on a record of 1 000 000 messages
	go run ./cmd/gateway bench lists

cover: setup ## coverage of the whole tree, as cover.out
	go test -timeout 25m -coverpkg=./... -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -1

vectors: ## public test vectors: make vectors VECTORS=dir
	VECTORS=$(abspath $(VECTORS)) go test -tags vectors -run Vectors ./schemas/... ./exchange/seal/...

names: ## measure name comparison on public sets: make names NAMES=dir (docs/identity.md says which)
	NAMES=$(abspath $(NAMES)) go test -tags vectors -run Vectors ./exchange/identity/

crash: setup ## nightly: 100 kills for each store, and injected system call errors
	CRASH_CYCLES=100 go test -timeout 60m -run 'Crash|Inject' -v ./cmd/gateway

mutants: setup ## break each promise on purpose; its test must notice
	.ci/mutate

.PHONY: setup
setup: # what the tests need and a fresh machine lacks
	@.ci/setup
