package enclave

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"awase/crypto/seal"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/internal/fault"
	"awase/matcher"
)

// oneCrowd is how many people are in the room of whom nothing is to be said: they are
// everywhere, and are counted in a cell of their own.
const oneCrowd = 600

// oneSeats is how many persons are in a group.
const oneSeats = 10

// oneContract is a contract that the persons of the table are looked for under.
type oneContract struct{ id, doc string }

var oneContracts = []oneContract{
	{"one-a", flowContract("one-a", "flow: 5-analysis\nprincipal: acme\ntrustee: operator\npurpose: statistics\nservice: jobs", "5", "acme", oneOutputs, "acme")},
	{"one-i", flowContract("one-i", "flow: 5-improvement\nprincipal: acme\ntrustee: operator\npurpose: improvement\nservice: jobs", "5", "acme", oneOutputs, "operator")},
	{"one-p", flowContract("one-p", "flow: 2-6-analysis\nprincipal: operator\ntrustee: adco\npurpose: statistics\nhost_trust_accepted: true\nservice: jobs", "2(6)", "adco", oneOutputs, "operator")},
	{"one-oa", flowContract("one-oa", "flow: 5-outsourcing\nruns: 5-analysis\nprincipal: operator\ntrustee: worker\npurpose: statistics", "5", "beta", oneOutputs, "beta")},
	{"one-oi", flowContract("one-oi", "flow: 5-outsourcing\nruns: 5-improvement\nprincipal: operator\ntrustee: worker\npurpose: improvement\nservice: food", "5", "beta", oneOutputs, "operator")},
	{"one-op", flowContract("one-op", "flow: 5-outsourcing\nruns: 2-6-analysis\nprincipal: operator\ntrustee: worker\npurpose: statistics\nhost_trust_accepted: true\nservice: travel", "2(6)", "adco", oneOutputs, "operator")},
}

const oneOutputs = "profile, behaviour, overlap"

// The documents. What a version of the policy names is what the table says it does.
const (
	onePolicies = `schema: awase.policies/v1
policies:
  - {version: all, date: 2024-01-29, clauses: {"2(6)": [2-6-analysis], "5": [5-analysis, 5-improvement]}}
  - {version: v2, date: 2024-01-30, clauses: {"2(6)": [2-6-analysis], "5": [5-analysis, 5-improvement]}}
  - {version: improves, date: 2023-01-29, clauses: {"5": [5-improvement]}}
  - {version: platforms, date: 2022-01-29, clauses: {"2(6)": [2-6-analysis]}}
  - {version: elsewhere, date: 2021-01-29, clauses: {"2(4)": [2-6-analysis, 5-analysis, 5-improvement]}}
  - {version: nothing, date: 2019-04-01, clauses: {}}
`
	oneTheirLog = `schema: awase.events/v1
time: {column: time}
identifiers:
  - {column: email, kind: email}
  - {column: phone, kind: phone}
  - {column: cookie, kind: cookie, namespace: site}
  - {column: maid, kind: maid}
kind: {column: kind, values: {v: page_view}}
category: {column: category, values: [seen, again]}
consent: {column: agreed}
`
	oneConsent = "consent: {column: agreed}\n"
)

// Where a person may be counted. A list and a log are loaded before requests are
// made, and one of each after.
const (
	inBase     = 'B' // of the base alone
	inList     = 'L'
	inListThen = 'M' // loaded after the requests
	inLog      = 'T' // of who uploads under the contract
	inLogThen  = 'U' // likewise after
	inOwnLog   = 'O' // the operator's
	everywhere = "BLMTUO"

	inBoth    = 'C' // on the list, with an event of the operator's as condition
	notOnList = 'N' // in the operator's log, with the list as condition: not on it
	inTotal   = 'S' // on the list, in the one number of an overlap
)

// oneRow is a person, what becomes of them, and where that has them counted: written
// down from the policy.
type oneRow struct {
	who      string
	is, next func(*oracleUser) // what the base says at first, and what bases say that are loaded later
	kind     string            // of their identifier; "": email
	asks     seal.RequestKind  // "": nothing
	away     string            // phases whose base does not have them
	agreed   [3]string         // days of consent, from the day of the request, that the later bases say; "": that of years ago
	list     [2]string         // what the consent column of each list says, "": yes
	log      [2]string         // and of each log

	under  string // contracts under which they are counted
	then   string // since the second base; "": as before, "-": none
	by     string // places where they are found; "": everywhere
	thenBy string // since the second base; "": as before
	phases string // phases in which they are; "": all
}

