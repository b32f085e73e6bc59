# Awase. Nothing but Go and make is needed.
GO ?= go
RACE = ./crypto/seal ./enclave/... ./intake ./matcher/...
FUZZTIME ?= 30s
ATTACKS ?= .
SIZES ?= 10M
PEERS ?= ours,clickhouse,duckdb,map,stream
LIBCHDB = bin/peers/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so
CHLISTEN = bin/peers/chlisten

.PHONY: all build demo demo-adult deps test test-peers attacks kill check race bench bench-isolation bench-peers fuzz wasm

all: build

build:
	CGO_ENABLED=0 $(GO) build -o bin/awase ./cmd/awase

demo: build          ## a made-up population and a client's lists, end to end
	./bin/awase demo

demo-adult: build    ## the same on the 32,561 real people of UCI Adult
	./bin/awase demo --adult --out demo-out-adult

deps: $(LIBCHDB) $(CHLISTEN)   ## what tests need besides Go: node runs the WASM modules, ClickHouse and DuckDB are the peers of the benchmark
	$(GO) mod download
	cd bench/peers && $(GO) mod download
	@command -v node >/dev/null || { apt-get update && apt-get install -y nodejs; }

test:                ## every test
	@command -v node >/dev/null || echo "NOT RUN without node: the WASM modules (make deps installs it)"
	@test "$$(id -u)" = 0 || echo "NOT RUN but as root: that another user gets no answer at the enclave's socket, and what descriptors an enclave holds"
	@unshare -Urn true 2>/dev/null || echo "NOT RUN without user namespaces: confinement, and the served vault (enclave, enclave/sandbox, cmd/awase)"
	$(GO) test -timeout 30m ./...
	@if test -e $(LIBCHDB) && test -e $(CHLISTEN); then $(MAKE) test-peers; \
	  else echo "NOT RUN without ClickHouse's library: bench/peers (make deps installs it, Linux on amd64, 540 MB)"; fi

test-peers: $(LIBCHDB) $(CHLISTEN)   ## the module of the peers: vet, staticcheck, and all peers agree on little data
	cd bench/peers && $(GO) vet ./... && $(GO) tool staticcheck ./... && $(GO) test -count 1 -timeout 10m ./...

attacks:             ## the statistical checks and attacks of PRIVACY §5, §6 at full size, with their figures; about half an hour
	$(GO) test -count 1 -v -timeout 120m -run $(ATTACKS) ./aggregator ./enclave -args -attacks

wasm:                ## the two modules of the page, and their sizes
	@mkdir -p bin/wasm
	@cp "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" bin/wasm/
	@set -e; for m in text sheet; do \
	  GOOS=js GOARCH=wasm CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/wasm/$$m.wasm ./cmd/wasm/$$m; \
	  echo "$$m.wasm $$(wc -c < bin/wasm/$$m.wasm) bytes, $$(gzip -9 -c bin/wasm/$$m.wasm | wc -c) gzipped"; done

kill:                ## kill -9 of the enclave, the front or both, at random for ten minutes under load
	AWASE_KILL=10m $(GO) test -count 1 -v -timeout 20m -run '^TestKillEverything$$' ./cmd/awase

check:               ## what CI holds besides tests
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	GOOS=js GOARCH=wasm $(GO) vet ./cmd/wasm/...
	$(GO) tool staticcheck ./...
	CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/awase

race:                ## the race detector, where goroutines share something
	$(GO) test -race -run 'Goroutines|Windows|Accounts|Tick' ./aggregator
	$(GO) test -short -race -timeout 30m $(RACE)

bench:               ## rows/s of intake, tokens/s, match and count of 1 M × 10 M; AWASE_BENCH_HUGE=1: of up to 10 M × 100 M too, an hour and 12 GB
	AWASE_BENCH_FULL=1 $(GO) test -run '^$$' -bench . -timeout 60m ./crypto/... ./intake ./matcher ./aggregator ./enclave

bench-isolation:     ## what a confined enclave behind its socket costs a question, against one in process: 1 M × 10 M, by turns; some minutes and 4 GB
	AWASE_ISOLATION="10000000 1000000 20" $(GO) test -count 1 -v -timeout 60m -run '^TestIsolationCost$$' ./enclave

bench-peers: $(LIBCHDB) $(CHLISTEN)  ## ours next to ClickHouse, DuckDB, a Go map and streaming, in one run; SIZES=10M,50M,100M, PEERS=ours,duckdb, PEERSFLAGS='-kinds 1'
	cd bench/peers && $(GO) build -o ../../bin/peers/peers .
	./bin/peers/peers -sizes $(SIZES) -peers $(PEERS) -libchdb $(LIBCHDB) -chlisten $(CHLISTEN) $(PEERSFLAGS)

$(LIBCHDB):
	@command -v npm >/dev/null || { echo "npm installs ClickHouse's library: apt-get install npm"; exit 1; }
	npm install --no-save --no-audit --no-fund --prefix bin/peers @chdb/lib-linux-x64-gnu@26.7.3-stable.1
	@touch $@

$(CHLISTEN): bench/peers/chlisten/chlisten.c
	@mkdir -p bin/peers
	gcc -O1 -o $@ $< -ldl

fuzz:                ## every fuzz target for FUZZTIME each
	@set -e; for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
	  for t in $$(grep -ohE '^func (Fuzz[A-Za-z0-9_]*)' $$f | sed 's/^func //'); do \
	    echo "$$(dirname $$f) $$t"; $(GO) test -run '^$$' -fuzz "^$$t\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$f); done; done
