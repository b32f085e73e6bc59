# Awase. Nothing but Go and make is needed; the page is built, too, where there is Node.js.
GO ?= go
RACE = ./crypto/seal ./enclave/relay ./enclave/sandbox ./enclave/vault ./enclave/wire ./intake ./matcher/...
# ALONE are tests in which one goroutine does all, or whose servers are other processes, at length.
ALONE = 'TestConfined|Fault|Oracle|Vectors|Bombs|Damaged|EveryByteMatters|LargeFile|LargeList|LateShiftJIS|PackedFormats|Canaries|^Fuzz'
# TOGETHER are the room's tests in which many ask at once, or something goes on beside
# what is asked; RACEROOM=. is all but those that are skipped, six minutes long.
TOGETHER = 'Loads|While|During|Wait|Work|Many|Once|Remote|Hanging|Slow|TakenOver|AtTick|Beside|Freeze|Frozen|Logs(And|In)|Removals(GoOn|That)|CampaignDelivered|Move(OnlyOnce|Begun|Says)|Segments|EndTakes|EndsBy|Alarm|Stops'
RACEROOM ?= $(TOGETHER)
FUZZTIME ?= 30s
ATTACKS ?= .
SIZES ?= 10M
BENCHFLAGS ?= --users 10M --list 1M --kinds 3
FIGURES ?= 10,3
PEERS ?= ours,clickhouse,duckdb,map,stream
LIBCHDB = bin/peers/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so
CHLISTEN = bin/peers/chlisten