// The phases: 0 before; 1 asked; 2 the same day, with a base, lists and logs loaded;
// 3 the next day, with a base; 4 the day after, with another.

// counts tells whether the person is to be counted.
func (r *oneRow) counts(phase int, contract string, place rune) bool {
	under, by := r.under, r.by
	if phase >= 2 && r.then != "" {
		under = r.then
	}
	if phase >= 2 && r.thenBy != "" {
		by = r.thenBy
	}
	if by == "" {
		by = everywhere
	}
	found := strings.ContainsRune(by, place)
	switch place {
	case inBoth:
		found = strings.Contains(by, "L") && strings.Contains(by, "O")
	case notOnList:
		found = strings.Contains(by, "O") && !strings.Contains(by, "L")
	case inTotal:
		found = strings.Contains(by, "L")
	}
	return found && slices.Contains(strings.Fields(under), strings.TrimPrefix(contract, "one-")) && (r.phases == "" || r.phases[phase] == '1')
}

// oneRoom is a room with the persons of the table in it or, without them, the same
// room but for them.
type oneRoom struct {
	*clientsRoom
	t         *testing.T
	with      bool
	mutant    oneMutant
	contracts []oneContract
	users     []oracleUser
	day       atomic.Int64
	ticks     atomic.Int64
	cells     map[string][]int64 // what went to the gate, by phase, contract and place
	allowed   map[string]string  // what should be refused and was not, or otherwise
}

// oneMutant takes a restriction out.
type oneMutant struct {
	engine    func(matcher.Engine) matcher.Engine
	documents *strings.Replacer
	base      func(who string, u *oracleUser)
	opened    func(*Enclave)
	loading   func(e *Enclave, phase int) // before a base is
	loaded    func(e *Enclave, phase int) // what is asked in a phase comes next
}