# NODE tells whether Node.js and npm are there, as Vite needs them.
NODE = command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || a == 20 && b >= 19 ? 0 : 1)' 2>/dev/null
# PAGE is built last of all that the binary holds of the page.
PAGE = web/dist/index.html.gz
# PAGESOURCES are what the page is made of: its own, and the Go of its WASM modules;
# CONTRACTSOURCES what the contract is. Folders are among them: one changes when a file
# goes.
CONTRACTSOURCES := go.mod go.sum $(shell find api internal/contract entrustment ! -name '*_test.go' -print)
PAGESOURCES := Makefile go.mod go.sum bin/openapi.yaml $(shell find web cmd/wasm intake crypto entrustment \( -path web/node_modules -o -path web/dist -o -path web/public/wasm -o -path web/src/api/schema.d.ts -o -name testdata \) -prune -o ! -name '*_test.go' ! -path 'web/*.go' ! -path web ! -path web/public ! -path web/src/api -print)
WASM := $(patsubst cmd/wasm/%/main.go,%,$(wildcard cmd/wasm/*/main.go))

.PHONY: all build web page packages font demo demo-adult deps test test-page test-oidc test-peers attacks kill faults load check race bench bench-clickhouse bench-isolation bench-page pictures bench-peers plan-figures fuzz wasm

all: build

build: page
	CGO_ENABLED=0 $(GO) build -o bin/awase ./cmd/awase

web: $(PAGE)         ## the page, as the binary holds it (web/dist): Node.js 20.19 or later, and npm

page:                # where it can be built
	@if $(NODE); then $(MAKE) --no-print-directory web; \
	  elif test -e $(PAGE); then echo "=== WITHOUT NODE.JS THE PAGE IS NOT BUILT ANEW: the program gets the one that lies in web/dist"; \
	  else echo "=== WITHOUT THE PAGE: there is no Node.js 20.19 or later with npm here. The program does everything else, and says so at its address (make deps; make web build)"; fi

# What was left half done is done again.
.DELETE_ON_ERROR:

$(PAGE): $(PAGESOURCES)
	@$(NODE) || { echo "the page needs Node.js 20.19 or later, and npm: make deps"; exit 1; }
	@$(MAKE) --no-print-directory packages wasm
	cd web && npx --no-install openapi-typescript ../bin/openapi.yaml -o src/api/schema.d.ts
	cd web && npm run --silent check
	cd web && npm run --silent build
	@echo "the page: $$(cat $$(find web/dist -type f ! -name '*.wasm.gz') | wc -c) bytes, and $$(cat web/dist/wasm/*.wasm.gz | wc -c) of WASM"
	@touch $@

# The contract is written anew when its sources changed, and is another file only where
# it is another contract: the page is not built for less.
bin/contract.stamp: $(CONTRACTSOURCES)
	@mkdir -p bin
	$(GO) run ./internal/contract > bin/openapi.new
	@if cmp -s bin/openapi.new bin/openapi.yaml; then rm bin/openapi.new; else mv bin/openapi.new bin/openapi.yaml; fi
	@touch $@

bin/openapi.yaml: bin/contract.stamp
	@test -e $@ || { rm bin/contract.stamp; $(MAKE) --no-print-directory bin/contract.stamp; }

packages:            # the page's libraries, as its lock has them. A linked folder is somebody's own, and left alone
	@test -L web/node_modules || cmp -s web/package-lock.json web/node_modules/.lock || { (cd web && npm ci --no-audit --no-fund) && cp web/package-lock.json web/node_modules/.lock; }

demo: build          ## a made-up population and the lists of a client and an ad platform, end to end
	./bin/awase demo

demo-adult: build    ## the same on the 32,561 real people of UCI Adult
	./bin/awase demo --adult --out demo-out-adult

deps: $(LIBCHDB) $(CHLISTEN)   ## what tests need besides Go: node builds the page and runs its WASM modules, Chromium is what it is tested in, bash and curl the pages of docs, ClickHouse and DuckDB are the peers of the benchmark, ClickHouse is the second engine
	$(GO) mod download
	cd bench/peers && $(GO) mod download
	cd internal/oidcop && $(GO) mod download
	@command -v node >/dev/null || { apt-get update && apt-get install -y nodejs; }
	@command -v npm >/dev/null || { apt-get update && apt-get install -y npm; }
	@command -v curl >/dev/null && command -v bash >/dev/null || { apt-get update && apt-get install -y curl bash; }
	@command -v chromium >/dev/null || { apt-get update && apt-get install -y chromium; }
	@fc-list :lang=ja 2>/dev/null | grep -q . || { apt-get update && apt-get install -y fontconfig fonts-noto-cjk; }
	@if $(NODE); then $(MAKE) --no-print-directory packages; \
	  else echo "=== Node.js here is older than 20.19: the page is not built, nor tested (nodejs.org has newer ones)"; fi

test: page           ## every test
	@command -v node >/dev/null || echo "NOT RUN without node: the WASM modules (make deps installs it)"
	@command -v chromium >/dev/null || echo "NOT RUN without Chromium: the page in a browser (make deps installs it)"
	@if $(NODE); then cd web && npx --no-install vitest run; \
	  else echo "NOT RUN without Node.js 20.19 or later and npm: the page, its types and its tests (make deps)"; fi
	@command -v curl >/dev/null && command -v bash >/dev/null || echo "NOT RUN without bash and curl: docs/api-tour.md and docs/uploads.md (make deps installs them)"
	@test -e $(LIBCHDB) && test -e $(CHLISTEN) || echo "NOT RUN without ClickHouse's library: the second engine (sql/clickhouse, and with it enclave, cmd/awase), its faults, its account (make deps installs it, Linux on amd64, 540 MB)"
	@test "$$(id -u)" = 0 || echo "NOT RUN but as root: that another user gets no answer at the enclave's socket, and what descriptors an enclave holds"
	@unshare -Urn true 2>/dev/null || echo "NOT RUN without user namespaces: confinement, and the served vault (enclave, enclave/sandbox, cmd/awase)"
	$(GO) test -timeout 30m -skip '^TestPage' ./...
	$(MAKE) test-page
	$(MAKE) test-oidc
	@if test -e $(LIBCHDB) && test -e $(CHLISTEN); then $(MAKE) test-peers; \
	  else echo "NOT RUN without ClickHouse's library: bench/peers (make deps installs it, Linux on amd64, 540 MB)"; fi

# Where a day ends soon in Japan it waits for the next, for up to 15 minutes.
test-page:           ## the page's days in Chromium, by themselves: a browser, its room and their line want both cores
	$(GO) test -timeout 30m -run '^TestPage' ./cmd/awase

test-oidc: page      ## signing in by OpenID Connect, against the example server of zitadel/oidc, by hand and at the page in Chromium: a module of its own
	@command -v node >/dev/null && command -v chromium >/dev/null || echo "NOT RUN without Node.js and Chromium: signing in at the page (make deps installs them)"
	cd internal/oidcop && $(GO) vet ./... && $(GO) tool staticcheck ./... && $(GO) test -count 1 -timeout 10m ./...

test-peers: $(LIBCHDB) $(CHLISTEN)   ## the module of the peers: vet, staticcheck, and all peers agree on little data
	cd bench/peers && $(GO) vet ./... && $(GO) tool staticcheck ./... && $(GO) test -count 1 -timeout 10m ./...

attacks:             ## the statistical checks and attacks of PRIVACY §5, §6 at full size, with their figures; about half an hour
	$(GO) test -count 1 -v -timeout 120m -run $(ATTACKS) ./aggregator ./enclave -args -attacks

wasm:                ## the modules of the page
	@mkdir -p web/public/wasm
	@cp "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" web/public/wasm/
	@set -e; for m in $(WASM); do \
	  GOOS=js GOARCH=wasm CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o web/public/wasm/$$m.wasm ./cmd/wasm/$$m; \
	  echo "$$m.wasm: $$(wc -c < web/public/wasm/$$m.wasm) bytes"; done

kill:                ## kill -9 of the enclave, the front or both, at random for ten minutes under load
	AWASE_KILL=10m $(GO) test -count 1 -v -timeout 20m -run '^TestKillEverything$$' ./cmd/awase

faults:              ## every operation on the disk fails in every way that it can: make test has each fail in some
	AWASE_FAULTS=all $(GO) test -count 1 -timeout 60m -run 'FaultAnywhere|FaultsAreSeen' ./enclave

load:                ## 200 clients of a served room for a minute: how fast, how much memory; AWASE_LOAD_RATE=1000: more requests a second than 550
	AWASE_LOAD=$${AWASE_LOAD:-60s} $(GO) test -count 1 -v -timeout 20m -run '^TestLoad$$' ./cmd/awase

check:               ## what CI holds besides tests
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	GOOS=js GOARCH=wasm $(GO) vet ./cmd/wasm/...
	$(GO) tool staticcheck ./...
	CGO_ENABLED=0 $(GO) build -o /dev/null ./cmd/awase
	$(GO) vet -tags noweb ./web
	CGO_ENABLED=0 $(GO) build -tags noweb -o /dev/null ./cmd/awase

race:                ## the race detector, where goroutines share something
	$(GO) test -race -run 'Goroutines|Windows|Accounts|Tick' ./aggregator ./render
	$(GO) test -short -race -timeout 30m -skip $(ALONE) $(RACE)
	$(GO) test -short -race -timeout 30m -run $(RACEROOM) -skip 'TestClickHouse|^Fuzz|Fault|Golden|Refusal' ./enclave
	$(GO) test -race -run 'Once|WatchJob|StreamsAreBounded|JobThatBreaks|CancelJob|UploadOneSender|UploadQuotaRace|Rates|LockOut$$|SetupOnce' ./api
	$(GO) test -short -race ./api/hook ./sql/control
	$(GO) test -short -race -run "TestPut|TestKeep$$|TestAdopt" ./sql/clickhouse
	$(GO) test -short -race -run '^TestKilled$$' ./internal/apitest

bench:               ## rows/s of intake, tokens/s, match and count of 1 M × 10 M; AWASE_BENCH_HUGE=1: of up to 10 M × 100 M too, an hour and 12 GB
	AWASE_BENCH_FULL=1 $(GO) test -run '^$$' -bench . -timeout 60m ./crypto/... ./intake ./matcher ./aggregator ./enclave

bench-isolation:     ## what a confined enclave behind its socket costs a question, against one in process: 1 M × 10 M, by turns; some minutes and 4 GB
	AWASE_ISOLATION="10000000 1000000 20" $(GO) test -count 1 -v -timeout 60m -run '^TestIsolationCost$$' ./enclave

pictures:            ## the README's pictures, out of the screenshots that the tests of the page made
	cd web && node test/pictures.mjs ../bin/page ../docs/page

bench-page: page     ## a list of 1.5 M rows checked, sealed and sent in Chromium: how long, and the tab's memory; ROWS=100000
	AWASE_BENCH_PAGE=$(or $(ROWS),1500000) $(GO) test -count 1 -v -timeout 30m -run '^TestBenchPage$$' ./cmd/awase

bench-clickhouse: $(LIBCHDB) $(CHLISTEN)  ## both engines in one run, on one ClickHouse and on two of this machine; BENCHFLAGS='--users 50M --kinds 1'
	AWASE_BENCH_CLICKHOUSE="$(BENCHFLAGS)" $(GO) test -count 1 -v -timeout 60m -run '^TestBenchClickHouse$$' ./cmd/awase

plan-figures: $(LIBCHDB) $(CHLISTEN)  ## the constants of awase engine plan, measured, beside those in use, and what the plan says of the same room; FIGURES=50,1: millions of users, kinds
	AWASE_PLAN_FIGURES="$(FIGURES)" $(GO) test -count 1 -v -timeout 60m -run '^TestPlanFigures$$' ./cmd/awase

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

font:                ## the font of the PDF reports, out of Debian's package (needs apt-get, fonttools)
	@mkdir -p bin/font && cd bin/font && apt-get download fonts-morisawa-bizud-gothic=1.05-2 && dpkg-deb -x fonts-morisawa-bizud-gothic_*.deb .
	/usr/bin/python3 render/font/subset.py bin/font/usr/share/fonts/truetype/bizud-gothic/BIZUDPGothic-Regular.ttf bin/font/subset.ttf
	gzip -9 -n -c bin/font/subset.ttf > render/font/BIZUDPGothic-Regular.ttf.gz

fuzz:                ## every fuzz target for FUZZTIME each
	@set -e; for f in $$(grep -rlE '^func Fuzz' --include='*_test.go' .); do \
	  for t in $$(grep -ohE '^func (Fuzz[A-Za-z0-9_]*)' $$f | sed 's/^func //'); do \
	    echo "$$(dirname $$f) $$t"; $(GO) test -run '^$$' -fuzz "^$$t\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$f); done; done