func openOne(t *testing.T, o Options, with bool, m oneMutant, contracts []oneContract) *oneRoom {
	t.Helper()
	w := &oneRoom{clientsRoom: &clientsRoom{}, t: t, with: with, mutant: m, contracts: contracts, cells: map[string][]int64{}, allowed: map[string]string{}}
	root := t.TempDir()
	disk, err := fault.New(root)
	if err != nil {
		t.Fatal(err)
	}
	o.fs = disk
	o.Now = func() time.Time { // each look at the clock is later, so nobody waits for a tick
		return morning.AddDate(0, 0, int(w.day.Load())).Add(time.Duration(w.ticks.Add(2)) * time.Second)
	}
	o.counts = func(e matcher.Engine) matcher.Engine {
		if m.engine != nil {
			e = m.engine(e)
		}
		return listening{e, w.clientsRoom}
	}
	if w.Enclave, err = Open(t.Context(), filepath.Join(root, "V"), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	if m.opened != nil {
		m.opened(w.Enclave)
	}
	for i, r := range oneRows {
		w.users = append(w.users, r.person(i))
	}
	for i := range oneCrowd {
		w.users = append(w.users, oracleUser{ids: []clean{{"email", fmt.Sprintf("crowd.%d", i), "example.jp"}}, verified: true, version: "all", gender: "crowd"})
	}
	w.furnish()
	return w
}

func (w *oneRoom) mutate(change func(e *Enclave, phase int), phase int) {
	if change != nil {
		_, _ = locked(w.Enclave, func() (struct{}, error) { change(w.Enclave, phase); return struct{}{}, nil }) // which never fails
	}
}

// to has it be some JST day, from the day of the requests.
func (w *oneRoom) to(day int) {
	w.day.Store(int64(day))
	w.ticks.Store(0)
}

func (w *oneRoom) doc(s string) string {
	if w.mutant.documents != nil {
		return w.mutant.documents.Replace(s)
	}
	return s
}

// question asks for a place under a contract. Each contract asks with a condition of
// its own that holds for everybody, so that no table is answered from another's.
func (w *oneRoom) question(contract string, place rune) *entrustment.Question {
	q := &entrustment.Question{Schema: "awase.report/v1", Report: "profile", Entrustment: contract, Dims: []string{"group", "seat"}, Sigma: 50}
	where := []entrustment.Condition{{Not: &entrustment.Condition{In: map[string][]string{"group": {"none of " + contract}}}}}
	log := func(category string) {
		q.Report, q.Categories = "behaviour", []string{category}
		day := entrustment.DateOf(morning)
		q.Window = &entrustment.Window{From: day.Add(-10), To: day.Add(-1)}
	}
	switch place {
	case inList: // and beside it the base
		q.List, q.Index = "l", true
	case inListThen:
		q.List = "m"
	case inTotal:
		q.List, q.Report, q.Dims = "l", "overlap", nil
	case inLog:
		log("seen")
	case inLogThen:
		log("again")
	case inOwnLog:
		log("used")
	case inBoth:
		q.List = "l"
		where = append(where, entrustment.Condition{Event: &entrustment.EventCondition{Category: "used", AtLeast: 1, Within: 30}})
	case notOnList:
		log("used")
		where = append(where, entrustment.Condition{Not: &entrustment.Condition{List: "l"}})
	}
	q.Where = &entrustment.Condition{All: where}
	return q
}

// asks puts every question of a phase, and keeps what went to the gate.
func (w *oneRoom) asks(phase int) {
	w.t.Helper()
	w.mutate(w.mutant.loaded, phase)
	places := string([]rune{inList, inLog, inOwnLog, inBoth, notOnList, inTotal})
	if phase >= 2 {
		places += string([]rune{inListThen, inLogThen})
	}
	for _, c := range w.contracts {
		for _, place := range places {
			w.counted = nil
			_, err := w.Report(w.t.Context(), w.question(c.id, place))
			if err != nil {
				w.t.Fatalf("phase %d, %s, %c: %v", phase, c.id, place, err)
			}
			counted := map[rune][]int64{}
			for _, one := range w.counted {
				if place == inList && one.query.List == (matcher.ListID{}) {
					counted[inBase] = one.exact.Users
				} else {
					counted[place] = one.exact.Users
				}
			}
			of := []rune{place}
			if place == inList {
				of = append(of, inBase)
			}
			for _, place := range of { // what is asked again of the same data is answered from what was kept
				key := func(phase int) string { return fmt.Sprintf("%d %s %c", phase, c.id, place) }
				if w.cells[key(phase)] = counted[place]; counted[place] == nil {
					w.cells[key(phase)] = w.cells[key(phase-1)]
				}
				if w.cells[key(phase)] == nil {
					w.t.Fatalf("%s was never counted", key(phase))
				}
			}
		}
	}
}

// refused puts a question that is refused by a clause, counts nothing and costs nothing.
func (w *oneRoom) refused(what string, q *entrustment.Question, code entrustment.Code, clause, ofContract string) {
	w.t.Helper()
	charges := count(w.Enclave, kindCharge)
	w.counted = nil
	_, err := w.Report(w.t.Context(), q)
	got := entrustment.Public(err)
	if err == nil || got.Code != code || got.Clause != clause || got.Contract.Clause != ofContract || len(w.counted) != 0 || count(w.Enclave, kindCharge) != charges {
		w.allowed[what] = fmt.Sprintf("%s: %v by %s (%s), counted %d times; want %s by %s (%s)", q.Entrustment, err, got.Clause, got.Contract.Clause, len(w.counted), code, clause, ofContract)
	}
}

// care asks by a sensitive attribute, which the contracts name: they were made before
// there was a base that says so (§11(1)).
func (w *oneRoom) care() {
	for _, c := range w.contracts {
		q := w.question(c.id, inOwnLog)
		q.Dims = []string{"trait"}
		w.refused("a sensitive dimension", q, entrustment.CodeDimForbidden, "policy §11(1)", "")
		q = w.question(c.id, inList)
		q.Where = &entrustment.Condition{In: map[string][]string{"trait": {"some"}}}
		w.refused("a sensitive condition", q, entrustment.CodeDimForbidden, "policy §11(1)", "")
	}
}

// ends goes on until the lists have expired, the contracts are over, and have ended.
func (w *oneRoom) ends() {
	w.t.Helper()
	w.to(91)
	for _, c := range w.contracts {
		for _, place := range []rune{inList, inListThen, inBoth, notOnList, inTotal} {
			q := w.question(c.id, place)
			w.refused("a list that expired", q, entrustment.CodeGone, "docs/retention.md", clauseLists)
			q.Sigma = 20 // one that was not answered before
			w.refused("a list that expired", q, entrustment.CodeGone, "docs/retention.md", clauseLists)
		}
		for _, place := range []rune{inLog, inOwnLog} {
			q := w.question(c.id, place)
			w.counted, q.Sigma = nil, 20
			want := w.cells[fmt.Sprintf("4 %s %c", c.id, place)]
			if place == inLog { // nobody is in a log that expired
				want = make([]int64, len(want))
			}
			if _, err := w.Report(w.t.Context(), q); err != nil || len(w.counted) != 1 || !slices.Equal(w.counted[0].exact.Users, want) {
				w.allowed["a log that expired"] = fmt.Sprintf("%s %c: counted %d times, %v", c.id, place, len(w.counted), err)
			}
		}
	}
	w.to(160)
	w.mutate(w.mutant.loaded, 160)
	for _, c := range w.contracts {
		q := w.question(c.id, inOwnLog)
		w.refused("a contract that is over", q, entrustment.CodeNoBasis, "PRIVACY rule 1", "until")
		q.Sigma = 10
		w.refused("a contract that is over", q, entrustment.CodeNoBasis, "PRIVACY rule 1", "until")
	}
	for _, c := range w.contracts[:1] { // each takes a new vault key
		if _, err := w.EndEntrustment(w.t.Context(), c.id, wire.ByOfficer{}); err != nil {
			w.t.Fatal(err)
		}
		w.refused("a contract that ended", w.question(c.id, inOwnLog), entrustment.CodeGone, "DESIGN §2 rule 1", "")
	}
}

// goesBy takes the room through the phases.
func (w *oneRoom) goesBy() *oneRoom {
	w.t.Helper()
	w.asks(0)
	w.care()
	for i, r := range oneRows {
		if r.asks == "" {
			continue
		}
		req := wire.RightsRequest{Check: goodCheck(), Sealed: sealedRequest(w.t, w.Enclave, r.asks, userKeys(i, i+1))}
		if _, err := w.Request(w.t.Context(), req); err != nil {
			w.t.Fatalf("%s: %v", r.who, err)
		}
	}
	w.asks(1)
	w.loadBase(2)
	w.loadUploads(1)
	w.asks(2)
	w.to(1)
	w.loadBase(3)
	w.asks(3)
	w.to(2)
	w.loadBase(4)
	w.asks(4)
	w.ends()
	return w
}

// against holds a room to the table, and to the room without the persons: it gives the
// rows of which something else was counted, with the first that was.
func (w *oneRoom) against(without map[string][]int64) map[string]string {
	w.t.Helper()
	wrong := maps.Clone(w.allowed)
	for _, key := range slices.Sorted(maps.Keys(w.cells)) {
		var phase int
		var contract, place string
		fmt.Sscan(key, &phase, &contract, &place)
		got, than := w.cells[key], without[key]
		if len(got) != len(than) {
			w.t.Fatalf("%s: %d cells and %d", key, len(got), len(than))
		}
		total := int64(0)
		rest := slices.Clone(got) // less who is to be counted
		for i := range oneRows {
			r, want := &oneRows[i], int64(0)
			if r.counts(phase, contract, []rune(place)[0]) {
				want = 1
			}
			if total += want; place == string(inTotal) {
				continue
			}
			at := cellOf(i)
			if more := got[at] - than[at]; more != want && wrong[r.who] == "" {
				wrong[r.who] = fmt.Sprintf("%s: %d more than without, want %d", key, more, want)
			}
			rest[at] = than[at]
		}
		switch {
		case place == string(inTotal) && got[0]-than[0] != total:
			wrong["the total"] = fmt.Sprintf("%s: %d more than without, want %d", key, got[0]-than[0], total)
		case place != string(inTotal) && !slices.Equal(rest, than):
			wrong["the crowd"] = key + ": others are counted otherwise than without"
		}
		crowd := int64(0)
		for _, n := range than {
			crowd += n
		}
		if crowd != map[bool]int64{true: oneCrowd}[place != string(notOnList)] {
			w.t.Fatalf("%s: %d of the crowd", key, crowd)
		}
	}
	return wrong
}
